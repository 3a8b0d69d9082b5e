"""The stack as a person at a terminal meets it: it starts, says what is wrong, and leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lienthong.embedded import ports
from lienthong.embedded.plan import ROLES
from lienthong.embedded.stack import Stack, process
from lienthong.sync import Country

PARTS = {"zygote", "postgres", "kafka"}
PATIENCE = 30.0


def lienthong(*words: str | Path | int, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(_command(*words), capture_output=True, text=True, env={**os.environ, **environment})


def started(*words: str | Path | int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """`lienthong up … --json` in the foreground, and what it printed when it was ready."""
    up = subprocess.Popen(_command("up", *words, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert up.stdout
    line = up.stdout.readline()
    assert line, up.communicate()[1]
    return up, json.loads(line)


def _command(*words: str | Path | int) -> list[str]:
    return [sys.executable, "-m", "lienthong.cli.main", *map(str, words)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A data folder and a port base nobody uses; whatever still runs there afterwards is stopped."""
    data = tmp_path / "data"
    yield data, ports.free_base()
    lienthong("down", "--data", data)


def span(base: int) -> range:
    return range(base, base + ports.SPAN)


def test_a_stack_starts_in_the_background_tells_its_state_and_stops(place: tuple[Path, int]) -> None:
    data, base = place
    up = lienthong("up", "--detach", "--json", "--data", data, "--port-base", base)
    assert up.returncode == 0, up.stderr
    told = json.loads(up.stdout)
    assert told["ready"]
    assert {row["name"] for row in told["processes"]} == {role.name for role in ROLES} | PARTS
    assert all(row["pid"] and row["restarts"] == 0 for row in told["processes"])

    again = lienthong("up", "--detach", "--json", "--data", data, "--port-base", base)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["processes"] == told["processes"], "it is left running"
    plain = lienthong("status", "--data", data)
    outside = Stack.attach(data).plan.kafka_outside
    assert outside == f"127.0.0.1:{base + 9}" == process(told, "kafka")["outside"]
    assert f"Kafka for connectors of provinces: {outside} (SASL/SCRAM)\n" in plain.stdout
    assert f"export LIENTHONG_URL=http://127.0.0.1:{base}\n" in plain.stdout
    lines = [line for line in plain.stdout.splitlines() if str(data) not in line]
    assert max(map(len, lines)) <= 100 and not re.search(r" $", plain.stdout, re.MULTILINE)
    logs = lienthong("logs", "--level", "error", "--data", data, "--json", *(role.name for role in ROLES))
    assert logs.stdout == "", "a healthy start has no errors"
    for words in (("up",), ("up", "--detach", "--port-base", ports.free_base())):
        again = lienthong(*words, "--data", data)
        assert again.returncode == 1
        assert f"already running in {data}" in again.stderr
    assert "Traceback" not in again.stderr

    refused = lienthong("reset", "--data", data)
    assert refused.returncode == 1
    assert "lienthong down" in refused.stderr

    stack = Stack.attach(data)
    dead = stack.kill("portal-worker", signal.SIGKILL)
    stack.wait_until(lambda status: process(status, "portal-worker")["restarts"] == 1 and status["ready"])
    row = process(json.loads(lienthong("status", "--json", "--data", data).stdout), "portal-worker")
    assert row["last_exit"] == "killed by SIGKILL"
    assert row["pid"] != dead
    assert "1, last: killed by SIGKILL" in " ".join(lienthong("status", "--data", data, COLUMNS="200").stdout.split())

    assert lienthong("down", "--data", data).returncode == 0
    assert ports.wait_free(span(base), PATIENCE) == []
    assert lienthong("status", "--data", data).returncode == 1
    assert "postgres" in json.loads(lienthong("reset", "--json", "--data", data).stdout)["deleted"]
    assert not data.exists()


def test_kill_9_of_the_supervisor_frees_all_ports_and_the_next_start_says_so(place: tuple[Path, int]) -> None:
    data, base = place
    stack = Stack(data, base)
    stack.start()
    supervisor = stack.pids()["supervisor"]
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)
    assert ports.wait_free(span(base), PATIENCE) == []
    assert f"process {supervisor} ended without cleaning up" in lienthong("status", "--data", data).stdout

    said: list[str] = []
    stack.start(said.append)
    assert said[0].startswith(f"Process {supervisor} left its lock in {data}")
    stack.stop()
    assert ports.wait_free(span(base), PATIENCE) == []


def test_kill_9_of_the_command_frees_all_ports(place: tuple[Path, int]) -> None:
    data, base = place
    up, told = started("--data", data, "--port-base", base)
    assert told["ready"]
    up.kill()
    up.communicate()
    assert ports.wait_free(span(base), PATIENCE) == []


