"""The lists of the lab endpoints: dead letters and the timeline of a subject, by page and complete."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from lienthong.client import Country
from lienthong.client.http import Problem, ServiceClient, every_row
from shared.lab import dead_letters, lanes, sandbox
from shared.messaging.runtime import MessagingRuntime
from shared.web import app as web
from tests.service.core.parcels import ASKED, MARKED, SENT, Parcel, Shelf, a_shelf, broken
from tests.support.factories import MORNING, hear

MORE_THAN_TWO_PAGES = 1100
LETTERS = "/_lab/dead-letters"


@pytest.fixture
async def client(runtime: MessagingRuntime[Parcel]) -> AsyncIterator[ServiceClient]:
    app = web.create_app(runtime, "parcels", {})
    app.include_router(sandbox.router)
    app.include_router(lanes.router)
    app.include_router(dead_letters.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        yield ServiceClient(http, "http://127.0.0.1")


async def page(client: ServiceClient, shelf: Shelf, path: str) -> tuple[list[dict[str, Any]], str]:
    """The rows of one page, and the address of the next one."""
    response = await client.send("GET", path, headers=shelf.sandbox.header)
    return response.json(), response.links.get("next", {}).get("url", "")


async def add_letters(runtime: MessagingRuntime[Parcel], shelf: Shelf, count: int) -> None:
    await runtime.database.pool.execute(
        "INSERT INTO dead_letters (sandbox, subject, lane, epoch, number, kind, reason, detail) "
        "SELECT $1, n::text, 0, 1, n, 'parcel.sent.v1', 'NotToday', '' FROM generate_series(1, $2::int) n",
        shelf.id,
        count,
    )


async def begin(runtime: MessagingRuntime[Parcel], shelf: Shelf, count: int) -> None:
    """Two events of each of so many parcels, the first of them in the reverse order of their numbers."""
    await runtime.database.pool.execute(
        "INSERT INTO events (sandbox, subject, version, id, type, lane, at, real_at, body, traceparent) "
        "SELECT $1, n::text, version, '', 'parcel.asked.v1', 0, $3, "
        "$3::timestamptz - version * n * interval '1 s', '{}', '' "
        "FROM generate_series(1, $2::int) n, generate_series(1, 2) version",
        shelf.id,
        count,
        MORNING,
    )


async def test_the_client_gives_every_dead_letter_of_its_sandbox(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, client: ServiceClient
) -> None:
    await add_letters(runtime, await a_shelf(runtime), 3)
    await add_letters(runtime, shelf, MORE_THAN_TWO_PAGES)
    country = Country()
    country.portal = client
    letters = await country.enter(shelf.id).dead_letters("portal")
    assert [letter["number"] for letter in letters] == list(range(1, MORE_THAN_TWO_PAGES + 1))


async def test_the_client_gives_every_dossier_of_its_sandbox_in_the_order_of_their_beginning(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, client: ServiceClient
) -> None:
    await begin(runtime, await a_shelf(runtime), 3)
    await begin(runtime, shelf, MORE_THAN_TWO_PAGES)
    country = Country()
    country.portal = country.gateway = client
    codes = await country.enter(shelf.id).dossiers()
    assert codes == [str(number) for number in range(MORE_THAN_TWO_PAGES, 0, -1)]


async def test_changes_of_letters_shift_no_page(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, client: ServiceClient
) -> None:
    broken.add("1")
    for code in "ABC":
        await hear(
            runtime, shelf.event(SENT, "0", code), shelf.event(MARKED, "1", code), shelf.event(MARKED, "2", code)
        )
    first, next_page = await page(client, shelf, f"{LETTERS}?page_size=2")
    broken.clear()
    await runtime.redrive(shelf.id, "A")
    broken.add("1")
    await hear(runtime, shelf.event(SENT, "0", "D"), shelf.event(MARKED, "1", "D"))
    second, end = await page(client, shelf, next_page)
    assert [letter["subject"] for letter in first + second] == list("ABCD")
    assert (end, [letter["waiting_behind"] for letter in first + second]) == ("", [1, 1, 1, 0])


@pytest.mark.parametrize("place", ["A", "-1", "1 2", "٣", "9" * 19])
async def test_the_page_token_of_another_list_is_refused(shelf: Shelf, client: ServiceClient, place: str) -> None:
    token = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
    with pytest.raises(Problem) as refusal:
        await page(client, shelf, f"{LETTERS}?page_token={token}")
    assert refusal.value.status == 422
    assert [error["pointer"] for error in refusal.value.facts["errors"]] == ["/query/page_token"]


async def test_a_later_event_changes_only_the_last_page_of_a_timeline(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, client: ServiceClient
) -> None:
    await hear(runtime, shelf.event(SENT, "0"), *(shelf.event(ASKED, str(mark)) for mark in range(1, 6)))
    first, next_page = await page(client, shelf, "/_lab/timeline/A?page_size=3")
    await hear(runtime, shelf.event(ASKED, "6"))
    second, end = await page(client, shelf, next_page)
    assert ([line["version"] for line in first], [line["version"] for line in second]) == ([1, 2, 3], [4, 5, 6])
    assert end == ""
    rest = partial(client.send, headers=shelf.sandbox.header)
    assert await every_row(rest, "/_lab/timeline/A", page_size=1) == first + second
