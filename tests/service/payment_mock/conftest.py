"""One payment_mock and one partner for all its tests, a sandbox for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.payment_mock.app import create_app
from services.payment_mock.settings import Settings
from tests.service.frozen import FrozenSandbox
from tests.service.payment_mock import province as provinces
from tests.service.payment_mock.partner import PAYMENT_URL, SECRET, Merchant, Partner, listening
from tests.service.payment_mock.province import Province
from tests.support.country import HEADERS
from tests.support.country import SECRET as SERVICE_SECRET
from tests.support.databases import Databases


@pytest.fixture(scope="session")
async def partner() -> AsyncIterator[Partner]:
    async with listening() as partner:
        yield partner


@pytest.fixture(scope="session")
async def app(database_url: Databases, partner: Partner) -> AsyncIterator[FastAPI]:
    settings = Settings(
        database_url=database_url(),
        PAYMENT_URL=PAYMENT_URL,
        PORTAL_URL=partner.url,
        PAYMENT_PARTNER_SECRET=SECRET,
        SERVICE_SECRET=SERVICE_SECRET,
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await app.state.runtime.when_ready()
        yield app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PAYMENT_URL, headers=HEADERS) as http:
        yield http


@pytest.fixture
async def merchant(app: FastAPI, http: httpx.AsyncClient) -> Merchant:
    """The partner's sender, in a fresh frozen sandbox."""
    return Merchant(http, await FrozenSandbox(app.state.runtime).tell())


@pytest.fixture
async def neighbour(app: FastAPI, http: httpx.AsyncClient) -> Merchant:
    """Another such, with the same seed."""
    return Merchant(http, await FrozenSandbox(app.state.runtime).tell())


@pytest.fixture
async def sandbox(app: FastAPI) -> FrozenSandbox:
    return await FrozenSandbox(app.state.runtime).tell()


@pytest.fixture
async def province(http: httpx.AsyncClient, sandbox: FrozenSandbox) -> AsyncIterator[Province]:
    async with provinces.listening(Province(http, sandbox)) as province:
        await province.register()
        yield province
