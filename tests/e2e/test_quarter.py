"""A small quarter end to end: interrupted in the middle, resumed by the same command, and nothing is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import PATIENCE, command

ROOT = Path(__file__).parents[2]
DOSSIERS = 40
pytestmark = pytest.mark.long


def interrupted(words: list[str], number: signal.Signals, dossiers: int) -> tuple[int, str]:
    """Exit status, and what a run said after it had got a signal when so many dossiers were acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-m", "tools.quarter", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if f"{dossiers} of {DOSSIERS} dossiers," in line:
                process.send_signal(number)
                break
        said = process.stdout.read()
        return process.wait(PATIENCE), said


def test_a_quarter_that_is_interrupted_goes_on_with_the_same_command(tmp_path: Path) -> None:
    page, words = tmp_path / "quarter.html", ["--dossiers", str(DOSSIERS), "--data", str(tmp_path / "run")]
    words += ["--html", str(page)]
    for number, dossiers in ((signal.SIGINT, 10), (signal.SIGTERM, 20)):
        status, said = interrupted(words, number, dossiers)
        assert status == 1 and "The same command goes on" in said and not page.exists(), said

    second = command(*words, "--json", url=None, module="tools.quarter")
    report = json.loads(second.stdout)
    assert second.returncode == 0 and report["good"], report["promises"]
    assert "Goes on after" in second.stderr and report["interruptions"] == 2
    assert report["facts"]["dossiers at the portal"] == report["facts"]["dossiers at the provinces"] == DOSSIERS
    assert report["facts"]["dossiers that have not ended"] == 0
    assert sum(slot["dossiers"] for slot in report["slots"]) == DOSSIERS
    assert all(promise["checked"] and not promise["violations"] for promise in report["promises"])
    assert page.read_text(encoding="utf-8").count("<svg") == 2 and not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [("--dossiers", "0"), ("--dossiers", "many"), ("--weeks", "14")])
def test_wrong_words_start_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = command(*words, "--data", str(tmp_path / "run"), url=None, module="tools.quarter")
    assert done.returncode == 2 and words[0] in done.stderr + done.stdout
    assert not (tmp_path / "run").exists()


def test_a_bench_on_a_busy_machine_says_how_busy_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    from tools.bench import machine

    for share, warned in ((0.02, False), (0.73, True)):
        monkeypatch.setattr(machine, "busy", lambda share=share: share)
        assert machine.warn_if_busy(Console(width=300)) == share
        assert ("73%" in capsys.readouterr().out) == warned
