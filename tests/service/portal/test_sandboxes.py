"""Sandboxes as a product: their time to live, their keys and clients, the list of them, clocks that run and stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.country import URLS, VERIFIER, Country, Sandbox, pointers, problem
from tests.support.factories import told


@asynccontextmanager
async def reaper(country: Country) -> AsyncIterator[None]:
    """The portal's job that ends what has had its time."""
    job = asyncio.create_task(country.portal.ownership.reap())
    try:
        yield
    finally:
        job.cancel()


async def until_gone(country: Country, sandbox_id: str, service: str = "portal") -> str:
    """The sentence that says why it is not there."""
    path, headers = "/_lab/timeline/x", {"X-Sandbox": sandbox_id}
    async with asyncio.timeout(20):
        while (answer := await country.ask(service, "GET", path, headers=headers)).status_code == 200:
            pass
    return str(problem(answer, 404, "sandbox-not-found")["detail"])


async def listed(country: Country) -> list[str]:
    answer = await country.ask("portal", "GET", "/_lab/sandboxes?page_size=500")
    return [each["id"] for each in answer.json()]


async def test_a_sandbox_says_how_it_is_chosen(country: Country) -> None:
    shown = (await country.ask("portal", "POST", "/_lab/sandboxes", json={"time_to_live": "1h"})).json()
    left = datetime.fromisoformat(shown["expires_at"]) - datetime.now().astimezone()
    assert timedelta(minutes=58) < left < timedelta(minutes=61)
    assert shown["api_key"].startswith(f"lt.{shown['id']}.")
    assert shown["oidc_client"] == f"lienthong-{shown['id']}"
    assert shown["issuer"] == f"{URLS['identity']}/s/{shown['id']}"
    default = (await country.ask("portal", "GET", "/_lab/sandboxes/default")).json()
    assert (default["oidc_client"], default["issuer"]) == ("lienthong-default", URLS["identity"])


async def test_what_has_had_its_time_is_reaped_and_says_so(country: Country) -> None:
    async with reaper(country):
        sandbox = await country.sandbox(time_to_live="1s")
        for service in ("portal", "gateway", "identity", "payment"):
            assert "It expired at 2" in await until_gone(country, sandbox.id, service)
    assert sandbox.id not in await listed(country)


async def test_a_deleted_one_is_told_from_one_that_never_was(country: Country, sandbox: Sandbox) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    assert "It was deleted" in await until_gone(country, sandbox.id)
    assert "No sandbox has this id" in await until_gone(country, "nobody")


async def test_a_longer_life_and_another_name(country: Country, sandbox: Sandbox) -> None:
    path = f"/_lab/sandboxes/{sandbox.id}"
    before = (await country.ask("portal", "GET", path)).json()
    shown = (await country.ask("portal", "PATCH", path, json={"time_to_live": "30d"})).json()
    assert shown["expires_at"] > before["expires_at"] and shown["name"] == before["name"]
    shown = (await country.ask("portal", "PATCH", path, json={"name": "Đoàn", "time_to_live": None})).json()
    assert (shown["name"], shown["expires_at"]) == ("Đoàn", None)
    assert (await country.ask("portal", "PATCH", path, json={})).json()["name"] == "Đoàn"


@pytest.mark.parametrize("lives", ["", "soon", "P", "0s", "P5000000D", "-1d", "3 days"])
async def test_a_time_to_live_that_is_none_is_refused(country: Country, sandbox: Sandbox, lives: str) -> None:
    for method, path in (("POST", "/_lab/sandboxes"), ("PATCH", f"/_lab/sandboxes/{sandbox.id}")):
        assert pointers(await country.ask("portal", method, path, json={"time_to_live": lives})) == ["/time_to_live"]


async def test_the_default_sandbox_has_no_end(country: Country) -> None:
    answer = await country.ask("portal", "PATCH", "/_lab/sandboxes/default", json={"time_to_live": "1h"})
    assert pointers(answer) == ["/time_to_live"]


