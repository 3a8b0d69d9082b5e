"""The rules of OpenID Connect and OAuth, one test for each row of the table in services/identity_mock/README.md."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from html import unescape
from re import findall
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from fastapi import FastAPI

from tests.service.identity_mock.client import BASE, Client, returned


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def basic(name: str, secret: str = "") -> str:
    return "Basic " + base64.b64encode(f"{quote(name)}:{secret}".encode()).decode()


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def sent_by(client: Client, method: str, pairs: list[tuple[str, str]]) -> httpx.Response:
    """An authorization request by either method."""
    if method == "GET":
        return await client.http.get(f"{client.issuer}/authorize?{urlencode(pairs)}")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return await client.http.post(f"{client.issuer}/authorize", content=urlencode(pairs), headers=form)


# --- the authorization request ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_authorization_request_comes_by_get_or_by_post(client: Client, method: str) -> None:
    answer = await sent_by(client, method, list(client.asking().items()))
    assert (await client.redeem(returned(answer)["code"])).status_code == 200


async def test_a_head_signs_nobody_in(app: FastAPI, client: Client) -> None:
    answer = await client.http.head(f"{client.issuer}/authorize", params=client.asking())
    assert (answer.status_code, answer.content, "location" in answer.headers) == (200, b"", False)
    for table in ("authorization_codes", "journal"):
        assert not await app.state.runtime.database.fetch(f"SELECT FROM {table} WHERE sandbox = $1", client.sandbox.id)


async def test_the_page_after_a_post_signs_in(client: Client) -> None:
    page = await sent_by(client, "POST", list(client.asking(login_hint=None).items()))
    link = unescape(findall(r'href="(\?[^"]+)"', page.text)[0])
    assert "code" in returned(await client.http.get(f"{client.issuer}/authorize{link}"))


@pytest.mark.parametrize("body", [{"json": {}}, {"files": {"state": b"x"}}, {}], ids=["JSON", "multipart", "nothing"])
async def test_a_post_that_is_no_form_is_refused(client: Client, body: dict[str, Any]) -> None:
    answer = await client.http.post(f"{client.issuer}/authorize", **body)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/form-not-readable")
    assert error_of(await client.http.post(f"{client.issuer}/token", **body)) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_more_parameters_than_anybody_needs_are_refused(client: Client, method: str) -> None:
    many = [*client.asking().items(), *((f"x{number}", "1") for number in range(200))]
    answer = await sent_by(client, method, many)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/form-not-readable")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("name", "problem"), [("client_id", "client-unknown"), ("redirect_uri", "redirect-not-allowed")]
)
async def test_a_client_or_an_address_that_was_sent_twice_is_not_trusted(
    client: Client, method: str, name: str, problem: str
) -> None:
    answer = await sent_by(client, method, [*client.asking().items(), (name, client.asking()[name])])
    assert (answer.status_code, answer.json()["type"]) == (400, f"/problems/{problem}")


async def test_an_empty_parameter_counts_as_left_out(client: Client) -> None:
    answer = returned(await client.authorize(state="", prompt="", max_age="", response_mode="", request=""))
    assert set(answer) - {"from"} == {"code", "iss"}  # `from` is part of the redirect_uri
    assert returned(await client.authorize(response_type=""))["error"] == "invalid_request"
    assert error_of(await client.redeem(answer["code"], code_verifier="")) == (400, "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        {"display": "popup"},
        {"ui_locales": "vi en"},
        {"claims_locales": "vi"},
        {"acr_values": "2"},
        {"claims": '{"userinfo": {"email": null}}'},
        {"resource": "https://api.example.invalid"},
        {"response_mode": "query"},
        {"max_age": "0"},
        {"prompt": "none"},
        {"nonce": None},
        {"state": None},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_parameter_that_may_be_sent_or_left_out_changes_nothing(
    client: Client, change: dict[str, str | None]
) -> None:
    tokens = await client.redeem(returned(await client.authorize(**change))["code"])
    claims = claims_of(tokens.json()["id_token"])
    assert claims["auth_time"] == int(client.sandbox.now.timestamp())
    assert claims.get("nonce") == client.asking(**change).get("nonce")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request": "e30.e30.", "response_type": None}, "request_not_supported"),
        ({"request_uri": "https://client.example.invalid/r"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "²"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"prompt": "none", "login_hint": None}, "login_required"),
    ],
)
async def test_what_is_not_supported_has_the_error_of_its_section(
    client: Client, change: dict[str, str | None], error: str
) -> None:
    answer = returned(await client.authorize(**change))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "a==+é b", client.issuer)
    assert answer["error_description"].isascii() and not set(answer["error_description"]) & set('"\\')


async def test_a_scope_that_is_not_known_is_ignored_and_the_response_says_what_was_granted(client: Client) -> None:
    given = await client.tokens(scope="email profile offline_access openid openid")
    assert given["scope"] == claims_of(given["access_token"])["scope"] == "openid profile"
    assert "refresh_token" not in given


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "login consent"])
async def test_a_prompt_shows_the_page_once_even_with_a_hint(client: Client, prompt: str) -> None:
    page = await client.authorize(prompt=prompt)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    link = unescape(findall(r'href="(\?[^"]+)"', page.text)[2])
    given = await client.redeem(returned(await client.http.get(f"{client.issuer}/authorize{link}"))["code"])
    assert claims_of(given.json()["id_token"])["name"].endswith(" Hương")


async def test_an_id_token_hint_says_who_alone_may_sign_in(client: Client, neighbour: Client) -> None:
    hint = (await client.tokens(login_hint="minh"))["id_token"]
    await client.sandbox.advance(timedelta(days=1))  # it may have expired
    again = await client.redeem(
        returned(await client.authorize(login_hint=None, id_token_hint=hint, prompt="none"))["code"]
    )
    assert claims_of(again.json()["id_token"])["sub"] == claims_of(hint)["sub"]
    assert returned(await client.authorize(login_hint="lan", id_token_hint=hint))["error"] == "login_required"
    assert returned(await neighbour.authorize(id_token_hint=hint))["error"] == "invalid_request"


@pytest.mark.parametrize("host", ["[::1]:8000", "127.0.0.2", "localhost:1"])
async def test_a_native_client_returns_to_any_loopback_address(client: Client, host: str) -> None:
    answer = await client.authorize(redirect_uri=f"http://{host}/back")
    assert answer.headers["location"].startswith(f"http://{host}/back?code=")


@pytest.mark.parametrize("query", ["code=EVIL", "a=1&state=EVIL", "iss", "error=x", "%63ode=EVIL"])
async def test_a_parameter_of_the_response_cannot_stand_in_the_redirect_uri(client: Client, query: str) -> None:
    answer = await client.authorize(redirect_uri=f"http://127.0.0.1/back?{query}")
    assert answer.status_code == 400 and answer.json()["type"] == "/problems/redirect-not-allowed"


@pytest.mark.parametrize("host", ["[::1%25x]", "127.0.0.1%00", "127%2e0.0.1"])
async def test_a_host_with_escapes_is_no_loopback_address(client: Client, host: str) -> None:
    assert (await client.authorize(redirect_uri=f"http://{host}/back")).status_code == 400


# --- the token request --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("client_id", [None, "lienthong-demo"])
@pytest.mark.parametrize("secret", ["", "anything"])
async def test_a_client_may_name_itself_by_http_basic(client: Client, secret: str, client_id: str | None) -> None:
    answer = await client.redeem(await client.code(), basic("lienthong-demo", secret), client_id=client_id)
    assert answer.status_code == 200, answer.text


async def test_a_client_of_a_sandbox_may_name_itself_by_http_basic(at_default: Client) -> None:
    code = await at_default.code()
    other = await at_default.redeem(code, basic(at_default.id), client_id="lienthong-demo")
    assert error_of(other) == (400, "invalid_request")
    assert (await at_default.redeem(code, basic(at_default.id), client_id=None)).status_code == 200


@pytest.mark.parametrize(
    ("auth", "change", "status", "error"),
    [
        (basic("somebody"), {"client_id": None}, 401, "invalid_client"),
        (basic("lienthong-a\x00b"), {"client_id": None}, 401, "invalid_client"),
        ("Basic !", {}, 401, "invalid_client"),
        ("Basic bGFu", {}, 401, "invalid_client"),  # no colon
        ("Basic", {}, 401, "invalid_client"),
        ("Bearer x", {}, 401, "invalid_client"),
        (None, {"client_assertion": "e30.e30."}, 401, "invalid_client"),
        (basic("lienthong-demo", "x"), {"client_secret": "x"}, 400, "invalid_request"),
        (basic("somebody"), {}, 400, "invalid_request"),
        (None, {"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_client_that_names_itself_wrongly_is_told_so(
    client: Client, auth: str | None, change: dict[str, str | None], status: int, error: str
) -> None:
    answer = await client.redeem(await client.code(), auth, **change)
    assert error_of(answer) == (status, error)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_code_that_is_sent_again_revokes_what_it_gave(client: Client) -> None:
    code, other = await client.code(), await client.tokens()
    given = (await client.redeem(code)).json()["access_token"]
    assert (await client.userinfo(given)).status_code == 200
    for _ in range(2):
        assert error_of(await client.redeem(code)) == (400, "invalid_grant")
    refused = await client.userinfo(given)
    assert refused.status_code == 401 and "revoked" in refused.json()["detail"]
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert (await client.userinfo(other["access_token"])).status_code == 200
    story = await client.http.get(f"/_lab/timeline/{claims_of(given)['sub']}", headers=client.sandbox.header)
    assert [line["kind"] for line in story.json()].count("tokens_revoked") == 1


BROKEN: list[dict[str, str | None]] = [
    {"code_verifier": "short"},
    {"code_verifier": None},
    {"redirect_uri": None},
    {"redirect_uri": "http://127.0.0.1:1/other"},
    {"grant_type": "password"},
]


@pytest.mark.parametrize("change", BROKEN)
async def test_a_request_that_is_not_whole_uses_up_its_code_too(client: Client, change: dict[str, str | None]) -> None:
    code, fresh = await client.code(), await client.code()
    given = (await client.redeem(code)).json()["access_token"]
    assert (await client.redeem(code, **change)).status_code == 400
    assert (await client.userinfo(given)).status_code == 401, "whoever has the code but not the verifier stole it"
    assert (await client.redeem(fresh, **change)).status_code == 400
    assert error_of(await client.redeem(fresh)) == (400, "invalid_grant")


# --- what every response has --------------------------------------------------------------------------------------------
async def test_no_response_may_be_stored(client: Client) -> None:
    code = await client.code()
    refused, given = await client.redeem(code, code_verifier="x" * 43), await client.redeem(await client.code())
    basic_refused = await client.redeem(code, "Basic !")
    told = [await client.authorize(), await client.authorize(scope=None), await client.authorize(login_hint=None)]
    for answer in (refused, basic_refused, given, *told):
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    unread = [await client.authorize(client_id="somebody"), await client.userinfo(given.json()["access_token"])]
    assert {answer.headers["cache-control"] for answer in unread} == {"no-store"}


@pytest.mark.parametrize("issuer", [BASE, ""], ids=["the default issuer", "that of the sandbox"])
async def test_every_part_names_the_issuer_that_was_discovered(at_default: Client, issuer: str) -> None:
    own = f"{BASE}/s/{at_default.sandbox.id}"
    at_default.issuer, other = (BASE, own) if issuer else (own, BASE)
    discovered = await at_default.http.get(f"{at_default.issuer}/.well-known/openid-configuration")
    document = discovered.json()
    assert document["issuer"] == at_default.issuer
    assert document["authorization_response_iss_parameter_supported"] is True
    reply = returned(await at_default.authorize())
    given = (await at_default.redeem(reply["code"])).json()
    claims = [claims_of(given[kind]) for kind in ("id_token", "access_token")]
    refused = returned(await at_default.authorize(scope=None))
    assert {reply["iss"], refused["iss"], *(each["iss"] for each in claims)} == {at_default.issuer}
    assert {each["sandbox"] for each in claims} == {at_default.sandbox.id}
    assert (await at_default.userinfo(given["access_token"])).json()["sub"] == claims[0]["sub"]
    at_default.issuer = other
    assert (await at_default.userinfo(given["access_token"])).status_code == 401


async def test_oauth_metadata_is_where_rfc_8414_looks_for_it(at_default: Client) -> None:
    sandbox_path = f"/s/{at_default.sandbox.id}"
    for path in ("", sandbox_path):
        oauth = await at_default.http.get(f"{BASE}/.well-known/oauth-authorization-server{path}")
        connect = await at_default.http.get(f"{BASE}{path}/.well-known/openid-configuration")
        assert oauth.json() == connect.json() and oauth.json()["issuer"] == BASE + path
    document = oauth.json()
    assert not document["request_parameter_supported"] and not document["request_uri_parameter_supported"]
    missing = await at_default.http.get(f"{BASE}/.well-known/oauth-authorization-server/s/none")
    assert missing.status_code in (404, 503)  # 503 while the portal, which would know, does not reply


async def test_the_metadata_names_every_claim(client: Client) -> None:
    given = await client.tokens(scope="openid profile")
    told = {*claims_of(given["id_token"]), *(await client.userinfo(given["access_token"])).json()}
    document = (await client.http.get(f"{client.issuer}/.well-known/openid-configuration")).json()
    assert set(document["claims_supported"]) == told
