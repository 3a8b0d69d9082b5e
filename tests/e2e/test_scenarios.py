"""The ready scenarios: each is staged, walked to its end, written down and made again; and what is wrong with one is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import jsonschema
import pytest

from lienthong import replay, sync
from lienthong.client import Country
from lienthong.scenarios.files import SCHEMA, ScenarioFault, parse, read, ready
from lienthong.scenarios.staging import stage
from tests.e2e.scenario_walks import WALKS, Scene, all_ended
from tests.support.command import command

PAGE = Path(__file__).parents[2] / "docs/scenarios.md"


def test_there_are_twelve_and_each_has_its_walk() -> None:
    assert len(ready()) == 12 and set(ready()) == set(WALKS)


@pytest.mark.parametrize("name", ready())
def test_an_editor_that_knows_the_schema_finds_nothing_to_complain_of(name: str) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    file = read(name)
    jsonschema.Draft202012Validator(schema).validate(file.document)
    assert file.text.startswith("# yaml-language-server: $schema=../scenario.schema.json\n")


@pytest.mark.parametrize("name", ready())
async def test_a_scenario_is_staged_walked_written_down_and_made_again(lienthong: Country, name: str) -> None:
    staged = await stage(lienthong, read(name))
    try:
        scene = Scene(staged)
        await WALKS[name](scene)
        await all_ended(scene)
        run = await replay.export(staged.sandbox)
    finally:
        await lienthong.delete_sandbox(staged.sandbox.id)
    assert set(staged.sandbox.codes.values()) == set(run["events"])
    again = await replay.replay(lienthong, run)
    assert again.same and again.events == sum(map(len, run["events"].values())), again.differences
    print(f"{name}: {again.calls} calls, {again.events} events made again")


# -- at a terminal


def test_a_ready_scenario_is_listed_shown_checked_and_staged_by_its_name(lienthong_sync: sync.Country) -> None:
    def done(*words: str) -> str:
        done = command(*words, url=lienthong_sync.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert {each["name"] for each in json.loads(done("scenario", "list", "--json"))} == set(ready())
    assert "Rút hồ sơ" in done("scenario", "list")
    assert done("scenario", "show", "birth") == read("birth").text
    assert json.loads(done("scenario", "schema"))["title"] == "Scenario"
    assert "birth.yaml is valid: 1 dossiers, starts at 2026-03-02 08:05." in done("scenario", "check", "birth")
    told = json.loads(done("sandbox", "create", "--scenario", "birth", "--name", "staged", "--ttl", "1h", "--json"))
    assert told["states"] == {"birth": "result_returned"}
    row = lienthong_sync.show_sandbox(told["id"])
    assert (row["name"], row["seed"]) == ("staged", "birth") and row["expires_at"] is not None
    assert lienthong_sync.enter(told["id"]).citizen("lan").dossier(told["codes"]["birth"])["rating"]
    lienthong_sync.delete_sandbox(told["id"])


def test_a_bad_file_is_told_line_by_line(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "scenario: 1\ntitle_en: Mine\ntitle_vi: Của tôi\ndosiers: []\ndossiers:\n"
        "  - {name: one, persona: lan, procedure: '1.001193', province: '37', commune: '14464', state: returned}\n"
    )
    done = command("sandbox", "create", "--scenario", str(file), url=lienthong_sync.url)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "mine.yaml, line 6, /dossiers/0/state: 'returned' is no state: did you mean result_returned? There are submitted, "
        "received, refused_at_reception, in_processing, supplement_requested, financial_obligation, withdrawn, "
        "processing_stopped, result_ready, result_returned",
        "mine.yaml, line 4, /dosiers: 'dosiers' is no member of this object: did you mean dossiers? There are organisations, "
        "people, scenario, title_en, title_vi, about, seed, clock, modes, faults, dossiers, then",
    ]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sandbox", "create", "--scenario", "brith"], "did you mean birth? There are apology, birth"),
        (["sandbox", "create", "--scenario", "none.yaml"], "none.yaml cannot be read"),
        (["sandbox", "create", "--scenario", "birth", "--rate", "1"], "leave those options out"),
        (["scenario", "show", "brith"], "did you mean birth?"),
    ],
)
def test_a_refusal_is_one_sentence(lienthong_sync: sync.Country, words: list[str], hint: str) -> None:
    done = command(*words, url=lienthong_sync.url)
    assert done.returncode == 1 and hint in done.stderr and len(done.stderr.strip().splitlines()) == 1


# -- a scenario that cannot be


A_DOSSIER = "{name: one, procedure: '2.000635', province: '37', commune: '14464', state: %s}"
HEAD = "scenario: 1\ntitle_en: {title}\ntitle_vi: Của tôi\nseed: mine\n"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("withdrawn, persona: lan", "mine, line 6, /dossiers/0/state: expected withdrawn, but H42.14464-"),
        ("result_returned, persona: lan, capacity: representative, expects: {fee.amount_dong: 1}", "it is 8000 in H42"),
        ("result_returned, persona: minh, capacity: representative", "mine, line 6, /dossiers/0"),
        (
            "result_returned, persona: lan, payer_group: nobody",
            "mine, line 6, /dossiers/0/payer_group: 'nobody' is none of",
        ),
    ],
)
async def test_what_only_shows_on_the_way_is_told_of_its_dossier_and_nothing_is_left(
    lienthong: Country, state: str, said: str
) -> None:
    title = f"Mine {uuid.uuid4()}"
    with pytest.raises(ScenarioFault) as told:
        await stage(lienthong, parse(f"{HEAD.format(title=title)}dossiers:\n  - {A_DOSSIER % state}\n", "mine"))
    assert said in str(told.value)
    assert title not in {row["name"] for row in await lienthong.list_sandboxes()}


async def test_a_fault_that_breaks_its_own_making_is_named_and_nothing_is_left(lienthong: Country) -> None:
    dossier = A_DOSSIER % "submitted, persona: lan"
    text = f"{HEAD.format(title='Broken')}faults: [{{fault: http-reset}}]\ndossiers:\n  - {dossier}\n"
    with pytest.raises(
        ScenarioFault, match=r"mine, line 5, /faults: one of these faults breaks a request of the scenario"
    ):
        await stage(lienthong, parse(text, "mine"))
    assert "Broken" not in {row["name"] for row in await lienthong.list_sandboxes()}


# -- the page


def test_the_page_lists_what_there_is() -> None:
    rows = [f"| [{name}](../lienthong/scenarios/ready/{name}.yaml) | {_titles(name)} |" for name in ready()]
    assert [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| [")] == rows


def _titles(name: str) -> str:
    return " | ".join(read(name).document[title] for title in ("title_en", "title_vi"))


async def test_the_file_on_the_page_is_a_scenario(lienthong: Country) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    staged = await stage(lienthong, parse(text, "the page"))
    assert staged.states == {"allowance": "supplement_requested"} and staged.now.startswith("2026-03-12T08:00")
    modes = {each["province"]: each["mode"] for each in await staged.sandbox.modes()}
    assert modes["37"] == "manual" and modes["48"] == "simulated"
    await lienthong.delete_sandbox(staged.sandbox.id)


def test_the_page_works_as_it_is_printed(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "LIENTHONG_URL": lienthong_sync.url, "PATH": here}
    script = "set -e\n" + "\n".join(blocks)
    done = subprocess.run(["bash"], input=script, env=given, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine.yaml is valid: 1 dossiers" in done.stdout and "financial_obligation  land" in done.stderr