def test_ctrl_c_stops_everything_in_order(place: tuple[Path, int]) -> None:
    data, base = place
    up, _ = started("--data", data, "--port-base", base)
    up.send_signal(signal.SIGINT)
    _, errors = up.communicate()
    assert up.returncode == 0
    assert "services first" in errors
    assert "Traceback" not in errors
    assert ports.wait_free(span(base), 0) == []
    assert "database system is shut down" in (data / "log" / "postgres.log").read_text()


def test_broker_and_databases_can_be_lost_and_the_stack_gets_ready_again(place: tuple[Path, int]) -> None:
    data, base = place
    with Stack(data, base) as stack:
        stack.restart_kafka(wipe=True, number=signal.SIGKILL)
        stack.drop_database("payment")
        stack.wait_ready()
        assert process(stack.status(), "kafka")["restarts"] == 1
        assert process(stack.status(), "payment")["last_exit"] == "killed by SIGKILL"
        for part in ("gateway-worker", "postgres", "kafka"):
            stack.hold(part)
            assert not stack.status()["ready"]
            stack.release(part)
            stack.wait_ready()


def test_a_server_that_hangs_is_named_and_so_are_the_workers_that_need_it(place: tuple[Path, int]) -> None:
    data, base = place
    with Stack(data, base) as stack:
        for name in ("postgres", "kafka"):
            stack.kill(name, signal.SIGSTOP)
            status = stack.wait_until(lambda status: not process(status, name)["ready"])  # noqa: B023
            assert "does not answer within 8 s" in process(status, name)["waiting_for"]
            if name == "kafka":
                stack.wait_until(lambda status: "broker" in str(process(status, "gateway-worker")["waiting_for"]))
            stack.kill(name, signal.SIGCONT)
            stack.wait_ready()


def test_a_taken_port_is_named_with_the_way_out(place: tuple[Path, int]) -> None:
    data, base = place
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", base + 2))
        stranger.listen()
        up = lienthong("up", "--data", data, "--port-base", base)
    assert up.returncode == 1
    assert f"Port {base + 2} for identity is taken by another program" in up.stderr
    assert f"pid {os.getpid()}" in up.stderr
    assert "--port-base" in up.stderr
    assert "Traceback" not in up.stderr


def test_a_port_that_browsers_do_not_call_is_named_with_the_way_out(place: tuple[Path, int]) -> None:
    data, _ = place
    up = lienthong("up", "--data", data, "--port-base", 10_080)
    assert up.returncode == 1 and up.stderr.startswith("Browsers and Node call no server at port 10080")
    assert "--port-base N" in up.stderr and "Traceback" not in up.stderr


def test_missing_java_old_java_and_missing_maven_are_plain_sentences(place: tuple[Path, int], tmp_path: Path) -> None:
    data, base = place
    words = ("up", "--json", "--data", data, "--port-base", str(base))
    nothing = lienthong(*words, JAVA_HOME=str(tmp_path))
    assert "has no bin/java: install it" in json.loads(nothing.stdout)["trouble"]

    old = tmp_path / "old" / "bin" / "java"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    eleven = lienthong(*words, JAVA_HOME=str(tmp_path / "old"))
    assert "Kafka needs Java 17 or newer" in eleven.stderr
    assert "is 11.0.2" in eleven.stderr

    (tmp_path / "old" / "release").write_text('JAVA_VERSION="17.0.1"\n')
    unfetched = lienthong(*words, JAVA_HOME=str(tmp_path / "old"), XDG_CACHE_HOME=str(tmp_path), PATH="/nowhere")
    assert "there is no `mvn`" in unfetched.stderr
    for answer in (nothing, eleven, unfetched):
        assert answer.returncode == 1
        assert "Traceback" not in answer.stderr


def test_a_country_elsewhere_is_shown_by_its_address(lienthong_sync: Country) -> None:
    """That of LIENTHONG_URL, in containers or wherever; else the one of this run, of whose folder the command knows nothing."""
    told = lienthong("status", "--json", LIENTHONG_URL=lienthong_sync.url)
    assert told.returncode == 0, told.stderr
    rows = json.loads(told.stdout)["processes"]
    known = {role.name: lienthong_sync.doors[role.url_variable.removesuffix("_URL").lower()] for role in ROLES}
    assert {row["name"]: row["door"] for row in rows} == known
    assert all(row["ready"] for row in rows)


def test_every_verb_explains_itself() -> None:
    for verb in ("up", "status", "down", "reset"):
        told = lienthong(verb, "--help")
        assert told.returncode == 0
        assert "--json" in told.stdout
