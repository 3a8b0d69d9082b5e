"""What can be written into the forms of the officer pages: the page says what is wrong, and keeps the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode, urljoin

import httpx
import pytest

from contracts import lifecycle as law
from tests.support.country import URLS, Citizen, Country, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE
from tests.support.pages import HOSTILE, Browser, Forms, a_browser, is_calm, refusal_of, state_of

each_hostile = pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
REGISTRATION = {"procedure": COPY, "commune": COMMUNE, "name": "Trần Ngọc Lan", "id": "037190900123"}


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> AsyncIterator[Browser]:
    """At a province that this browser has taken over."""
    async with a_browser(country, sandbox, "gateway") as browser:
        await browser.send(await browser.get(f"/provinces/{PROVINCE}"), "/mode", mode="manual")
        yield browser


@pytest.fixture
async def dossier(desk: Browser, sandbox: Sandbox, lan: Citizen) -> httpx.Response:
    """The page of a dossier that is not received yet."""
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    return await desk.get(f"/provinces/{PROVINCE}/dossiers/{code}")


@each_hostile
async def test_an_address_can_say_anything(desk: Browser, dossier: httpx.Response, value: str) -> None:
    written = quote(value[:1000], safe="") or "%20"
    for name in ("commune", "state", "code", "after"):
        page = await desk.get(f"/provinces/{PROVINCE}?{urlencode({name: value})}")
        assert is_calm(page) and page.status_code in (200, 404, 422), name
    for path in (
        f"/provinces/{written}",
        f"/provinces/{written}/register",
        f"/provinces/{PROVINCE}/dossiers/{written}",
    ):
        page = await desk.get(path)
        assert is_calm(page) and page.status_code in (404, 422), path
    for path in (f"{dossier.url.path}/slips/{written}", f"/language/{written}"):
        page = await desk.get(path)
        assert is_calm(page) and page.status_code in (404, 422), path


@each_hostile
async def test_every_field_of_a_registration_can_say_anything(desk: Browser, value: str) -> None:
    form = await desk.get(f"/provinces/{PROVINCE}/register")
    for name in (*REGISTRATION, "note", "key"):
        answer = await desk.send(form, "", **{**REGISTRATION, name: value})
        assert is_calm(answer) and answer.status_code in (200, 422), (name, answer.text)
        if answer.status_code == 422:
            assert {"errors", "send"} <= Forms(answer.text).ids, name
            assert name == "name" or "Trần Ngọc Lan" in answer.text, "what was written is kept"
        else:
            assert state_of(answer)


MOVES = {
    law.REFUSE: {"reason": "Không đúng"},
    law.REQUEST_SUPPLEMENT: {"reason": "Thiếu", "items": "Ảnh", "answer_days": "5"},
    law.RECEIVE: {},
}


@each_hostile
@pytest.mark.parametrize("does", MOVES)
async def test_every_field_of_a_move_can_say_anything(
    desk: Browser, sandbox: Sandbox, lan: Citizen, does: str, value: str
) -> None:
    for name in ("reason", "items", "answer_days", "days", "amount", "fee_name", "kind", "method", "at_desk", "key"):
        code = await lan.submitted(procedure=COPY)
        await sandbox.carry()
        dossier = await desk.get(f"/provinces/{PROVINCE}/dossiers/{code}")
        answer = await desk.send(dossier, f"/moves/{does}", **{**MOVES[does], name: value})
        assert is_calm(answer) and answer.status_code in (200, 422), (name, answer.text)
        if answer.status_code == 422:
            errors = {each for each in Forms(answer.text).ids if each.startswith("error-")}
            assert errors, name


@pytest.mark.parametrize("days", ["-1", "0", "1.5", "1e3", "٣", "５", "nhiều", "9" * 3000, " "])
async def test_a_number_of_days_that_is_none_is_named_beside_its_field(
    desk: Browser, dossier: httpx.Response, days: str
) -> None:
    fields = {"reason": "Thiếu", "items": "Ảnh", "answer_days": days}
    answer = await desk.send(dossier, f"/moves/{law.REQUEST_SUPPLEMENT}", **fields)
    assert is_calm(answer)
    if days.strip():
        assert answer.status_code == 422 and "error-answer_days" in Forms(answer.text).ids, answer.text
        assert "Ảnh" in answer.text


async def test_a_move_that_the_page_does_not_offer_is_refused_in_words(desk: Browser, dossier: httpx.Response) -> None:
    (form,) = [each for each in Forms(dossier.text).forms if each["action"].endswith(law.RECEIVE)]
    for does in ("finish", "nothing", "..%2Freceive", "receive%00", "%3Cscript%3Ealert(1)"):
        address = urljoin(str(dossier.url), form["action"].replace(law.RECEIVE, does))
        answer = await desk.http.post(address, data=form["fields"], follow_redirects=True)
        assert is_calm(answer) and answer.status_code in (404, 409, 422), does
    again = await desk.get(f"{dossier.url.path}/moves/{law.RECEIVE}")
    assert again.url.path == dossier.url.path and state_of(again) == "submitted", "looking does nothing"


@each_hostile
async def test_only_a_province_is_taken_over(desk: Browser, country: Country, sandbox: Sandbox, value: str) -> None:
    modes = f"/_lab/sandboxes/{sandbox.id}/modes?page_size=100"
    before = (await country.ask("portal", "GET", modes)).json()
    for province in (quote(value[:200], safe="") or "%20", "*", "%2A", "00", "36"):
        answer = await desk.http.post(
            f"{URLS['gateway']}/provinces/{province}/mode", data={"mode": "manual"}, follow_redirects=True
        )
        assert is_calm(answer) and answer.status_code in (404, 422), province
    assert (await country.ask("portal", "GET", modes)).json() == before
    assert (await desk.get(f"/provinces/{PROVINCE}/mode")).url.path == f"/provinces/{PROVINCE}"


async def test_while_the_portal_is_down_the_desk_works_and_says_what_does_not(
    desk: Browser, country: Country, dossier: httpx.Response
) -> None:
    async with country.silent("portal"):
        silent = await desk.send(await desk.get(f"/provinces/{PROVINCE}"), "/mode", mode="")
        assert refusal_of(silent, 503).startswith("Cổng Dịch vụ công chưa trả lời")
        assert "refresh" not in silent.headers and "tries" not in Forms(silent.text).ids, "a form is not sent by itself"
        assert state_of(await desk.send(dossier, f"/moves/{law.RECEIVE}")) != "submitted"


async def test_a_sandbox_that_is_deleted_meanwhile_is_named_with_the_way_back(
    desk: Browser, country: Country, sandbox: Sandbox, dossier: httpx.Response
) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    for page in (await desk.get("/"), await desk.send(dossier, f"/moves/{law.RECEIVE}")):
        assert page.status_code == 404 and is_calm(page)
        assert {"gone", "way-back"} <= Forms(page.text).ids and sandbox.id in page.text
