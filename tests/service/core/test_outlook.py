"""What can still happen to one document in a service: its timers, its dead letter, and events not read yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from shared.lab import sandbox
from shared.messaging.pending import Outlook, PublishedEvent
from shared.messaging.relay import Relay
from shared.messaging.runtime import MessagingRuntime
from shared.web import app as web
from tests.service.core.parcels import ANSWERED, ASKED, MARKED, SENT, Parcel, Shelf, a_shelf, broken
from tests.service.core.test_relay import a_relay
from tests.support.country import HEADERS
from tests.support.factories import hear


async def get_pending(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, code: str = "A", **params: str
) -> httpx.Response:
    app = web.create_app(runtime, "parcels", {})
    app.include_router(sandbox.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), headers=HEADERS) as http:
        return await http.get(f"http://127.0.0.1/_lab/sandboxes/{shelf.id}/pending/{code}", params=params)


async def outlook(runtime: MessagingRuntime[Parcel], shelf: Shelf, code: str = "A", **params: str) -> Outlook:
    answer = await get_pending(runtime, shelf, code, **params)
    assert answer.status_code == 200, answer.text
    return msgspec.convert(answer.json(), Outlook, strict=False)


async def test_an_unknown_document_has_an_empty_outlook(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    assert await outlook(runtime, shelf) == Outlook()


async def test_timers_come_in_the_order_of_their_time(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    later = await shelf.set_timer("A", "alarm", timedelta(hours=2))
    sooner = await shelf.set_timer("A", "ring", timedelta(hours=1))
    await shelf.set_timer("B", "ring", timedelta(hours=1))
    document = await outlook(runtime, shelf)
    assert document.known and [(timer.kind, timer.due) for timer in document.timers] == [
        ("ring", sooner),
        ("alarm", later),
    ]


async def test_a_parked_document_names_its_letter_and_the_waiting_events(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    broken.add("1")
    first, second = shelf.event(MARKED, "1"), shelf.event(MARKED, "2")
    await hear(runtime, shelf.event(SENT, "0"), first, second)
    document = await outlook(runtime, shelf)
    assert document.parked is not None
    assert (document.parked.kind, document.parked.reason, document.parked.behind) == (
        MARKED,
        "dead letter: NotToday",
        1,
    )
    assert document.stuck == (first.version, second.version)
    ((letter,),) = await shelf.rows("dead_letters", "id")
    assert document.parked.letter == letter and document.parked.since.tzinfo is not None
    broken.clear()
    await runtime.redrive(shelf.id, "A")
    again = await outlook(runtime, shelf)
    assert (again.parked, again.stuck) == (None, ())


async def test_a_failed_timer_parks_its_document(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    broken.add("ring 01:00")
    await shelf.set_timer("A", "ring", timedelta(0))
    await runtime.fire(shelf.id)
    document = await outlook(runtime, shelf)
    assert document.parked is not None and (document.parked.kind, document.stuck) == ("ring", ())


async def test_an_event_is_unread_until_its_reader_has_read_it(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    relay = await at_work(own_runtime)
    await hear(own_runtime, shelf.event(SENT, "0"), shelf.event(ASKED, "1"))
    assert (await outlook(own_runtime, shelf, reader="1.1")).events == (
        PublishedEvent(ANSWERED, 1, numbered=False, unread=True),
    )
    await relay.number()
    assert (await outlook(own_runtime, shelf, reader="1.1")).events == (
        PublishedEvent(ANSWERED, 1, numbered=True, unread=True),
    )
    assert (await outlook(own_runtime, shelf, reader="-1.1")).events[0].unread, (
        "a reader with a new database has read nothing"
    )
    assert not (await outlook(own_runtime, shelf, reader="1.2")).events[0].unread
    assert not (await outlook(own_runtime, shelf)).events[0].unread, "nothing is known of its reader"
    await hear(own_runtime, shelf.event(ASKED, "2"))
    assert [event.unread for event in (await outlook(own_runtime, shelf, reader="1.2")).events] == [False, True]


async def at_work(runtime: MessagingRuntime[Parcel]) -> Relay:
    relay = a_relay(runtime, "one")
    await relay.leases.renew()
    return relay


@pytest.mark.parametrize("reader", ["", "1", "1.", ".1", "a.b", "1.1.1", "-2.1", "1.-1", "9" * 12 + ".1"])
async def test_an_invalid_place_is_refused(runtime: MessagingRuntime[Parcel], shelf: Shelf, reader: str) -> None:
    answer = await get_pending(runtime, shelf, reader=reader)
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["errors"][0]["pointer"]) == (422, "/query/reader")
