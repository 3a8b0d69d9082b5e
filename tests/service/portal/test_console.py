"""The console: every view says what the APIs say, and every control is a call of the API."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES
from contracts.faults import FAULTS
from contracts.faults.rules import RuleBody
from contracts.schemas import schema
from contracts.topics import TO_PROVINCE
from services.portal.console import boards, diagram
from services.portal.console.views import VIEWS, pretty
from services.portal.reporting.projection import project
from shared.messaging.cloudevents import decode
from shared.web.pages import without_controls
from tests.support.connector import Connector
from tests.support.country import URLS, Citizen, Country, Sandbox, problem
from tests.support.factories import COMMUNE, COPY, a_record, an_event, an_event_of, hear
from tests.support.pages import CONTROLS, HOSTILE, Browser, Forms, is_calm


@pytest.fixture
async def code(lan: Citizen, sandbox: Sandbox) -> str:
    """A dossier that the province has received; its fee is demanded and paid."""
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    await sandbox.move(days=1)
    await sandbox.fire()
    return code


@pytest.fixture
async def reported(country: Country, sandbox: Sandbox) -> str:
    """A dossier that the statistics count as received, due on the day after."""
    code = "H42.14464-20260609-0000001"
    said = [an_event(type, sandbox.id, code) for type in (law.DOSSIER_SUBMITTED, law.DOSSIER_RECEIVED)]
    source = {law.DOSSIER_SUBMITTED: "portal", law.DOSSIER_RECEIVED: "gateway"}
    async with country.portal.database.transaction() as connection:
        for number, each in enumerate(said, start=1):
            event = decode(a_record(each, source[each.type], number), source[each.type])
            assert event is not None
            await project(connection, [event])
    return code


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_is_there_also_in_an_empty_sandbox(browser: Browser, view: str, lang: str) -> None:
    await browser.get(f"/language/{lang}")
    page = await browser.get("/console" if view == "now" else f"/console/{view}")
    assert page.status_code == 200 and f'lang="{lang}"' in page.text
    assert {f"view-{each}" for each in VIEWS} <= Forms(page.text).ids


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
async def test_an_address_of_the_console_can_say_anything(browser: Browser, value: str) -> None:
    said = quote(value[:1000], safe="")
    story = f"/console/dossiers/{said or '%20'}"
    for address in (story, f"/console?{{}}={said}", *(f"/console/{view}?{{}}={said}" for view in VIEWS[1:])):
        for name in ("code", "after", "step", "upto", "type", "province", "q"):
            page = await browser.get(address.format(name))
            assert is_calm(page) and page.status_code in (200, 404, 422), page.url
    for drawing in ("story.svg", "story.mmd"):
        assert (await browser.get(f"{story}/{drawing}")).status_code in (200, 404, 422)


async def test_the_console_of_a_sandbox_that_is_deleted_names_the_way_back(
    browser: Browser, country: Country, sandbox: Sandbox
) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    for view in VIEWS:
        page = await browser.get("/console" if view == "now" else f"/console/{view}")
        assert page.status_code == 404 and {"gone", "way-back"} <= Forms(page.text).ids, view


async def test_the_story_is_drawn_with_an_arrow_for_each_step_and_says_what_it_carries(
    browser: Browser, code: str
) -> None:
    page = await browser.get(f"/console/dossiers/{code}?step=1")
    assert page.status_code == 200 and {"sequence", "payload", "svg", "mermaid"} <= Forms(page.text).ids
    assert "dossier.submitted.v1" in page.text and code in page.text
    earlier = await browser.get(f"/console/dossiers/{code}?upto=1")
    assert len(re.findall('data-testid="step-', earlier.text)) < len(re.findall('data-testid="step-', page.text))
    drawing = await browser.get(f"/console/dossiers/{code}/story.svg")
    ElementTree.fromstring(drawing.text)
    text = (await browser.get(f"/console/dossiers/{code}/story.mmd")).text
    assert text.startswith("sequenceDiagram") and "portal-)kafka: dossier.submitted.v1" in text


async def test_an_event_of_the_story_has_its_headers_its_trace_and_both_times(
    browser: Browser, country: Country, sandbox: Sandbox, code: str
) -> None:
    entries = (await country.ask("portal", "GET", f"/_lab/timeline/{code}", headers=sandbox.header)).json()
    (submitted,) = [each for each in entries if each.get("event") == "dossier.submitted.v1"]
    trace = await country.portal.database.pool.fetchval(
        "SELECT traceparent FROM events WHERE sandbox = $1 AND subject = $2 AND version = 1", sandbox.id, code
    )
    pages = [(await browser.get(f"/console/dossiers/{code}?step={step}")).text for step in range(4)]
    (page,) = [each for each in pages if f'data-testid="trace">{trace.split("-")[1]}<' in each]
    for shown in ("ce_type: dossier.submitted.v1", f"ce_source: /portal/{sandbox.id}", f"ce_subject: {code}"):
        assert shown in page
    assert "ce_signature" not in page and submitted["at"] in page and submitted["real_at"] in page


async def test_an_event_has_its_number_as_soon_as_it_was_sent(country: Country, sandbox: Sandbox, code: str) -> None:
    async def headers() -> dict[str, str]:
        answer = await country.ask("portal", "GET", f"/_lab/events/{code}/1", headers=sandbox.header)
        return dict(answer.json()["headers"])

    assert not {"ce_sequence", "ce_epoch", "ce_signature"} & set(await headers())
    sql = """INSERT INTO posted (topic, lane, epoch, number, sandbox, subject, version)
        SELECT $3, lane, epoch, 1000000 + epoch, sandbox, subject, version FROM events, generate_series(1, 2) epoch
        WHERE sandbox = $1 AND subject = $2 AND version = 1"""
    await country.portal.database.pool.execute(sql, sandbox.id, code, TO_PROVINCE)
    sent = await headers()
    assert (sent["ce_epoch"], sent["ce_sequence"], sent["ce_dossierversion"]) == ("2", "1000002", "1")
    assert "ce_signature" not in sent


async def test_an_event_that_nobody_published_is_named(country: Country, sandbox: Sandbox, code: str) -> None:
    for path in (f"/_lab/events/{code}/99", "/_lab/events/none/1"):
        answer = await country.ask("portal", "GET", path, headers=sandbox.header)
        assert problem(answer, 404, "event-not-found")["version"] in (99, 1)
    problem(
        await country.ask("portal", "GET", f"/_lab/events/{code}/0", headers=sandbox.header), 422, "body-does-not-fit"
    )
    problem(
        await country.ask("portal", "GET", "/_lab/events/recent?minutes=61", headers=sandbox.header),
        422,
        "body-does-not-fit",
    )


async def test_contracts_have_the_rate_and_a_sample_of_this_sandbox(
    browser: Browser, country: Country, code: str
) -> None:
    page = (await browser.get("/console/contracts")).text
    assert 'data-testid="rate-dossier.submitted.v1">1<' in page, "one in this minute"
    assert 'data-testid="rate-dossier.received.v1">1<' in page, "published by the province"
    assert 'data-testid="rate-dossier.stopped.v1">0<' in page
    one = (await browser.get("/console/contracts?type=dossier.received.v1")).text
    sample = re.findall(r'data-testid="sample">([^<]*)<', one)
    assert code in sample[0] and 'data-testid="zoo-due-date-missing"' in one and "LT-RCV-005" in one
    assert 'data-testid="no-sample"' in (await browser.get("/console/contracts?type=dossier.stopped.v1")).text
    async with country.silent("gateway"):
        assert (await browser.get("/console/contracts")).status_code == 200


async def test_dead_letters_are_shown_whole_with_what_was_edited(
    browser: Browser, country: Country, sandbox: Sandbox, code: str
) -> None:
    hostile = {"dossier_code": 7, "reason": "<script>alert(1)</script>\x00\x1b[2J\x9b\u2028\u202e"}
    await hear(country.portal, an_event_of("dossier.stopped.v1", sandbox.id, code, hostile))
    (letter,) = (await country.ask("portal", "GET", "/_lab/dead-letters", headers=sandbox.header)).json()
    page = await browser.get(f"/console/dead-letters?letter=portal-{letter['id']}")
    assert "<script>alert" not in page.text and not CONTROLS.search(page.text)
    assert {"letter", "body", "save", "redrive", "redrive-all-portal"} <= Forms(page.text).ids
    assert "\\u0000\\u001b[2J\\u009b\\u2028\\u202e" in page.text, "as JSON writes them: nothing is lost by an edit"
    assert "diff-before" not in Forms(page.text).ids
    whole = schema("dossier.stopped.v1")["examples"][0] | {"dossier_code": code, "province": "37"}
    address = f"{URLS['portal']}/_lab/dead-letters/{letter['id']}/body"
    assert (await browser.http.put(address, json=whole)).status_code == 200
    page = await browser.get(f"/console/dead-letters?letter=portal-{letter['id']}")
    assert "diff-before" in Forms(page.text).ids and '"dossier_code": 7' in html.unescape(page.text)
    other = await browser.get("/console/dead-letters?type=dossier.rated.v1")
    assert f"letter-portal-{letter['id']}" not in Forms(other.text).ids and "no-letters" in Forms(other.text).ids
    done = await browser.http.post(f"{URLS['portal']}/_lab/redrives", json={"type": "dossier.stopped.v1"})
    assert [each["outcome"] for each in done.json()["letters"]] == ["applied"]
    assert "no-letters" in Forms((await browser.get("/console/dead-letters")).text).ids
    with_redriven = await browser.get("/console/dead-letters?all=1")
    assert f"letter-portal-{letter['id']}" in Forms(with_redriven.text).ids


@pytest.mark.parametrize("name", ["portal-9999", "portal-" + "9" * 30, "nowhere-1", "gateway-0", "\x00", "x" * 4000])
async def test_a_dead_letter_that_there_is_not_is_no_fault(browser: Browser, name: str) -> None:
    page = await browser.get(f"/console/dead-letters?letter={quote(name)}&type={quote(name)}")
    assert page.status_code in (200, 422, 404) and "letter" not in Forms(page.text).ids


async def test_the_country_leads_from_a_tile_to_its_communes(
    browser: Browser, sandbox: Sandbox, country: Country, reported: str
) -> None:
    page = (await browser.get("/console/country?province=37")).text
    assert {"communes", f"commune-{COMMUNE}", "on-time", "overdue", "online", "wall"} <= Forms(page).ids
    assert "r9 c3" not in page and 'class="tile r3 c3 filled"' in page
    wall = (await browser.get("/console/country?wall=1")).text
    assert {"on-the-wall", "off-the-wall"} <= Forms(wall).ids
    assert "communes" not in Forms((await browser.get("/console/country?province=99")).text).ids
    await sandbox.move(days=200)
    late = (await browser.get("/console/country")).text
    assert 'class="tile r3 c3 late"' in late and 'data-testid="overdue">1<' in late


async def test_a_rejected_message_is_shown_with_what_mends_it(browser: Browser, sandbox: Sandbox, lan: Citizen) -> None:
    connector = await Connector(sandbox).connect()
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    wrong = {"working_days": "một", "due_at": "<script>alert(1)</script>"}
    broken = (await connector.say(await connector.example(law.DOSSIER_RECEIVED, code, **wrong))).json()
    page = await browser.get("/console/connectors")
    assert "<script>alert" not in page.text and {"verdict-1", "connector-37", "accepted"} <= Forms(page.text).ids
    text = html.unescape(page.text)
    for error in broken["errors"]:
        assert all(error[each] in text for each in ("rule", "pointer", "expected_vi", "got")), error
    assert pretty(broken["example"]) in text
    early = (await connector.say(await connector.example(law.DOSSIER_RECEIVED, code, working_days=7))).json()
    page = await browser.get("/console/connectors?province=37")
    (shown,) = re.findall(r'data-testid="patch">([^<]*)<', page.text)
    assert json.loads(html.unescape(shown)) == [each for error in early["errors"] for each in error["patch"]]


async def test_every_fault_of_the_board_can_be_switched_on_as_it_stands_there(
    browser: Browser, sandbox: Sandbox
) -> None:
    page = await browser.get("/console/faults")
    bodies = [html.unescape(each) for each in re.findall(r"data-body>([^<]*)</textarea>", page.text)]
    assert [RuleBody.model_validate_json(each).fault for each in bodies] == list(FAULTS)
    first = await browser.http.post(f"{URLS['portal']}/_lab/sandboxes/{sandbox.id}/faults", json=json.loads(bodies[-1]))
    assert first.status_code == 201, first.text
    assert "rule-" in " ".join(Forms((await browser.get("/console/faults")).text).ids)


async def test_why_nothing_happens_is_said_as_explain_says_it(
    browser: Browser, country: Country, sandbox: Sandbox, code: str
) -> None:
    await browser.get("/language/en")
    page = await browser.get(f"/console/explain?code={code}")
    api = await country.ask("portal", "GET", f"/_lab/explain/{code}?timeout_seconds=0", headers=sandbox.header)
    first = api.json()["causes"][0]
    assert f'data-cause="{first["name"]}"' in page.text
    assert "unknown" not in (await browser.get("/console/explain?code=nothing")).url.path


async def test_a_view_streams_its_part_and_again_when_it_has_changed(
    browser: Browser, country: Country, sandbox: Sandbox
) -> None:
    page = await browser.get("/console/dossiers")
    (stream,) = re.findall(r'data-stream="([^"]*)"', page.text)
    assert stream == "/console/dossiers?live"


async def test_the_gateway_is_called_in_the_chosen_sandbox(browser: Browser, country: Country) -> None:
    listed = await browser.get("/console/gateway/_lab/dead-letters")
    assert listed.status_code == 200 and listed.json() == []
    missing = await browser.http.post(f"{URLS['portal']}/console/gateway/_lab/dead-letters/7/redrive")
    assert missing.status_code == 404
    redrive = f"{URLS['portal']}/console/gateway/_lab/dead-letters/7/redrive"
    async with country.silent("gateway"):
        silent = await browser.http.post(redrive, headers={"Accept": "*/*"})  # as a script asks
    assert problem(silent, 503, "not-ready")["waits_for"] == ["province_gateway"]


def test_every_province_has_a_tile_of_its_own() -> None:
    assert set(boards.TILES) == set(PROVINCES) and len(set(boards.TILES.values())) == len(PROVINCES)


def test_a_diagram_runs_nothing_that_stands_in_its_labels() -> None:
    hostile = "<script>alert(1)</script>; end#35;\n\x1b[2J"
    entry = {"at": "2026-06-09T08:00:00+07:00", "service": "gateway", "kind": "mode", "data": {}}
    steps = diagram.steps_of([{**entry, "text_vi": hostile, "text_en": hostile}], "vi")
    lanes = ["Công dân & co", "Cổng", "Kafka", "Tỉnh", "Định danh", "Thanh toán"]
    drawing = diagram.svg(steps, lanes)
    ElementTree.fromstring(drawing)
    assert "<script>" not in drawing and "Công dân &amp; co" in drawing and "␛[2J" in drawing
    text = diagram.mermaid(steps, lanes)
    assert ";" not in text and "#" not in text and len(text.splitlines()) == 1 + len(lanes) + 1


def test_a_sign_stands_in_place_of_each_character_that_would_act() -> None:
    assert without_controls("a\x00\x1b[2J\x7f\x9b\ud800\n\tb") == "a␀␛[2J␡\ufffd\ufffd\n\tb"
