"""The flow of OpenID Connect from the client's side, and what happens to a client that gets a step wrong."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from html import unescape
from re import findall
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet

from services.identity_mock.runtime import IdentityRuntime
from services.identity_mock.store import signing_key
from tests.service.frozen import FrozenSandbox
from tests.service.identity_mock.client import BASE, CHALLENGE, REDIRECT_URI, VERIFIER, Client, challenge_of, returned
from tests.service.identity_mock.conftest import settings_of
from tests.support.databases import Databases


async def test_discovery_names_doors_of_its_own_sandbox_only(client: Client) -> None:
    document = (await client.http.get(f"{client.issuer}/.well-known/openid-configuration")).json()
    assert document["issuer"] == client.issuer
    doors = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(doors) == 4
    assert all(door.startswith(client.issuer + "/") for door in doors)
    assert document["request_uri_parameter_supported"] is False  # its default is true


async def test_a_person_signs_in_with_pkce(client: Client) -> None:
    answer = returned(await client.authorize())
    assert answer["state"] == "a==+é b"
    body = (await client.redeem(answer["code"])).json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "openid")

    keys = KeySet.import_key_set((await client.http.get(f"{client.issuer}/jwks")).json())
    access = jwt.decode(body["access_token"], keys, algorithms=["RS256"])
    now = int(client.sandbox.now.timestamp())
    about = {name: access.claims[name] for name in ("iss", "aud", "client_id", "iat", "nbf", "exp", "sandbox", "level")}
    assert about == {
        "iss": client.issuer,
        "aud": "portal",
        "client_id": "lienthong-demo",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "sandbox": client.sandbox.id,
        "level": 2,
    }
    assert access.header["kid"] == keys.keys[0].thumbprint()
    assert access.claims["name"].endswith(" Lan")
    assert not set(body["access_token"]) & set("+&%")

    identity = jwt.decode(body["id_token"], keys, algorithms=["RS256"])
    assert identity.claims["aud"] == "lienthong-demo"
    assert identity.claims["nonce"] == "n-0S6_WzA2Mj"
    assert identity.claims["sub"] == access.claims["sub"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_userinfo_tells_who_somebody_is(client: Client, method: str) -> None:
    answer = await client.userinfo((await client.tokens(login_hint="tuan"))["access_token"], method)
    assert "content-length" not in answer.request.headers or answer.request.headers["content-length"] == "0"
    person = answer.json()
    assert person["HoVaTen"].endswith(" Tuấn")
    assert (person["LoaiTaiKhoan"], person["loAs"], person["synthetic"]) == ("1", 1, True)
    assert len(person["SoDinhDanh"]) == 12 and person["SoDinhDanh"][6] == "9"
    assert person["SoDinhDanh"][4:6] == person["NgayThangNamSinh"][2:4]


async def test_without_a_hint_a_page_lists_everybody_and_its_links_sign_in(client: Client) -> None:
    page = await client.authorize(login_hint=None, state='"><script>')
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text
    links = [unescape(link) for link in findall(r'href="(\?[^"]+)"', page.text)]
    assert len(links) == 6
    answer = await client.http.get(f"{client.issuer}/authorize{links[3]}")
    assert returned(answer)["state"] == '"><script>'
    assert (await client.redeem(returned(answer)["code"])).status_code == 200


async def test_two_sandboxes_with_one_seed_have_the_same_people(client: Client, neighbour: Client) -> None:
    here, there = [(await c.userinfo((await c.tokens())["access_token"])).json() for c in (client, neighbour)]
    assert here == there


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"login_hint": "nobody"}, "invalid_request"),
        ({"login_hint": None, "prompt": "none"}, "login_required"),
        ({"nonce": "a\x00b"}, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_told_to_the_client_by_redirect(
    client: Client, change: dict[str, str | None], error: str
) -> None:
    answer = returned(await client.authorize(**change))
    assert (answer["error"], answer["state"]) == (error, "a==+é b")
    assert "code" not in answer


async def test_a_repeated_parameter_is_refused(client: Client) -> None:
    asked = urlencode([*client.asking().items(), ("nonce", "again")])
    answer = await client.http.get(f"{client.issuer}/authorize?{asked}")
    assert returned(answer)["error"] == "invalid_request"


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org/callback",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1/#fragment",
        "http://127.0.0.1/\r\nX: y",
        "//127.0.0.1/",
        "",
    ],
)
async def test_the_browser_is_never_sent_to_a_strange_address(client: Client, uri: str) -> None:
    answer = await client.authorize(redirect_uri=uri)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/redirect-not-allowed"


async def test_an_unknown_client_is_not_sent_back(client: Client) -> None:
    answer = await client.authorize(client_id="somebody")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/client-unknown")


async def refused(answer: httpx.Response, error: str, words: str = "") -> None:
    status = 401 if error == "invalid_client" else 400
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert words in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_code_with_a_wrong_verifier_is_refused_and_spent(client: Client) -> None:
    code = await client.code()
    await refused(await client.redeem(code, code_verifier="x" * 43), "invalid_grant", "code_verifier")
    await refused(await client.redeem(code), "invalid_grant", "used before")


async def test_a_code_is_taken_once(client: Client) -> None:
    code = await client.code()
    assert (await client.redeem(code)).status_code == 200
    await refused(await client.redeem(code), "invalid_grant", "used before")


async def test_of_many_requests_at_the_same_moment_one_gets_the_tokens(client: Client) -> None:
    code = await client.code()
    answers = await asyncio.gather(*(client.redeem(code) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11


async def test_a_code_lives_a_minute_of_sandbox_time(client: Client) -> None:
    fresh, old = await client.code(), await client.code()
    await client.sandbox.advance(timedelta(seconds=59))
    assert (await client.redeem(fresh)).status_code == 200
    await client.sandbox.advance(timedelta(seconds=1))
    await refused(await client.redeem(old), "invalid_grant", "expired")


async def test_old_codes_are_swept(client: Client, app: FastAPI) -> None:
    await client.code()
    await client.sandbox.advance(timedelta(hours=2))
    await client.code()
    rows = await app.state.runtime.database.fetch(
        "SELECT code FROM authorization_codes WHERE sandbox = $1", client.sandbox.id
    )
    assert len(rows) == 1


async def test_a_code_is_bound_to_its_redirect_uri(client: Client) -> None:
    other = await client.redeem(await client.code(), redirect_uri="http://127.0.0.1:9999/other")
    await refused(other, "invalid_grant", "redirect_uri")


async def test_a_code_of_another_sandbox_opens_nothing_and_stays_whole(client: Client, neighbour: Client) -> None:
    code = await client.code()
    await refused(await neighbour.redeem(code), "invalid_grant", "This sandbox")
    assert (await client.redeem(code)).status_code == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "somebody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"state": "a\x00b"}, "invalid_request"),
    ],
)
async def test_a_token_request_that_does_not_fit_is_told_why(
    client: Client, change: dict[str, str | None], error: str
) -> None:
    await refused(await client.redeem(await client.code(), **change), error)


async def test_the_token_endpoint_reads_forms_as_real_clients_write_them(client: Client) -> None:
    code = await client.code()
    body = f"grant_type=authorization_code&client_id=lienthong-demo&code={code}&code_verifier={VERIFIER}"
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    unescaped = f"{body}&redirect_uri={REDIRECT_URI}"  # 12.3: not URL-encoded
    assert (await client.http.post(f"{client.issuer}/token", content=unescaped, headers=kind)).status_code == 200
    await refused(await client.http.post(f"{client.issuer}/token", json={"code": code}), "invalid_request", "form")
    await refused(
        await client.http.post(f"{client.issuer}/token", content=body + "&code=x", headers=kind), "invalid_request"
    )
    assert challenge_of(VERIFIER) == CHALLENGE


def challenged(answer: httpx.Response, words: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/token-refused")
    assert words in answer.json()["detail"]
    assert answer.headers["www-authenticate"].startswith('Bearer realm="identity", error="invalid_token"')


async def test_an_access_token_lives_an_hour_of_sandbox_time(client: Client) -> None:
    token = (await client.tokens())["access_token"]
    await client.sandbox.advance(timedelta(seconds=3599))
    assert (await client.userinfo(token)).status_code == 200
    await client.sandbox.advance(timedelta(seconds=1))
    challenged(await client.userinfo(token), "expired")


async def test_a_strange_token_is_challenged(client: Client, neighbour: Client) -> None:
    given = await client.tokens()
    challenged(await neighbour.userinfo(given["access_token"]), client.sandbox.id)
    challenged(await client.userinfo(given["id_token"]), "id_token")
    head, claims, signature = given["access_token"].split(".")
    challenged(await client.userinfo(f"{head}.{claims}.{signature[:-4]}AAAA"), "did not sign")
    challenged(await client.userinfo("not-a-token"), "did not sign")


@pytest.mark.parametrize(
    "odd", [{"crit": 1}, {"crit": ["x"]}, {"typ": 1}, {"b64": False, "crit": ["b64"]}, {"jwk": {}}, {"kid": 1}], ids=str
)
async def test_a_token_with_an_odd_header_is_challenged(client: Client, odd: dict[str, Any]) -> None:
    head, claims, signature = (await client.tokens())["access_token"].split(".")
    header = {**json.loads(base64.urlsafe_b64decode(head + "==")), **odd}
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    challenged(await client.userinfo(f"{head}.{claims}.{signature}"), "did not sign")


async def test_without_a_token_the_challenge_names_no_error(client: Client) -> None:
    answer = await client.http.post(f"{client.issuer}/userinfo")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="identity"')


async def test_a_sandbox_that_nobody_has_is_not_found(client: Client) -> None:
    for path, status in (("/s/%00/jwks", 404), ("/s/a%2Fb/jwks", 404), ("/s/a.b/jwks", 404)):
        assert (await client.http.get(path)).status_code == status, path
    await client.sandbox.tell(deleted=True)
    assert (await client.authorize()).json()["type"] == "/problems/sandbox-not-found"


async def test_path_and_header_must_name_the_same_sandbox(client: Client) -> None:
    same = await client.http.get(f"{client.issuer}/jwks", headers=client.sandbox.header)
    other = await client.http.get(f"{client.issuer}/jwks", headers={"X-Sandbox": "other"})
    at_root = await client.http.get("/jwks", headers=client.sandbox.header)
    assert [answer.status_code for answer in (same, other, at_root)] == [200, 403, 403]
    assert other.json()["type"] == "/problems/sandbox-mismatch"


async def test_signing_in_is_journalled_under_the_person(client: Client) -> None:
    sub = (await client.userinfo((await client.tokens())["access_token"])).json()["sub"]
    story = (await client.http.get(f"/_lab/timeline/{sub}", headers=client.sandbox.header)).json()
    assert [entry["kind"] for entry in story] == ["signed_in", "tokens_given"]
    assert story[0]["at"] == "2026-06-09T08:00:00.000+07:00"
    nul = await client.http.get("/_lab/timeline/a%00b", headers=client.sandbox.header)
    assert nul.status_code == 422


async def test_processes_that_race_for_a_key_end_with_one(database_url: Databases) -> None:
    url = database_url()
    runtimes = [IdentityRuntime(settings_of(url)) for _ in range(3)]
    for runtime in runtimes:
        await runtime.database.open(runtime.metadata)
    keys = await asyncio.gather(*(signing_key(runtime.database) for runtime in runtimes))
    assert len({key.thumbprint() for key in keys}) == 1
    for runtime in runtimes:
        await runtime.database.close()


async def test_the_default_issuer_is_at_the_root(app: FastAPI, http: httpx.AsyncClient) -> None:
    await FrozenSandbox(app.state.runtime).tell(id="default")
    document = (await http.get("/.well-known/openid-configuration")).json()
    assert (document["issuer"], document["token_endpoint"]) == (BASE, f"{BASE}/token")
