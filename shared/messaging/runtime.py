"""A full house's runtime: drawer, event log, lanes in and out, timers, calls; portal and gateway are such houses."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import MetaData

from shared.errors import KeyReused, NotReady
from shared.http import Unreachable, call
from shared.messaging import consumer, dead_letters, event_log, http_outbox, leases, pending, timers
from shared.messaging.consumer import Consumer, Handlers
from shared.messaging.lanes import LANES, Place
from shared.messaging.relay import Waker
from shared.messaging.timers import Timers
from shared.messaging.unit_of_work import Batch, Held, Work
from shared.observability import logs, metrics, trace_context
from shared.runtime import Runtime
from shared.sandbox import faults, journal, recording, registry
from shared.sandbox.clock import NOW_SQL, wire
from shared.settings import Settings
from shared.storage.database import Connection
from shared.storage.documents import Drawer

T = TypeVar("T")
R = TypeVar("R")

# First statement of every request: the sandbox held and read, the Idempotency-Key claimed (a twin waits here).
OPEN_SQL = f"""
WITH country AS MATERIALIZED (
  SELECT {registry.ROW_SQL} FROM sandboxes s WHERE s.id = $1 AND NOT s.deleted FOR KEY SHARE),
claimed AS (
  INSERT INTO replies (sandbox, caller, route, key, body_hash, asked)
  SELECT id, $2, $3, $4, $5, $6 FROM country WHERE $4::text IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT country.*, EXISTS (SELECT FROM claimed) AS claimed, (SELECT epoch FROM life) AS epoch FROM country"""

PENDING_SQL = f"""
SELECT (SELECT count(*) FROM queue q WHERE q.sandbox = $1) AS unsent, due.timers_due, due.at_once,
  (SELECT min(due) FROM timers t WHERE t.sandbox = $1 AND {timers.NOT_PARKED}) AS next_due,
  ARRAY(SELECT p.subject || ': ' || p.reason FROM parked p WHERE p.sandbox = $1 ORDER BY p.subject LIMIT 100) AS parked,
  s.rate, {NOW_SQL} AS now
FROM sandboxes s CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE NOT t.at_once) AS timers_due, count(*) FILTER (WHERE t.at_once) AS at_once
  FROM timers t WHERE t.sandbox = s.id AND t.due <= {NOW_SQL} AND {timers.NOT_PARKED}) due
