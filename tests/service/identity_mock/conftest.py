"""One identity_mock for all its tests, a sandbox for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.identity_mock.app import create_app
from services.identity_mock.settings import Settings
from tests.service.frozen import FrozenSandbox
from tests.service.identity_mock.client import BASE, Client
from tests.support.country import SECRET
from tests.support.databases import Databases


def settings_of(url: str) -> Settings:
    return Settings(database_url=url, IDENTITY_URL=BASE, PORTAL_URL="http://127.0.0.1:9", SERVICE_SECRET=SECRET)


@pytest.fixture(scope="session")
async def app(database_url: Databases) -> AsyncIterator[FastAPI]:
    app = create_app(settings_of(database_url()))
    async with app.router.lifespan_context(app):
        await app.state.runtime.when_ready()
        yield app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as http:
        yield http


@pytest.fixture
async def client(app: FastAPI, http: httpx.AsyncClient) -> Client:
    """A client of an issuer of its own, in a fresh frozen sandbox."""
    return Client(http, await FrozenSandbox(app.state.runtime).tell())


@pytest.fixture
async def own_client(app: FastAPI, http: httpx.AsyncClient) -> Client:
    """A fresh sandbox's own client, such as a program under test is given."""
    sandbox = await FrozenSandbox(app.state.runtime).tell()
    return Client(http, sandbox, f"lienthong-{sandbox.id}")


@pytest.fixture
async def at_default(app: FastAPI, own_client: Client) -> Client:
    """The same, at the default issuer."""
    await FrozenSandbox(app.state.runtime).tell(id="default")
    own_client.issuer = BASE
    return own_client


@pytest.fixture
async def neighbour(app: FastAPI, http: httpx.AsyncClient) -> Client:
    """Another such, with the same seed."""
    return Client(http, await FrozenSandbox(app.state.runtime).tell())
