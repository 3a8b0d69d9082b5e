"""The verdict on a sandbox: whether anything can still happen in it, from what is pending in every service. Pure.

Keys of a service's `pending`, if they apply: version (of its sandbox row), unsent, timers_due, next_due, now, parked,
calls, connectors (`province`, `silent`, `text`), under_way (sentences: work that does not depend on the clock), held
(sentences: what a fault rule holds back), written (topic → lane → position), read (source → lane → position), unworked
(parts of its worker that no process does).
Publishers and readers are compared lane by lane, from append-only tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Pending = Mapping[str, Any]
Lanes = Mapping[Any, Any]  # lane → epoch and number

# These wait for a person. An advance does not wait for them, and the verdict names them.
HELD = ("parked", "call-refused", "held-by-fault", "silent-connector")
CONNECTOR = "connector"  # it can speak at any time: named, and not waited for
SEE_STATUS = "`lienthong status` shows what is down; work continues when it runs again"


@dataclass(frozen=True)
class Waiting:
    """One named reason why something may still happen.

    name  dead-worker, unread-events, unsent-events, timers-due, under-way, calls-in-flight, service-down, clock-behind,
          clock-turning, CONNECTOR, or one of HELD
    """

    name: str
    service: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """still: nothing happens before `next_due`; held: only what is in HELD remains; waiting: more will happen."""

    verdict: str
    waiting_for: tuple[Waiting, ...]
    next_due: str | None
    with_timers: tuple[str, ...] = ()  # services with a timer that is due now or later

    @property
    def quiet(self) -> bool:
        return self.verdict != "waiting"

    @property
    def only_timers(self) -> bool:
        """Whether only due timers are under way. In a frozen sandbox they fire only in an advance."""
        return all(waiting.name in ("timers-due", CONNECTOR, *HELD) for waiting in self.waiting_for)

    @property
    def behind(self) -> tuple[str, ...]:
        """Services with an older row of the sandbox than another service."""
        return tuple(waiting.service for waiting in self.waiting_for if waiting.name == "clock-behind")


def verdict(pending: Mapping[str, Pending | None], routes: Mapping[str, tuple[str, str]]) -> Verdict:
    """The verdict from the replies of all services.

    pending  service → its reply, None if it did not reply
    routes   topic → the service that publishes on it and the service that reads it
    """
    waiting_for = [
        Waiting("service-down", service, f"did not answer; {SEE_STATUS}")
        for service, answer in pending.items()
        if answer is None
    ]
    known = {service: answer for service, answer in pending.items() if answer is not None}
    held = [Waiting("parked", service, line) for service, answer in known.items() for line in answer.get("parked", [])]
    connected: list[Waiting] = []
    newest = max((answer.get("version", 0) for answer in known.values()), default=0)
    for service, answer in known.items():
        if answer.get("version", newest) < newest:
            waiting_for.append(Waiting("clock-behind", service, "has an older row of this sandbox than other services"))
        if answer.get("unsent"):
            waiting_for.append(
                Waiting("unsent-events", service, f"{answer['unsent']} events not sent to the broker yet")
            )
        if answer.get("timers_due"):
            waiting_for.append(Waiting("timers-due", service, f"{answer['timers_due']} timers are due"))
        waiting_for += [Waiting("under-way", service, line) for line in answer.get("under_way", [])]
        held += [Waiting("held-by-fault", service, line) for line in answer.get("held", [])]
        for each in answer.get("connectors", []):
            (held if each["silent"] else connected).append(
                Waiting("silent-connector" if each["silent"] else CONNECTOR, service, each["text"])
            )
        for call in answer.get("calls", []):
            error = f": {call['last_error']}" if call["last_error"] else ""
            detail = f"{call['kind']} {call['key']}, tried {call['attempts']} times{error}"
            if call.get("refused"):
                by_fault = call["last_error"].startswith("HeldByFault")
                held.append(Waiting("held-by-fault" if by_fault else "call-refused", service, detail))
            else:
                waiting_for.append(Waiting("calls-in-flight", service, detail))
    for topic, (source, reader) in routes.items():
        if source in known and reader in known:
            lanes = known[source].get("written", {}).get(topic, {})
            waiting_for += _unread(lanes, known[reader].get("read", {}).get(source, {}), source, reader)
    if any(waiting.name in ("unsent-events", "unread-events", "under-way") for waiting in waiting_for):
        for service, answer in known.items():
            waiting_for += [
                Waiting("dead-worker", service, f"no running {part} holds all lanes; {SEE_STATUS}")
                for part in answer.get("unworked", [])
            ]
    word = "waiting" if waiting_for else "held" if held else "still"
    due = {service: str(answer["next_due"]) for service, answer in known.items() if answer.get("next_due")}
    return Verdict(word, (*waiting_for, *held, *connected), min(due.values(), default=None), tuple(due))


def _unread(written: Lanes, read: Lanes, source: str, reader: str) -> list[Waiting]:
    positions = {int(lane): tuple(position) for lane, position in read.items()}
    lines = []
    for lane, (epoch, number) in written.items():
        position = positions.get(int(lane), (0, 1))
        if (epoch, number) >= position:
            lines.append(f"lane {lane}: written {epoch}/{number}, reader expects {position[0]}/{position[1]}")
    return [Waiting("unread-events", reader, f"from {source}, {line}") for line in lines]
