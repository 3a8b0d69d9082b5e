"""People of a sandbox's own: they sign in, act for an organisation of its own, and a run of theirs is made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lienthong import replay, sync
from lienthong.client import Country, Problem, Wish
from tests.support.command import command

PROVINCE, COMMUNE, COPY = "37", "14464", "2.000635"
NGA = {"name": "Trần Thị Nga", "sex": "female", "born_on": "1990-04-30", "represents": ["hop-tac-xa"]}
WISH: Wish = {
    "seed": "own people",
    "people": {"nga": {**NGA, "children": ["Lê Gia Bình"]}},
    "organisations": {"hop-tac-xa": {"name": "Hợp tác xã Hư Cấu"}},
}


async def test_she_submits_for_her_cooperative_and_the_run_is_made_again_without_difference(
    lienthong_sync: sync.Country, tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    async with Country(lienthong_sync.url) as country, country.sandbox(**WISH) as sandbox:
        nga = sandbox.citizen("nga")
        (cooperative, child) = (await nga.who_am_i())["represents"]
        owner = {"kind": "organisation", "id": cooperative["id"]}
        code = (await nga.submit(COPY, PROVINCE, COMMUNE, capacity="organisation", owner=owner))["code"]
        await sandbox.settle()
        await sandbox.script(code, reception="receive", processing_days=1)
        await sandbox.clock.advance("1d")
        await nga.pay(code)
        owner = {"kind": "person", "id": child["id"]}
        await nga.submit(COPY, PROVINCE, COMMUNE, capacity="representative", owner=owner)
        await sandbox.clock.advance("10d")
        shown = await nga.dossier(code)
        assert shown["status"]["slug"] == "result_returned"
        submitted = (await sandbox.events(code))[0]
        assert submitted["data"]["owner"] == cooperative and submitted["data"]["applicant"]["name"] == "Trần Thị Nga"
        done = command("sandbox", "export", sandbox.id, str(file), url=lienthong_sync.url)
        assert done.returncode == 0 and "2 dossiers" in done.stdout, done.stdout + done.stderr
        shown_here = await sandbox.show()

    run = json.loads(file.read_text())
    assert run["sandbox"]["people"] == shown_here["people"] and run["sandbox"]["people"]["nga"]["level"] == 2
    assert run["sandbox"]["organisations"] == WISH["organisations"]
    assert {call.get("persona") for call in run["calls"]} == {"nga", None}
    same = command("replay", str(file), url=lienthong_sync.url)
    assert same.returncode == 0 and "no difference" in same.stdout, same.stdout + same.stderr


async def test_a_run_of_nobody_but_the_six_says_nothing_of_others(lienthong_sync: sync.Country) -> None:
    async with Country(lienthong_sync.url) as country, country.sandbox(seed="the six") as sandbox:
        assert (await replay.export(sandbox))["sandbox"].keys() == {"seed", "begins_at", "rate"}


def test_who_is_nobody_there_is_told_who_there_is(lienthong_sync: sync.Country) -> None:
    with lienthong_sync.sandbox(**WISH) as sandbox, pytest.raises(Problem, match=r"nag .*tuan, nga") as refused:
        sandbox.citizen("nag").sign_in()
    assert refused.value.type == "sign-in-failed"


@pytest.mark.lienthong(people={"phong": {"name": "Lê Thanh Phong", "sex": "male"}})
def test_a_marker_may_wish_for_people(sandbox_sync: sync.Sandbox) -> None:
    assert sandbox_sync.citizen("phong").dossiers() == []
    (phong,) = [each for each in sandbox_sync.people() if each["persona"] == "phong"]
    assert (phong["name"], phong["represents"]) == ("Lê Thanh Phong", [])


def test_at_the_terminal_a_sandbox_is_shown_with_who_lives_there(lienthong_sync: sync.Country) -> None:
    with lienthong_sync.sandbox(**WISH) as sandbox:
        shown = command("sandbox", "show", sandbox.id, url=lienthong_sync.url)
    lines = dict(line.split(None, 1) for line in shown.stdout.splitlines() if len(line.split(None, 1)) == 2)
    assert (lines["people"], lines["organisations"]) == ("nga", "hop-tac-xa")


def test_a_wish_that_cannot_be_is_pointed_at(lienthong_sync: sync.Country) -> None:
    with pytest.raises(Problem, match=r"/people/nga/represents/0: .* did you mean hop-tac-xa"):
        lienthong_sync.new_sandbox(**{**WISH, "people": {"nga": {**NGA, "represents": ["hop-tac"]}}})
