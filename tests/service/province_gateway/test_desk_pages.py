"""The officer pages, as a browser without scripts uses them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from contracts import lifecycle as law
from shared.sentences import in_language
from tests.support.country import Citizen, Country, Sandbox
from tests.support.factories import COMMUNE, COPY, FREE, PROVINCE
from tests.support.pages import Browser, Forms, a_browser, state_of


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> AsyncIterator[Browser]:
    async with a_browser(country, sandbox, "gateway") as browser:
        yield browser


async def test_one_button_takes_a_province_over_and_another_gives_it_back(desk: Browser) -> None:
    page = await desk.get(f"/provinces/{PROVINCE}")
    assert 'data-mode="simulated"' in page.text and "empty" in Forms(page.text).ids
    taken = await desk.send(page, "/mode", mode="manual")
    assert 'data-mode="manual"' in taken.text
    assert "làm tay" in (await desk.get("/")).text
    given_back = await desk.send(taken, "/mode", mode="")
    assert 'data-mode="simulated"' in given_back.text


async def test_an_officers_day_from_the_inbox_to_the_returned_result(
    desk: Browser, sandbox: Sandbox, lan: Citizen
) -> None:
    await desk.send(await desk.get(f"/provinces/{PROVINCE}"), "/mode", mode="manual")
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    inbox = await desk.get(f"/provinces/{PROVINCE}?commune={COMMUNE}&state=submitted")
    assert f"dossier-{code}" in Forms(inbox.text).ids
    page = await desk.get(f"/provinces/{PROVINCE}?code={code.lower()}")
    assert page.url.path.endswith(code), "the search by a code leads to the dossier"
    for does in (law.RECEIVE, law.START, law.FINISH, law.RETURN):
        assert f"move-{does}" in Forms(page.text).ids, (does, page.text)
        page = await desk.send(page, f"/moves/{does}")
    assert state_of(page) == "result_returned"
    assert (await desk.get(f"/provinces/{PROVINCE}/dossiers/{code}/slips/01")).content.startswith(b"%PDF")
    assert (await desk.get(f"/provinces/{PROVINCE}/dossiers/{code}/slips/05")).status_code == 404


async def test_a_page_offers_exactly_the_lawful_moves_and_says_why_another_is_refused(
    desk: Browser, sandbox: Sandbox, lan: Citizen
) -> None:
    await desk.send(await desk.get(f"/provinces/{PROVINCE}"), "/mode", mode="manual")
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    page = await desk.get(f"/provinces/{PROVINCE}/dossiers/{code}")
    path = f"/api/v1/provinces/{PROVINCE}/dossiers/{code}"
    can = (await sandbox.country.ask("gateway", "GET", path, headers=sandbox.header)).json()["can"]
    shown = {each.removeprefix("move-") for each in Forms(page.text).ids if each.startswith("move-")}
    assert shown == set(can)
    without_reason = await desk.send(page, "/moves/refuse")
    assert without_reason.status_code == 422 and "error-reason" in Forms(without_reason.text).ids
    hostile = "<script>alert(1)</script>\x1b[2J"
    control = await desk.send(page, "/moves/refuse", reason=hostile)
    assert control.status_code == 422 and "<script>alert" not in control.text
    received = await desk.send(page, "/moves/receive")
    stale = await desk.send(page, "/moves/refuse", reason="Thiếu giấy tờ", key="another")
    assert stale.status_code == 422 and "error-form" in Forms(stale.text).ids, "the page says what happened meanwhile"
    assert 'data-testid="written">Thiếu giấy tờ<' in stale.text, "and what was written is not lost"
    twice = await desk.send(page, "/moves/receive")
    assert state_of(twice) == state_of(received), "the form that was sent twice has one effect"


async def test_an_inbox_is_narrowed_to_a_department(desk: Browser, sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    inbox = await desk.get(f"/provinces/{PROVINCE}?field=civil_status&commune={COMMUNE}")
    assert f"dossier-{code}" in Forms(inbox.text).ids and "selected>Hộ tịch<" in inbox.text
    await desk.get("/language/en")
    other = await desk.get(f"/provinces/{PROVINCE}?field=land")
    assert "empty" in Forms(other.text).ids and "selected>Land<" in other.text


async def test_the_law_is_named_in_the_language_of_the_page(desk: Browser, sandbox: Sandbox, lan: Citizen) -> None:
    await desk.send(await desk.get(f"/provinces/{PROVINCE}"), "/mode", mode="manual")
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    here = f"/provinces/{PROVINCE}/dossiers/{code}"
    for lang in ("vi", "en"):
        page = await desk.get(f"/language/{lang}?next={here}")
        assert law_of(page, law.RECEIVE) == in_language(law.RECEIPT, lang)
        assert law_of(page, law.REFUSE) == f"{in_language(law.REFUSAL, lang)}; {in_language(law.REPAY, lang)}"
    received = await desk.send(page, "/moves/receive")
    for lang in ("vi", "en"):
        await desk.get(f"/language/{lang}")
        address = f"{desk.base}{here}/moves/{law.START}"
        early = await desk.http.post(address, data={"key": lang})
        assert early.status_code == 422 and in_language(law.FEES, lang) in html.unescape(early.text), state_of(received)


def law_of(page: httpx.Response, does: str) -> str:
    (said,) = re.findall(rf'data-testid="law-{does}">([^<]*)<', page.text)
    return html.unescape(said)


async def test_a_dossier_is_registered_at_the_counter(desk: Browser) -> None:
    form = await desk.get(f"/provinces/{PROVINCE}/register")
    wrong = await desk.send(form, "", procedure=COPY, commune=COMMUNE, name="", id="123")
    assert wrong.status_code == 422 and {"error-name", "error-id"} <= Forms(wrong.text).ids, wrong.text
    fields = {"procedure": COPY, "commune": COMMUNE, "name": "Trần Ngọc Lan", "id": "037190900123"}
    page = await desk.send(form, "", **fields)
    again = await desk.send(form, "", **fields)
    assert page.url == again.url and state_of(page), "sent twice, it is registered once"


async def test_what_is_not_there_gets_a_page(desk: Browser) -> None:
    every = await desk.http.post(f"{desk.base}/provinces/*/mode", data={"mode": "manual"})
    assert every.status_code == 404, "nobody takes all provinces over"
    assert (await desk.get("/provinces/00/register")).status_code == 404
    for path in (f"/provinces/{PROVINCE}/dossiers/H42-1", "/provinces/00", f"/provinces/{PROVINCE}?state=nowhere"):
        page = await desk.get(path)
        assert page.status_code in (404, 422) and "refusal" in Forms(page.text).ids, path
