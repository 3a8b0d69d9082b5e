"""One request in one transaction: what it decides on, and its reply."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.messaging import counters, idempotency
from shared.messaging.idempotency import RequestKey, StoredReply
from shared.messaging.unit_of_work import Work
from shared.sandbox import faults
from shared.sandbox.faults import Rule
from shared.storage.database import Connection

T = TypeVar("T")
Reply = tuple[int, str]  # status, JSON text


class Request(Generic[T]):
    """One request in one transaction.

    is_new  False for a repeated Idempotency-Key: `answer` is then the reply to the first request
    now     sandbox time
    """

    def __init__(self, connection: Connection, work: Work[T] | None, now: datetime, earlier: Reply | None) -> None:
        self._connection, self._work, self.now = connection, work, now
        self.is_new = earlier is None
        self._reply = earlier

    @property
    def work(self) -> Work[T]:
        """The unit of work. Raises LookupError for a repeated key, which decides nothing."""
        if self._work is None:
            raise LookupError("a repeated key has no unit of work")
        return self._work

    async def lock_counters(self, *names: str) -> None:
        """Lock the counters from which `Work.number` will draw."""
        keys = [(self.work.sandbox.id, name) for name in names]
        self.work.use_counters(await counters.lock(self._connection, keys))

    async def fetch(self, sql: str, *values: object) -> list[Any]:
        """Rows as this transaction sees them now."""
        return await self._connection.fetch(sql, *values)

    async def stored_replies(self, keys: Collection[RequestKey]) -> dict[tuple[str, str], StoredReply]:
        """Route and key → the stored reply, for those of the keys of a batch that were used."""
        return await idempotency.stored_replies(self._connection, self.work.sandbox.id, keys)

    async def fire(self, edge: str, subject: str, **about: str) -> Rule | None:
        """The fault rule that fires at this edge now, counted and noted in this transaction."""
        firing = await faults.fire(self._connection, self.work.sandbox, edge, subject, **about)
        return firing.rule if firing else None

    def reply(self, status: int, body: str) -> None:
        """Set the reply, which is stored with the key if there is one; `body` is JSON text."""
        self._reply = (status, body)

    @property
    def answer(self) -> Reply:
        """The reply to the caller. Raises LookupError if there is none."""
        if self._reply is None:
            raise LookupError("the request has no reply")
        return self._reply
