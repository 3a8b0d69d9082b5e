"""A runtime for the tests of the core: it stores parcels, reads a sender, and knows no business term."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from pydantic import BaseModel

from shared.errors import Refusal
from shared.messaging.consumer import Handlers
from shared.messaging.peer import Peer
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.tables import tables_of
from shared.messaging.timers import Timer, Timers
from shared.messaging.unit_of_work import Work as AnyWork
from shared.settings import Settings
from shared.storage.documents import DocumentStore
from tests.service.frozen import FrozenSandbox
from tests.support.country import SECRET
from tests.support.factories import MORNING, Said, an_event_of

SENT, MARKED, ASKED, RAISED = "parcel.sent.v1", "parcel.marked.v1", "parcel.asked.v1", "parcel.raised.v1"
ANSWERED = "parcel.answered.v1"
OWNER = "http://owner.test"
SENDER = Peer("sender", OWNER, topic_in="parcels.in.v1", topic_out="parcels.out.v1")
TOPICS = dict.fromkeys((SENT, MARKED, ASKED, RAISED, ANSWERED), SENDER.topic_out)


@dataclass(frozen=True)
class Parcel:
    code: str
    marks: tuple[str, ...] = ()


class Mark(BaseModel):
    code: str
    mark: str


class Sent(Mark): ...


class Marked(Mark): ...


class Asked(Mark): ...


class Raised(Mark): ...


class NotToday(Refusal):
    """The handler refuses a mark that a test has put into `broken`."""


Work = AnyWork[Parcel]
handlers = Handlers({Sent: SENT, Marked: MARKED, Asked: ASKED, Raised: RAISED})
broken: set[str] = set()  # marks that every handler refuses now


@handlers.on(Sent, creates=True)
def sent(event: Mark, work: Work) -> None:
    work.save(event.code, Parcel(event.code, (event.mark,)), lane=0)


@handlers.on(Marked)
def marked(event: Mark, work: Work) -> None:
    mark(work, event.code, event.mark)


@handlers.on(Asked)
def mark_and_answer(event: Mark, work: Work) -> None:
    mark(work, event.code, event.mark)
    work.publish(ANSWERED, event.code, {"mark": event.mark})


@handlers.on(Raised)
def answer_and_raise(event: Mark, work: Work) -> None:
    mark_and_answer(event, work)
    work.timer(event.code, "ring", MORNING)
    work.call("ring", event.code, {})
    raise NotToday("What was published before is taken back.", mark=event.mark)


def mark(work: Work, code: str, text: str) -> None:
    if text in broken:
        raise NotToday("This mark is broken today.", mark=text)
    parcel = work.load(code, LookupError)
    work.save(code, replace(parcel, marks=(*parcel.marks, text)))


def ring(timer: Timer, work: Work) -> None:
    mark(work, timer.subject, f"{timer.kind} {timer.due:%H:%M}")
    work.publish(ANSWERED, timer.subject, {"mark": timer.kind})


def silence(timer: Timer, work: Work) -> None:
    ring(timer, work)
    work.drop_timer(timer.subject, "ring")


@dataclass
class Owner:
    """The owner of the sandboxes: it replies with these rows, or not at all if `silent`."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent: bool = False
    reads: dict[int, tuple[int, int]] = field(default_factory=dict)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.silent:
            raise httpx.ConnectError("nobody is there", request=request)
        if request.url.path == "/_lab/lanes":
            reads = {str(lane): place for lane, place in self.reads.items()}
            return httpx.Response(200, json={"read": {"receiver": reads}, "given": {}, "sent": {}})
        row = self.rows.get(request.url.path.split("/")[3])
        return httpx.Response(200, json=row) if row else httpx.Response(404)


def a_runtime(url: str, owner: Owner, **options: Any) -> MessagingRuntime[Parcel]:
    patient = {"lease": timedelta(seconds=60), **options}  # a busy machine must not fail a test
    settings = Settings(PORTAL_URL=OWNER, SERVICE_SECRET=SECRET, **patient)
    parcels: DocumentStore[Parcel] = DocumentStore("parcels", Parcel, born="code")
    runtime = MessagingRuntime(
        "receiver", settings, url, parcels, handlers, tables=tables_of(parcels), peers=[SENDER], topics=TOPICS
    )
    runtime.timers = Timers(
        "receiver", runtime.database, parcels, TOPICS, {"ring": ring, "silence": silence, "alarm": ring}
    )
    runtime.mounts = {OWNER: httpx.MockTransport(owner)}
    return runtime


@asynccontextmanager
async def opened(runtime: MessagingRuntime[Parcel]) -> AsyncIterator[MessagingRuntime[Parcel]]:
    async with runtime.opened():
        await runtime.when_ready()
        yield runtime


class Shelf:
    """One sandbox of a runtime, and the events of the sender in it."""

    def __init__(self, runtime: MessagingRuntime[Parcel], sandbox: FrozenSandbox) -> None:
        self.runtime, self.sandbox, self.id = runtime, sandbox, sandbox.id

    def event(self, type: str, mark: str, code: str = "A", *, lane: int = 0) -> Said:
        return an_event_of(type, self.id, code, {"code": code, "mark": mark}, lane=lane)

    async def marks(self, code: str = "A") -> list[str]:
        parcel = await self.runtime.documents.find(self.runtime.database, self.id, code)
        return list(parcel.marks) if parcel else []

    async def rows(self, table: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
        sql = f"SELECT {columns} FROM {table} WHERE sandbox = $1 ORDER BY {order}"
        return [tuple(row) for row in await self.runtime.database.fetch(sql, self.id)]

    async def set_timer(
        self, code: str, kind: str, after: timedelta, lane: int = 0, *, at_once: bool = False
    ) -> datetime:
        due = MORNING + after
        async with self.runtime.unit_of_work(self.id, codes=[code]) as request:
            if request.work.find(code) is None:
                request.work.save(code, Parcel(code), lane=lane)
            request.work.timer(code, kind, due, at_once=at_once)
        return due


async def a_shelf(runtime: MessagingRuntime[Parcel], **row: Any) -> Shelf:
    return Shelf(runtime, await FrozenSandbox(runtime).tell(**row))
