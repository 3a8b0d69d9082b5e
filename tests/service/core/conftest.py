"""One runtime of parcels for the tests that can share it, with a sandbox for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from services.portal.explain import news
from shared.messaging.runtime import MessagingRuntime
from tests.service.core import parcels
from tests.service.core.parcels import Owner, Parcel, Shelf, a_runtime, a_shelf, opened
from tests.support.databases import Databases


@pytest.fixture(scope="session")
def owner() -> Owner:
    return Owner()


@pytest.fixture(scope="session")
async def runtime(database_url: Databases, owner: Owner) -> AsyncIterator[MessagingRuntime[Parcel]]:
    async with opened(a_runtime(database_url(), owner)) as runtime:
        yield runtime


@pytest.fixture
async def own_runtime(database_url: Databases) -> AsyncIterator[MessagingRuntime[Parcel]]:
    """A runtime with its own database."""
    async with opened(a_runtime(database_url(), Owner())) as runtime:
        yield runtime


@pytest.fixture
async def shelf(runtime: MessagingRuntime[Parcel]) -> AsyncIterator[Shelf]:
    yield await a_shelf(runtime)


@pytest.fixture(autouse=True)
def nothing_is_broken() -> Iterator[None]:
    yield
    parcels.broken.clear()


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that waits for news answers at once: who asks at every address would wait there for long."""
    wait = news.wait

    async def at_once(portal: Any, sandbox_id: str, code: str, after: int, seconds: float) -> Any:
        return await wait(portal, sandbox_id, code, after, 0)

    monkeypatch.setattr(news, "wait", at_once)
