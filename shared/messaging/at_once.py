"""Requests that draw one number and lock nothing else: two statements instead of five in a transaction.

What they decide on is read without locks, and written only if that is still so: the version of the sandbox, the number,
the key. Those that arrive while the process is
busy with others share the two statements: eight of them take PostgreSQL a third of the time of eight alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.messaging import idempotency
from shared.messaging.idempotency import RequestKey
from shared.messaging.request import Reply, Request
from shared.messaging.unit_of_work import Batch, Work
from shared.sandbox import registry
from shared.storage.database import Connection, Database
from shared.storage.documents import DocumentStore

T = TypeVar("T")
MOST = 64  # requests of one group; deciding takes 0.1 ms each, in which the process does nothing else


@dataclass(eq=False)
class _Asked(Generic[T]):
    """One request; `outcome` is what `AtOnce.decide` returns or raises."""

    key: RequestKey
    series: str
    decide: Callable[[Request[T]], None]
    outcome: asyncio.Future[Reply | None]
    context: Context = field(default_factory=copy_context)  # its trace


Group = list[_Asked[T]]


class AtOnce(Generic[T]):
    """The groups of one process."""

    def __init__(
        self, database: Database, store: DocumentStore[T], batch: Callable[[int], Batch[T]], wake: Callable[[], None]
    ) -> None:
        self._database, self._store, self._batch, self._wake = database, store, batch, wake
        self._open: dict[str, Group[T]] = {}  # sandbox → the group that a request joins
        self._tasks: set[asyncio.Task[None]] = set()

    async def decide(
        self, sandbox_id: str, key: RequestKey, series: str, decide: Callable[[Request[T]], None]
    ) -> Reply | None:
        """The reply to a new request. None: its key is used, or something has changed; decide in a `unit_of_work`.

        series  the counter of the day from which `decide` draws, before `per_day`
        raises  what `decide` raises; TimeoutError
        """
        async with self._database.rows(sandbox_id, (f"counters {series}", key.row)):
            asked = _Asked(key, series, decide, asyncio.get_running_loop().create_future())
            group = self._open.get(sandbox_id)
            if group is None or len(group) == MOST:
                group = self._open[sandbox_id] = []
                task = asyncio.create_task(self._settle(sandbox_id, group))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            group.append(asked)
            return await asked.outcome

    async def _settle(self, sandbox_id: str, group: Group[T]) -> None:
        """Give every request of a group its outcome. Those that come until there is a connection still join it."""
        try:
            async with self._database.connection(sandbox_id) as connection:
                self._close(sandbox_id, group)
                outcomes = await self._decide(connection, sandbox_id, group)
        except Exception as error:
            self._close(sandbox_id, group)
            outcomes = dict.fromkeys(group, error)
        for asked in group:
            outcome = outcomes.get(asked)
            if asked.outcome.done():  # cancelled
                continue
            if isinstance(outcome, Exception):
                asked.outcome.set_exception(outcome)
            else:
                asked.outcome.set_result(outcome)

    def _close(self, sandbox_id: str, group: Group[T]) -> None:
        if self._open.get(sandbox_id) is group:
            del self._open[sandbox_id]

    async def _decide(
        self, connection: Connection, sandbox_id: str, group: Group[T]
    ) -> dict[_Asked[T], Reply | Exception]:
        """The replies, once they are committed, and what was raised instead."""
        row = await idempotency.look(
            connection, sandbox_id, [asked.key for asked in group], [asked.series for asked in group]
        )
        if row is None:
            return {}
        batch, sandbox = self._batch(row["epoch"]), registry.of_row(row)
        replies, refusals = dict[_Asked[T], Any](), dict[_Asked[T], Any]()
        for asked, counter, number, is_used in zip(group, row["counters"], row["numbers"], row["used"], strict=True):
            if is_used or asked.outcome.done():  # cancelled: nobody waits for it
                continue
            batch.counters[sandbox_id, counter] = number
            request = Request(connection, Work(batch, sandbox), row["now"], None)
            try:
                asked.context.run(asked.decide, request)
            except LookupError:  # it draws from another counter
                continue
            except Exception as error:  # of this request alone
                refusals[asked] = error
                continue
            if request.work.draws_one_number:
                request.work.merge()
                replies[asked] = request.answer
                stored = (*request.answer, asked.key.body_hash, asked.key.body.decode())
                batch.replies.append((sandbox_id, *asked.key.name, *stored))
        if not replies or not await batch.save_at_once(connection, self._store, sandbox):
            return refusals
        batch.report()
        self._wake()
        return replies | refusals
