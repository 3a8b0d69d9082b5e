"""Whose request it is, and that a door without rules costs nothing: neither a transaction nor a word."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from services.identity_mock.runtime import IdentityRuntime
from services.identity_mock.settings import Settings as IdentitySettings
from services.portal.runtime import Portal
from services.portal.settings import Settings as PortalSettings
from services.province_gateway.runtime import Gateway
from services.province_gateway.settings import Settings as GatewaySettings
from shared.runtime import EVERYTHING, Runtime
from shared.web.faults import FaultMiddleware, sandbox_of

CODE = "H42.14464-20260609-0000001"
RULES = '[{"id":"r","fault":"http-error","edge":"http","born":1,"text_en":"","text_vi":"","settings":{"status":500}}]'
NOWHERE: dict[str, Any] = dict.fromkeys(
    ("PAYMENT_PARTNER_SECRET", "SERVICE_SECRET"), "unused, and long enough"
)  # no database is ever opened here


@pytest.fixture(scope="module")
def portal() -> Portal:
    return Portal(PortalSettings(**NOWHERE))


@pytest.fixture(scope="module")
def identity() -> IdentityRuntime:
    return IdentityRuntime(IdentitySettings(database_url="postgresql://nowhere", **NOWHERE))


def a_request(path: str = "/api/v1/dossiers", query: str = "", **headers: str) -> Scope:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": named}


def bearer(claims: Any) -> str:
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"Bearer e30.{text}.x"


@pytest.mark.parametrize(
    ("scope", "sandbox"),
    [
        (a_request(), "default"),
        (a_request(x_sandbox="s1"), "s1"),
        (a_request(x_api_key="lt.s2." + "0" * 32, x_sandbox="s1"), "s2"),
        (a_request(x_api_key="no key", x_sandbox="s1"), "s1"),
        (a_request("/s/s3/checkout/GD1/pay"), "s3"),
        (a_request("/s/s3"), "s3"),
        (a_request("/s/s3/checkout/GD1/pay", x_sandbox="s1"), "s3"),
        (a_request("/_lab/sandboxes/s3/modes/37", x_sandbox="s1"), "s3"),
        (a_request("/.well-known/oauth-authorization-server/s/s3"), "s3"),
        (a_request("/sandboxes/s3"), "default"),
        (a_request("/api/v1/files/s4/abc", "expires=1"), "s4"),
        (a_request("/api/v1/payments/return", "reference=DVC1&sandbox=s5"), "s5"),
        (a_request(authorization=bearer({"sandbox": "s6"})), "s6"),
        (a_request(authorization=bearer({})), "default"),
        (a_request(authorization=bearer({"sandbox": 6})), "default"),
        (a_request(authorization=bearer([1])), "default"),
        (a_request(authorization="Bearer a.%.c"), "default"),
        (a_request(authorization="Bearer é"), "default"),
        (a_request(authorization="Basic bGFuOmxhbg=="), "default"),
    ],
)
def test_a_request_belongs_to_the_sandbox_that_it_names(portal: Portal, scope: Scope, sandbox: str) -> None:
    assert sandbox_of(scope, portal) == sandbox


@pytest.mark.parametrize(
    ("query", "sandbox"),
    [
        ("client_id=lienthong-s7&scope=openid", "s7"),
        ("client_id=lienthong-demo", "default"),
        ("client_id=x", "default"),
    ],
)
def test_a_client_of_a_sandbox_chooses_it(identity: IdentityRuntime, query: str, sandbox: str) -> None:
    assert sandbox_of(a_request("/authorize", query), identity) == sandbox


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        (f"/api/v1/dossiers/{CODE}", CODE),
        (f"/api/v1/dossiers/{CODE}/payments", CODE),
        (f"/api/v1/provinces/37/dossiers/{CODE}/moves", CODE),
        ("/api/v1/dossiers/H42.14464-260609-0001", "H42.14464-260609-0001"),
        ("/api/v1/dossiers", EVERYTHING),
        ("/api/v1/dossiers/nonsense", EVERYTHING),
        (f"/api/v1/dossiers/{CODE}x", EVERYTHING),
    ],
)
def test_a_request_is_part_of_the_story_of_the_dossier_in_its_path(portal: Portal, path: str, subject: str) -> None:
    assert portal.subject_of(path) == subject
    assert Gateway(GatewaySettings(**NOWHERE)).subject_of(path) == subject


# --- what it costs ------------------------------------------------------------------------------------------------------
class Door:
    """A faulty door before an app that counts; a transaction would fail, for no database is open."""

    def __init__(self, runtime: Runtime) -> None:
        self.asked = 0
        self._door = FaultMiddleware(self._app, runtime)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1

    async def knock(self, scope: Scope) -> None:
        async def nothing(*message: Message) -> Message:
            raise AssertionError("nobody reads or answers here")

        await self._door(scope, nothing, nothing, nothing)


async def test_without_rules_a_request_passes(portal: Portal) -> None:
    door = Door(portal)
    await door.knock(a_request(x_sandbox="s1"))
    assert door.asked == 1


async def test_a_rule_of_one_sandbox_costs_another_nothing() -> None:
    portal = Portal(PortalSettings(**NOWHERE))
    portal.note_row({"id": "s1", "version": 1, "deleted": False, "faults": RULES})
    door = Door(portal)
    for scope in (a_request(), a_request(x_sandbox="s2"), a_request("/_lab/sandboxes/s1", x_sandbox="s1")):
        await door.knock(scope)
    assert door.asked == 3
    with pytest.raises(RuntimeError, match="the database is not open"):
        await door.knock(a_request(x_sandbox="s1"))


async def test_a_rule_at_another_edge_costs_a_request_nothing() -> None:
    portal = Portal(PortalSettings(**NOWHERE))
    elsewhere = RULES.replace('"edge":"http"', '"edge":"payment.confirm"')
    portal.note_row({"id": "s1", "version": 1, "deleted": False, "faults": elsewhere})
    assert portal.watches("s1", "payment.confirm") and not portal.watches("s1", "http")
    door = Door(portal)
    await door.knock(a_request(x_sandbox="s1"))
    assert door.asked == 1


def test_what_is_remembered_is_never_older_than_what_was_told() -> None:
    portal = Portal(PortalSettings(**NOWHERE))
    rows = [{"id": "s1", "version": version, "deleted": False, "faults": RULES} for version in (1, 2, 3)]
    portal.note_row(rows[1])
    portal.note_row({**rows[0], "faults": "[]"})
    assert portal.watches("s1", "http"), "the older row came later"
    portal.note_row({**rows[2], "deleted": True})
    assert not portal.watches("s1", "http") and portal.faults == {}
