"""Dead letters are edited and redriven over HTTP: the first body is kept, and nothing is applied twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from lienthong.client import Country
from lienthong.client.http import ServiceClient
from shared.lab import dead_letters, sandbox
from shared.messaging import redrives
from shared.messaging.consumer import Redriven
from shared.messaging.runtime import MessagingRuntime
from shared.web import app as web
from tests.service.core.parcels import ASKED, MARKED, SENT, Parcel, Shelf, a_shelf, broken
from tests.support.country import pointers, problem
from tests.support.factories import an_event_of, hear

LETTERS = "/_lab/dead-letters"
REDRIVES = "/_lab/redrives"
AT_ONCE = 8  # redrives of one letter at the same time


def check(event: str, subject: str, original: Any, body: Any) -> list[tuple[str, str]]:
    return [] if isinstance(body.get("mark"), str) else [("/mark", "must be text")]


class Door:
    """The lab endpoints of one sandbox."""

    def __init__(self, http: httpx.AsyncClient, shelf: Shelf) -> None:
        self.http, self.shelf = http, shelf

    async def ask(self, method: str, path: str, *, at: str = LETTERS, **options: Any) -> httpx.Response:
        return await self.http.request(method, at + path, headers=self.shelf.sandbox.header, **options)

    async def letter(self) -> int:
        """The id of the last dead letter."""
        return int((await self.shelf.rows("dead_letters", "id", "id"))[-1][0])

    async def shown(self, letter: int) -> dict[str, Any]:
        return dict((await self.ask("GET", f"/{letter}")).json())

    async def edit(self, letter: int, body: Any) -> httpx.Response:
        return await self.ask("PUT", f"/{letter}/body", json=body)

    async def redrive(self, letter: int) -> dict[str, Any]:
        answer = await self.ask("POST", f"/{letter}/redrive")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def redrive_all(self, **only: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "", at=REDRIVES, json=only)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def http(runtime: MessagingRuntime[Parcel], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(runtime, "check_edit", check)
    app = web.create_app(runtime, "parcels", {}, routers=(sandbox.router, dead_letters.router))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        yield http


@pytest.fixture
def door(http: httpx.AsyncClient, shelf: Shelf) -> Door:
    return Door(http, shelf)


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redrives, "AT_ONCE", 2)
    yield


async def die(door: Door, mark: str, code: str = "A", type: str = MARKED) -> int:
    """A dead letter: the event with this mark cannot be applied. Returns its id."""
    broken.add(mark)
    await hear(door.shelf.runtime, door.shelf.event(SENT, "1", code), door.shelf.event(type, mark, code))
    return await door.letter()


async def test_an_edited_body_is_applied_and_the_first_one_is_kept(door: Door) -> None:
    letter = await die(door, "2")
    assert (await door.shown(letter))["original"] is None
    await door.shelf.sandbox.advance(timedelta(hours=1))
    answer = await door.edit(letter, {"code": "A", "mark": "two", "note": "new"})
    assert answer.status_code == 200, answer.text
    await door.shelf.sandbox.advance(timedelta(hours=1))
    again = (await door.edit(letter, {"code": "A", "mark": "zwei"})).json()
    assert again == await door.shown(letter)
    assert json.loads(again["original"]) == {"code": "A", "mark": "2"}, "the first one, after the second edit too"
    assert again["changes"] == [{"pointer": "/mark", "before": "2", "after": "zwei"}]
    assert again["edited_at"] == "2026-06-09T10:00:00.000+07:00"
    assert [again["record"][name] for name in ("id", "type", "subject", "version")] == ["id-A-2", MARKED, "A", 2]
    assert await door.redrive(letter) == {
        "id": letter,
        "subject": "A",
        "kind": MARKED,
        "outcome": "applied",
        "applied": 1,
        "reason": None,
        "detail": None,
    }
    assert await door.shelf.marks() == ["1", "zwei"]
    assert (await door.shown(letter))["changes"] == again["changes"], "also after it was applied"


async def test_edits_are_in_the_timeline_and_the_same_body_is_none(door: Door) -> None:
    letter = await die(door, "2")
    untouched = (await door.edit(letter, {"mark": "2", "code": "A"})).json()
    assert (untouched["original"], untouched["edited_at"], untouched["changes"]) == (None, None, [])
    await door.edit(letter, {"code": "A", "mark": "two"})
    back = (await door.edit(letter, {"code": "A", "mark": "2"})).json()
    assert back["changes"] == [] and back["edited_at"]
    lines = (await door.http.get("/_lab/timeline/A", headers=door.shelf.sandbox.header)).json()
    assert [(line["kind"], line["data"]) for line in lines] == [
        ("dead_letter_edited", {"letter": letter, "type": MARKED, "pointers": ["/mark"]})
    ] * 2
    assert lines[0]["text_en"] == f"The body of dead letter {letter} ({MARKED}) was edited at /mark"


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"\xff\xfe", b'{"code": "A", "mark": "\\u0000", "\\u0000": 1}'], ids=repr
)
async def test_any_broken_body_can_be_replaced(door: Door, body: bytes) -> None:
    await hear(door.shelf.runtime, door.shelf.event(SENT, "1"), an_event_of(MARKED, door.shelf.id, "A", body, lane=0))
    letter = await door.letter()
    answer = await door.edit(letter, {"code": "A", "mark": "whole"})
    assert answer.status_code == 200 and answer.json()["original"] == body.decode(errors="replace")
    assert answer.json()["changes"]
    assert (await door.redrive(letter))["outcome"] == "applied"
    assert await door.shelf.marks() == ["1", "whole"]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"code": "A"}, ["/mark"]),
        ([1], [""]),
        ({"code": "A", "mark": "a\x00b", "more": [{"x/y": "\ud800"}]}, ["/mark", "/more/0/x~1y"]),
        ({"code": "A", "mark": "m", "much": 1 << 70}, ["/much"]),
    ],
    ids=["contract", "no object", "texts", "number"],
)
async def test_a_body_that_does_not_fit_changes_nothing(door: Door, body: Any, places: list[str]) -> None:
    letter = await die(door, "2")
    before = await door.shown(letter)
    headers = {"Content-Type": "application/json", **door.shelf.sandbox.header}
    content = json.dumps(body).encode()  # with \u escapes: a lone surrogate can travel
    refused = await door.http.put(f"{LETTERS}/{letter}/body", content=content, headers=headers)
    assert pointers(refused) == places
    assert await door.shown(letter) == before


async def test_the_list_can_be_of_one_type_and_of_those_that_are_open(door: Door) -> None:
    one, other = await die(door, "2"), await die(door, "3", "B", ASKED)

    async def listed(query: str) -> list[int]:
        return [letter["id"] for letter in (await door.ask("GET", query)).json()]

    assert await listed("") == await listed("?open=true") == [one, other]
    assert await listed(f"?type={ASKED}") == [other] and await listed("?type=none") == []
    broken.discard("2")
    await door.redrive(one)
    assert await listed("?open=true") == [other] and await listed(f"?open=true&type={MARKED}") == []
    assert await listed("?open=false") == [one, other]
    assert pointers(await door.ask("GET", "?open=perhaps")) == ["/query/open"]


async def test_a_text_is_stored_composed(door: Door) -> None:
    letter = await die(door, "2")
    await door.edit(letter, {"code": "A", "mark": "Nguye\u0302\u0303n"})
    await door.redrive(letter)
    assert await door.shelf.marks() == ["1", "Nguyễn"]


async def test_what_is_gone_or_unknown_or_a_timer_is_not_edited(door: Door) -> None:
    letter, body = await die(door, "2"), {"code": "A", "mark": "two"}
    broken.clear()
    await door.redrive(letter)
    gone = problem(await door.edit(letter, body), 404, "dead-letter-not-found")
    assert "It was redriven and is gone" in gone["detail"]
    problem(await door.edit(letter + 1_000_000, body), 404, "dead-letter-not-found")
    elsewhere = Door(door.http, await a_shelf(door.shelf.runtime))
    problem(await elsewhere.edit(letter, body), 404, "dead-letter-not-found")
    broken.add("ring 02:00")
    await door.shelf.set_timer("B", "ring", timedelta(hours=1))
    await door.shelf.sandbox.advance(timedelta(hours=1))
    await door.shelf.runtime.fire(door.shelf.id)
    timer = await door.letter()
    problem(await door.edit(timer, body), 409, "dead-letter-has-no-body")
    assert (await door.redrive(timer))["outcome"] == "released"
    assert (await door.redrive(timer))["outcome"] == "gone"


async def test_a_letter_redriven_many_times_at_once_has_one_effect(door: Door) -> None:
    letter = await die(door, "2", type=ASKED)
    await hear(door.shelf.runtime, door.shelf.event(ASKED, "3"))
    broken.clear()
    one, all_ = AT_ONCE // 2, AT_ONCE // 2
    redriven = await asyncio.gather(
        *(door.redrive(letter) for _ in range(one)), *(door.redrive_all() for _ in range(all_))
    )
    each = [found for answer in redriven for found in answer.get("letters", [answer])]
    outcomes = sorted(found["outcome"] for found in each)
    assert outcomes.count("applied") == 1 and set(outcomes) <= {"applied", "gone"}
    assert sum(found["applied"] for found in each) == 2
    assert await door.shelf.marks() == ["1", "2", "3"]
    assert len(await door.shelf.rows("events")) == 2, "each answered once"
    assert (await door.redrive(letter))["outcome"] == "gone"
    assert await door.redrive_all() == {"letters": [], "next": None}


async def test_what_is_applied_is_what_the_letter_shows_however_an_edit_and_a_redrive_meet(door: Door) -> None:
    codes = "BCDEFGHIJK"
    letters = {code: await die(door, "2", code) for code in codes}
    broken.clear()

    async def edited(code: str) -> int:
        return (await door.edit(letters[code], {"code": code, "mark": "two"})).status_code

    statuses = await asyncio.gather(
        *(edited(code) for code in codes), *(door.redrive(letters[code]) for code in codes[::-1])
    )
    for code, status in zip(codes, statuses, strict=False):
        letter = await door.shown(letters[code])
        assert await door.shelf.marks(code) == ["1", json.loads(letter["record"]["body"])["mark"]]
        assert (status, bool(letter["changes"])) in [(200, True), (404, False)]


async def test_a_filter_selects_by_type_and_by_dossier(door: Door) -> None:
    ids = [
        await die(door, "2", code, type) for code, type in (("A", MARKED), ("B", ASKED), ("C", MARKED), ("D", ASKED))
    ]
    broken.clear()

    async def of(**only: Any) -> list[int]:
        return [letter["id"] for letter in (await door.redrive_all(**only))["letters"]]

    assert await of(type="parcel.weighed.v1") == await of(dossier="X") == await of(type=ASKED, dossier="A") == []
    assert await of(type=MARKED, dossier="A") == ids[:1]
    assert await of(type=ASKED) == [ids[1], ids[3]], "the oldest first"
    assert (await door.ask("POST", "", at=REDRIVES)).json()["letters"][0]["id"] == ids[2], "without a body: all"
    assert pointers(await door.ask("POST", "", at=REDRIVES, json={"typ": MARKED})) == ["/typ"]


async def test_what_fails_again_has_its_reason_and_the_next_is_redriven_all_the_same(door: Door) -> None:
    first, second = await die(door, "2", "A"), await die(door, "3", "B")
    await hear(door.shelf.runtime, door.shelf.event(MARKED, "4", "B"))
    broken.remove("3")
    letters = (await door.redrive_all())["letters"]
    assert [(each["id"], each["outcome"], each["applied"]) for each in letters] == [
        (first, "failed", 0),
        (second, "applied", 2),
    ]
    assert letters[0]["reason"] == "NotToday" and "This mark is broken today." in letters[0]["detail"]
    assert (await door.redrive(first))["outcome"] == "failed"


async def second(door: Door, mark: str) -> int:
    """A second dead letter of parcel A, which was not parked when its event came."""
    await door.shelf.runtime.database.pool.execute("DELETE FROM parked WHERE sandbox = $1", door.shelf.id)
    broken.add(mark)
    await hear(door.shelf.runtime, door.shelf.event(MARKED, mark))
    return await door.letter()


async def test_what_is_applied_is_counted_once_however_many_letters_a_dossier_has(door: Door) -> None:
    ids = [await die(door, "2"), await second(door, "3")]
    await hear(door.shelf.runtime, door.shelf.event(MARKED, "4"))
    broken.clear()
    letters = (await door.redrive_all())["letters"]
    assert [(each["id"], each["outcome"], each["applied"]) for each in letters] == [
        (ids[0], "applied", 3),
        (ids[1], "applied", 0),
    ]
    assert await door.shelf.marks() == list("1234")


async def test_a_dossier_is_redriven_once_however_many_letters_are_between_its_own(
    door: Door, two_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = [await die(door, "2", code) for code in "ABC"]
    last = await second(door, "3")
    broken.remove("2")
    redriven: list[str] = []
    redrive = door.shelf.runtime.redrive

    async def noted(sandbox_id: str, subject: str) -> Redriven:
        redriven.append(subject)
        return await redrive(sandbox_id, subject)

    monkeypatch.setattr(door.shelf.runtime, "redrive", noted)
    page = await door.redrive_all()
    assert ([each["id"] for each in page["letters"]], page["next"]) == (others, others[-1])
    page = await door.redrive_all(after=page["next"])
    assert [(each["id"], each["outcome"], each["applied"]) for each in page["letters"]] == [
        (first, "applied", 1),
        (last, "failed", 0),
    ]
    assert (page["next"], redriven) == (None, ["B", "C", "A"])


async def test_an_edit_that_does_not_help_leaves_the_new_reason(door: Door) -> None:
    letter = await die(door, "2")
    broken.add("two")
    await door.edit(letter, {"code": "A", "mark": "two"})
    assert (await door.redrive(letter))["outcome"] == "failed"
    shown = await door.shown(letter)
    assert "'two'" in shown["detail"] and shown["changes"]
    assert await door.shelf.rows("parked", "subject") == [("A",)]


async def test_the_client_redrives_all_however_many_there_are(door: Door, two_at_once: None) -> None:
    ids = [await die(door, "2", code) for code in "ABCDE"]
    broken.clear()
    page = await door.redrive_all(dossier="A", after=ids[0])
    assert page == {"letters": [], "next": None}
    country = Country()
    country.portal = ServiceClient(door.http, "http://127.0.0.1")
    sandbox = country.enter(door.shelf.id)
    edited = await sandbox.edit_dead_letter("portal", str(ids[0]), {"code": "A", "mark": "two"})
    assert edited["changes"]
    letters = await sandbox.redrive_all("portal", type=MARKED)
    assert [(letter["id"], letter["outcome"]) for letter in letters] == [(id, "applied") for id in ids]
    assert (await sandbox.redrive("portal", str(ids[0])))["outcome"] == "gone"
    assert [bool(letter["edited_at"]) for letter in await sandbox.dead_letters("portal")] == [True, *[False] * 4]
