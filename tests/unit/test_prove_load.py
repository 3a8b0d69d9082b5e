"""The load of the proof: its mix, and what a run refuses before it starts."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner

from contracts import lifecycle as law
from lienthong.client.http import NotRunning, Problem, ServiceClient
from lienthong.embedded import Trouble
from tools.prove import __main__ as command
from tools.prove.__main__ import _names, _seed, prove
from tools.prove.faults import FAULTS
from tools.prove.ledger import Ledger
from tools.prove.mark import mark
from tools.prove.mix import FILE, JOURNEYS, Mix
from tools.prove.plants import PLANTS
from tools.prove.retrying import _until_acknowledged
from tools.prove.rules import MOVES


def test_the_mix_is_a_hundred_dossiers_and_half_of_them_never_see_the_portal_first() -> None:
    journeys = Mix.read().journeys
    channels = [journey.channel for journey in journeys]
    assert len(journeys) == 100
    assert channels.count("online") == 50 and channels.count("direct") and channels.count("public_postal")


def test_every_pack_has_every_path_whatever_the_seed() -> None:
    mix = Mix.read()
    for seed in ("1", "another"):
        dealt = [journey.name for journey in islice(mix.deal(random.Random(seed)), 100)]
        assert sorted(dealt) == sorted(journey.name for journey in mix.journeys)
    assert {journey.name for journey in mix.journeys} <= JOURNEYS.keys()


def test_the_same_seed_deals_the_same_order() -> None:
    first, again, other = (
        [journey.name for journey in islice(Mix.read().deal(random.Random(seed)), 200)] for seed in ("1", "1", "2")
    )
    assert first == again != other


def test_a_seed_of_another_mix_is_refused_and_says_so(tmp_path: Path) -> None:
    now = mark(Mix.read())
    changed = tmp_path / "mix.toml"
    changed.write_text(FILE.read_text(encoding="utf-8").replace("refused = 1", "refused = 2"), encoding="utf-8")
    other = mark(Mix.read(changed))
    assert other != now
    assert _seed(f"7@{now}") == _seed("7") == "7" and _seed(f"a@b@{now}") == "a@b"
    with pytest.raises(Trouble, match=f"draws another run now.*{now} now.*--seed 7 "):
        _seed(f"7@{other}")


def test_a_seed_is_refused_if_there_is_another_fault_or_journey(monkeypatch: pytest.MonkeyPatch) -> None:
    now, mix = mark(Mix.read()), Mix.read()
    monkeypatch.setitem(FAULTS, "flood", FAULTS["poison"])
    with pytest.raises(Trouble, match="draws another run now"):
        _seed(f"7@{now}")
    monkeypatch.delitem(FAULTS, "flood")
    assert _seed(f"7@{now}") == "7"
    another = replace(mix.journeys[0], decisions={"reception": "refuse"})
    assert mark(Mix((another, *mix.journeys[1:]))) != now


def test_a_seed_has_one_mark_in_every_process() -> None:
    words = [sys.executable, "-c", "from tools.prove import mark, mix; print(mark.mark(mix.Mix.read()))"]
    done = subprocess.run(words, env={"PYTHONHASHSEED": "7", "PYTHONPATH": "."}, capture_output=True, text=True)
    assert done.stdout.strip() == mark(Mix.read()), done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--minutes", "nan"), "'nan' must be a number, 0.1 or greater"),
        (("--minutes", "0"), "'0' must be a number, 0.1 or greater"),
        (("--away", "nan"), "'nan' must be a number from 1 to 3,600"),
        (("--away", "inf"), "'inf' must be a number from 1 to 3,600"),
        (("--port-base", "80"), "1024<=x<=65526"),
        (("--port-base", "65530"), "1024<=x<=65526"),
    ],
)
def test_a_number_out_of_range_starts_nothing(
    words: tuple[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_run", lambda *_, **__: pytest.fail("The run has started."))
    app = typer.Typer()
    app.command()(prove)
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200", "LANG": "C"})
    assert done.exit_code == 2 and words[0] in done.output and said in done.output, done.output


def test_minutes_without_end_are_too_long() -> None:
    with pytest.raises(Trouble, match="--minutes inf is too long: at most 120"):
        prove(minutes=float("inf"))


def test_folders_that_are_all_kept_need_disk_for_all_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_run", lambda *_, **__: True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000_000))
    prove(faults="poison", minutes=0.1, times=20, html=tmp_path / "x.html")
    prove(faults="poison", minutes=0.1, data=tmp_path / "data", html=tmp_path / "x.html")
    with pytest.raises(Trouble, match=r"1,000 MB are free .* needs 8,300 MB"):
        prove(faults="poison", minutes=0.1, times=20, data=tmp_path / "data", html=tmp_path / "x.html")


async def test_a_request_that_nobody_acknowledges_is_given_up() -> None:
    class Silent:
        """A client of a service that never answers."""

        async def send(self, *_: Any, **__: Any) -> Any:
            raise NotRunning("http://127.0.0.1:1")

    ledger = Ledger(patience=0.25)
    with pytest.raises(Problem, match=r"504 never-acknowledged: .*0\.25 s"):
        await _until_acknowledged(cast(ServiceClient, Silent()), "GET", "/", ledger)
    assert ledger.unacknowledged > 1


def test_an_unknown_fault_is_named_with_those_that_exist() -> None:
    with pytest.raises(Trouble, match=r"no fault 'flood'.*wipe-broker.*ask-settle"):
        _names("kill-broker+flood", "1")


def test_the_faults_of_every_planted_bug_exist_and_its_file_too() -> None:
    for plant in PLANTS.values():
        assert (plant.folder / "sitecustomize.py").is_file(), plant
        if plant.faults:
            _names(",".join(plant.faults), "1")


def test_the_proofs_own_rules_know_every_event_of_a_province() -> None:
    assert MOVES.keys() == {*law.FOLLOWED, law.DOSSIER_REGISTERED}
