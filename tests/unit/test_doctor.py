"""`lienthong doctor`: each thing that can be wrong is found, with why it matters and a command that mends it."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from lienthong.cli.main import command_line
from lienthong.doctor import machine
from lienthong.doctor.checks import CHECKS, GIB, examine
from lienthong.doctor.machine import Machine, look
from lienthong.embedded import elsewhere, ports, postgres
from shared.storage.database import SCHEMA_VERSION

WELL = Machine(packages={"fastapi": ("0.165.0", "0.165.0")})
NOW = datetime(2026, 12, 1, tzinfo=UTC)
HERE = Path("/somewhere/.lienthong")
KAFKA = elsewhere.Server("kafka", ("KAFKA_BOOTSTRAP_SERVERS",), "b:9092", (("b", 9092),))
ONE_DATABASE = elsewhere.Server("postgres", ("PORTAL_DATABASE_URL",), "postgresql://d", (("d", 5432),))


def a_status(*late: tuple[str, str]) -> dict[str, Any]:
    rows = [{"name": name, "ready": False, "waiting_for": what} for name, what in late]
    return {"processes": [{"name": "payment", "ready": True, "waiting_for": None}, *rows]}


# What is wrong, which question finds it, what its answer names, and what its command holds.
BROKEN: tuple[tuple[dict[str, Any], str, str, str], ...] = (
    ({"platform": "darwin"}, "system", "darwin", "docker compose up"),
    ({"kernel": (4, 19)}, "system", "linux 4.19", "virtual machine"),
    ({"python": (3, 10, 2)}, "python", "3.10.2", "make setup PYTHON="),
    ({"packages": {"fastapi": ("0.165.0", "0.1.0")}}, "packages", "fastapi 0.1.0 instead of 0.165.0", "make setup"),
    ({"packages": {"fastapi": ("0.165.0", None)}}, "packages", "fastapi missing", "make setup"),
    ({"packages": {"rich": ("", None)}, "from_repository": False}, "packages", "rich missing", "pip install"),
    ({"java": "", "java_trouble": "java is 11.0.2"}, "java", "11.0.2", "openjdk-17"),
    ({"jars": False, "maven": False}, "kafka", "no `mvn`", "install maven"),
    ({"taken": {"kafka": (9092, "java, pid 12")}}, "ports", "9092 (kafka) by java, pid 12", "kill 12"),
    ({"taken": {"kafka": (9092, "")}}, "ports", "a process of another user", "--port-base"),
    ({"blocked": {"portal-api": 10080}}, "ports", "10080 (portal-api)", "--port-base"),
    ({"disk_free": GIB // 2}, "disk", "0.5 GiB", "lienthong reset"),
    ({"memory_free": GIB // 2}, "memory", "0.5 GiB", "--sort=-rss"),
    ({"writable": False, "data": HERE}, "data", f"{HERE} cannot be written", "--data"),
    ({"owner_right": False, "data": HERE}, "data", "belongs to another user", "lienthong reset"),
    ({"schemas": {"portal": 2, "payment": 3}}, "schema", "portal has version 2", "lienthong logs"),
    ({"status_trouble": "no answer", "data": HERE}, "stack", "no answer", f"kill $(cat {HERE}/lock)"),
    ({"status": a_status(("kafka", "its port"))}, "stack", "kafka waits for its port", "lienthong logs kafka"),
    ({"now": NOW, "newest": NOW + timedelta(hours=1)}, "clock", "2026-12-01 01:00", "timedatectl"),
    ({"now": datetime(1970, 1, 1, tzinfo=UTC)}, "clock", "1970-01-01", "timedatectl"),
    ({"encoding": "iso-8859-1"}, "letters", "iso-8859-1", "LANG=C.UTF-8"),
    ({"open_files": 256}, "open files", "256", "ulimit -n 4096"),
    ({"leftovers": [(7, "java"), (8, "postgres")]}, "leftovers", "java (pid 7), postgres (pid 8)", "kill 7 8"),
    (
        {"servers": {KAFKA: "refused", ONE_DATABASE: ""}},
        "servers elsewhere",
        "kafka at b:9092 (KAFKA_BOOTSTRAP_SERVERS): refused",
        "unset KAFKA_BOOTSTRAP_SERVERS   #",
    ),
    (
        {"servers": {KAFKA: "", ONE_DATABASE: "refused"}},
        "servers elsewhere",
        "postgres at postgresql://d (PORTAL_DATABASE_URL): refused",
        "unset PORTAL_DATABASE_URL   #",
    ),
    ({"servers_trouble": "KAFKA_X has 'b' in it"}, "servers elsewhere", "has 'b' in it", "unset KAFKA_X "),
    ({"url": "http://x:1", "url_trouble": "refused"}, "LIENTHONG_URL", "http://x:1: refused", "unset LIENTHONG_URL"),
    ({"endpoint": "http://x:1", "endpoint_trouble": "refused"}, "traces", "http://x:1: refused", "unset OTEL_"),
)
FINE: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"jars": False}, "kafka", "with Maven"),
    ({"status": a_status()}, "stack", "all 1 processes are ready"),
    ({"status": a_status(), "memory_free": 0}, "memory", "0.0 GiB"),
    ({"stale_lock": 77}, "leftovers", "process 77, which has ended"),
    ({"open_files": -1}, "open files", "no limit"),
    ({"encoding": "UTF_8"}, "letters", "UTF-8"),
    ({"newest": NOW + timedelta(seconds=30), "now": NOW}, "clock", "2026-12-01"),
    ({"schemas": {"portal": 3}}, "schema", "version 3 in portal"),
    ({"url": "http://x:1", "taken": {"kafka": (9092, "")}}, "ports", "the country at http://x:1 answers"),
    ({"endpoint": "http://x:1"}, "traces", "sent to http://x:1"),
    ({"replaced": {"kafka"}, "java": "", "java_trouble": "none"}, "java", "not needed"),
    ({"replaced": {"kafka"}, "jars": False, "maven": False}, "kafka", "elsewhere"),
    ({"replaced": {"kafka"}, "open_files": 256}, "open files", "elsewhere"),
    ({"replaced": {"postgres"}, "owner_right": False}, "data", "can be written"),
    ({"servers": {KAFKA: ""}}, "servers elsewhere", "kafka at b:9092 (KAFKA_BOOTSTRAP_SERVERS)"),
)


def test_nothing_is_wrong_with_a_machine_that_is_well() -> None:
    assert [finding for finding in examine(WELL) if finding.wrong] == []
    assert len(examine(WELL)) == len(CHECKS)


@pytest.mark.parametrize(("broken", "name", "what", "mend"), BROKEN)
def test_what_is_wrong_is_found_and_nothing_else(broken: dict[str, Any], name: str, what: str, mend: str) -> None:
    (found,) = [finding for finding in examine(replace(WELL, **broken)) if finding.wrong]
    assert found.name == name and what in found.what and mend in found.fix
    assert found.why.endswith(".") and len(found.why) > 20


def test_every_question_is_seen_to_find_something() -> None:
    assert {name for _, name, _, _ in BROKEN} == {finding.name for finding in examine(WELL)}


@pytest.mark.parametrize(("facts", "name", "what"), FINE)
def test_what_is_unusual_but_fine_is_not_called_wrong(facts: dict[str, Any], name: str, what: str) -> None:
    found = {finding.name: finding for finding in examine(replace(WELL, **facts))}
    assert not found[name].wrong and what in found[name].what
    assert not any(finding.wrong for finding in found.values())


def test_a_long_list_of_packages_is_cut() -> None:
    many = {f"p{n}": ("2", "1") for n in range(40)}
    (found,) = [finding for finding in examine(replace(WELL, packages=many)) if finding.wrong]
    assert found.what.endswith("p4 1 instead of 2 and 35 more")


@pytest.mark.parametrize(("broken", "name", "what", "mend"), BROKEN)
def test_the_commands_of_ours_that_it_names_exist(broken: dict[str, Any], name: str, what: str, mend: str) -> None:
    verbs = typer.main.get_command(command_line()).commands  # type: ignore[attr-defined]
    for finding in examine(replace(WELL, **broken)):
        for words in re.findall(r"lienthong ((?:[a-z]+)(?: [^;#,]*)?)", finding.fix):
            verb, *rest = shlex.split(words)
            known = {option for parameter in verbs[verb].params for option in parameter.opts}
            assert {word for word in rest if word.startswith("--")} <= known, finding.fix


# --- the facts themselves: looked for on this very machine, which the test has made worse


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("LIENTHONG_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in (elsewhere.KAFKA, *elsewhere.DATABASES):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path / "data"


def test_a_folder_that_is_not_there_yet_is_looked_at_without_being_made(data: Path) -> None:
    found = look(data, ports.free_base())
    assert not data.exists()
    assert (found.status, found.stale_lock, found.leftovers, found.writable, found.taken) == (None, None, [], True, {})
    assert found.disk_free > 0 and found.memory_free > 0 and found.open_files != 0


def test_the_wanted_schema_is_the_services_own() -> None:
    assert postgres.schema_version() == SCHEMA_VERSION


def test_every_pinned_package_is_compared() -> None:
    found = machine._packages()
    assert found["fastapi"][0] == found["fastapi"][1]
    assert len(found) > 50


def test_a_taken_port_and_its_holder_are_found(data: Path) -> None:
    base = ports.free_base()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", base + 2))
        stranger.listen()
        found = look(data, base).taken
    assert found["identity"][0] == base + 2 and f"pid {os.getpid()}" in found["identity"][1]


def test_a_lock_of_a_dead_stack_is_found(data: Path) -> None:
    data.mkdir()
    (data / "lock").write_text("4194304999")
    assert look(data).stale_lock == 4194304999


def test_a_process_that_outlived_its_stack_is_found(data: Path) -> None:
    data.mkdir()
    words = ["-c", "input()", f"{data}/kafka/server.properties"]
    left = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE)
    try:
        ((pid, name),) = look(data).leftovers
        assert pid == left.pid and name.startswith("python")
    finally:
        left.communicate(b"\n")
    assert look(data).leftovers == []


def test_a_file_from_the_future_is_found(data: Path) -> None:
    data.mkdir()
    (data / "plan.json").write_text("{}")
    later = datetime(2100, 1, 1, tzinfo=UTC)
    os.utime(data / "plan.json", (later.timestamp(), later.timestamp()))
    assert look(data).newest == later


def test_a_folder_made_by_somebody_else_is_found(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "postgres").mkdir(parents=True)
    monkeypatch.setattr(machine, "unprivileged_owner", lambda: None)
    assert look(data).owner_right
    monkeypatch.setattr(machine, "unprivileged_owner", lambda: (os.geteuid() + 1, 0))
    assert not look(data).owner_right


def test_addresses_where_nobody_is_are_found(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"http://127.0.0.1:{ports.free_base()}"
    monkeypatch.setenv("LIENTHONG_URL", nobody)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", nobody)
    found = look(data)
    assert "refused" in found.url_trouble and "refused" in found.endpoint_trouble
    monkeypatch.setenv("LIENTHONG_URL", "not an address")
    assert look(data).url_trouble
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert look(data).endpoint == ""


def test_servers_elsewhere_are_tried_and_need_no_ports_here(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = ports.free_base()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{base + 6}")
    for variable, name in elsewhere.DATABASES.items():
        monkeypatch.setenv(variable, f"postgresql://lan:invented@127.0.0.1:{base + 8}/{name}")
    found = look(data, base)
    assert found.replaced == {"kafka", "postgres"}
    broker, database = found.servers
    assert "refused" in found.servers[broker] and "refused" in found.servers[database]
    assert database.variables == tuple(sorted(elsewhere.DATABASES)) and "invented" not in database.shown_as
    with socket.create_server(("127.0.0.1", base + 6)), socket.create_server(("127.0.0.1", base + 8)):
        found = look(data, base)
    assert found.servers == {broker: "", database: ""} and found.taken == {}


def test_an_address_of_a_server_that_cannot_be_read_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "nonsense")
    found = look(data, ports.free_base())
    assert found.servers_trouble.startswith("KAFKA_BOOTSTRAP_SERVERS contains 'nonsense': write host:port")
    assert (found.servers, found.replaced) == ({}, frozenset())


def doctor(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lienthong.cli.main", "doctor", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_the_command_tells_people_and_programs_and_ends_with_1(data: Path) -> None:
    broken = {"LIENTHONG_URL": f"http://127.0.0.1:{ports.free_base()}"}
    words = ("--data", data, "--port-base", str(ports.free_base()))
    told = doctor(*words, **broken)
    assert told.returncode == 1 and "unset LIENTHONG_URL" in told.stdout and "are wrong" in told.stdout
    assert "Traceback" not in told.stderr
    answer = json.loads(doctor(*words, "--json", **broken).stdout)
    assert answer["well"] is False
    assert set(answer["findings"][0]) == {"name", "what", "wrong", "why", "mend"}
    assert [finding["name"] for finding in answer["findings"] if finding["wrong"]] == ["LIENTHONG_URL"]


def test_what_runs_elsewhere_is_not_asked_for_here(data: Path, tmp_path: Path) -> None:
    """A machine without Java, Maven and jars, on which somebody listens where our own broker would."""
    base = ports.free_base()
    bare = {"JAVA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": "/nowhere"}
    with socket.create_server(("127.0.0.1", base + 6)):
        wrong = []
        for named in ({}, {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{base + 6}"}):
            told = json.loads(doctor("--data", data, "--port-base", str(base), "--json", **bare, **named).stdout)
            wrong.append({finding["name"] for finding in told["findings"] if finding["wrong"]})
    ours, theirs = wrong
    assert ours - theirs == {"java", "kafka", "ports"} and not theirs & {"servers elsewhere", "java", "kafka", "ports"}


def test_the_command_ends_with_0_where_all_is_well(data: Path) -> None:
    told = doctor("--data", data, "--port-base", str(ports.free_base()), "--json")
    answer = json.loads(told.stdout)
    wrong = {finding["name"] for finding in answer["findings"] if finding["wrong"]}
    assert wrong <= {"memory", "disk", "packages"}, "whoever runs this has a machine of his own"
    assert (told.returncode, answer["well"]) == ((1, False) if wrong else (0, True))
