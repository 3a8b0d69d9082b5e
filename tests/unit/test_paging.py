"""Pages of a list, walked by their links."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BodyDoesNotFit
from shared.storage.page import LARGEST, Cut, Page
from shared.web import problems
from shared.web.paging import PageDep, announce

ROWS = list(range(7))
KEYS = ["H42.14464-20260609-0000003", "H42.14464-20260609-0000002", "Đ/=+ &?"]

app = FastAPI()
problems.install(app, {})


@app.get("/numbers")
async def numbers(page: PageDep, request: Request, response: Response, upto: int = 7) -> list[int]:
    return announce(request, response, page.of(ROWS[:upto]))


@app.get("/of/{name}")
async def of_name(name: str, page: PageDep, request: Request, response: Response) -> list[str]:
    return announce(request, response, page.of([f"{name} {row}" for row in ROWS]))


@app.get("/keys")
async def keys(page: PageDep, request: Request, response: Response) -> list[str]:
    begin = KEYS.index(page.after) + 1 if page.after else 0
    rows = KEYS[begin : begin + page.size]
    return announce(request, response, Cut(rows, rows[-1] if begin + page.size < len(KEYS) else None))


@pytest.fixture
async def door() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def walk(door: httpx.AsyncClient, address: str) -> list[httpx.Response]:
    answers = [await door.get(address)]
    while "next" in answers[-1].links:
        answers.append(await door.get(answers[-1].links["next"]["url"]))
    return answers


async def test_following_the_links_gives_every_row_once(door: httpx.AsyncClient) -> None:
    answers = await walk(door, "/numbers?page_size=3&upto=7")
    assert [answer.json() for answer in answers] == [[0, 1, 2], [3, 4, 5], [6]]
    assert {answer.headers["X-Total-Count"] for answer in answers} == {"7"}
    assert all(answer.links["first"]["url"] == "/numbers?page_size=3&upto=7" for answer in answers)
    assert all("upto=7" in answer.links["next"]["url"] for answer in answers[:-1])


async def test_a_list_that_fits_has_one_page(door: httpx.AsyncClient) -> None:
    for address in ("/numbers", "/numbers?page_size=7"):
        answer = await door.get(address)
        assert answer.json() == ROWS and "next" not in answer.links
    assert (await door.get("/numbers?upto=0")).json() == []


async def test_a_place_may_be_any_text_and_nobody_has_to_count(door: httpx.AsyncClient) -> None:
    answers = await walk(door, "/keys?page_size=1")
    assert [row for answer in answers for row in answer.json()] == KEYS
    assert not any("X-Total-Count" in answer.headers for answer in answers)


@pytest.mark.parametrize("name", ["đất đai", 'a?b="c">', "\ufffd"])
async def test_the_next_page_has_the_address_of_the_first_whatever_letters_are_in_it(
    door: httpx.AsyncClient, name: str
) -> None:
    answers = await walk(door, f"/of/{quote(name)}?page_size=4&q=%C4%91")
    assert [row for answer in answers for row in answer.json()] == [f"{name} {row}" for row in ROWS]


@pytest.mark.parametrize("token", ["!", "abcde", "AAAA", "_w", "xyz" * 9], ids=str)
async def test_a_token_of_nowhere_is_refused_where_it_stands(door: httpx.AsyncClient, token: str) -> None:
    answer = await door.get("/numbers", params={"page_token": token})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/page_token"]


@pytest.mark.parametrize("size", ["0", str(LARGEST + 1), "-1", "many"])
async def test_a_size_out_of_bounds_is_refused(door: httpx.AsyncClient, size: str) -> None:
    answer = await door.get("/numbers", params={"page_size": size})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/page_size"]


def test_a_place_beyond_the_end_is_an_empty_page() -> None:
    assert Page(3, "99").of(ROWS) == Cut([], None, 7)


@given(st.text(max_size=12))
def test_a_place_in_memory_is_a_number_or_refused(place: str) -> None:
    if re.fullmatch("[0-9]{1,9}", place):
        assert Page(2, place).of(ROWS).total == 7
    elif place:
        with pytest.raises(BodyDoesNotFit):
            Page(2, place).of(ROWS)
