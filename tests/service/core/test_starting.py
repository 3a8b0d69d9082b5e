"""A service without its tables: every endpoint replies "not ready", never with a fault."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.identity_mock.app import create_app as identity
from services.identity_mock.settings import Settings as IdentitySettings
from services.payment_mock.app import create_app as payment
from services.payment_mock.settings import Settings as PaymentSettings
from services.portal.app import create_app as portal
from services.portal.settings import Settings as PortalSettings
from services.province_gateway.app import create_app as gateway
from services.province_gateway.settings import Settings as GatewaySettings
from shared.storage.database import SCHEMA_LOCK
from tests.support.country import ADDRESSES, HEADERS, problem
from tests.support.databases import Databases

APPS: dict[str, Callable[[str], FastAPI]] = {
    "portal": lambda url: portal(PortalSettings(PORTAL_DATABASE_URL=url, **ADDRESSES)),
    "gateway": lambda url: gateway(GatewaySettings(PROVINCE_GATEWAY_DATABASE_URL=url, **ADDRESSES)),
    "identity": lambda url: identity(IdentitySettings(database_url=url, **ADDRESSES)),
    "payment": lambda url: payment(PaymentSettings(database_url=url, **ADDRESSES)),
}
AT = "2026-06-09T08:00:00+07:00"
MOMENTS = dict.fromkeys(("base_at", "base_real", "created_at"), AT)
ROW = {"version": 1, "name": "x", "seed": "x", "rate": 0, "opened": True, "deleted": False, **MOMENTS}
BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/_lab/sandboxes/{sandbox}"): ROW,
    ("POST", "/_lab/sandboxes/{sandbox}/clock/set"): {"to": AT},
    ("POST", "/_lab/sandboxes/{sandbox}/clock/advance"): {"by": "P1D"},
    ("PATCH", "/_lab/sandboxes/{sandbox}"): {"name": "another"},
    ("PUT", "/_lab/sandboxes/{sandbox}/modes/{province}"): {"mode": "manual"},
    ("POST", "/_lab/sandboxes/{sandbox}/clock/rate"): {"rate": 60},
    ("POST", "/_lab/sandboxes/{sandbox}/faults"): {"fault": "http-error"},
    ("POST", "/_lab/sandboxes/{sandbox}/wait-for"): {"event": "dossier.received.v1", "dossier": "X"},
    ("POST", "/_lab/lanes/{lane}/replay"): {"epoch": 0, "expected": 1},
    ("POST", "/_lab/sandboxes/{sandbox}/earlier-events"): {"dossiers": []},
    ("POST", "/_lab/sandboxes/{sandbox}/addresses"): {"files": []},
    ("PUT", "/_lab/officers/{code}"): {"decisions": {}},
    ("PUT", "/_lab/dead-letters/{letter}/body"): {},
    ("PUT", "/_lab/partners/{code}"): {},
    ("POST", "/_lab/partner-payments"): {
        "dossier": "X",
        "amount_dong": 1,
        "partner": "P",
        "reference": "R",
        "transaction": "T",
    },
}
SANDBOX = "s-11111111"
NEED_NO_DATABASE = {("GET", "/_lab/doors"), ("GET", "/_lab/faults"), ("POST", "/_lab/scenarios/plan")}
NEED_NO_DATABASE |= {("POST", "/_lab/receivers")}


@asynccontextmanager
async def starting(app: FastAPI) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.Task[None]]]:
    """A starting service without peers, and a task that ends when it is ready."""
    nobody = httpx.MockTransport(lambda request: httpx.Response(502))
    app.state.runtime.mounts = {"http://": nobody}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=HEADERS) as http,
    ):
        ready = asyncio.create_task(app.state.runtime.when_ready())
        try:
            yield http, ready
        finally:
            ready.cancel()


@asynccontextmanager
async def held_before_its_tables(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A service that opens this database waits before it creates the tables, until the block ends."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({SCHEMA_LOCK})")
        yield connection
    finally:
        await connection.close()


async def until_it_waits(connection: asyncpg.Connection, ready: asyncio.Task[None]) -> None:
    waiting = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    async with asyncio.timeout(30):
        while not await connection.fetchval(waiting):
            await asyncio.wait([ready], timeout=0.01)


def lab_endpoints(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, operations in app.openapi()["paths"].items():
        yield from ((method.upper(), path) for method in operations if path.startswith("/_lab"))


@pytest.mark.parametrize("service", APPS)
async def test_every_lab_endpoint_says_that_the_service_is_starting(database_url: Databases, service: str) -> None:
    url = database_url()
    app = APPS[service](url)
    endpoints = [endpoint for endpoint in lab_endpoints(app) if endpoint not in NEED_NO_DATABASE]
    assert len(endpoints) >= 4
    async with held_before_its_tables(url) as connection, starting(app) as (http, ready):
        await until_it_waits(connection, ready)
        for method, path in endpoints:
            address = re.sub(r"\{\w+\}", "1", path.replace("{sandbox}", SANDBOX))
            answer = await http.request(method, address, json=BODIES.get((method, path)))
            assert "database" in problem(answer, 503, "not-ready")["waits_for"], (method, path)
            assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("service", ["portal", "gateway"])
async def test_the_lanes_are_shown_as_soon_as_the_tables_exist(database_url: Databases, service: str) -> None:
    """Even while it waits for its peer. If the peer waits for it too, both would wait for ever."""
    url = database_url()
    app = APPS[service](url)
    async with held_before_its_tables(url) as connection, starting(app) as (http, ready):
        await until_it_waits(connection, ready)
        problem(await http.get("/_lab/lanes"), 503, "not-ready")
        await connection.execute(f"SELECT pg_advisory_unlock({SCHEMA_LOCK})")
        async with asyncio.timeout(30):
            while (answer := await http.get("/_lab/lanes")).status_code == 503:
                await asyncio.wait([ready], timeout=0.01)
        assert (answer.status_code, set(answer.json())) == (200, {"read", "given", "sent"})
        assert app.state.runtime.waits_for >= {"peer"}


async def test_without_a_server_a_lab_endpoint_says_so_too() -> None:
    async with starting(APPS["gateway"]("postgresql://lienthong@127.0.0.1:1/gateway")) as (http, _):
        problem(await http.get("/_lab/lanes"), 503, "not-ready")


async def test_a_fault_of_a_service_that_runs_stays_a_fault(database_url: Databases) -> None:
    app = APPS["identity"](database_url())
    async with starting(app) as (http, ready):
        await ready
        await app.state.runtime.database.pool.execute("ALTER TABLE sandboxes RENAME TO elsewhere")
        answer = await http.get("/_lab/sandboxes/default/sizes")
        assert problem(answer, 500, "server-fault")["trace_id"]
