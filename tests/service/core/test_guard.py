"""Who may speak to a process: under which Host, from which web page; and what browsers are told about every response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from tests.support.country import Country, Sandbox

SERVICES = ("portal", "gateway", "identity", "payment")
Headers = Sequence[tuple[str, str]]
OWN = "127.0.0.1:8000"


class Door:
    """One service, called with exactly these headers."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def ask(self, method: str, path: str, headers: Headers, body: str = "") -> httpx.Response:
        return await self._http.send(httpx.Request(method, f"http://{OWN}{path}", headers=list(headers), content=body))


@pytest.fixture(params=SERVICES)
async def door(request: pytest.FixtureRequest, country: Country) -> AsyncIterator[Door]:
    transport = httpx.ASGITransport(country.apps[request.param], raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as http:
        yield Door(http)


@pytest.fixture
async def identity(country: Country) -> AsyncIterator[Door]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(country.apps["identity"])) as http:
        yield Door(http)


KNOWN = ("127.0.0.1", "127.8.9.1:1", "localhost", "LOCALHOST:8000", "[::1]:8000", "[0:0:0:0:0:0:0:1]", "identity.test")
KNOWN += ("127.0.0.1:8000 ", "\t127.0.0.1")  # RFC 9110 5.5: spaces around a value do not belong to it


@pytest.mark.parametrize("host", KNOWN)
async def test_loopback_and_configured_names_are_served(door: Door, host: str) -> None:
    assert (await door.ask("GET", "/healthz", [("Host", host)])).status_code == 200


FOREIGN = ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0:8000")
FOREIGN += ("10.0.0.1", "[::ffff:10.0.0.1]", "localhost-evil", "127.0.0.01", "2130706433", "identity.test.evil")


@pytest.mark.parametrize("host", FOREIGN)
async def test_another_name_is_misdirected_whatever_is_asked(door: Door, host: str) -> None:
    for method, path in (("GET", "/healthz"), ("POST", "/_lab/sandboxes"), ("GET", "/no/such/path"), ("HEAD", "/")):
        answer = await door.ask(method, path, [("Host", host)])
        assert answer.status_code == 421, (method, path)
    answer = await door.ask("GET", "/healthz", [("Host", host)])
    assert (answer.json()["type"], answer.json()["host"]) == ("/problems/host-unknown", host)


INVALID: tuple[Headers, ...] = (
    [],
    [("Host", "127.0.0.1"), ("Host", "127.0.0.1")],
    [("Host", "127.0.0.1"), ("Host", "evil.example")],
    *(
        [("Host", host)]
        for host in ("", "user@127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", "localhost/", "a, b", "[::1")
    ),
)


@pytest.mark.parametrize("headers", INVALID, ids=str)
async def test_a_request_needs_exactly_one_host(door: Door, headers: Headers) -> None:
    request = httpx.Request("GET", f"http://{OWN}/healthz")
    request.headers = httpx.Headers(list(headers))
    answer = await door._http.send(request)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/host-not-valid")


PAGES: tuple[Headers, ...] = (
    [("Origin", "https://evil.example")],
    [("Origin", "null")],
    [("Origin", "http://127.0.0.1:6666")],  # a page of another program, perhaps another user's
    [("Origin", f"http://{OWN}"), ("Origin", "https://evil.example")],
    [("Origin", f"http://{OWN}.evil.example")],
    [("Sec-Fetch-Site", "cross-site")],
    [("Origin", f"http://{OWN}"), ("Sec-Fetch-Site", "cross-site")],
)


@pytest.mark.parametrize("headers", PAGES, ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_foreign_page_changes_nothing(door: Door, headers: Headers, method: str) -> None:
    for path in ("/_lab/sandboxes/default", "/_lab/sandboxes", "/healthz"):
        answer = await door.ask(method, path, [("Host", OWN), *headers])
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/origin-refused"), path


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", f"http://{OWN}"), ("Sec-Fetch-Site", "same-origin")],
        [("Origin", "http://portal.test"), ("Sec-Fetch-Site", "same-site")],
        [("Sec-Fetch-Site", "none")],
    ],
    ids=str,
)
async def test_programs_and_our_own_pages_pass(door: Door, headers: Headers) -> None:
    answer = await door.ask("POST", "/_lab/sandboxes/nowhere0/nothing", [("Host", OWN), *headers])
    assert answer.status_code in (404, 405)


async def test_a_refused_deletion_deletes_nothing(country: Country, sandbox: Sandbox) -> None:
    headers = {"Host": OWN, "Origin": "https://evil.example"}
    refused = await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}", headers=headers)
    assert refused.status_code == 403
    assert (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/no/such/path"])
async def test_every_response_tells_browsers_how_to_treat_it(door: Door, path: str) -> None:
    headers = (await door.ask("GET", path, [("Host", OWN)])).headers
    assert headers["x-frame-options"] == "DENY" and "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin" and headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store" and "access-control-allow-origin" not in headers


OIDC = (("POST", "/token"), ("GET", "/userinfo"), ("GET", "/jwks"), ("GET", "/.well-known/openid-configuration"))
METADATA = "/.well-known/oauth-authorization-server"  # the path of the issuer comes behind it


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *OIDC,
        *((method, f"/s/default{path}") for method, path in OIDC),
        ("GET", METADATA),
        ("GET", f"{METADATA}/s/default"),
    ],
)
async def test_a_browser_application_on_loopback_may_sign_in(identity: Door, method: str, path: str) -> None:
    origin = "http://localhost:3000"
    page = [("Host", OWN), ("Origin", origin), ("Sec-Fetch-Site", "cross-site")]
    answer = await identity.ask(method, path, page)
    assert answer.status_code in (200, 400, 401) and answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"] and "access-control-allow-credentials" not in answer.headers
    preflight = await identity.ask("OPTIONS", path, [*page, ("Access-Control-Request-Method", method)])
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, origin)
    assert method in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost/x"]
)
@pytest.mark.parametrize(("method", "path"), OIDC)
async def test_no_other_page_reads_them(identity: Door, method: str, path: str, origin: str) -> None:
    answer = await identity.ask(method, path, [("Host", OWN), ("Origin", origin)])
    assert "access-control-allow-origin" not in answer.headers
    assert method == "GET" or answer.status_code == 403


async def test_cors_is_for_these_endpoints_only(door: Door) -> None:
    for path in ("/healthz", "/authorize", "/_lab/sandboxes", "/api/v1/procedures"):
        answer = await door.ask("GET", path, [("Host", OWN), ("Origin", "http://localhost:3000")])
        assert "access-control-allow-origin" not in answer.headers


async def test_any_page_may_post_an_authorization_request(identity: Door) -> None:
    """OpenID Connect Core 3.1.2.1; it does no more than a link to the same address."""
    answer = await identity.ask("POST", "/authorize", [("Host", OWN), ("Origin", "https://client.example")])
    assert answer.status_code != 403