async def test_every_living_sandbox_is_listed_page_by_page(country: Country) -> None:
    made = [(await country.sandbox(name=f"n{n}")).id for n in range(5)]
    found: list[str] = []
    path: str | None = "/_lab/sandboxes?page_size=2"
    while path:
        answer = await country.ask("portal", "GET", path)
        found += [each["id"] for each in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert [each for each in found if each in made] == made and len(found) == len(set(found))
    assert int(answer.headers["X-Total-Count"]) == len(found)
    answer = await country.ask("portal", "GET", "/_lab/sandboxes?page_token=eA")
    assert pointers(answer) == ["/query/page_token"]


async def test_a_key_chooses_its_sandbox_at_every_door(country: Country, sandbox: Sandbox) -> None:
    shown = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()
    key = {"X-Api-Key": shown["api_key"]}
    for service in ("portal", "gateway", "identity", "payment"):
        by_key = await country.ask(service, "GET", "/_lab/timeline/x", headers=key)
        assert (by_key.status_code, by_key.json()) == (200, [])
        other = await country.ask(service, "GET", "/_lab/timeline/x", headers={**key, "X-Sandbox": "default"})
        assert problem(other, 403, "sandbox-mismatch")["key_sandbox"] == sandbox.id
        pending = await country.ask(service, "GET", "/_lab/sandboxes/default/pending", headers=key)
        problem(pending, 403, "sandbox-mismatch")
    citizen = await sandbox.sign_in()
    assert (await citizen.ask("GET", "/dossiers", headers=key)).status_code == 200
    stranger = (await country.ask("portal", "POST", "/_lab/sandboxes")).json()["api_key"]
    problem(await citizen.ask("GET", "/dossiers", headers={"X-Api-Key": stranger}), 403, "sandbox-mismatch")


@pytest.mark.parametrize("key", ["", "lt", "lt.default." + "0" * 32, "lt.x.y", "secret"])
async def test_a_key_that_opens_nothing_is_refused(country: Country, key: str) -> None:
    for service in ("portal", "gateway", "identity", "payment"):
        answer = await country.ask(service, "GET", "/_lab/timeline/x", headers={"X-Api-Key": key})
        problem(answer, 401, "api-key-unknown")


async def test_a_key_of_a_deleted_sandbox_finds_nothing(country: Country, sandbox: Sandbox) -> None:
    key = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()["api_key"]
    headers = {"X-Api-Key": key}
    assert (await country.ask("gateway", "GET", "/_lab/timeline/x", headers=headers)).status_code == 200
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    for service in ("portal", "gateway", "identity", "payment"):
        problem(await country.ask(service, "GET", "/_lab/timeline/x", headers=headers), 404, "sandbox-not-found")


async def test_a_client_of_its_own_signs_people_in_at_the_default_issuer(country: Country, sandbox: Sandbox) -> None:
    who = {"client_id": f"lienthong-{sandbox.id}", "redirect_uri": "http://127.0.0.1/back"}
    tokens = await sign_in(country, URLS["identity"], who)
    answer = await country.ask("portal", "GET", "/api/v1/dossiers", headers={"Authorization": f"Bearer {tokens}"})
    assert answer.status_code == 200
    stranger = await country.sandbox()
    asked = {"response_type": "code", "scope": "openid", "login_hint": "lan", **who}
    answer = await country.http.get(f"{URLS['identity']}/s/{stranger.id}/authorize", params=asked)
    problem(answer, 400, "client-unknown")
    answer = await country.http.get(f"{URLS['identity']}/authorize", params={**asked, "client_id": "lienthong-nobody"})
    assert "No sandbox has this id" in problem(answer, 400, "client-unknown")["detail"]


async def sign_in(country: Country, issuer: str, who: dict[str, str]) -> str:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # of VERIFIER: RFC 7636 appendix B
    asked = {"response_type": "code", "scope": "openid", "login_hint": "lan", **who}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
    answer = await country.http.get(f"{issuer}/authorize", params={**asked, **pkce})
    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, **who}
    answer = await country.http.post(f"{issuer}/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def test_a_clock_runs_and_stops_where_it_has_come(country: Country, sandbox: Sandbox) -> None:
    fast = (await sandbox.lab("/clock/rate", {"rate": 86_400})).json()
    assert fast["rate"] == 86_400
    async with asyncio.timeout(20):
        while (await sandbox.clock())["now"] <= fast["now"]:
            pass
    stopped = (await sandbox.lab("/clock/rate", {"rate": 0})).json()
    assert stopped["rate"] == 0 and stopped["now"] > fast["now"]
    assert await sandbox.clock() == stopped
    for service in ("gateway", "identity", "payment"):
        answer = await country.ask(service, "GET", f"/_lab/sandboxes/{sandbox.id}/pending")
        assert answer.json()["version"] > 0


@pytest.mark.parametrize("rate", [-1, "fast", 2_000_000, None])
async def test_a_rate_that_is_none_is_refused(sandbox: Sandbox, rate: Any) -> None:
    assert pointers(await sandbox.lab("/clock/rate", {"rate": rate})) == ["/rate"]


# --- people of its own --------------------------------------------------------------------------------------------------
NGA = {"name": "Trần Thị Nga", "sex": "female", "represents": ["cty"], "children": ["Lê Gia Bình"]}
OWN = {"people": {"nga": NGA}, "organisations": {"cty": {"name": "Công ty TNHH Hư Cấu"}}}
SHOWN = {
    "people": {"nga": {**NGA, "level": 2, "children": [{"name": "Lê Gia Bình"}]}},
    "organisations": OWN["organisations"],
}


async def own_of(country: Country, sandbox_id: str) -> dict[str, Any]:
    shown = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox_id}")).json()
    return {name: shown[name] for name in ("people", "organisations")}


