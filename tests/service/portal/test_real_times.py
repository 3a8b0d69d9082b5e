"""What the portal gives to a program that reads the clock of its own machine: real times, also in a frozen sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.sandbox import validity
from tests.service.portal.sending import kept
from tests.support.country import Citizen, Country, Sandbox, problem

REAL = datetime(2031, 1, 1, tzinfo=UTC)
Turn = Callable[[timedelta], None]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Sets real time, as far as tokens and addresses know: so long after REAL."""

    def turn(by: timedelta) -> None:
        monkeypatch.setattr(validity, "real_now", lambda: REAL + by)

    turn(timedelta())
    return turn


@pytest.fixture
async def program(sandbox: Sandbox, turn: Turn) -> Citizen:
    """Lan in a program under test: it has the sandbox's own client."""
    return await sandbox.sign_in("lan", f"lienthong-{sandbox.id}")


async def test_a_token_with_real_times_ends_by_whichever_clock_comes_first(
    sandbox: Sandbox, program: Citizen, turn: Turn
) -> None:
    turn(timedelta(minutes=59))
    await sandbox.move(minutes=59)
    assert (await program.ask("GET", "/dossiers")).status_code == 200
    turn(timedelta(minutes=60))
    refused = problem(await program.ask("GET", "/dossiers"), 401, "token-expired")
    assert "expired by real time" in refused["detail"]
    turn(timedelta(minutes=59))
    await sandbox.move(minutes=1)
    refused = problem(await program.submit(), 401, "token-expired")
    assert "expired by the sandbox clock" in refused["detail"]


async def test_a_signed_address_for_it_has_real_times_and_ends_likewise(
    country: Country, sandbox: Sandbox, program: Citizen, turn: Turn
) -> None:
    paper = await kept(program)
    assert datetime.fromisoformat(paper["address_expires_at"]) == REAL + timedelta(minutes=15)
    assert (await country.http.get(paper["address"])).status_code == 200
    turn(timedelta(minutes=15))
    assert "by real time" in problem(await country.http.get(paper["address"]), 410, "address-expired")["detail"]
    turn(timedelta())
    await sandbox.move(minutes=15)
    assert "sandbox clock" in problem(await country.http.get(paper["address"]), 410, "address-expired")["detail"]


async def test_no_part_of_the_times_of_an_address_can_be_changed(country: Country, program: Citizen) -> None:
    address = (await kept(program))["address"]
    base, query = address.split("?")
    parts = dict(part.split("=") for part in query.split("&"))
    assert {"expires", "sandbox_expires"} <= set(parts)
    later = {name: str(int(parts[name]) + 1) for name in ("expires", "sandbox_expires")}
    without = {name: value for name, value in parts.items() if name != "sandbox_expires"}
    for changed in (without, *({**parts, name: value} for name, value in later.items())):
        problem(
            await country.http.get(base + "?" + "&".join(f"{n}={v}" for n, v in changed.items())),
            403,
            "address-not-valid",
        )


async def test_an_address_for_our_test_client_follows_the_sandbox_alone(
    country: Country, lan: Citizen, turn: Turn
) -> None:
    paper = await kept(lan)
    turn(timedelta(days=1))
    assert "sandbox_expires" not in paper["address"]
    assert (await country.http.get(paper["address"])).status_code == 200
