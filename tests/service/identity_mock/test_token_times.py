"""By which clock a client's tokens are valid: our test client's by the sandbox clock, every other's by real time, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from shared.sandbox import validity
from tests.service.frozen import START
from tests.service.identity_mock.client import Client
from tests.service.identity_mock.test_faults import on
from tests.service.identity_mock.test_openid_connect import claims_of

HOUR = timedelta(hours=1)
Turn = Callable[[timedelta], None]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Lets real time pass, as far as tokens know."""
    at = datetime.now(UTC)

    def turn(by: timedelta) -> None:
        nonlocal at
        at += by
        monkeypatch.setattr(validity, "real_now", lambda: at)

    turn(timedelta())
    return turn


async def test_a_library_accepts_the_tokens_of_a_frozen_sandbox(own_client: Client) -> None:
    given = await own_client.tokens()
    keys = KeySet.import_key_set((await own_client.http.get(f"{own_client.issuer}/jwks")).json())
    rules = jwt.JWTClaimsRegistry(leeway=5, iss={"essential": True, "value": own_client.issuer})
    for token in (given["id_token"], given["access_token"]):
        decoded = jwt.decode(token, keys, algorithms=["RS256"])
        rules.validate(decoded.claims)  # by the clock of this machine
        assert (
            abs(decoded.claims["iat"] - datetime.now(UTC).timestamp())
            < 600
            < abs(START.timestamp() - decoded.claims["iat"])
        )
    claims = claims_of(given["id_token"])
    assert claims["auth_time"] <= claims["iat"] == claims["exp"] - 3600
    assert (await own_client.userinfo(given["access_token"])).status_code == 200


async def test_tokens_of_the_test_client_follow_the_sandbox_alone(client: Client, turn: Turn) -> None:
    token = (await client.tokens())["access_token"]
    turn(10 * HOUR)
    assert claims_of(token)["iat"] == START.timestamp() and "sandbox_exp" not in claims_of(token)
    assert (await client.userinfo(token)).status_code == 200


async def test_real_tokens_end_by_real_time(own_client: Client, turn: Turn) -> None:
    token = (await own_client.tokens())["access_token"]
    turn(HOUR - timedelta(seconds=1))
    assert (await own_client.userinfo(token)).status_code == 200
    turn(timedelta(seconds=1))
    refused = await own_client.userinfo(token)
    assert refused.status_code == 401 and "expired by real time" in refused.json()["detail"]


async def test_real_tokens_end_by_the_sandbox_clock(own_client: Client) -> None:
    token = (await own_client.tokens())["access_token"]
    await own_client.sandbox.advance(HOUR - timedelta(seconds=1))
    assert (await own_client.userinfo(token)).status_code == 200
    await own_client.sandbox.advance(timedelta(seconds=1))
    refused = await own_client.userinfo(token)
    assert refused.status_code == 401 and "expired by the sandbox clock" in refused.json()["detail"]


@pytest.mark.parametrize(("fault", "settings"), [("token-expired", {}), ("token-not-yet-valid", {"by": "5m"})])
async def test_a_fault_of_the_times_is_one_by_the_clients_clock(
    own_client: Client, fault: str, settings: dict[str, str]
) -> None:
    await on(own_client, fault, settings=settings)
    given = await own_client.tokens()
    claims, now = claims_of(given["id_token"]), datetime.now(UTC).timestamp()
    assert claims["exp"] < now if fault == "token-expired" else claims["iat"] > now
    assert (await own_client.userinfo(given["access_token"])).status_code == 401