async def test_a_sandbox_has_people_and_organisations_of_its_own(country: Country) -> None:
    sandbox = await country.sandbox(**OWN)
    assert await own_of(country, sandbox.id) == SHOWN
    nobody = await country.sandbox()
    assert await own_of(country, nobody.id) == {"people": {}, "organisations": {}}
    listed: list[Any] = []
    path: str | None = "/_lab/sandboxes?page_size=500"
    while path:
        page = await country.ask("portal", "GET", path)
        listed, path = listed + page.json(), page.links.get("next", {}).get("url")
    assert [each["people"] for each in listed if each["id"] == sandbox.id] == [SHOWN["people"]]


async def test_they_stay_whatever_else_is_changed(country: Country) -> None:
    sandbox = await country.sandbox(**OWN)
    path = f"/_lab/sandboxes/{sandbox.id}"
    assert pointers(await country.ask("portal", "PATCH", path, json={"people": {}})) == ["/people"]
    assert (await country.ask("portal", "PATCH", path, json={"name": "renamed"})).json()["people"] == SHOWN["people"]
    await country.ask("portal", "PUT", f"{path}/modes/37", json={"mode": "manual"})
    await sandbox.move(days=1)
    assert await own_of(country, sandbox.id) == SHOWN
    for service in country.apps:
        (row,) = await country.apps[service].state.runtime.database.fetch(
            "SELECT people FROM sandboxes WHERE id = $1", sandbox.id
        )
        assert json.loads(row["people"]) == SHOWN, "every service holds the same"


async def test_a_service_that_never_heard_of_it_learns_who_lives_there(country: Country) -> None:
    sandbox = await country.sandbox(**OWN)
    identity = country.apps["identity"].state.runtime
    await identity.database.pool.execute("DELETE FROM sandboxes WHERE id = $1", sandbox.id)
    assert (await (await sandbox.sign_in("nga")).ask("GET", "/dossiers")).json() == []


async def test_one_of_its_own_submits_for_the_organisation_that_she_represents(country: Country) -> None:
    sandbox = await country.sandbox(seed="own", **OWN)
    rows = (await country.ask("identity", "GET", "/_lab/people", headers=sandbox.header)).json()
    (company, child) = next(row["represents"] for row in rows if row["persona"] == "nga")
    nga = await sandbox.sign_in("nga")
    for capacity, owner in (("organisation", company), ("representative", child)):
        answer = await nga.submit(capacity=capacity, owner={"kind": owner["kind"], "id": owner["id"]})
        assert answer.status_code == 201, answer.text
        assert (answer.json()["owner"], answer.json()["applicant"]) == (owner, "Trần Thị Nga")
        (event,) = await told(country.portal, sandbox.id, answer.json()["code"])
        assert event["owner"] == owner
    lan = await sandbox.sign_in("lan")
    problem(await lan.submit(capacity="organisation", owner=company), 403, "no-right-to-represent")


async def test_a_fault_can_hit_one_of_its_own_and_nobody_elses(country: Country, sandbox: Sandbox) -> None:
    own = await country.sandbox(**OWN)
    rule = {"fault": "account-locked", "match": {"persona": "nga"}}
    assert (await country.ask("portal", "POST", f"/_lab/sandboxes/{own.id}/faults", json=rule)).status_code == 201
    assert "access_denied" in (await authorize(country, own, "nga")).headers["location"]
    assert "code=" in (await authorize(country, own, "lan")).headers["location"]
    answer = await country.ask("portal", "POST", f"/_lab/sandboxes/{sandbox.id}/faults", json=rule)
    assert pointers(answer) == ["/match/persona"]
    rule["match"] = {"persona": "ngaa"}
    answer = await country.ask("portal", "POST", f"/_lab/sandboxes/{own.id}/faults", json=rule)
    assert "the nearest is 'nga'" in problem(answer, 422, "body-does-not-fit")["errors"][0]["detail"]


