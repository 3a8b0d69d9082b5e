"""What is known about a dossier at one moment, over all services. Pure; gathered by `gathering`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES, Province
from contracts.lifecycle import LIFECYCLE, State
from services.portal.domain import Demand, Dossier
from services.portal.sandboxes.settle import Waiting
from shared.messaging.pending import Outlook, Parked, Timer
from shared.sandbox.names import DEFAULT

SIMULATED, MANUAL = "simulated", "manual"
EVERY_PROVINCE = "*"
HELD_BY_FAULT = "HeldByFault: "  # begins the last error of a call that a fault rule holds
NOTHING = Outlook()
_AGENCIES = {province.agency_code: province for province in PROVINCES.values()}


class Call(Struct, frozen=True):
    """A background call that has not ended."""

    key: str
    attempts: int = 0
    last_error: str = ""
    refused: bool = False

    @property
    def rule(self) -> tuple[str, str] | None:
        """The fault rule that holds it, and what that says."""
        if not self.last_error.startswith(HELD_BY_FAULT):
            return None
        rule, _, says = self.last_error.removeprefix(HELD_BY_FAULT).partition(": ")
        return rule, says


class Order(Struct, frozen=True):
    """A payment as the platform sees it.

    confirm_answer  MaLoi with which the portal took the CONFIRM; empty until then
    refused         why the portal did not take it
    confirm         the CONFIRM that is still to be told
    """

    reference: str
    amount_dong: int
    state: str
    expires_at: datetime
    paid_at: datetime | None = None
    confirm_answer: str = ""
    refused: str = ""
    confirm: Call | None = None

    def settled(self, now: datetime) -> bool:
        """Nothing more can be paid or told of it."""
        return self.confirm is None if self.state == "paid" else self.expires_at <= now


class OfficersFault(Struct, frozen=True):
    """A fault rule whose edge is the simulated officers."""

    id: str
    edge: str
    text_en: str = ""
    text_vi: str = ""
    match: dict[str, str] = {}
    since: datetime | None = None
    until: datetime | None = None

    def concerns(self, now: datetime, about: Mapping[str, str]) -> bool:
        begun = self.since is None or now >= self.since
        over = self.until is not None and now >= self.until
        return begun and not over and all(fnmatchcase(about.get(name, ""), word) for name, word in self.match.items())


@dataclass(frozen=True)
class Facts:
    """Times are sandbox time, but for `Parked.since`.

    mode      how the dossier's province acts
    rules_vi  what each fault rule of the sandbox does, in Vietnamese, by its id
    waiting   what the sandbox waits for, as `settle` says
    unworked  service → parts of its worker that nobody does
    here      the portal's copy; there: the province's, as its door shows it
    gateway   None while it does not answer; so orders while the platform does not
    broker    addresses of a broker that does not answer; empty: it does, or nothing waits for it
    """

    code: str
    sandbox: str
    now: datetime
    rate: float
    mode: str = SIMULATED
    officers: tuple[OfficersFault, ...] = ()
    rules_vi: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()
    unworked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    here: Dossier | None = None
    there: Mapping[str, Any] | None = None
    portal: Outlook = NOTHING
    gateway: Outlook | None = NOTHING
    orders: tuple[Order, ...] | None = ()
    refunds: tuple[Call, ...] = ()
    broker: str = ""

    @property
    def frozen(self) -> bool:
        return self.rate == 0

    @property
    def flag(self) -> str:
        """What names the sandbox to our command."""
        return "" if self.sandbox == DEFAULT else f" --sandbox {self.sandbox}"

    @property
    def province(self) -> str:
        home = province_of(self.code)
        return self.here.province if self.here else home.code if home else ""

    @property
    def state(self) -> State | None:
        """Where the province has it; where the portal has it, if the province does not say."""
        if self.there is not None:
            return LIFECYCLE.state(self.there["status"]["code"])
        return self.here.state if self.here else None

    @property
    def ended(self) -> bool:
        return self.state in law.FINAL

    @property
    def known(self) -> bool:
        return self.here is not None or self.there is not None or bool(self.portal.events)

    @property
    def down(self) -> list[str]:
        return [each.service for each in self.waiting if each.name == "service-down"]

    @property
    def outlooks(self) -> dict[str, Outlook]:
        return {"portal": self.portal, **({"gateway": self.gateway} if self.gateway else {})}

    @property
    def parked(self) -> dict[str, Parked]:
        """Who parks it, and why."""
        return {service: outlook.parked for service, outlook in self.outlooks.items() if outlook.parked}

    @cached_property
    def timers(self) -> tuple[Timer, ...]:
        """What falls due for it, the first first; what is parked falls due nowhere."""
        found = [timer for outlook in self.outlooks.values() if outlook.parked is None for timer in outlook.timers]
        return tuple(sorted(found, key=lambda timer: timer.due))

    @property
    def overdue(self) -> bool:
        """Something was due and did not fire."""
        return bool(self.timers) and self.timers[0].due <= self.now

    @property
    def owing(self) -> Demand | None:
        """The demand that its citizen is expected to pay."""
        return self.here.owing if self.here and not self.ended and self.here.state in law.MAY_OWE else None

    @property
    def unanswered(self) -> bool:
        """A supplement is asked for and not answered."""
        asked = self.here.supplement if self.here and self.state == law.SUPPLEMENT else None
        return asked is not None and asked.answered_at is None

    @property
    def held(self) -> tuple[Call, ...]:
        """Calls about its money that were refused, by a rule or by whoever was asked."""
        confirms = [order.confirm for order in self.orders or () if order.confirm]
        return tuple(call for call in (*confirms, *self.refunds) if call.refused)

    def step(self, timer: Timer) -> tuple[str, str]:
        """What is done then, in English and Vietnamese."""
        return STEPS.get(timer.kind) or (
            f"the officers' next step ({timer.kind.replace('_', ' ')})",
            f"bước tiếp theo của cán bộ ({law.VERBS_VI.get(timer.kind, timer.kind)})",
        )


STEPS = {
    "reception": ("the desk's first look at it", "Bộ phận Một cửa xem hồ sơ lần đầu"),
    "answer_withdrawal": ("the answer to the withdrawal request", "trả lời yêu cầu rút hồ sơ"),
    law.STOP: ("the stop, if nothing comes before", "dừng xử lý, nếu đến lúc đó vẫn chưa có gì"),
}


def province_of(code: str) -> Province | None:
    """By the agency that begins a dossier code; None for what is no such code."""
    return _AGENCIES.get(code.partition("-")[0].partition(".")[0])


def mode_of(modes: str, province: str) -> str:
    """How a province acts by the modes of a sandbox row, `{"37": {"mode": "manual"}}`; `*` stands for every other one."""
    known = msgspec.json.decode(modes)
    found = known.get(province, known.get(EVERY_PROVINCE, {}))
    return str(found.get("mode", SIMULATED)) if isinstance(found, dict) else str(found)


def officers_faults(faults: str, now: datetime, about: Mapping[str, str]) -> tuple[OfficersFault, ...]:
    """The rules of a sandbox row that let officers go wrong with this dossier."""
    rules = [rule for rule in msgspec.json.decode(faults) if str(rule.get("edge", "")).startswith("officers")]
    found = [msgspec.convert(rule, OfficersFault, strict=False) for rule in rules]
    return tuple(rule for rule in found if rule.concerns(now, about))


def rules_vi(faults: str) -> dict[str, str]:
    """What the fault rules of a sandbox row do, in Vietnamese, by their ids."""
    return {str(rule["id"]): rule["text_vi"] for rule in msgspec.json.decode(faults) if rule.get("text_vi")}
