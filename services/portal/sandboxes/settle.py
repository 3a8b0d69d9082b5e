"""Is anything still going to happen in a sandbox? The verdict, from what every service says is pending. Pure.

A service's `pending` has, where it applies: version (of its sandbox row), unsent, timers_due, next_due, now, parked,
calls, under_way (sentences on what its worker does whatever the clock), held (sentences on what a fault rule holds back),
written (topic → lane → place), read (source → lane → place), unworked (parts of its worker that nobody does). Writers and
readers are compared lane by lane, from append-only tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Pending = Mapping[str, Any]
Lanes = Mapping[Any, Any]  # lane → epoch and number


HELD = (
    "parked",
    "call-refused",
    "held-by-fault",
)  # waits for somebody, not for something: passed by advance, and named
WHO_IS_DOWN = "`lienthong status` shows who is down: it goes on once that runs again"


@dataclass(frozen=True)
class Waiting:
    """One named reason why something may still happen."""

    # dead-worker unread-events unsent-events timers-due under-way calls-in-flight service-down clock-behind, or one of HELD
    name: str
    service: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """still: nothing will happen before `next_due`; held: only what is parked or refused remains; waiting: more will happen."""

    verdict: str
    waiting_for: tuple[Waiting, ...]
    next_due: str | None
    with_timers: tuple[str, ...] = ()  # services in which something is due now or later

    @property
    def quiet(self) -> bool:
        return self.verdict != "waiting"

    @property
    def only_timers(self) -> bool:
        """Is what is under way only timers that are due? In a frozen sandbox they wait for `advance`, nothing else moves."""
        return all(waiting.name in ("timers-due", *HELD) for waiting in self.waiting_for)

    @property
    def behind(self) -> tuple[str, ...]:
        """Services whose row of the sandbox is older than that of others."""
        return tuple(waiting.service for waiting in self.waiting_for if waiting.name == "clock-behind")


def verdict(pending: Mapping[str, Pending | None], routes: Mapping[str, tuple[str, str]]) -> Verdict:
    """What the services' answers come to.

    pending  service → its answer, None if it did not answer
    routes   topic → the service that publishes on it, the one that reads it
    """
    found = [
        Waiting("service-down", service, f"did not answer; {WHO_IS_DOWN}")
        for service, answer in pending.items()
        if answer is None
    ]
    known = {service: answer for service, answer in pending.items() if answer is not None}
    held = [Waiting("parked", service, line) for service, answer in known.items() for line in answer.get("parked", [])]
    newest = max((answer.get("version", 0) for answer in known.values()), default=0)
    for service, answer in known.items():
        if answer.get("version", newest) < newest:
            found.append(Waiting("clock-behind", service, "has an older row of this sandbox than others"))
        if answer.get("unsent"):
            found.append(Waiting("unsent-events", service, f"{answer['unsent']} events not given to the broker yet"))
        if answer.get("timers_due"):
            found.append(Waiting("timers-due", service, f"{answer['timers_due']} timers are due"))
        found += [Waiting("under-way", service, line) for line in answer.get("under_way", [])]
        held += [Waiting("held-by-fault", service, line) for line in answer.get("held", [])]
        for call in answer.get("calls", []):
            error = f": {call['last_error']}" if call["last_error"] else ""
            told = f"{call['kind']} {call['key']}, tried {call['attempts']} times{error}"
            if call.get("refused"):
                by_fault = call["last_error"].startswith("HeldByFault")
                held.append(Waiting("held-by-fault" if by_fault else "call-refused", service, told))
            else:
                found.append(Waiting("calls-in-flight", service, told))
    for topic, (source, reader) in routes.items():
        if source in known and reader in known:
            lanes = known[source].get("written", {}).get(topic, {})
            found += _unread(lanes, known[reader].get("read", {}).get(source, {}), source, reader)
    if any(waiting.name in ("unsent-events", "unread-events", "under-way") for waiting in found):
        for service, answer in known.items():
            found += [
                Waiting("dead-worker", service, f"no living {part} holds all lanes; {WHO_IS_DOWN}")
                for part in answer.get("unworked", [])
            ]
    word = "waiting" if found else "held" if held else "still"
    due = {service: str(answer["next_due"]) for service, answer in known.items() if answer.get("next_due")}
    return Verdict(word, (*found, *held), min(due.values(), default=None), tuple(due))


def _unread(written: Lanes, read_lanes: Lanes, says: str, hears: str) -> list[Waiting]:
    read = {int(lane): tuple(place) for lane, place in read_lanes.items()}
    behind = []
    for lane, (epoch, number) in written.items():
        stands = read.get(int(lane), (0, 1))
        if (epoch, number) >= stands:
            behind.append(f"lane {lane}: written {epoch}/{number}, reader expects {stands[0]}/{stands[1]}")
    return [Waiting("unread-events", hears, f"from {says}, {line}") for line in behind]
