"""Signing in under a fault rule: whom it hits, which token, and that the new key outlives a restart."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from contracts.faults import FAULTS
from services.identity_mock.app import create_app
from shared.sandbox.faults import Rule
from tests.service.frozen import START, FrozenSandbox
from tests.service.identity_mock.client import BASE, Client, returned
from tests.service.identity_mock.conftest import settings_of
from tests.support.databases import Databases


async def on(client: Client, fault: str, **change: Any) -> None:
    """The rule alone, as the portal would tell it."""
    named = FAULTS[fault]
    settings = {each.name: each.default for each in named.settings} | change.pop("settings", {})
    rule = Rule(fault, fault, named.edge, 1, named.title_en, named.title_vi, settings=settings, **change)
    await client.sandbox.tell(faults=msgspec.to_builtins([rule]))


def read(token: str, place: int = 1) -> dict[str, Any]:
    text = token.split(".")[place]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


async def keys(client: Client) -> list[str]:
    return [key["kid"] for key in (await client.http.get(f"{client.issuer}/jwks")).json()["keys"]]


@pytest.mark.parametrize("which", ["access", "id", "both"])
async def test_the_token_that_was_named_is_spoilt_and_no_other(client: Client, which: str) -> None:
    await on(client, "token-wrong-issuer", settings={"token": which})
    given = await client.tokens()
    wrong = {kind for kind in ("access", "id") if read(given[f"{kind}_token"])["iss"] != client.issuer}
    assert wrong == ({"access", "id"} if which == "both" else {which})


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("token-wrong-issuer", {"iss": "https://id.example.invalid"}),
        ("token-wrong-audience", {"aud": "another-api"}),
        ("token-expired", {"exp": int(START.timestamp()) - 3600}),
        ("token-not-yet-valid", {"iat": int(START.timestamp()) + 300}),
        ("token-wrong-nonce", {"nonce": "another-nonce"}),
        ("token-level-too-low", {"level": 1}),
    ],
)
async def test_a_claim_lies_and_is_well_signed(client: Client, fault: str, wrong: dict[str, Any]) -> None:
    good = read((await client.tokens())["id_token"])
    change = {"settings": {"by": "5m"}} if fault == "token-not-yet-valid" else {}
    await on(client, fault, **change)
    token = (await client.tokens())["id_token"]
    claims = read(token)
    assert wrong.items() <= claims.items()
    timely = {"iat", "nbf", "exp"}
    assert {name for name in good if good[name] != claims[name]} - timely <= set(wrong)
    keyset = KeySet.import_key_set((await client.http.get(f"{client.issuer}/jwks")).json())
    assert jwt.decode(token, keyset, algorithms=["RS256"]).claims == claims


async def test_one_letter_is_another_than_was_signed(client: Client) -> None:
    await on(client, "token-wrong-signature")
    keyset = KeySet.import_key_set((await client.http.get(f"{client.issuer}/jwks")).json())
    for token in ("access_token", "id_token"):
        with pytest.raises(BadSignatureError):
            jwt.decode((await client.tokens())[token], keyset, algorithms=["RS256"])


async def test_only_the_persona_that_is_matched_is_hit(client: Client) -> None:
    await on(client, "consent-refused", match={"persona": "minh"})
    assert "code" in returned(await client.authorize(login_hint="lan"))
    assert returned(await client.authorize(login_hint="minh"))["error"] == "access_denied"


async def test_a_refused_sign_in_says_so_by_redirect_with_its_state(client: Client) -> None:
    await on(client, "account-locked")
    back = returned(await client.authorize())
    assert (back["error"], back["error_description"], back["state"]) == (
        "access_denied",
        "The account is locked.",
        "a==+é b",
    )
    assert "code" not in back


async def test_a_bitten_code_is_spent_and_nobody_was_given_tokens(client: Client) -> None:
    good = await client.tokens()
    sub = read(good["id_token"])["sub"]
    await on(client, "code-replayed", times=1)
    code = await client.code()
    for _ in range(2):
        answer = await client.redeem(code)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    story = (await client.http.get(f"/_lab/timeline/{sub}", headers=client.sandbox.header)).json()
    assert [line["kind"] for line in story] == ["signed_in", "tokens_given", "signed_in", "fault"]


async def test_a_head_uses_no_rule_up(client: Client) -> None:
    token = (await client.tokens())["access_token"]
    await on(client, "account-locked", times=1)
    assert [(await client.userinfo(token, method)).status_code for method in ("HEAD", "HEAD", "GET", "GET")] == [
        403,
        403,
        403,
        200,
    ]


async def test_userinfo_tells_of_a_locked_account_by_either_verb(client: Client) -> None:
    token = (await client.tokens())["access_token"]
    await on(client, "account-locked", match={"persona": "lan"})
    for method in ("GET", "POST"):
        answer = await client.userinfo(token, method)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/account-locked")
    await client.sandbox.tell(faults=[])
    assert (await client.userinfo(token)).status_code == 200


async def test_a_provider_that_is_down_serves_none_of_its_doors(client: Client, neighbour: Client) -> None:
    token, code = (await client.tokens())["access_token"], await client.code()
    await on(client, "provider-down")
    answers: list[httpx.Response] = [
        *[await client.http.get(f"{client.issuer}/{path}") for path in (".well-known/openid-configuration", "jwks")],
        *(await client.authorize(), await client.redeem(code), await client.userinfo(token)),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/provider-down")
        assert answer.headers["retry-after"] == "1"
    assert (await neighbour.tokens())["access_token"]
    await client.sandbox.tell(faults=[])
    assert (await client.redeem(code)).status_code == 200, "the code was not spent"


async def test_a_new_key_signs_and_outlives_a_restart(database_url: Databases) -> None:
    url, told = database_url(), []
    for _ in ("first", "second"):
        app = create_app(settings_of(url))
        async with app.router.lifespan_context(app):
            await app.state.runtime.when_ready()
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as http:
                client = Client(http, await FrozenSandbox(app.state.runtime).tell())
                old = read((await client.tokens())["id_token"], 0)["kid"]
                await on(client, "key-rotated")
                new = read((await client.tokens())["id_token"], 0)["kid"]
                assert await keys(client) == [new] and new != old
                await client.sandbox.tell(faults=[])
                assert await keys(client) == [old, new], "what was signed meanwhile can still be checked"
                told.append((old, new))
    assert told[0] == told[1]


async def test_the_unknown_key_is_in_no_key_set(client: Client) -> None:
    await on(client, "token-unknown-key")
    given = await client.tokens()
    for token in (given["access_token"], given["id_token"]):
        assert read(token, 0)["kid"] not in await keys(client)
    assert (await client.userinfo(given["access_token"])).status_code == 401
