"""What RFC 9110 asks of every address: HEAD wherever GET is, 405 with Allow, 401 with a challenge."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.service.core.test_every_door import APPS, routes
from tests.support.country import Citizen, Country, Sandbox

pytestmark = pytest.mark.usefixtures("nobody_waits")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
NOT_A_TOKEN = 'not a token "\\ at all'


def addresses(service: str) -> dict[str, set[str]]:
    """Path as a request has it → the methods that the document names."""
    found: dict[str, set[str]] = {}
    for method, path in routes(service):
        found.setdefault(re.sub(r"\{\w+\}", "default", path), set()).add(method)
    return found


@pytest.mark.parametrize("service", APPS)
async def test_another_method_is_answered_with_those_that_are_allowed(country: Country, service: str) -> None:
    for path, documented in addresses(service).items():
        for method in set(METHODS) - documented - ({"HEAD"} if "GET" in documented else set()):
            answer = await country.ask(service, method, path)
            allowed = set(answer.headers.get("allow", "").split(", "))
            assert answer.status_code == 405 and documented <= allowed and method not in allowed, (method, path)
            assert ("HEAD" in allowed) == ("GET" in allowed)


@pytest.mark.parametrize("service", APPS)
async def test_head_is_get_without_the_body(country: Country, service: str) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/no/such/path", "/_lab/sandboxes/nowhere0"):
        get, head = await country.ask(service, "GET", path), await country.ask(service, "HEAD", path)
        same = ("content-type", "content-length", "content-security-policy")
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert [head.headers.get(name) for name in same] == [get.headers.get(name) for name in same], path


async def test_a_fault_of_head_is_no_fault_of_get(sandbox: Sandbox) -> None:
    await sandbox.lab("/faults", {"fault": "http-error", "match": {"method": "HEAD"}})
    for method, status in (("HEAD", 503), ("GET", 200)):
        answer = await sandbox.country.ask("portal", method, "/api/v1/procedures", headers=sandbox.header)
        assert answer.status_code == status


def challenges_of(answer: httpx.Response) -> str:
    value = answer.headers.get("www-authenticate", "")
    assert re.fullmatch(r'(Basic|Bearer|ApiKey) realm="\w+"(, \w+="[ !#-\[\]-~]*")*', value), value
    return value


@pytest.mark.parametrize("service", APPS)
async def test_every_401_has_a_challenge(country: Country, service: str) -> None:
    seen = set()
    for path, methods in addresses(service).items():
        for method in methods:
            for headers in ({}, {"Authorization": f"Bearer {NOT_A_TOKEN}"}, {"X-Api-Key": NOT_A_TOKEN}):
                answer = await country.ask(service, method, path, headers=headers)
                if answer.status_code == 401:
                    seen.add(challenges_of(answer).split()[0])
                else:
                    assert "www-authenticate" not in answer.headers
    assert seen, "no address of this service asks who is there"


async def test_a_challenge_names_the_error_only_if_there_was_a_token(lan: Citizen, sandbox: Sandbox) -> None:
    country = sandbox.country
    without = await country.ask("portal", "GET", "/api/v1/dossiers")
    assert challenges_of(without) == 'Bearer realm="portal"'
    broken = await country.ask("portal", "GET", "/api/v1/dossiers", headers={"Authorization": f"Bearer {NOT_A_TOKEN}"})
    assert 'error="invalid_token", error_description="' in challenges_of(broken)
    await sandbox.move(days=2)
    expired = await country.ask("portal", "GET", "/api/v1/dossiers", headers={"Authorization": f"Bearer {lan.token}"})
    assert (expired.json()["type"], expired.status_code) == ("/problems/token-expired", 401)
    assert 'error="invalid_token"' in challenges_of(expired)


async def test_a_client_that_is_not_known_is_challenged_too(country: Country) -> None:
    """RFC 6749 section 5.2."""
    form = {"grant_type": "authorization_code", "client_id": "nobody", "code": "c", "code_verifier": "v" * 43}
    form |= {"redirect_uri": "http://127.0.0.1:9/back"}
    answer = await country.ask("identity", "POST", "/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert challenges_of(answer).startswith("Basic ")
