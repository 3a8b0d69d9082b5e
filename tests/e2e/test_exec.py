"""`lienthong exec -- COMMAND`: a country for one command, whose exit status and signals are its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lienthong.embedded import ports
from lienthong.sync import Country
from tests.support.command import command

PYTHON = sys.executable
TELLS = "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('LIENTHONG_')}))"
SUBMITS = f"""{TELLS}
from lienthong.sync import Country
with Country() as country, country.sandbox() as sandbox:
    sandbox.citizen('lan').submit('2.000635', '37', '14464')
raise SystemExit(7)
"""
COUNTS = """
import os, signal
seen = []
def interrupt(*_):
    seen.append(1)
    os.write(1, b'interrupted\\n')
def terminate(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.write(1, b'%d\\n' % len(seen))
signal.signal(signal.SIGINT, interrupt)
signal.signal(signal.SIGTERM, terminate)
os.write(1, b'ready\\n')
while True:
    signal.pause()
"""


def free_again(url: str) -> bool:
    base = int(urlsplit(url).port or 0)
    return ports.wait_free(range(base, base + ports.SPAN), 0) == []


def test_a_command_finds_a_country_that_is_gone_after_it() -> None:
    done = command("exec", "--", PYTHON, "-c", SUBMITS, url=None)
    assert done.returncode == 7, done.stderr
    told = json.loads(done.stdout)
    assert told["LIENTHONG_URL"] == told["LIENTHONG_PORTAL"]
    assert {"LIENTHONG_PROVINCE_GATEWAY", "LIENTHONG_IDENTITY", "LIENTHONG_PAYMENT", "LIENTHONG_KAFKA"} <= set(told)
    assert free_again(told["LIENTHONG_URL"])
    logs = Path(done.stderr.strip().rpartition(" ")[2])
    assert (logs / "portal-api.log").exists(), "as the command failed"
    assert not (logs.parent / "postgres").exists()


def test_a_country_in_a_folder_of_ones_own_can_be_kept(tmp_path: Path) -> None:
    words = ["--data", str(tmp_path / "data"), "--port-base", str(base := ports.free_base()), "--keep"]
    done = command("exec", *words, PYTHON, "-c", TELLS, url=None)
    assert done.returncode == 0, done.stderr
    url = json.loads(done.stdout)["LIENTHONG_URL"]
    assert url == f"http://127.0.0.1:{base}"
    assert f"keeps running at {url} until `lienthong down --data {tmp_path / 'data'}`" in done.stderr
    assert command("status", "--data", str(tmp_path / "data"), url=None).returncode == 0
    again = command("exec", *words, "true", url=None)
    assert again.returncode == 1 and "already running" in again.stderr
    assert command("down", "--data", str(tmp_path / "data"), url=None).returncode == 0
    assert free_again(url) and (tmp_path / "data" / "postgres").exists()


def test_a_country_that_runs_already_is_used(lienthong_sync: Country) -> None:
    done = command("exec", "--", PYTHON, "-c", TELLS, url=lienthong_sync.url)
    told = json.loads(done.stdout)
    assert (told["LIENTHONG_URL"], told["LIENTHONG_KAFKA"]) == (lienthong_sync.url, lienthong_sync.doors["kafka"])
    assert done.stderr == ""


@contextmanager
def started(url: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """A command that counts Ctrl-C and says so at the first SIGTERM; leader of a session of its own.

    It writes whole lines: a signal between a word and the end of its line would bring another handler's word there.
    """
    words = [PYTHON, "-m", "lienthong.cli.main", "exec", "--", PYTHON, "-c", COUNTS]
    run = subprocess.Popen(words, env={**os.environ, "LIENTHONG_URL": url}, text=True, **how)
    try:
        yield run
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


def test_signals_are_passed_on_and_the_end_by_one_is_told_as_shells_tell_it(lienthong_sync: Country) -> None:
    with started(lienthong_sync.url, stdout=subprocess.PIPE, start_new_session=True) as run:
        assert run.stdout and run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGINT)
        assert run.stdout.readline() == "interrupted\n"
        run.send_signal(signal.SIGTERM)
        assert run.stdout.readline() == "1\n"
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 128 + signal.SIGTERM


def test_the_terminals_ctrl_c_reaches_the_command_once(lienthong_sync: Country) -> None:
    ours, theirs = os.openpty()
    with (
        started(lienthong_sync.url, preexec_fn=lambda: os.login_tty(theirs)) as run,
        os.fdopen(ours, "rb+", buffering=0) as terminal,
    ):
        os.close(theirs)
        said = b""
        for awaited, then in ((b"ready\r\n", lambda: terminal.write(b"\x03")), (b"interrupted\r\n", run.terminate)):
            while awaited not in said:
                said += terminal.read(100)
            then()
        while not said.strip()[-1:].isdigit():
            said += terminal.read(100)
        assert said.split()[-1] == b"1"
        run.terminate()
        assert run.wait(30) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("words", "status", "hint"), [(["no-such-program"], 127, "There is no program"), ([], 2, "COMMAND")]
)
def test_what_cannot_be_run_starts_nothing(words: list[str], status: int, hint: str) -> None:
    done = command("exec", "--", *words, url=None)
    assert done.returncode == status and hint in done.stderr
    assert "Ready" not in done.stderr
