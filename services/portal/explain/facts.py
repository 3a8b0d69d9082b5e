"""What all services know about a dossier at one moment. Pure; `collect` gathers it."""

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
from shared.messaging.pending import Outlook, Outsider, Parked, Timer
from shared.sandbox.names import DEFAULT

SIMULATED, EXTERNAL = "simulated", "external"
EVERY_PROVINCE = "*"
HELD_BY_FAULT = "HeldByFault: "  # the last error of a call begins with it when a fault rule holds the call
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
        """Id and text of the fault rule that holds it."""
        if not self.last_error.startswith(HELD_BY_FAULT):
            return None
        rule, _, text = self.last_error.removeprefix(HELD_BY_FAULT).partition(": ")
        return rule, text


class Order(Struct, frozen=True):
    """A payment as the platform sees it.

    confirm_answer  MaLoi of the portal's reply to CONFIRM; empty until then
    refused         why the portal refused it
    confirm         the CONFIRM that is not sent yet
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
        """Whether no payment and no CONFIRM can follow."""
        return self.confirm is None if self.state == "paid" else self.expires_at <= now


class OfficersFault(Struct, frozen=True):
    """A fault rule that fires at the simulated officers."""

    id: str
    edge: str
    text_en: str = ""
    text_vi: str = ""
    match: dict[str, str] = {}
    since: datetime | None = None
    until: datetime | None = None

    def concerns(self, now: datetime, about: Mapping[str, str]) -> bool:
        if (self.since is not None and now < self.since) or (self.until is not None and now >= self.until):
            return False
        return all(fnmatchcase(about.get(name, ""), pattern) for name, pattern in self.match.items())


class Foreign(Struct, frozen=True):
    """Records in a lane that were not from its source. `offset` and `at` (real time): of the last one, if it is known."""

    source: str
    reader: str
    topic: str
    lane: int
    count: int
    at: str
    offset: int | None = None


@dataclass(frozen=True)
class Facts:
    """Times are sandbox time, except `Parked.since` and `Foreign.at`.

    mode           how the dossier's province acts
    rules_vi       id of a fault rule → its text in Vietnamese
    waiting        what the sandbox waits for, as in `settle`
    unworked       service → parts of its worker that no process does
    province_copy  as the province's endpoint returns it
    gateway        None while it does not reply; `orders` is None while the platform does not
    foreign        foreign records in the lane of the dossier
    broker         addresses of a broker that does not reply; empty if it does, or if nothing waits for it
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
    portal_copy: Dossier | None = None
    province_copy: Mapping[str, Any] | None = None
    portal: Outlook = NOTHING
    gateway: Outlook | None = NOTHING
    orders: tuple[Order, ...] | None = ()
    refunds: tuple[Call, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    broker: str = ""

    @property
    def frozen(self) -> bool:
        return self.rate == 0

    @property
    def flag(self) -> str:
        """The option that names the sandbox on the command line."""
        return "" if self.sandbox == DEFAULT else f" --sandbox {self.sandbox}"

    @property
    def province(self) -> str:
        if self.portal_copy is not None:
            return self.portal_copy.province
        return province.code if (province := province_of(self.code)) else ""

    @property
    def state(self) -> State | None:
        """The state at the province; the state at the portal if the province does not reply."""
        if self.province_copy is not None:
            return LIFECYCLE.state(self.province_copy["status"]["code"])
        return self.portal_copy.state if self.portal_copy else None

    @property
    def ended(self) -> bool:
        return self.state in law.FINAL

    @property
    def known(self) -> bool:
        return self.portal_copy is not None or self.province_copy is not None or bool(self.portal.events)

    @property
    def down(self) -> list[str]:
        return [waiting.service for waiting in self.waiting if waiting.name == "service-down"]

    @property
    def outlooks(self) -> dict[str, Outlook]:
        return {"portal": self.portal, **({"gateway": self.gateway} if self.gateway else {})}

    @property
    def parked(self) -> dict[str, Parked]:
        """Service → why it parks the dossier."""
        return {service: outlook.parked for service, outlook in self.outlooks.items() if outlook.parked}

    @cached_property
    def timers(self) -> tuple[Timer, ...]:
        """The timers of the dossier, the earliest first; the timers of a parked dossier do not fire."""
        timers = [timer for outlook in self.outlooks.values() if outlook.parked is None for timer in outlook.timers]
        return tuple(sorted(timers, key=lambda timer: timer.due))

    @property
    def overdue(self) -> bool:
        """Whether a timer was due and did not fire."""
        return bool(self.timers) and self.timers[0].due <= self.now

    @property
    def outsider(self) -> Outsider:
        """What the connector of the dossier's province was told and said about it."""
        return (self.gateway.outsider if self.gateway else None) or Outsider()

    @property
    def owing(self) -> Demand | None:
        """The demand that the citizen must pay."""
        copy = self.portal_copy
        return copy.owing if copy and not self.ended and copy.state in law.MAY_OWE else None

    @property
    def unanswered(self) -> bool:
        """Whether a supplement is requested and not answered."""
        supplement = self.portal_copy.supplement if self.portal_copy and self.state == law.SUPPLEMENT else None
        return supplement is not None and supplement.answered_at is None

    @property
    def held(self) -> tuple[Call, ...]:
        """Calls about payments of the dossier that a fault rule or the receiver refused."""
        confirms = [order.confirm for order in self.orders or () if order.confirm]
        return tuple(call for call in (*confirms, *self.refunds) if call.refused)

    def step(self, timer: Timer) -> tuple[str, str]:
        """What the timer does, in English and Vietnamese."""
        return STEPS.get(timer.kind) or (
            f"the officers' next step ({timer.kind.replace('_', ' ')})",
            f"bước tiếp theo của cán bộ ({law.VERBS_VI.get(timer.kind, timer.kind)})",
        )


STEPS = {
    "reception": ("the office's first look at the dossier", "Bộ phận Một cửa xem hồ sơ lần đầu"),
    "answer_withdrawal": ("the answer to the withdrawal request", "trả lời yêu cầu rút hồ sơ"),
    law.STOP: ("the stop (only if nothing arrives before)", "dừng xử lý, nếu đến lúc đó vẫn chưa có gì"),
}


def province_of(code: str) -> Province | None:
    """The province whose agency code begins a dossier code; None for any other text."""
    return _AGENCIES.get(code.partition("-")[0].partition(".")[0])


def mode_of(modes: str, province: str) -> str:
    """The mode of a province in the column `modes`, `{"37": {"mode": "manual"}}`; `*` stands for all others."""
    documents = msgspec.json.decode(modes)
    mode = documents.get(province, documents.get(EVERY_PROVINCE, {}))
    return str(mode.get("mode", SIMULATED)) if isinstance(mode, dict) else str(mode)


def officers_faults(faults: str, now: datetime, about: Mapping[str, str]) -> tuple[OfficersFault, ...]:
    """The officers' fault rules of a sandbox row that apply to this dossier."""
    documents = [rule for rule in msgspec.json.decode(faults) if str(rule.get("edge", "")).startswith("officers")]
    rules = [msgspec.convert(document, OfficersFault, strict=False) for document in documents]
    return tuple(rule for rule in rules if rule.concerns(now, about))


def rules_vi(faults: str) -> dict[str, str]:
    """Id → Vietnamese text of the fault rules of a sandbox row."""
    return {str(rule["id"]): rule["text_vi"] for rule in msgspec.json.decode(faults) if rule.get("text_vi")}
