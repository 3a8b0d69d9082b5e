"""A scenario is looked at before it begins: what can play is given its calendar, and of what cannot everything is said at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.country import Country, Sandbox, pointers, problem

DOSSIER = {
    "name": "one",
    "persona": "lan",
    "procedure": "2.000635",
    "province": "37",
    "commune": "14464",
    "state": "result_returned",
}
START = "2026-03-02T08:00:00+07:00"


async def planned(country: Country, **change: Any) -> httpx.Response:
    document = {"scenario": 1, "title_en": "Mine", "title_vi": "Của tôi", **change}
    return await country.ask("portal", "POST", "/_lab/scenarios/plan", json=document)


def of_one(**change: Any) -> dict[str, Any]:
    return {"dossiers": [{**DOSSIER, **change}]}


async def test_it_is_told_when_it_plays(sandbox: Sandbox) -> None:
    dossiers = [DOSSIER, {**DOSSIER, "name": "two", "at": "1d2h"}, {**DOSSIER, "name": "three", "at": START}]
    answer = await planned(sandbox.country, seed="s", clock={"start": START, "until": "3d"}, dossiers=dossiers)
    assert answer.json() == {
        "seed": "s",
        "start": "2026-03-02T08:00:00.000+07:00",
        "until": "2026-03-05T08:00:00.000+07:00",
        "handed_in": [f"2026-03-{moment}:00:00.000+07:00" for moment in ("02T08", "03T10", "02T08")],
    }


async def test_a_seed_and_a_start_are_drawn_where_none_are_named(sandbox: Sandbox) -> None:
    one, other = [(await planned(sandbox.country)).json() for _ in range(2)]
    assert one["seed"] != other["seed"] and one["until"] is None and one["handed_in"] == []
    assert (await planned(sandbox.country, seed=one["seed"])).json() == one


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"scenario": 2}, "/scenario", "1"),
    ({"titel_en": "x"}, "/titel_en", "did you mean title_en?"),
    ({"clock": {"start": "tomorrow"}}, "/clock/start", "RFC 3339"),
    ({"clock": {"start": START, "until": "2026-03-01T08:00:00+07:00"}}, "/clock/until", "is before the start"),
    ({"clock": {"until": "soon"}}, "/clock/until", "is not a duration such as 3d"),
    ({"modes": {"Ninh Bình": {"mode": "manual"}}}, "/modes/Ninh Bình", "Ninh Bình has the code 37"),
    ({"modes": {"37": {"mode": "manul"}}}, "/modes/37/mode", "did you mean manual?"),
    ({"then": {"modes": {"99": {"mode": "manual"}}}}, "/then/modes/99", "is no province"),
    ({"faults": [{"fault": "bank-down"}, {"fault": "bank-down"}]}, "/faults/1", "another `id`"),
    ({"faults": [{"fault": "confirmation-lat"}]}, "/faults/0/fault", "did you mean confirmation-late?"),
    ({"faults": [{"fault": "confirmation-late", "with": {"by": "soon"}}]}, "/faults/0/with/by", "duration"),
    (
        {"faults": [{"fault": "confirmation-late"}], "then": {"faults": [{"fault": "confirmation-missing"}]}},
        "/then/faults/0",
        "decides about the same case: remove one of the two",
    ),
    ({"dossiers": [DOSSIER, DOSSIER]}, "/dossiers", "give the one at index 1 another name"),
    (of_one(persona="len"), "/dossiers/0/persona", "did you mean lan?"),
    (of_one(procedure=2.000635), "/dossiers/0/procedure", "write it in quotes"),
    (of_one(procedure="2.000536"), "/dossiers/0/procedure", "did you mean"),
    (of_one(procedure="Đăng ký khai sinh"), "/dossiers/0/procedure", "Đăng ký khai sinh has 1.001193"),
    (of_one(procedure="xyz"), "/dossiers/0/procedure", "'xyz' is not a procedure; GET /api/v1/procedures"),
    (of_one(case="2.000635.09"), "/dossiers/0/case", "The procedure has no such case"),
    (of_one(commune=None), "/dossiers/0/commune", "A commune handles this procedure: name one"),
    (of_one(commune="Gia Vien"), "/dossiers/0/commune", "at most 5"),
    (of_one(commune="99999"), "/dossiers/0/commune", "No current commune has this code"),
    (of_one(commune="00004"), "/dossiers/0/commune", "belongs to another province"),
    (of_one(province="Ninh Bình"), "/dossiers/0/province", "Ninh Bình has the code 37"),
    (of_one(state="returned"), "/dossiers/0/state", "did you mean result_returned?"),
    (of_one(at="2026-03-01T08:00:00+07:00"), "/dossiers/0/at", "is before the start"),
    (of_one(withdraws={"reason": "x", "when": "submited"}), "/dossiers/0/withdraws/when", "did you mean submitted?"),
    (of_one(decisions={"steps": [{"does": "recieve"}]}), "/dossiers/0/decisions/steps/0/does", "did you mean receive?"),
    (
        of_one(decisions={"steps": [{"does": "finish", "at": "submitted"}]}),
        "/dossiers/0/decisions/steps/0/at",
        "is not possible in",
    ),
    (of_one(expect={}), "/dossiers/0/expect", "did you mean expects?"),
    (
        {"modes": {"*": {"mode": "simulated", "tempo": "at_once"}}, **of_one(decisions={"reception": "receive"})},
        "/dossiers/0/decisions",
        "too late if officers act at once",
    ),
    (
        {"modes": {"37": {"mode": "manual"}}, **of_one(decisions={})},
        "/dossiers/0/decisions",
        "have no effect in manual mode",
    ),
    ({"clock": {"start": START, "until": "1d"}, **of_one(at="2d")}, "/dossiers/0/at", "is after the end"),
    ({"title_en": "a\x00b"}, "/title_en", ""),
    ({"title_en": 12}, "/title_en", "is read as the number 12: write it in quotes"),
    ({"title_en": False}, "/title_en", "is read as true or false: write it in quotes"),
    ({"title_en": "x" * 121}, "/title_en", "has 121 characters; at most 120"),
    ({"clock": None}, "/clock", "has no value: leave it out"),
    ({"clock": "3d"}, "/clock", "must be an object"),
    ({"people": ["nga"]}, "/people", "must be an object"),
    ({"dossiers": {"one": {}}}, "/dossiers", "must be a list"),
    (of_one(at="4000d"), "/dossiers/0/at", "The calendar ends"),
    (of_one(channel="direct", papers={"a": "a.pdf"}), "/dossiers/0/papers", "which can only be sent online"),
    (of_one(papers={"a/b": "../a.pdf"}), "/dossiers/0/papers/a~1b", "contains a path"),
    (of_one(papers={"a": "a.exe"}), "/dossiers/0/papers/a", "its name must end in .pdf"),
]


@pytest.mark.parametrize(("change", "pointer", "hint"), BAD, ids=[pointer for _, pointer, _ in BAD])
async def test_what_is_wrong_is_said_with_its_place_and_the_nearest_word(
    sandbox: Sandbox, change: dict[str, Any], pointer: str, hint: str
) -> None:
    answer = await planned(sandbox.country, **{"clock": {"start": START}, **change})
    told = problem(answer, 422, "body-does-not-fit")
    assert pointers(answer) == [pointer], answer.text
    assert hint in told["errors"][0]["detail"], answer.text


async def test_everything_is_said_at_once(sandbox: Sandbox) -> None:
    dossiers = [{**DOSSIER, "persona": "nobody"}, {**DOSSIER, "name": "two", "commune": "00004"}]
    answer = await planned(sandbox.country, modes={"0": {"mode": "manual"}}, dossiers=dossiers)
    assert pointers(answer) == ["/modes/0", "/dossiers/0/persona", "/dossiers/1/commune"]


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{", "1"])
async def test_what_is_no_object_is_refused(sandbox: Sandbox, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await sandbox.country.ask("portal", "POST", "/_lab/scenarios/plan", content=body, headers=headers)
    problem(answer, 422, "body-does-not-fit")
