"""The load's records: every acknowledged request, and every unexpected reply."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]  # (sandbox, dossier code)


@dataclass
class Submission:
    """One submission under one Idempotency-Key; `codes` has the dossier code of every reply to it.

    service    portal, or gateway if it was handed in at a counter or by post
    said       what was sent: JSON pointer in the event that begins the dossier → value
    names_fee  a fee of its path is one that the office names itself
    """

    sandbox: str
    persona: str
    key: str
    province: str
    codes: list[str] = field(default_factory=list)
    service: str = "portal"
    said: dict[str, Any] = field(default_factory=dict)
    names_fee: bool = False


@dataclass(frozen=True)
class Entries:
    """What the ledger said at one moment."""

    codes: dict[str, list[str]]
    requests: Counter[tuple[Key, str]]
    payments: dict[Key, list[str]]
    ended: set[Key]
    failed: set[Key]


@dataclass
class Ledger:
    """
    submissions   acknowledged, by Idempotency-Key
    requests      acknowledged requests of citizens, by dossier and the type of the event that each publishes
    said          what each of them sent: JSON pointer in the event → value; also what was not acknowledged
    payments      references of acknowledged payments, by dossier
    surprises     unexpected replies: refusals that no race explains
    ended         dossiers that have ended, and whose citizens have nothing left to do
    failed        dossiers whose first payment has failed, as their path says
    undone        dossiers that were acknowledged after a backup that was then restored
    age           how often a backup was restored
    patience      seconds after which a request that nobody acknowledges is given up, which breaks a promise
    """

    submissions: dict[str, Submission] = field(default_factory=dict)
    requests: Counter[tuple[Key, str]] = field(default_factory=Counter)
    said: dict[tuple[Key, str], list[dict[str, Any]]] = field(default_factory=dict)
    payments: dict[Key, list[str]] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    ended: set[Key] = field(default_factory=set)
    failed: set[Key] = field(default_factory=set)
    undone: set[Key] = field(default_factory=set)
    age: int = 0
    patience: float = 200.0
    unacknowledged: int = 0  # missing replies and 5xx: each request was repeated with its key
    acknowledged: int = 0
    _under_way: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._open.set()
        self._idle.set()

    @property
    def dossiers(self) -> dict[Key, Submission]:
        """Every acknowledged dossier, by each code that a reply named."""
        return {(each.sandbox, code): each for each in self.submissions.values() for code in each.codes}

    def count(self, event_type: str) -> int:
        """How many requests that publish this event were acknowledged."""
        return sum(times for (_, type), times in self.requests.items() if type == event_type)

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """A request with its repetitions; it begins when nobody holds the load."""
        while not self._open.is_set():
            await self._open.wait()
        self._under_way += 1
        self._idle.clear()
        try:
            yield
            self.acknowledged += 1
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Inside, no request is under way and none begins."""
        self._open.clear()
        try:
            await self._idle.wait()
            await asyncio.sleep(0)  # the request that was answered last is written down first
            yield
        finally:
            self._open.set()

    def entries(self) -> Entries:
        """What is acknowledged now. Inside `held`."""
        codes = {key: list(each.codes) for key, each in self.submissions.items() if each.codes}
        payments = {key: list(references) for key, references in self.payments.items()}
        return Entries(codes, Counter(self.requests), payments, set(self.ended), set(self.failed))

    def undo(self, entries: Entries) -> int:
        """Forget what was acknowledged since then; returns how many dossiers that was. Inside `held`."""
        before = self.dossiers.keys()
        for key, submission in list(self.submissions.items()):
            if submission.codes and key not in entries.codes:
                submission.codes.clear()
                del self.submissions[key]
            elif submission.codes:
                submission.codes[:] = entries.codes[key]
        self.requests, self.payments = Counter(entries.requests), dict(entries.payments)
        self.ended, self.failed = set(entries.ended), set(entries.failed)
        undone = before - self.dossiers.keys()
        self.undone |= undone
        self.age += 1
        return len(undone)
