"""People and organisations of a sandbox's own at the provider: they sign in, and the token says for whom they act."""

from __future__ import annotations

from html import unescape
from re import findall
from typing import Any

import pytest
from fastapi import FastAPI

from contracts.identity import organisation_fault, person_fault
from tests.service.frozen import FrozenSandbox
from tests.service.identity_mock.client import Client, returned
from tests.service.identity_mock.test_register import represented

NGA = {"name": "Trần Thị <Nga>", "sex": "female", "level": 1, "born_on": "1990-04-30"}
PEOPLE = {
    "nga": {**NGA, "represents": ["cty", "hop-tac-xa"], "children": [{"name": "Lê Gia Bình"}]},
    "phong": {"name": "Lê Thanh Phong", "sex": "male", "level": 2, "represents": ["cty"], "children": []},
}
ORGANISATIONS = {"cty": {"name": "Công ty TNHH Nga Hư Cấu"}, "hop-tac-xa": {"name": "Hợp tác xã Hư Cấu"}}
OWN = {"people": PEOPLE, "organisations": ORGANISATIONS}


@pytest.fixture
async def own(app: FastAPI, client: Client) -> Client:
    """A client in a sandbox that has people of its own."""
    return Client(client.http, await FrozenSandbox(app.state.runtime).tell(people=OWN))


async def told(client: Client, persona: str) -> dict[str, Any]:
    answer = await client.userinfo((await client.tokens(login_hint=persona))["access_token"])
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_one_of_its_own_signs_in_and_is_who_was_said(own: Client) -> None:
    nga = await told(own, "nga")
    assert (nga["HoVaTen"], nga["NgayThangNamSinh"], nga["loAs"]) == ("Trần Thị <Nga>", "19900430", 1)
    assert nga["SoDinhDanh"][3:7] == "1909" and person_fault(nga["SoDinhDanh"]) is None
    assert nga["synthetic"] is True


async def test_token_and_userinfo_say_for_whom_they_act(own: Client) -> None:
    company, cooperative, child = await represented(own, "nga")
    assert (company["kind"], company["name"]) == ("organisation", "Công ty TNHH Nga Hư Cấu")
    assert (cooperative["kind"], cooperative["name"]) == ("organisation", "Hợp tác xã Hư Cấu")
    assert (child["kind"], child["name"]) == ("person", "Lê Gia Bình")
    assert (
        organisation_fault(company["id"]) is organisation_fault(cooperative["id"]) is person_fault(child["id"]) is None
    )
    assert await represented(own, "phong") == [company], "one organisation, two who act for it"


async def test_the_six_live_there_too_and_are_who_they_are_elsewhere(own: Client, client: Client) -> None:
    for persona in ("lan", "minh", "tuan"):
        assert await told(own, persona) == await told(client, persona)
        assert await represented(own, persona) == await represented(client, persona)


async def test_the_page_that_asks_who_signs_in_lists_them(own: Client) -> None:
    page = await own.authorize(login_hint=None)
    assert "Trần Thị &lt;Nga&gt;" in page.text and "<Nga>" not in page.text
    links = [unescape(link) for link in findall(r'href="(\?[^"]+)"', page.text)]
    assert len(links) == 8
    answer = await own.http.get(f"{own.issuer}/authorize{links[7]}")
    assert (await own.redeem(returned(answer)["code"])).status_code == 200


async def test_who_is_nobody_there_is_told_who_there_is(own: Client, client: Client) -> None:
    everybody = "lan, minh, huong, duc, hoa, tuan, nga, phong."
    answer = returned(await own.authorize(login_hint="nag"))
    assert answer["error"] == "invalid_request" and answer["error_description"].endswith(everybody)
    answer = returned(await client.authorize(login_hint="nga"))
    assert answer["error"] == "invalid_request" and answer["error_description"].endswith("hoa, tuan.")


async def test_a_person_is_known_in_no_other_sandbox(own: Client, client: Client) -> None:
    token = (await own.tokens(login_hint="nga"))["access_token"]
    assert (await client.userinfo(token)).status_code == 401


async def test_the_test_door_shows_everybody_and_whom_each_represents(own: Client) -> None:
    answer = await own.http.get("/_lab/people", headers=own.sandbox.header)
    rows = {row["persona"]: row for row in answer.json()}
    assert list(rows) == ["lan", "minh", "huong", "duc", "hoa", "tuan", "nga", "phong"]
    for persona in ("lan", "minh", "huong", "nga", "phong"):
        assert rows[persona]["represents"] == await represented(own, persona)
    nga = await told(own, "nga")
    assert (rows["nga"]["name"], rows["nga"]["number"], rows["nga"]["born_on"], rows["nga"]["level"]) == (
        *(nga["HoVaTen"], nga["SoDinhDanh"], "1990-04-30", 1),
    )
