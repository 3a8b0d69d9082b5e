"""One country in this process for all service tests that need neighbours; a sandbox for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.country import Citizen, Country, Sandbox, a_country
from tests.support.databases import Databases


@pytest.fixture(scope="session")
async def country(database_url: Databases) -> AsyncIterator[Country]:
    async with a_country(database_url) as country:
        yield country


@pytest.fixture
async def sandbox(country: Country) -> Sandbox:
    """A frozen sandbox that starts on a Tuesday morning."""
    return await country.sandbox(seed="seed-1", start="2026-06-09T08:00:00+07:00")


@pytest.fixture
async def lan(sandbox: Sandbox) -> Citizen:
    """A citizen of level 2."""
    return await sandbox.sign_in("lan")