async def authorize(country: Country, sandbox: Sandbox, persona: str) -> httpx.Response:
    asked = {"response_type": "code", "scope": "openid", "login_hint": persona, "client_id": "lienthong-demo"}
    pkce = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    where = {"redirect_uri": "http://127.0.0.1/back"}
    return await country.http.get(f"{URLS['identity']}/s/{sandbox.id}/authorize", params={**asked, **pkce, **where})


@pytest.mark.parametrize(
    ("said", "where", "why"),
    [
        ({"people": {"nga": {**NGA, "represents": ["cyt"]}}}, "/people/nga/represents/0", "did you mean cty?"),
        ({"people": {"nga": {**NGA, "name": "Nga"}}}, "/people/nga/name", "not a full name"),
        ({"people": {"nga": {**NGA, "name": "Trần \x00 Nga"}}}, "/people/nga/name", "NUL"),
        ({"people": {"nga": {**NGA, "name": "Trần \ud800"}}}, "/people/nga/name", "surrogate"),
        ({"people": {"nga": {**NGA, "sex": "femal"}}}, "/people/nga/sex", "did you mean female?"),
        ({"people": {"nga": {**NGA, "born_on": "2015-01-01"}}}, "/people/nga/born_on", "only adults"),
        ({"people": {"nga": {**NGA, "children": ["Bé"]}}}, "/people/nga/children/0", "not a full name"),
        ({"people": {"lan": NGA}}, "/people/lan", "exists in every sandbox"),
        ({"people": {"a/b": NGA}}, "/people/a~1b", "is not a valid persona"),
        ({"people": {"\ud800": NGA}}, "/people/\ufffd\ufffd\ufffd", "is not a valid persona"),
        ({"people": {f"p{n}": NGA for n in range(51)}}, "/people", "at most 50"),
        ({"people": {}, "organisations": {f"c{n}": {"name": "x"} for n in range(21)}}, "/organisations", "at most 20"),
        ({"people": {}, "organisations": {"cty": {"name": ""}}}, "/organisations/cty/name", "no visible character"),
        ({"people": {}, "organisations": {"Cty": {"name": "x"}}}, "/organisations/Cty", "is not a valid key"),
        ({"persons": {}}, "/persons", "is no member of this object: there are organisations"),
    ],
    ids=lambda value: str(value)[:60].encode("ascii", "replace").decode(),
)
async def test_whoever_cannot_live_there_is_pointed_at(
    country: Country, said: dict[str, Any], where: str, why: str
) -> None:
    body = json.dumps({**OWN, **said})  # with \u escapes: a lone surrogate can travel
    headers = {"Content-Type": "application/json"}
    answer = await country.ask("portal", "POST", "/_lab/sandboxes", content=body, headers=headers)
    (error,) = problem(answer, 422, "body-does-not-fit")["errors"]
    assert error["pointer"] == where and why in error["detail"]


async def test_as_many_as_there_may_be_live_there_and_the_largest_token_opens_the_door(country: Country) -> None:
    name = "Ư " + "ữ" * 98
    organisations = {f"c{n}": {"name": name} for n in range(20)}
    person = {"name": name, "sex": "male", "represents": list(organisations)[:10], "children": [name] * 5}
    sandbox = await country.sandbox(organisations=organisations, people={f"p{n}": person for n in range(50)})
    rows = (await country.ask("identity", "GET", "/_lab/people?page_size=500", headers=sandbox.header)).json()
    assert len(rows) == 56 and len({row["number"] for row in rows}) == 56
    citizen = await sandbox.sign_in("p49")
    assert (await citizen.submit()).status_code == 201
    assert len(citizen.token) < 12_000, "a server that counts headers to 16 KiB still takes it"


# --- begun with modes and faults ----------------------------------------------------------------------------------------
SLOW = {"fault": "officers-slow", "match": {"province": "48"}, "with": {"days": 1}}
BEGUN = {"modes": {"37": {"mode": "manual"}, "*": {"mode": "simulated", "tempo": "at_once"}}, "faults": [SLOW]}


