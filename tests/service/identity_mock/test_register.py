"""For whom somebody may act: a child of Lan's, a company of Minh's; invented, drawn from the seed, in token and userinfo."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from services.identity_mock import register
from services.identity_mock.people import PERSONAS, PLACE_CODES
from tests.service.frozen import FrozenSandbox
from tests.service.identity_mock.client import Client

NOBODYS = [persona.hint for persona in PERSONAS if persona.hint not in ("lan", "minh")]
WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)  # fact sheet, domain.md section 6


async def represented(client: Client, persona: str) -> list[dict[str, Any]]:
    """What token and userinfo both say."""
    tokens = await client.tokens(login_hint=persona)
    keys = KeySet.import_key_set((await client.http.get(f"{client.issuer}/jwks")).json())
    claims = jwt.decode(tokens["access_token"], keys, algorithms=["RS256"]).claims
    told = (await client.userinfo(tokens["access_token"])).json()
    assert claims["represents"] == told["represents"]
    assert "represents" in told["unverified"]
    assert "represents" not in jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    return list(told["represents"])


async def test_lan_acts_for_a_child_of_hers(client: Client) -> None:
    (child,) = await represented(client, "lan")
    assert child["kind"] == "person" and child["name"].endswith(" Gia An")
    assert len(child["id"]) == 12 and child["id"][:3] in PLACE_CODES
    assert child["id"][3] == "3", "a girl of this century"
    assert 14 <= int(child["id"][4:6]) <= 21, "under 14 on every day a sandbox can show"
    assert child["id"][6] == "9", "the range kept for invented people"


async def test_minh_acts_for_a_company_with_a_tax_code_that_checks(client: Client) -> None:
    (company,) = await represented(client, "minh")
    assert company["kind"] == "organisation" and company["name"].endswith(" Hư Cấu")
    assert company["id"].startswith("99"), "a region that no office has"
    assert check_digit(company["id"]) == int(company["id"][9])


@pytest.mark.parametrize("persona", NOBODYS)
async def test_the_others_act_for_nobody_but_themselves(client: Client, persona: str) -> None:
    assert await represented(client, persona) == []


async def test_two_sandboxes_with_one_seed_have_the_same_family_and_company(client: Client, neighbour: Client) -> None:
    for persona in ("lan", "minh"):
        assert await represented(client, persona) == await represented(neighbour, persona)


async def test_another_seed_has_others(app: FastAPI, client: Client) -> None:
    elsewhere = Client(client.http, await FrozenSandbox(app.state.runtime, seed="seed-2").tell())
    for persona in ("lan", "minh"):
        here, there = await represented(client, persona), await represented(elsewhere, persona)
        assert here[0]["id"] != there[0]["id"]


async def test_nobody_acts_for_one_of_the_people_who_sign_in(client: Client) -> None:
    numbers = set()
    for persona in PERSONAS:
        token = (await client.tokens(login_hint=persona.hint))["access_token"]
        numbers.add((await client.userinfo(token)).json()["SoDinhDanh"])
    (child,) = await represented(client, "lan")
    assert len(numbers) == len(PERSONAS) and child["id"] not in numbers


def test_the_child_stays_under_fourteen() -> None:
    oldest = register.BORN_FROM
    assert date(oldest.year + 14, oldest.month, oldest.day) > date(2027, 12, 31), "the calendar's last day"


def test_the_example_of_the_fact_sheet_comes_out() -> None:
    assert register.tax_code(10_004_751) == "0100047516"


@given(st.integers(0, 999_999_000))
def test_a_tax_code_has_a_check_digit_and_is_one_that_can_be_issued(serial: int) -> None:
    code = register.tax_code(serial)
    assert len(code) == 10 and code.isdigit()
    assert check_digit(code) == int(code[9])
    assert serial <= int(code[:9]) <= serial + 2, "serials whose sum leaves no remainder are not issued"


def check_digit(code: str) -> int:
    """10 less the remainder by 11 of the weighted sum (fact sheet)."""
    return 10 - sum(int(digit) * weight for digit, weight in zip(code[:9], WEIGHTS, strict=True)) % 11
