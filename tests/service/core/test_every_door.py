"""Every address of every service, given text that no database can keep: an answer, never a fault of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.identity_mock.app import create_app as identity
from services.identity_mock.settings import Settings as IdentitySettings
from services.payment_mock.app import create_app as payment
from services.payment_mock.settings import Settings as PaymentSettings
from services.portal.app import create_app as portal
from services.portal.settings import Settings as PortalSettings
from services.province_gateway.app import create_app as gateway
from services.province_gateway.settings import Settings as GatewaySettings
from tests.support.connector import Connector
from tests.support.country import ADDRESSES, Citizen, Country, pointers, problem

pytestmark = pytest.mark.usefixtures("nobody_waits")

APPS = {
    "portal": portal(PortalSettings(**ADDRESSES)),
    "gateway": gateway(GatewaySettings(**ADDRESSES)),
    "identity": identity(IdentitySettings(**ADDRESSES)),
    "payment": payment(PaymentSettings(**ADDRESSES)),
}
BAD = ("%00", "%ED%A0%80", "a" * 4000, "..%2F..", "'%22%3B--", "99999999999999999999", "-1")


HEADERS = ("X-Sandbox", "Idempotency-Key", "traceparent", "Authorization", "Content-Type")
HEADER_VALUES = (b"a\x00b", b"\xed\xa0\x80", b"../../up", b"a" * 4000)


def routes(service: str) -> Iterator[tuple[str, str]]:
    for path, operations in APPS[service].openapi()["paths"].items():
        for method in operations:
            yield method.upper(), path


@pytest.mark.parametrize("service", APPS)
async def test_no_path_brings_a_service_down(country: Country, lan: Citizen, service: str) -> None:
    with_path = [(method, path) for method, path in routes(service) if "{" in path]
    assert with_path
    for method, path in with_path:
        for bad in BAD:
            answer = await request(country, service, method, re.sub(r"\{\w+\}", bad, path), lan.token, {})
            assert answer.status_code < 500, (method, path, bad[:20], answer.text)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("service", APPS)
async def test_no_header_brings_a_service_down(country: Country, lan: Citizen, service: str, name: str) -> None:
    for method, path in routes(service):
        for value in HEADER_VALUES:
            address = re.sub(r"\{\w+\}", "37", path)
            answer = await request(country, service, method, address, lan.token, {name: value})
            assert answer.status_code < 500, (method, path, value[:20], answer.text)


@pytest.mark.parametrize("bad", ["a\x00b", "\ud800"], ids=["NUL", "lone surrogate"])
@pytest.mark.parametrize("service", APPS)
async def test_every_text_that_cannot_be_kept_is_named(country: Country, lan: Citizen, service: str, bad: str) -> None:
    """Every text of every JSON body, all at once: each gets its own pointer."""
    document, bodies = APPS[service].openapi(), 0
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    connector = await Connector(lan.sandbox).connect()
    partner = await country.ask("payment", "PUT", "/_lab/partners/STC", headers=lan.sandbox.header, json={})
    key = partner.json()["address"].rpartition("/")[2]  # who is unknown is told so before the body is judged
    for method, path in routes(service):
        schema = body_schema(document, method, path)
        texts = set(text_pointers(document, schema, "")) if schema else set()
        if schema is None or not texts:
            continue
        bodies += 1
        address = path.replace("{sandbox}", lan.sandbox.id).replace("/partner/{key}", f"/partner/{key}")
        if {"ConnectorKey": []} in document["paths"][path][method.lower()].get("security", ()):
            address = address.replace("{province}", connector.province)
            headers["Authorization"] = f"Bearer {connector.key}"
        else:
            headers["Authorization"] = f"Bearer {lan.token}"
        address = re.sub(r"\{\w+\}", "x", address)
        content = json.dumps(fill(document, schema, bad)).encode()
        answer = await country.ask(service, method, address, content=content, headers=headers)
        found = pointers(answer)
        missing = {text for text in texts if not any(f"{pointer}/".startswith(f"{text}/") for pointer in found)}
        # A strict reader refuses the whole text; a long list of errors is cut.
        assert not missing or found == [""] or problem(answer, 422, "body-does-not-fit")["more_errors"], (
            method,
            path,
            found,
        )
    assert bodies or service == "identity"


async def request(
    country: Country, service: str, method: str, path: str, token: str, headers: dict[str, bytes]
) -> httpx.Response:
    sent = {"Authorization": f"Bearer {token}".encode(), "Idempotency-Key": b"k", "Content-Type": b"application/json"}
    raw = [(name.encode(), value) for name, value in {**sent, **headers}.items()]
    content = json.dumps({}).encode() if method in ("POST", "PUT") else None
    return await country.ask(service, method, path, headers=raw, content=content)


def body_schema(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """The schema of the JSON object that an endpoint takes."""
    content = document["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    found = resolved(document, schema) if schema else None
    return found if found and "properties" in found else None


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    options = part.get("anyOf", [part])
    part = next((option for option in options if option.get("type") != "null"), options[0])
    if "$ref" in part:
        found: dict[str, Any] = document["components"]["schemas"][part["$ref"].rsplit("/", 1)[-1]]
        return found
    return part


def is_text(part: dict[str, Any]) -> bool:
    return part.get("type") == "string" or any(option.get("type") == "string" for option in part.get("anyOf", []))


def text_pointers(document: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    for name, part in schema["properties"].items():
        inner = resolved(document, part)
        if "properties" in inner:
            yield from text_pointers(document, inner, f"{where}/{name}")
        elif is_text(part):
            yield f"{where}/{name}"


def fill(document: dict[str, Any], schema: dict[str, Any], text: str) -> dict[str, Any]:
    """A body with `text` wherever text may stand, and 1 everywhere else."""
    inner = {name: resolved(document, part) for name, part in schema["properties"].items()}
    return {
        name: fill(document, inner[name], text) if "properties" in inner[name] else text if is_text(part) else 1
        for name, part in schema["properties"].items()
    }
