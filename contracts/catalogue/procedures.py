"""What an administrative procedure is: a version in time, its cases, their limits and papers."""

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
    """One paper of a case (thành phần hồ sơ); its code is ours, the real ones look like 000.00.00.G15-KQ003208.

    forms      in which it may be handed in; read from the words of our facts, unverified
    required   false for what is asked only in some circumstances, or has alternatives
    eform      it is a form that can be filled on line
    verified   whether a source was read that says so; none was yet
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
    """One way a procedure goes (trường hợp giải quyết), with its own limit, papers and fee.

    code           as the national catalogue writes it, "1.001193.01"; numbers after .01 are ours
    limit_online   where it differs from the counter's; no such limit was found yet
    on_behalf      somebody else may file it; a default of ours, except where the facts say so
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
        """The time limit of a dossier that comes through `channel`."""
        return self.limit_online if channel == "online" and self.limit_online is not None else self.limit


@dataclass(frozen=True, slots=True)
class Procedure:
    """One version of a procedure; `verified` says whether code, time or fee were read in a source.

    code                     digit.six digits; `0.` plus the row number where none is known (`provisional_code`)
    level                    who decides. commune, province; any_level: either; ministry: a province's desk receives it
    valid_from, valid_to     first day in force, first day no more in force (None: no end is known)
    cases                    at least one
    channels                 through which it can be filed
    fee_online_dong          as the facts list it, without place, day or payer; `fees.fee_of` knows those
    boundary_independent     listed: declared so by one province as a group; any_reception treats that as everywhere
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
        """Whether code, time or fee were read in a source; otherwise they are defaults to be checked."""
        return self.confidence == "found"

    @property
    def offered(self) -> bool:
        """Whether it can be filed with no end in sight; `in_force` knows other days."""
        return self.valid_to is None

    @property
    def authority_level(self) -> Level:
        return self.level

    @property
    def any_reception(self) -> bool:
        """Whether it may be received anywhere in the province, whoever decides. Unverified outside Hải Phòng."""
        return self.boundary_independent == "listed"

    @property
    def identity_level(self) -> int:
        """Assurance level asked of whoever files on line: 2 for full-process procedures, else 1. Ours, unverified."""
        return 2 if self.service_level == "full" else 1

    @property
    def working_days(self) -> float:
        """The first case's limit in working days: calendar days count five in seven, rounded up. For comparing only."""
        return in_working_days(self.cases[0].limit)

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    def case(self, code: str | None = None) -> Case:
        """The case with this code, the first without one. Raises CaseNotFound."""
        if code is None:
            return self.cases[0]
        for case in self.cases:
            if case.code == code:
                return case
        known = [case.code for case in self.cases]
        raise CaseNotFound("Name one of the cases, or none for the first.", procedure=self.code, case=code, cases=known)


def in_working_days(limit: Limit) -> float:
    """About how many working days a limit is."""
    if limit.unit is Unit.DAY:
        return float(ceil(limit.value * 5 / 7))
    if limit.unit is Unit.HOUR:
        return limit.value / 8  # hours of an office day
    return 0.0 if limit.unit is Unit.IMMEDIATE else float(limit.value)
