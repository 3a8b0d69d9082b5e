"""The console: every view says what the APIs say, and every control is a call of the API."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from contracts.catalogue import PROVINCES
from services.portal.console import boards, diagram
from services.portal.console.views import VIEWS
from tests.support.country import URLS, Citizen, Country, Sandbox
from tests.support.factories import COPY
from tests.support.pages import Browser, Forms


@pytest.fixture
async def code(lan: Citizen, sandbox: Sandbox) -> str:
    """A dossier that the province has received; its fee is demanded and paid."""
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    await sandbox.move(days=1)
    await sandbox.fire()
    return code


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_is_there_also_in_an_empty_sandbox(browser: Browser, view: str, lang: str) -> None:
    await browser.get(f"/language/{lang}")
    page = await browser.get("/console" if view == "now" else f"/console/{view}")
    assert page.status_code == 200 and f'lang="{lang}"' in page.text
    assert {f"view-{each}" for each in VIEWS} <= Forms(page.text).ids


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


async def test_the_gateway_is_called_in_the_chosen_sandbox(browser: Browser, sandbox: Sandbox) -> None:
    listed = await browser.get("/console/gateway/_lab/dead-letters")
    assert listed.status_code == 200 and listed.json() == []
    missing = await browser.http.post(f"{URLS['portal']}/console/gateway/_lab/dead-letters/7/redrive")
    assert missing.status_code == 404


def test_every_province_has_a_tile_of_its_own() -> None:
    assert set(boards.TILES) == set(PROVINCES) and len(set(boards.TILES.values())) == len(PROVINCES)


def test_a_diagram_runs_nothing_that_stands_in_its_labels() -> None:
    hostile = "<script>alert(1)</script>; end#35;\n\x1b[2J"
    entry = {"at": "2026-06-09T08:00:00+07:00", "service": "gateway", "kind": "mode", "data": {}}
    steps = diagram.steps_of([{**entry, "text_vi": hostile, "text_en": hostile}], "vi")
    lanes = ["Công dân & co", "Cổng", "Kafka", "Tỉnh", "Định danh", "Thanh toán"]
    drawing = diagram.svg(steps, lanes)
    ElementTree.fromstring(drawing)
    assert "<script>" not in drawing and "Công dân &amp; co" in drawing
    text = diagram.mermaid(steps, lanes)
    assert ";" not in text and "#" not in text and len(text.splitlines()) == 1 + len(lanes) + 1
