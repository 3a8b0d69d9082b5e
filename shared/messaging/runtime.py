"""Runtime of a service that stores documents and exchanges events with peers: event log, lanes, timers, calls."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from sqlalchemy import MetaData

from shared.errors import NotReady
from shared.http import Unreachable
from shared.messaging import (
    event_log,
    http_outbox,
    idempotency,
    leases,
    pending,
    projection,
)
from shared.messaging.at_once import AtOnce
from shared.messaging.cloudevents import Signer
from shared.messaging.consumer import After, Consumer, Handlers, Redriven
from shared.messaging.edits import Check
from shared.messaging.idempotency import RequestKey
from shared.messaging.lanes import Place
from shared.messaging.peer import Peer, agree_on_epoch, compare_epochs
from shared.messaging.projection import Projection
from shared.messaging.relay import Waker
from shared.messaging.request import Reply, Request
from shared.messaging.timers import Timers
from shared.messaging.unit_of_work import Batch, Topics, Work
from shared.observability import logs, trace_context
from shared.runtime import Runtime
from shared.sandbox import journal, recording, registry
from shared.settings import Settings
from shared.storage.database import Connection
from shared.storage.documents import DocumentStore

T = TypeVar("T")


class MessagingRuntime(Runtime, Generic[T]):
    """A runtime with one kind of document, and peers to exchange events with.

    tables       from `tables_of`
    peers        services whose events it reads, or that read its events
    topics       event type → topic, for its own events
    projections  further listeners, each with its own positions
    after        called after the handler of every event
    """

    def __init__(
        self,
        service: str,
        settings: Settings,
        database_url: str,
        store: DocumentStore[T],
        handlers: Handlers,
        *,
        tables: MetaData,
        peers: Sequence[Peer],
        topics: Topics,
        projections: Sequence[Projection] = (),
        after: After = lambda event, work: None,
    ) -> None:
        super().__init__(service, settings, database_url, tables)
        self.first_rows = event_log.FIRST_ROWS
        self.documents, self.peers, self.topics, self.projections = store, tuple(peers), topics, tuple(projections)
        self.signer = Signer(settings.service_secret.get_secret_value())
        self.consumers = {
            peer.name: Consumer(
                self.database,
                store,
                handlers,
                source=peer.name,
                service=service,
                topics=topics,
                signer=self.signer,
                after=after,
            )
            for peer in peers
        }
        if len(self.consumers) < len(self.peers):
            raise ValueError("two peers have the same name; positions are stored by the name of the source")
        self.timers: Timers[T] = Timers(service, self.database, store, topics, {})
        self.callers: Mapping[str, http_outbox.Caller] = {}
        self.waker = Waker(self.database)
        self.at_once: AtOnce[T] = AtOnce(self.database, store, self.batch, self.waker.wake)
        self.waits_for.add("peer")
        # Texts of an event in timelines, from its type and body. A service can replace this.
        self.words: Callable[[str, Mapping[str, Any]], Mapping[str, object]] = lambda event, body: {
            "text_vi": event,
            "text_en": event,
        }

        # What is wrong with a new body for a dead letter. A service can replace this.
        self.check_edit: Check = lambda event, subject, original, body: ()

    # --- requests ---
    @asynccontextmanager
    async def unit_of_work(
        self,
        sandbox_id: str,
        request_key: RequestKey | None = None,
        *,
        codes: Sequence[str] = (),
        series: Sequence[str] = (),
    ) -> AsyncIterator[Request[T]]:
        """One transaction for a request: locks and loads its documents, saves everything when the block ends.

        For a repeated key the block runs with `is_new` False, and nothing is saved.

        series  what names the counters that the request will lock, as far as it is known before: an agency

        raises  KeyReused if the key was used with another body; NotReady, SandboxNotFound; KeyTaken if another request has
                used a key whose reply the block stored
        """
        await self._ready(sandbox_id)
        logs.concerns(sandbox_id, *codes[:1])
        rows = [*(f"document {code}" for code in codes), *(f"counters {name}" for name in series)]
        if request_key is not None:
            rows.append(request_key.row)
        async with self.database.transaction(sandbox_id, rows=rows) as connection:
            row = await idempotency.open_request(connection, sandbox_id, request_key)
            if row is not None and request_key is not None and not row["claimed"]:
                earlier = await idempotency.earlier_reply(connection, sandbox_id, request_key)
                yield Request(connection, None, row["now"], earlier)
                return
            batch, work = await self._open(connection, sandbox_id, row, codes)
            request = Request(connection, work, row["now"], None)
            yield request
            work.merge()
            if request_key is not None:
                batch.replies.append((sandbox_id, *request_key.name, *request.answer))
            with idempotency.refusing_taken_keys():
                await batch.save(connection, self.documents)
        batch.report()
        if batch.events:
            self.waker.wake()

    async def decide_at_once(
        self, sandbox_id: str, request_key: RequestKey, series: str, decide: Callable[[Request[T]], None]
    ) -> Reply | None:
        """A new request that draws one number and locks nothing else: see `AtOnce.decide`."""
        await self._ready(sandbox_id)
        logs.concerns(sandbox_id)
        return await self.at_once.decide(sandbox_id, request_key, series, decide)

    async def store_reply(self, sandbox_id: str, request_key: RequestKey, reply: Reply) -> None:
        """Replace the stored reply of a key after a remote call has completed it."""
        await idempotency.store_reply(self.database, sandbox_id, request_key, *reply)

    async def _ready(self, sandbox_id: str) -> None:
        if self.waits_for:
            raise NotReady(
                f"Waiting for {', '.join(sorted(self.waits_for))}; try again.", waits_for=sorted(self.waits_for)
            )
        try:
            known = await self.ensure_sandbox(sandbox_id)
        except Unreachable as error:
            raise NotReady(
                "The portal, which owns the sandboxes, does not reply; try again.", sandbox=sandbox_id
            ) from error
        if not known:
            raise await registry.missing(self.database, sandbox_id)

    async def _open(
        self, connection: Connection, sandbox_id: str, row: Any, codes: Sequence[str]
    ) -> tuple[Batch[T], Work[T]]:
        if row is None:
            self.forget(sandbox_id)
            raise await registry.missing(connection, sandbox_id)
        if not row["opened"]:
            raise NotReady("The sandbox is being sent to all services; try again.", sandbox=sandbox_id)
        batch = self.batch(epoch=row["epoch"])
        if codes:
            rows = await self.documents.lock(connection, [(sandbox_id, code) for code in codes])
            batch.load(rows, self.documents)
            for document in rows:
                trace_context.join(document["traceparent"])
        return batch, Work(batch, registry.of_row(row))

    def batch(self, epoch: int | None = None) -> Batch[T]:
        """An empty batch of this service, for a transaction of the caller."""
        return Batch(self.service, self.topics, epoch)

    async def redrive(self, sandbox_id: str, subject: str) -> Redriven:
        """As `Consumer.redrive`, for stuck events of any source."""
        return await next(iter(self.consumers.values())).redrive(sandbox_id, subject)

    # --- peers ---
    @property
    def published_topics(self) -> list[str]:
        """The topics on which this service publishes."""
        return [peer.topic_out for peer in self.peers if peer.topic_out]

    async def at_open(self) -> None:
        """Agree with the peers on the epoch of our event log, which can be new or restored; add projection rows."""
        readers = [peer for peer in self.peers if peer.topic_out]
        if await event_log.current_epoch(self.database) is None:
            self.waits_for.discard("database")  # our lanes endpoint must reply while we ask the peers
            await agree_on_epoch(self.database, self.internal, self.service, readers)
        else:
            await event_log.add_lanes(self.database.pool, self.published_topics)
            await compare_epochs(self.database, self.internal, self.service, readers)
        await projection.begin(self.database, self.projections)
        self.waits_for.discard("peer")

    async def places(self) -> dict[str, dict[int, Place]]:
        """The places that our readers expect next: source → lane → place."""
        return {name: await consumer.positions.places(self.database) for name, consumer in self.consumers.items()}

    # --- for the lab endpoints ---
    async def fire(self, sandbox_id: str, seconds: float = math.inf) -> list[dict[str, Any]]:
        fired = await self.timers.fire(sandbox_id, seconds)
        self.waker.wake()
        return fired

    async def pending(self, sandbox_id: str) -> dict[str, Any]:
        parts = [f"relay:{topic}" for topic in self.published_topics] + [f"reader:{peer.name}" for peer in self.peers]
        reports = {name: await each.positions.report(self.database) for name, each in self.consumers.items()}
        return {
            **await pending.in_sandbox(self.database, sandbox_id),
            "calls": await http_outbox.in_flight(self.database, sandbox_id),
            "written": await pending.written(self.database, sandbox_id, self.published_topics),
            "read": {name: places for name, (places, _) in reports.items()},
            "foreign": {name: foreign for name, (_, foreign) in reports.items()},
            "unworked": await leases.unworked(self.database, parts),
        }

    async def recorded(self, sandbox_id: str) -> list[dict[str, Any]]:
        with_key = await recording.calls_with_key(self.database, self.service, sandbox_id)
        return sorted(with_key + await super().recorded(sandbox_id), key=lambda call: str(call["real_at"]))

    async def pending_of(self, sandbox_id: str, subject: str, reader: Place | None) -> dict[str, Any]:
        return await pending.of(self.database, self.documents.table, sandbox_id, subject, reader)

    async def timeline(self, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
        events = await event_log.lines(self.database, self.service, sandbox_id, subject)
        notes = await journal.lines(self.database, self.service, sandbox_id, subject)
        lines = [{**line, **self.words(line["event"], line["data"])} for line in events] + notes
        return sorted(lines, key=lambda line: str(line["real_at"]))  # so that a later line shifts no page
