"""Types for administrative procedures: versions, cases, time limits and papers."""

from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Literal, get_args

from contracts.calendar.worktime import Limit, Unit
from shared.errors import Refusal

Level = Literal["commune", "province", "any_level", "ministry"]
Channel = Literal["direct", "online", "public_postal"]
Form = Literal["original", "copy", "electronic"]
ServiceLevel = Literal["full", "partial", "direct"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)


class CaseNotFound(Refusal):
    """The procedure has no such case."""


@dataclass(frozen=True, slots=True)
class Component:
    """One paper of a case (thành phần hồ sơ). The code is our own; real codes look like 000.00.00.G15-KQ003208.

    forms      the forms in which it can be submitted; derived from the wording of our facts, unverified
    required   false if it is needed only in some circumstances, or has alternatives
    eform      it is a form that can be filled in online
    verified   whether a source confirms this paper; so far none does
    """

    code: str
    name_vi: str
    name_en: str
    forms: tuple[Form, ...]
    required: bool
    eform: bool
    verified: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a procedure (trường hợp giải quyết), with its own limit, papers and fee.

    code           as in the national catalogue, "1.001193.01"; numbers after .01 are our own
    limit_online   the limit for the channel online, if it differs; no such limit was found yet
    on_behalf      another person may submit it; our default, except where the facts say so
    """

    code: str
    name_vi: str
    name_en: str
    limit: Limit
    limit_online: Limit | None
    components: tuple[Component, ...]
    on_behalf: bool
    limit_verified: bool

    def limit_for(self, channel: str) -> Limit:
        """The time limit of a dossier that is submitted through `channel`."""
        return self.limit_online if channel == "online" and self.limit_online is not None else self.limit


@dataclass(frozen=True, slots=True)
class Procedure:
    """One version of a procedure.

    code                     digit.six digits; `0.` plus the row number if the code is not known (`provisional_code`)
    level                    who decides: commune, province, any_level (either); ministry: the desk of a province receives it
    valid_from, valid_to     first day in force, first day no longer in force (None: no end is known)
    cases                    at least one
    channels                 through which it can be submitted
    fee_online_dong          as in the facts, for no particular place, day or payer; `fees.fee_of` considers those
    boundary_independent     listed: one province has declared it for a group; any_reception applies this to all provinces
    """

    code: str
    name_vi: str
    name_en: str
    field_vi: str
    field_en: str
    level: Level
    authority: str
    time_note: str
    fee_online_dong: int | None
    fee_note: str
    service_level: ServiceLevel
    confidence: Literal["found", "code_found", "memory"]
    source: str
    provisional_code: bool
    version: str
    version_verified: bool
    valid_from: date
    valid_to: date | None
    replaced_by: str | None
    cases: tuple[Case, ...]
    channels: tuple[Channel, ...]
    boundary_independent: Literal["listed", "no", "unknown"]
    life_events: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether a source states code, time or fee; otherwise they are unverified defaults."""
        return self.confidence == "found"

    @property
    def offered(self) -> bool:
        """Whether no end of this version is known; for a particular day see `in_force`."""
        return self.valid_to is None

    @property
    def any_reception(self) -> bool:
        """Whether every desk of the province may receive it. Unverified outside Hải Phòng."""
        return self.boundary_independent == "listed"

    @property
    def identity_level(self) -> int:
        """Identity level required for an online submission: 2 for full-process procedures, else 1. Our rule, unverified."""
        return 2 if self.service_level == "full" else 1

    @property
    def working_days(self) -> float:
        """The limit of the first case in working days, for comparisons only. Seven calendar days count as five, rounded up."""
        return in_working_days(self.cases[0].limit)

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    def case(self, code: str | None = None) -> Case:
        """The case with this code; the first case for None. Raises CaseNotFound."""
        if code is None:
            return self.cases[0]
        for case in self.cases:
            if case.code == code:
                return case
        known = [case.code for case in self.cases]
        raise CaseNotFound(
            "Name one of the cases, or none for the first case.", procedure=self.code, case=code, cases=known
        )


def in_working_days(limit: Limit) -> float:
    """The approximate number of working days of a limit."""
    if limit.unit is Unit.DAY:
        return float(ceil(limit.value * 5 / 7))
    if limit.unit is Unit.HOUR:
        return limit.value / 8  # hours of an office day
    return 0.0 if limit.unit is Unit.IMMEDIATE else float(limit.value)
