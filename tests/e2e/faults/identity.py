"""What a client and the portal see when signing in goes wrong, or a token is not what it should be."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import httpx
import pytest

from lienthong.client import Problem
from tests.e2e.faults.story import Stories
from tests.support.relying_party import RelyingParty, part_of
from tests.support.trouble import Trouble

STORIES = Stories()
LAN = {"persona": "lan"}
# fault → what a client finds wrong with the id_token, and what the portal says of the access token
SPOILT = {
    "token-wrong-issuer": ("issuer", "token-not-valid"),
    "token-wrong-audience": ("audience", "token-not-valid"),
    "token-wrong-signature": ("signature", "token-not-valid"),
    "token-wrong-algorithm": ("algorithm", "token-not-valid"),
    "token-expired": ("expired", "token-expired"),
    "token-not-yet-valid": ("not-yet-valid", "token-expired"),
    "token-wrong-nonce": ("nonce", ""),
    "token-unknown-key": ("key", "token-not-valid"),
    "token-level-too-low": ("", "identity-level-too-low"),
}


def signs_in(trouble: Trouble) -> RelyingParty:
    issuer = f"{trouble.country.identity.url}/s/{trouble.sandbox.id}"
    return RelyingParty(trouble.http, issuer, trouble.sandbox.id)


async def person(trouble: Trouble) -> str:
    """Whose timeline it is."""
    return str((await trouble.lan.who_am_i())["sub"])


async def now(trouble: Trouble) -> datetime:
    return datetime.fromisoformat((await trouble.sandbox.clock.read())["now"])


async def submit_with(trouble: Trouble, token: str) -> httpx.Response:
    trouble.lan.token = token
    return await trouble.submit(trouble.key())


async def all_is_well(trouble: Trouble) -> None:
    """A new sign-in: the tokens are good, the portal takes them, userinfo answers."""
    client = signs_in(trouble)
    given = await client.tokens("lan")
    assert await client.objection(given["id_token"], await now(trouble)) == ""
    assert part_of(given["id_token"], 1)["level"] == 2
    assert (await client.userinfo(given["access_token"])).status_code == 200
    answer = await submit_with(trouble, given["access_token"])
    assert answer.status_code == 201, answer.text
    await trouble.noted(answer.json())


async def a_token_is_spoilt(fault: str, trouble: Trouble) -> None:
    objection, refusal = SPOILT[fault]
    client, lan = signs_in(trouble), await person(trouble)
    async with trouble.on(fault, lan, match=LAN):
        given = await client.tokens("lan")
        assert await client.objection(given["id_token"], await now(trouble)) == objection
        answer = await submit_with(trouble, given["access_token"])
        if refusal:
            assert answer.status_code in (401, 403) and answer.json()["type"] == f"/problems/{refusal}", answer.text
        else:
            assert answer.status_code == 201, answer.text
            await trouble.noted(answer.json())
        minh = await client.tokens("minh")
        assert await client.objection(minh["id_token"], await now(trouble)) == "", "nobody else is touched"
    await all_is_well(trouble)


for spoilt in SPOILT:
    STORIES.of(spoilt)(partial(a_token_is_spoilt, spoilt))


@STORIES.of("key-rotated")
async def the_provider_signs_with_a_new_key(trouble: Trouble) -> None:
    client, lan = signs_in(trouble), await person(trouble)
    before = await client.tokens("lan")
    old = part_of(before["id_token"], 0)["kid"]
    async with trouble.on("key-rotated", lan):
        (shown,) = await client.keys()
        given = await client.tokens("lan")
        assert part_of(given["access_token"], 0)["kid"] == part_of(given["id_token"], 0)["kid"] == shown["kid"] != old
        assert await client.objection(given["id_token"], await now(trouble)) == ""
        assert await client.objection(before["id_token"], await now(trouble)) == "key"
        answer = await submit_with(trouble, given["access_token"])
        assert answer.status_code == 201, "the portal fetched the key set again"
        await trouble.noted(answer.json())
    assert old in [key["kid"] for key in await client.keys()]
    assert part_of((await client.tokens("lan"))["id_token"], 0)["kid"] == old
    assert await client.objection(given["id_token"], await now(trouble)) == "", "what was signed meanwhile stays good"
    await all_is_well(trouble)


@STORIES.of("code-replayed")
async def somebody_was_faster(trouble: Trouble) -> None:
    client, lan = signs_in(trouble), await person(trouble)
    async with trouble.on("code-replayed", lan, match=LAN, times=1):
        code = (await client.authorize("lan"))["code"]
        answer = await client.redeem(code)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert (await client.redeem(code)).status_code == 400, "spent all the same"
        assert (await client.redeem((await client.authorize("lan"))["code"])).status_code == 200
    await all_is_well(trouble)


@STORIES.of("account-locked")
async def the_account_is_locked_in_mid_session(trouble: Trouble) -> None:
    client, lan = signs_in(trouble), await person(trouble)
    given = await client.tokens("lan")
    code = (await client.authorize("lan"))["code"]
    async with trouble.on("account-locked", lan, match=LAN):
        locked = await client.userinfo(given["access_token"])
        assert (locked.status_code, locked.json()["type"]) == (403, "/problems/account-locked")
        assert (await client.redeem(code)).json()["error"] == "invalid_grant"
        assert (await client.authorize("lan"))["error"] == "access_denied"
        assert "code" in await client.authorize("minh")
        answer = await submit_with(trouble, given["access_token"])
        assert answer.status_code == 201, "a token lives until it expires"
        await trouble.noted(answer.json())
    assert (await client.userinfo(given["access_token"])).status_code == 200
    await all_is_well(trouble)


@STORIES.of("consent-refused")
async def the_citizen_says_no(trouble: Trouble) -> None:
    client, lan = signs_in(trouble), await person(trouble)
    async with trouble.on("consent-refused", lan, match=LAN, times=1):
        returned = await client.authorize("lan")
        assert returned["error"] == "access_denied" and "code" not in returned
        assert "code" in await client.authorize("lan"), "and then says yes"
    await all_is_well(trouble)


@STORIES.of("provider-down")
async def nobody_can_sign_in(trouble: Trouble) -> None:
    client = signs_in(trouble)
    given = await client.tokens("lan")
    async with trouble.on("provider-down", "*"):
        answer = await client.discover()
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/provider-down")
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.userinfo(given["access_token"])).status_code == 503
        assert (await client.redeem("any")).status_code == 503
        with pytest.raises(Problem) as refused:
            await trouble.sandbox.citizen("minh").sign_in()
        assert refused.value.type == "provider-down"
        answer = await submit_with(trouble, given["access_token"])
        assert answer.status_code == 201, "who is signed in never noticed"
        await trouble.noted(answer.json())
    await all_is_well(trouble)
