"""Who may ask: every way in which an access token can be wrong has its own answer."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
import types
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.portal import auth
from services.portal.auth import Tokens
from tests.support.country import URLS, Citizen, Country, Sandbox, problem


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


class Forger:
    """Signs what the identity provider would never say."""

    def __init__(self, country: Country, token: str) -> None:
        self.key: RSAKey = country.apps["identity"].state.runtime.key
        self.claims = claims_of(token)

    def token(self, key: Any = None, header: dict[str, Any] | None = None, **change: Any) -> str:
        claims = {name: value for name, value in {**self.claims, **change}.items() if value is not ...}
        header = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.thumbprint(), **(header or {})}
        return jwt.encode(header, claims, key or self.key, algorithms=["RS256"])


@pytest.fixture
def forger(country: Country, lan: Citizen) -> Forger:
    return Forger(country, lan.token)


async def answer_to(sandbox: Sandbox, token: str, **headers: str) -> httpx.Response:
    return await Citizen(sandbox, token).ask("GET", "/dossiers", headers=headers)


async def refused_as_invalid(sandbox: Sandbox, token: str, reason: str) -> None:
    assert problem(await answer_to(sandbox, token), 401, "token-not-valid")["reason"] == reason
    submitted = await Citizen(sandbox, token).submit()
    assert problem(submitted, 401, "token-not-valid")["reason"] == reason


async def test_a_good_token_is_taken_also_when_resigned_with_the_same_key(sandbox: Sandbox, forger: Forger) -> None:
    assert (await answer_to(sandbox, forger.token())).status_code == 200
    assert (await answer_to(sandbox, forger.token(aud=["other", "portal"]))).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic bGFuOmxhbg==", "token"])
async def test_no_token_is_asked_for(country: Country, header: str) -> None:
    answer = await country.ask("portal", "GET", "/api/v1/dossiers", headers={"Authorization": header})
    problem(answer, 401, "token-missing")
    problem(await country.ask("portal", "GET", "/api/v1/dossiers"), 401, "token-missing")


@pytest.mark.parametrize("token", ["x", "a.b.c", "é.é.é", "e30.e30.", "....", "%00"])
async def test_what_is_no_token_is_refused(sandbox: Sandbox, token: str) -> None:
    headers = [(b"authorization", b"Bearer " + token.encode())]
    answer = await sandbox.country.ask("portal", "GET", "/api/v1/dossiers", headers=headers)
    problem(answer, 401, "token-not-valid")


async def test_an_expired_token_is_refused_by_the_sandbox_clock(sandbox: Sandbox, lan: Citizen) -> None:
    await sandbox.move(minutes=59)
    assert (await answer_to(sandbox, lan.token)).status_code == 200
    await sandbox.move(minutes=1)
    refused = problem(await answer_to(sandbox, lan.token), 401, "token-expired")
    assert "expired by the sandbox clock" in refused["detail"] and refused["now"].endswith(".000+07:00")
    problem(await lan.submit(), 401, "token-expired")


async def test_a_token_from_the_future_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    later = int((datetime(2026, 6, 9, 1, tzinfo=UTC) + timedelta(minutes=5)).timestamp())
    refused = problem(await answer_to(sandbox, forger.token(nbf=later)), 401, "token-expired")
    assert "not valid yet" in refused["detail"]


async def test_a_foreign_token_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    stranger = RSAKey.generate_key(2048)
    await refused_as_invalid(sandbox, forger.token(stranger), "signature")
    await refused_as_invalid(sandbox, forger.token(stranger, {"kid": stranger.thumbprint()}), "signature")


async def test_an_altered_token_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    head, body, signature = forger.token().split(".")
    richer = base64.urlsafe_b64encode(json.dumps({**forger.claims, "level": 1}).encode()).rstrip(b"=").decode()
    await refused_as_invalid(sandbox, f"{head}.{richer}.{signature}", "signature")
    await refused_as_invalid(
        sandbox, f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}", "signature"
    )
    await refused_as_invalid(sandbox, f"{head}.{body}.", "signature")


async def test_an_unsigned_token_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    body = forger.token().split(".")[1]
    for alg in ("none", "None", ""):
        head = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": "at+jwt"}).encode()).rstrip(b"=").decode()
        await refused_as_invalid(sandbox, f"{head}.{body}.", "signature")


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    head = base64.urlsafe_b64encode(b'{"alg": "HS256", "typ": "at+jwt"}').decode()
    said = f"{head}.{forger.token().split('.')[1]}"
    for secret in (forger.key.as_pem(private=False), json.dumps(forger.key.as_dict(private=False)).encode()):
        signature = base64.urlsafe_b64encode(hmac.digest(secret, said.encode(), "sha256")).rstrip(b"=").decode()
        await refused_as_invalid(sandbox, f"{said}.{signature}", "signature")


async def test_an_id_token_is_no_access_token(sandbox: Sandbox) -> None:
    await refused_as_invalid(sandbox, (await sandbox.tokens())["id_token"], "audience")


async def test_a_token_for_another_audience_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    for audience in ("payment", ["payment"], None, ...):
        await refused_as_invalid(sandbox, forger.token(aud=audience), "audience")


async def test_a_token_of_another_issuer_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    for issuer in ("http://elsewhere.test", URLS["identity"], f"{URLS['identity']}/s/other", None, ...):
        await refused_as_invalid(sandbox, forger.token(iss=issuer), "issuer")
    await refused_as_invalid(sandbox, forger.token(sandbox="default"), "issuer")


async def test_a_sandboxs_own_client_may_bring_a_token_of_the_default_issuer(sandbox: Sandbox, forger: Forger) -> None:
    own = {"iss": URLS["identity"], "client_id": f"lienthong-{sandbox.id}"}
    assert (await answer_to(sandbox, forger.token(**own))).status_code == 200
    await refused_as_invalid(sandbox, forger.token(**own | {"client_id": "lienthong-other"}), "issuer")


@pytest.mark.parametrize("claim", ["level", "name", "SoDinhDanh", "exp"])
async def test_a_token_without_a_needed_claim_is_refused(sandbox: Sandbox, forger: Forger, claim: str) -> None:
    await refused_as_invalid(sandbox, forger.token(**{claim: ...}), "claims")


async def test_a_claim_of_another_kind_is_refused(sandbox: Sandbox, forger: Forger) -> None:
    await refused_as_invalid(sandbox, forger.token(level="two"), "claims")
    await refused_as_invalid(sandbox, forger.token(level=[2]), "claims")


async def test_a_token_and_a_header_that_disagree_are_refused(country: Country, sandbox: Sandbox, lan: Citizen) -> None:
    other = await country.sandbox()
    refused = problem(await answer_to(sandbox, lan.token, **other.header), 403, "sandbox-mismatch")
    assert (refused["token_sandbox"], refused["header_sandbox"]) == (sandbox.id, other.id)
    assert (await answer_to(sandbox, lan.token, **sandbox.header)).status_code == 200


async def test_another_sandboxs_token_opens_nothing_here(country: Country, lan: Citizen) -> None:
    code = await lan.submitted()
    twin = await (await country.sandbox(seed="seed-1", start="2026-06-09T08:00:00+07:00")).sign_in("lan")
    assert claims_of(twin.token)["sub"] == claims_of(lan.token)["sub"], "the same person, in another country"
    problem(await twin.ask("GET", f"/dossiers/{code}"), 404, "dossier-not-found")


async def test_a_token_of_a_deleted_sandbox_finds_no_sandbox(country: Country, lan: Citizen) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{lan.sandbox.id}")
    problem(await lan.ask("GET", "/dossiers"), 404, "sandbox-not-found")
    problem(await lan.submit(), 404, "sandbox-not-found")


async def test_a_token_is_refused_once_its_code_was_used_twice(country: Country, sandbox: Sandbox) -> None:
    sent: list[httpx.Request] = []

    async def note(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/token"):
            sent.append(request)
        return None

    async with country.fault("identity", note):
        lan = await sandbox.sign_in()
    other = await sandbox.sign_in()
    assert (await lan.ask("GET", "/dossiers")).status_code == 200
    replay = await country.http.post(sent[0].url, content=sent[0].content, headers=sent[0].headers)
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    async with asyncio.timeout(60):  # the portal asks every two seconds
        while (await lan.ask("GET", "/dossiers")).status_code == 200:
            pass
    await refused_as_invalid(sandbox, lan.token, "revoked")
    async with country.silent("identity"):
        await country.portal.tokens.learn_revoked()
    await refused_as_invalid(sandbox, lan.token, "revoked")
    assert (await other.ask("GET", "/dossiers")).status_code == 200


async def test_while_the_identity_provider_is_silent_the_portal_says_so(country: Country, lan: Citizen) -> None:
    country.portal.tokens = type(country.portal.tokens)(country.portal, URLS["identity"], "portal")
    async with country.silent("identity", "/jwks"):
        refused = problem(await lan.ask("GET", "/dossiers"), 503, "not-ready")
    assert refused["waits_for"] == ["identity"]
    assert (await lan.ask("GET", "/dossiers")).status_code == 200


@pytest.fixture
async def looks(country: Country) -> AsyncIterator[list[str]]:
    """Paths of the key sets that the portal fetched, of a portal that knows no key yet."""
    fetched: list[str] = []
    country.portal.tokens = Tokens(country.portal, URLS["identity"], "portal")

    async def note(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/jwks"):
            fetched.append(request.url.path)
        return None

    async with country.fault("identity", note):
        yield fetched


@types.coroutine
def a_turn() -> Iterator[None]:
    """Let every other task go on once."""
    yield


@pytest.mark.parametrize("turns", range(8))
async def test_who_comes_while_a_look_ends_begins_no_second_one(
    country: Country, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    tokens, answered, looks = Tokens(country.portal, URLS["identity"], "portal"), asyncio.Event(), list[str]()

    async def fetch(issuer: str) -> None:
        looks.append(issuer)
        await answered.wait()

    async def known(sandbox_id: str) -> None:
        for _ in range(turns if answered.is_set() else 0):
            await a_turn()

    monkeypatch.setattr(tokens, "_fetch", fetch)
    monkeypatch.setattr(country.portal, "sandbox", known)
    first = asyncio.create_task(tokens._look_for("k1", sandbox.id))
    while not looks:
        await a_turn()
    answered.set()
    await asyncio.gather(first, tokens._look_for("k2", sandbox.id))
    assert len(looks) == 1


async def test_invented_key_ids_cost_one_look_each_half_minute(
    country: Country, sandbox: Sandbox, forger: Forger, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, passed = RSAKey.generate_key(2048), 0.0
    begun = time.monotonic()
    monkeypatch.setattr(auth.time, "monotonic", lambda: begun + passed)

    async def invented() -> None:
        tokens = [forger.token(stranger, {"kid": f"k{number}"}, n=number) for number in range(20)]
        answers = await asyncio.gather(*(answer_to(sandbox, token) for token in tokens))
        assert {answer.status_code for answer in answers} == {401}

    await invented()
    await invented()
    assert looks == [f"/s/{sandbox.id}/jwks"], "twenty at once share it; twenty later do without"
    assert (await answer_to(sandbox, forger.token())).status_code == 200, "the look found the true key"
    passed = 29.9
    await invented()
    assert len(looks) == 1
    passed = 30.0
    await invented()
    assert len(looks) == 2


async def test_an_issuer_that_does_not_exist_is_not_looked_at(
    sandbox: Sandbox, forger: Forger, looks: list[str]
) -> None:
    stranger = RSAKey.generate_key(2048)
    for claim in ("nowhere", "../default", "a" * 65, "", None, 7, ["default"], ...):
        await refused_as_invalid(sandbox, forger.token(stranger, {"kid": "k"}, sandbox=claim), "signature")
    assert looks == []
