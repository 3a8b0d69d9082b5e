"""Which credential opens what: endpoints for services alone, and the data of a sandbox for its own key, token and header."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.http import SECRET_HEADER
from shared.messaging.http_outbox import Call
from shared.sandbox import registry
from tests.service.core.test_every_door import APPS, routes
from tests.support.country import SECRET, URLS, Citizen, Country, Sandbox, problem

FOR_SERVICES = {
    ("PUT", "/_lab/sandboxes/{sandbox}"),
    ("GET", "/_lab/sandboxes/{sandbox}/row"),
    ("POST", "/_lab/sandboxes/{sandbox}/fire"),
    ("GET", "/_lab/sandboxes/{sandbox}/pending"),
    ("GET", "/_lab/sandboxes/{sandbox}/pending/{subject}"),
    ("GET", "/_lab/lanes"),
    ("GET", "/_lab/revoked-tokens"),
    ("POST", "/_lab/lanes/{lane}/replay"),
}
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
async def stranger(country: Country) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on this machine who does not have the secret."""
    mounts = {URLS[name]: street for name, street in country.streets.items()}
    async with httpx.AsyncClient(mounts=mounts) as http:
        yield http


def at(service: str, path: str, sandbox_id: str = "default") -> str:
    return URLS[service] + re.sub(r"\{\w+\}", "0", path.replace("{sandbox}", sandbox_id))


@pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1], SECRET + "x", "ẫ"])
@pytest.mark.parametrize("service", APPS)
async def test_what_is_for_services_needs_their_secret(stranger: httpx.AsyncClient, service: str, secret: str) -> None:
    internal = [route for route in routes(service) if route in FOR_SERVICES]
    assert internal
    for method, path in internal:
        answer = await stranger.request(method, at(service, path), headers={SECRET_HEADER: secret.encode()}, json={})
        problem(answer, 403, "services-only")


async def a_row(country: Country, sandbox: Sandbox, **change: Any) -> dict[str, Any]:
    row = await registry.row_of(country.portal.database, sandbox.id)
    assert row is not None
    return {**registry.wire_form({**dict(row), "opened": True}), **change}


@pytest.mark.parametrize("service", ["gateway", "identity", "payment"])
async def test_a_version_from_the_future_is_refused(country: Country, sandbox: Sandbox, service: str) -> None:
    beyond = (datetime.now(UTC) + timedelta(days=2) - datetime.fromtimestamp(0, UTC)) // MICROSECOND
    row = await a_row(country, sandbox, version=beyond, deleted=True)
    refused = problem(
        await country.ask(service, "PUT", f"/_lab/sandboxes/{sandbox.id}", json=row), 422, "body-does-not-fit"
    )
    assert [error["pointer"] for error in refused["errors"]] == ["/version"]
    assert (await country.ask(service, "GET", f"/_lab/sandboxes/{sandbox.id}/pending")).status_code == 200


async def test_a_service_with_a_higher_version_gets_a_row_above_it(country: Country, sandbox: Sandbox) -> None:
    """The portal's database was restored from a backup: what others have is not taken for what it sent."""
    row = await a_row(country, sandbox)
    ahead = {**row, "version": row["version"] + 3_600_000_000, "rate": 5.0}
    await country.ask("identity", "PUT", f"/_lab/sandboxes/{sandbox.id}", json=ahead)
    answer = await country.ask("portal", "PATCH", f"/_lab/sandboxes/{sandbox.id}", json={"name": "restored"})
    assert answer.json()["lagging"] == ["identity"]
    await country.portal.ownership.send_row_again(await the_call(country, sandbox.id))
    stored = await registry.row_of(country.apps["identity"].state.runtime.database, sandbox.id)
    assert stored is not None and (stored["name"], stored["rate"]) == ("restored", 0.0)
    assert stored["version"] > ahead["version"]


async def the_call(country: Country, sandbox_id: str) -> Call:
    """The row that the portal still has to send, as its worker takes it up."""
    sql = "SELECT sandbox, kind, key, data, attempts FROM calls WHERE sandbox = $1"
    (row,) = await country.portal.database.fetch(sql, sandbox_id)
    return Call(**{**dict(row), "data": json.loads(row["data"])})


@pytest.mark.parametrize("service", APPS)
async def test_a_key_of_another_sandbox_opens_nothing(country: Country, sandbox: Sandbox, service: str) -> None:
    """Every route whose path names a sandbox, with the key of another one."""
    other = await country.sandbox()
    named = [route for route in routes(service) if "{sandbox}" in route[1] and route not in FOR_SERVICES]
    assert named
    for method, path in named:
        answer = await send(country, service, method, path, sandbox.id, {"X-Api-Key": await key_of(other)})
        assert problem(answer, 403, "sandbox-mismatch")["key_sandbox"] == other.id, (method, path)


@pytest.mark.parametrize("service", APPS)
async def test_an_unknown_key_opens_nothing(country: Country, sandbox: Sandbox, service: str) -> None:
    unknown = (await key_of(sandbox))[:-4] + "0000"
    for method, path in routes(service):
        if "{sandbox}" in path and (method, path) not in FOR_SERVICES:
            problem(
                await send(country, service, method, path, sandbox.id, {"X-Api-Key": unknown}), 401, "api-key-unknown"
            )


async def test_a_token_of_another_sandbox_opens_nothing(country: Country, sandbox: Sandbox, lan: Citizen) -> None:
    """Every route of the portal that asks who the citizen is, with a header or key that names another sandbox."""
    other = await country.sandbox()
    seen = 0
    for method, path in routes("portal"):
        bare = await send(country, "portal", method, path, sandbox.id, {})
        if bare.status_code == 401:
            seen += 1
            for named in ({"X-Sandbox": other.id}, {"X-Api-Key": await key_of(other)}):
                headers = {"Authorization": f"Bearer {lan.token}", **named}
                answer = await send(country, "portal", method, path, sandbox.id, headers)
                problem(answer, 403, "sandbox-mismatch")
    assert seen >= 8


async def send(
    country: Country, service: str, method: str, path: str, sandbox_id: str, headers: dict[str, str]
) -> httpx.Response:
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    return await country.http.request(method, at(service, path, sandbox_id), headers=headers, **body)


async def key_of(sandbox: Sandbox) -> str:
    shown = await sandbox.country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")
    return str(shown.json()["api_key"])
