"""The same stories, told of the country at LIENTHONG_URL if there is one."""

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from lienthong.client import Country, Sandbox
from lienthong.client.province import Province
from tests.support.browser import Visitors, a_browser
from tests.support.tabs import PROVINCE

OF_ITS_OWN = "starts processes of its own, which say nothing of the country at LIENTHONG_URL"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only who asks our plugin for the country speaks to that one."""
    for item in items:
        asks = "lienthong_sync" in getattr(item, "fixturenames", ())
        if os.environ.get("LIENTHONG_URL") and "e2e" in item.path.parts and not asks:
            item.add_marker(pytest.mark.skip(reason=OF_ITS_OWN))


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with a_browser() as browser:
        yield browser


@pytest.fixture
async def visitors(chromium: Browser, lienthong: Country) -> AsyncIterator[Visitors]:
    """Browsers of people; at the end no page of theirs may have done what no page of ours does."""
    visitors = Visitors(chromium, lienthong)
    yield visitors
    await visitors.leave()
    assert visitors.watch.faults == []


@pytest.fixture
async def manual(sandbox: Sandbox) -> Province:
    """A province whose officers do only what the test says."""
    await sandbox.set_mode(PROVINCE, "manual")
    return sandbox.province(PROVINCE)