async def test_a_sandbox_begins_as_it_is_wished(country: Country) -> None:
    begun, told_later = await country.sandbox(seed="begun", **BEGUN), await country.sandbox(seed="begun")
    for province, mode in BEGUN["modes"].items():
        answer = await country.ask("portal", "PUT", f"/_lab/sandboxes/{told_later.id}/modes/{province}", json=mode)
        assert answer.status_code == 200, answer.text
    assert (await told_later.lab("/faults", SLOW)).status_code == 201
    shown = {
        (each, door): (await country.ask("portal", "GET", f"/_lab/sandboxes/{each.id}/{door}?page_size=500")).json()
        for each in (begun, told_later)
        for door in ("modes", "faults", "recorded")
    }
    for door in ("modes", "faults"):
        assert shown[begun, door] == shown[told_later, door]
    assert shown[begun, "faults"] and {row["mode"] for row in shown[begun, "modes"]} == {"manual", "simulated"}
    asked = [
        [(call["method"], call["path"].replace(each.id, ""), call["body"]) for call in shown[each, "recorded"]]
        for each in (begun, told_later)
    ]
    assert asked[0] == asked[1] and len(asked[0]) == 3, "a replay makes the same calls"
    for service in country.apps:
        (row,) = await country.apps[service].state.runtime.database.fetch(
            "SELECT modes, faults FROM sandboxes WHERE id = $1", begun.id
        )
        assert json.loads(row["modes"]) == BEGUN["modes"] and len(json.loads(row["faults"])) == 1


@pytest.mark.parametrize(
    ("said", "where", "why"),
    [
        ({"modes": {"73": {"mode": "manual"}}}, "/modes/73", "there are 01, 04"),
        ({"modes": {"Ninh Binh": {"mode": "manual"}}}, "/modes/Ninh Binh", "Ninh Bình has the code 37"),
        ({"modes": {"a/b": {"mode": "manual"}}}, "/modes/a~1b", "province"),
        ({"modes": {"37": {"mode": "manaul"}}}, "/modes/37/mode", "manual"),
        ({"modes": {"37": {"mode": "manual", "tempo": "at_once"}}}, "/modes/37/tempo", "leave it out"),
        ({"modes": None}, "/modes", "has no value"),
        ({"faults": [{"fault": "bank-dwon"}]}, "/faults/0/fault", "bank-down"),
        ({"faults": [SLOW, {"fault": "officers-silent", "match": {"province": "48"}}]}, "/faults/1", "'officers-slow'"),
        ({"faults": [{"fault": "account-locked", "match": {"persona": "nga"}}]}, "/faults/0/match/persona", "'nga'"),
        ({"faults": [{**SLOW, "from": "soon"}]}, "/faults/0/from", "RFC 3339"),
        ({"faults": [{**SLOW, "until": ""}]}, "/faults/0/until", "RFC 3339"),
        ({"faults": [SLOW, {**SLOW, "match": {"province": "37"}}]}, "/faults/1", "another `id`"),
        (
            {"faults": [{"fault": "http-latency", "with": {"by": "\ud800"}}]},
            "/faults/0/with/by",
            "'?' is not a duration",
        ),
        ({"start": ""}, "/start", "RFC 3339"),
        ({"modes": {"a\0": {"mode": "manual"}}}, "/modes/a\0", "NUL"),
        ({"faults": [{**SLOW, "id": f"r{n}"} for n in range(101)]}, "/faults", "at most 100"),
    ],
    ids=lambda value: str(value)[:60].encode("ascii", "replace").decode(),
)
async def test_what_it_cannot_begin_with_is_pointed_at_and_nothing_is_made(
    country: Country, said: dict[str, Any], where: str, why: str
) -> None:
    content = json.dumps({"name": "never made", **said})  # with \\u escapes: a lone surrogate can travel
    headers = {"Content-Type": "application/json"}
    answer = await country.ask("portal", "POST", "/_lab/sandboxes", content=content, headers=headers)
    (error,) = problem(answer, 422, "body-does-not-fit")["errors"]
    assert error["pointer"] == where and why in error["detail"]
    listed = (await country.ask("portal", "GET", "/_lab/sandboxes?page_size=500")).json()
    assert "never made" not in {row["name"] for row in listed}


async def test_all_that_is_wrong_with_it_is_said_at_once(country: Country) -> None:
    wrong = {
        "start": "soon",
        "time_to_live": "x",
        "modes": {"73": {"mode": "manual"}},
        "faults": [{**SLOW, "until": "x"}, {"fault": "bank-dwon"}],
    }
    answer = await country.ask("portal", "POST", "/_lab/sandboxes", json=wrong)
    assert set(pointers(answer)) == {"/start", "/time_to_live", "/modes/73", "/faults/0/until", "/faults/1/fault"}


async def test_a_fault_of_the_beginning_bites_the_very_next_request(country: Country) -> None:
    fault = {"fault": "http-error", "match": {"service": "portal"}, "times": 1}
    sandbox = await country.sandbox(faults=[fault])
    answers = [await country.ask("portal", "GET", "/api/v1/procedures", headers=sandbox.header) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