WHERE s.id = $1"""
NOTHING_PENDING: dict[str, Any] = {
    "unsent": 0,
    "timers_due": 0,
    "at_once": 0,
    "next_due": None,
    "parked": [],
    "now": None,
}

WRITTEN_SQL = """
SELECT g.lane, p.epoch, p.number FROM generate_series(0, $2::int) g (lane) CROSS JOIN LATERAL (
  SELECT epoch, number FROM posted p WHERE p.sandbox = $1 AND p.lane = g.lane ORDER BY epoch DESC, number DESC LIMIT 1) p"""


Numbers = Callable[[datetime], Sequence[str]]


def no_numbers(now: datetime) -> Sequence[str]:
    """A decision that draws from no counter."""
    return ()


@dataclass(frozen=True)
class Once:
    """An Idempotency-Key as it is kept: with its caller and route, and what the body was."""

    caller: str
    route: str
    key: str
    body: bytes

    @property
    def body_hash(self) -> str:
        return hashlib.blake2b(self.body, digest_size=16).hexdigest()


class House(Runtime, Generic[T]):
    """A runtime with one kind of thing, and one neighbour to exchange events with.

    hears, speaks  names of the neighbour and of us as event sources
    neighbour_url  where the neighbour's `/_lab/lanes` is
    """

    def __init__(
        self,
        service: str,
        settings: Settings,
        database_url: str,
        drawer: Drawer[T],
        handlers: Handlers,
        *,
        hears: str,
        neighbour_url: str,
    ) -> None:
        metadata = MetaData()
        super().__init__(service, settings, database_url, metadata)
        registry.sandboxes_table(metadata)
        drawer.tables(metadata)
        event_log.eventlog_tables(metadata)
        leases.leases_tables(metadata)
        consumer.positions_table(metadata)
        timers.timers_table(metadata)
        dead_letters.deadletters_tables(metadata)
        http_outbox.calls_table(metadata)
        journal.journal_table(metadata)
        recording.recorded_table(metadata)
        faults.firings_table(metadata)
        self.first_rows = event_log.FIRST_ROWS
        self.drawer, self.hears, self.neighbour_url = drawer, hears, neighbour_url
        self.consumer = Consumer(self.database, drawer, handlers, hears=hears, speaks=service)
        self.timers: Timers[T] = Timers(service, self.database, drawer, {})
        self.callers: Mapping[str, http_outbox.Caller] = {}
        self.waker = Waker(self.database)
        self.waits_for.add("neighbour")
        # What an event means, from its type and body, for timelines.
        self.words: Callable[[str, Mapping[str, Any]], Mapping[str, object]] = lambda event, body: {}

    # --- requests ---------------------------------------------------------------------------------------------------------
    async def decide(
        self,
        sandbox: str,
        decision: Callable[[Work[T]], R],
        *,
        codes: Sequence[str] = (),
        numbers: Numbers = no_numbers,
    ) -> R:
        """One decision in one transaction, its dossiers locked and loaded; committed before this returns.

        numbers  names of the counters from which the decision may draw by `Work.number`, at this time of the sandbox
        """
        await self._ready(sandbox)
        logs.concerns(sandbox, *codes[:1])
        async with self.database.transaction() as connection:
            row = await connection.fetchrow(OPEN_SQL, sandbox, None, None, None, None, None)
            batch, work = await self._open(connection, sandbox, row, codes, numbers)
            result = decision(work)
            work.merge()
            await batch.save(connection, self.drawer)
        self._after(batch)
        return result

    async def decide_once(
        self,
        sandbox: str,
        once: Once,
        decision: Callable[[Work[T]], tuple[int, str]],
        *,
        codes: Sequence[str] = (),
        numbers: Numbers = no_numbers,
        check: Callable[[datetime], None] = lambda now: None,
    ) -> tuple[int, str]:
        """A decision whose reply (status, JSON text) is kept with it: the same key gives the same reply, whoever asks first.

        numbers  as for `decide`; may refuse, as the decision may
        check    refuses at this time of the sandbox, whether the reply is new or kept
        raises   KeyReused if the key came with another body
        """
        await self._ready(sandbox)
        logs.concerns(sandbox, *codes[:1])
        async with self.database.transaction() as connection:
            key = (once.caller, once.route, once.key)
            row = await connection.fetchrow(OPEN_SQL, sandbox, *key, once.body_hash, once.body.decode())
            if row is not None:
                check(row["now"])
            if row is not None and not row["claimed"]:
                return await self._earlier_reply(connection, sandbox, once)
            batch, work = await self._open(connection, sandbox, row, codes, numbers)
            status, body = decision(work)
            work.merge()
            batch.reply = (sandbox, *key, status, body)
            await batch.save(connection, self.drawer)
        self._after(batch)
        return status, body

    async def _ready(self, sandbox: str) -> None:
        if self.waits_for:
            raise NotReady(
                f"Waiting for {', '.join(sorted(self.waits_for))}; try again.", waits_for=sorted(self.waits_for)
            )
        try:
            known = await self.ensure_sandbox(sandbox)
        except Unreachable as error:
            raise NotReady(
                "The portal, which owns the sandboxes, does not answer; try again.", sandbox=sandbox
            ) from error
        if not known:
            raise await registry.missing(self.database, sandbox)

    async def _open(
        self, connection: Connection, sandbox: str, row: Any, codes: Sequence[str], numbers: Numbers
    ) -> tuple[Batch[T], Work[T]]:
        if row is None:
            self.forget(sandbox)
            raise await registry.missing(connection, sandbox)
        if not row["opened"]:
            raise NotReady("The sandbox is being made known to all services; try again.", sandbox=sandbox)
        batch: Batch[T] = Batch(self.service, life=row["epoch"])
        if codes:
            for found in await self.drawer.lock(connection, [(sandbox, code) for code in codes]):
                row_of = (found["lane"], found["said"], found["last_at"], found["traceparent"])
                trace_context.join(found["traceparent"])
                held = Held(self.drawer.decode(found["body"]), *row_of)
                batch.held[(sandbox, found["code"])] = held
        if names := numbers(row["now"]):
            batch.numbers = await self.drawer.hold_numbers(connection, [(sandbox, name) for name in names])
        return batch, Work(batch, registry.of_row(row))

    async def _earlier_reply(self, connection: Connection, sandbox: str, once: Once) -> tuple[int, str]:
        row: Any = await connection.fetchrow(
            "SELECT body_hash, status, body FROM replies WHERE sandbox = $1 AND caller = $2 AND route = $3 AND key = $4",
            *(sandbox, once.caller, once.route, once.key),
        )
        if row["body_hash"] != once.body_hash:
            raise KeyReused("Send the same body again, or choose a new key for a new request.", key=once.key)
        return row["status"], row["body"]

    def _after(self, batch: Batch[T]) -> None:
        batch.report()
        if batch.told:
            self.waker.wake()

    # --- the neighbour ----------------------------------------------------------------------------------------------------
    async def at_open(self) -> None:
        """Make the rows that leases and positions need, and begin this database's life after what the neighbour has seen of us."""
        if await event_log.life(self.database) is None:
            self.waits_for.discard("database")  # our own lanes door must answer while we ask the neighbour's
            places = await self.neighbour_places_patiently()
            await event_log.begin_life(self.database, max((epoch for epoch, _ in places.values()), default=0))
            metrics.EPOCHS.labels(self.service).inc()
        else:
            await self._meet_neighbour()
        self.waits_for.discard("neighbour")

    async def _meet_neighbour(self) -> None:
        """Restored from a backup while we were down? A new life begins before a code is drawn. Silence is not waited for."""
        with contextlib.suppress(Unreachable):
            places = await self.neighbour_places()
            seen = {lane: (epoch, expected - 1) for lane, (epoch, expected) in places.items()}
            await event_log.meet(self.database, self.service, places, seen)

    async def neighbour_places_patiently(self) -> dict[int, Place]:
        while True:
            try:
                return await self.neighbour_places()
            except Unreachable:
                await asyncio.sleep(0.05)

    async def neighbour_places(self) -> dict[int, Place]:
        """Where the neighbour's reader stands in each of our lanes. Raises Unreachable."""
        answer = await call(self.http, "GET", f"{self.neighbour_url}/_lab/lanes")
        if answer.status_code != 200:
            raise Unreachable(f"{self.neighbour_url}/_lab/lanes: status {answer.status_code}")
        return {int(lane): (max(place[0], 0), place[1]) for lane, place in answer.json()["read"].items()}

    async def places(self) -> dict[int, Place]:
        """Where our own reader stands."""
        return {
            row["lane"]: (row["epoch"], row["expected"]) for row in await self.database.fetch("SELECT * FROM positions")
        }

    # --- the lab doors ----------------------------------------------------------------------------------------------------
    async def fire(self, sandbox: str) -> list[dict[str, Any]]:
        fired = await self.timers.fire(sandbox)
        self.waker.wake()
        return fired

    async def pending(self, sandbox: str) -> dict[str, Any]:
        rows = await self.database.fetch(PENDING_SQL, sandbox)
        written = await self.database.fetch(WRITTEN_SQL, sandbox, LANES - 1)
        found: Any = rows[0] if rows else NOTHING_PENDING
        return {
            "unsent": found["unsent"],
            "timers_due": found["timers_due"],
            "under_way": [f"{found['at_once']} timers fire by themselves"] if found["at_once"] else [],
            "next_due": wire(found["next_due"]) if found["next_due"] else None,
            "now": wire(found["now"]) if found["now"] else None,
            "parked": list(found["parked"]),
            "calls": await http_outbox.in_flight(self.database, sandbox),
            "written": {row["lane"]: [row["epoch"], row["number"]] for row in written},
            "read": {lane: list(place) for lane, place in (await self.places()).items()},
            "unworked": await leases.unworked(self.database),
        }

    async def recorded(self, sandbox: str) -> list[dict[str, Any]]:
        asked = await recording.calls_with_key(self.database, self.service, sandbox)
        return sorted(asked + await super().recorded(sandbox), key=lambda call: str(call["real_at"]))

    async def pending_of(self, sandbox: str, subject: str, reader: Place | None) -> dict[str, Any]:
        return await pending.of(self.database, self.drawer.table, sandbox, subject, reader)

    async def timeline(self, sandbox: str, subject: str) -> list[dict[str, Any]]:
        told = await event_log.lines(self.database, self.service, sandbox, subject)
        noted = await journal.lines(self.database, self.service, sandbox, subject)
        lines = [{**line, **self.words(line["event"], line["data"])} for line in told] + noted
        return sorted(lines, key=lambda line: str(line["real_at"]))  # a line added meanwhile shifts no page
