"""A citizen at the pages of the portal, and the office that has the dossier."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.country import Country, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE
from tests.support.office import Office
from tests.support.pages import Browser, a_browser


@pytest.fixture
async def browser(country: Country, sandbox: Sandbox) -> AsyncIterator[Browser]:
    """In the sandbox of the test."""
    async with a_browser(country, sandbox) as browser:
        yield browser


@pytest.fixture
async def submitted(browser: Browser) -> str:
    """The code of a dossier that Lan has submitted in this browser."""
    await browser.sign_in()
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    form = await browser.send(page, "/apply")
    review = await browser.send(form, form.url.path)
    submitted = await browser.send(review, "/submit")
    assert 'data-state="submitted"' in submitted.text, submitted.text
    return str(submitted.url).rpartition("/")[2]


@pytest.fixture
async def office(sandbox: Sandbox) -> Office:
    """The officials of the province, who act only when the test says so."""
    path = f"/_lab/sandboxes/{sandbox.id}/modes/{PROVINCE}"
    answer = await sandbox.country.ask("portal", "PUT", path, json={"mode": "manual"})
    assert answer.status_code == 200
    return Office(sandbox)
