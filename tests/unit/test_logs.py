"""`lienthong logs`: many logs read as one, in order, in part; what is written meanwhile is followed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lienthong.embedded import Trouble
from lienthong.embedded.logs import NAMES, Entry, Filter, Follower, entries, folder, last, log_names
from lienthong.embedded.plan import ROLES, Plan
from lienthong.embedded.rotation import older, rotate, rotate_long

TRACE, OTHER = "0af7651916cd43dd8448eb211c80319c", "1" * 32
CODE = "H42.14464-20260609-0000001"
KAFKA = "2026-11-25T01:50:19.226+0000 [main] WARN QuorumController - became active"
POSTGRES = "2026-11-25 01:50:19.500 UTC [12] portal ERROR:  relation does not exist"
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: no'


def a_line(second: int, event: str, level: str = "info", **facts: Any) -> str:
    at = f"2026-11-25T01:50:{second:02}.000000Z"
    return json.dumps({"service": "portal-api", "event": event, "level": level, "real_at": at, **facts})


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    place = tmp_path / "data" / "log"
    place.mkdir(parents=True)
    (place / "portal-api.log").write_text(
        "\n".join(
            [
                a_line(10, "request", trace_id=TRACE, sandbox="s1", dossier=CODE),
                a_line(20, "refused", trace_id=OTHER, sandbox="s2"),
                a_line(30, "dead_letter", "error", exception="Traceback …\n  at home"),
                "",
            ]
        )
    )
    (place / "payment.log").write_text(a_line(15, "request", trace_id=TRACE, sandbox="s1", path="/init") + "\n")
    (place / "kafka.log").write_text(KAFKA + "\n\tat org.apache.kafka.Broker\n")
    (place / "postgres.log").write_text(
        POSTGRES + "\n2026-11-25 01:50:19.500 UTC [12] portal STATEMENT:  SELECT\n\t1\n"
    )
    return place


def seconds(found: list[Entry]) -> list[float]:
    return [entry.at.second + entry.at.microsecond / 1e6 for entry in found]


def test_all_logs_are_one_in_order_of_time(logs: Path) -> None:
    found = last(logs, NAMES, Filter(), 50)
    assert seconds(found) == [10, 15, 19.226, 19.5, 19.5, 20, 30]
    assert [entry.log for entry in found][1:4] == ["payment", "kafka", "postgres"]
    assert all(entry.at.tzinfo == UTC for entry in found)


def test_the_last_ones_are_shown(logs: Path) -> None:
    assert seconds(last(logs, NAMES, Filter(), 2)) == [20, 30]
    assert last(logs, NAMES, Filter(), 0) == []
    assert seconds(last(logs, ["kafka"], Filter(), 5)) == [19.226]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(level="warning"), [19.226, 19.5, 30]),
        (Filter(level="error"), [19.5, 30]),
        (Filter(level="critical"), []),
        (Filter(sandbox="s1"), [10, 15]),
        (Filter(sandbox="s1", level="error"), []),
        (Filter(sandbox="s3"), []),
    ],
)
def test_what_is_not_wanted_is_left_out(logs: Path, wanted: Filter, expected: list[float]) -> None:
    assert seconds(last(logs, NAMES, wanted, 50)) == expected


def test_a_dossier_brings_what_was_done_in_its_trace_elsewhere(logs: Path) -> None:
    assert seconds(last(logs, NAMES, Filter(dossier=CODE), 50)) == [10, 15]
    assert seconds(last(logs, ["payment"], Filter(dossier=CODE), 50)) == [15], "learnt from a log that is not shown"
    assert last(logs, NAMES, Filter(dossier="H00"), 50) == []


def test_lines_that_belong_together_stay_together(logs: Path) -> None:
    (kafka,) = last(logs, ["kafka"], Filter(), 5)
    assert kafka.lines == [KAFKA, "\tat org.apache.kafka.Broker"]
    found = list(entries("payment", [a_line(1, "request"), *TRACEBACK.splitlines(), a_line(2, "request")]))
    assert [(entry.level, len(entry.lines)) for entry in found] == [("info", 1), ("error", 3), ("info", 1)]
    assert found[1].at == found[0].at, "what has no time of its own has that of the one before"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (KAFKA, "warning"),
        (POSTGRES, "error"),
        (POSTGRES.replace("ERROR", "FATAL"), "critical"),
        (POSTGRES.replace("ERROR", "LOG"), "info"),
        ("WARNING:opentelemetry.exporter:Transient error", "warning"),
        ("portal-api: running, pid 12", "info"),
        (a_line(1, "x", "critical"), "critical"),
        (a_line(1, "x", "strange"), "info"),
        ("{not json", "info"),
        ('{"event": "without a time"}', "info"),
    ],
)
def test_every_kind_of_line_has_a_level(line: str, level: str) -> None:
    (entry,) = entries("portal-api", [line])
    assert entry.level == level


def test_the_end_of_a_long_log_is_found_without_reading_all_of_it(logs: Path) -> None:
    with (logs / "identity.log").open("w") as file:
        for n in range(20_000):
            file.write(a_line(n % 60, "request", number=n, filler="x" * 200) + "\n")
    found = last(logs, ["identity"], Filter(), 3)
    assert [entry.fields["number"] for entry in found] == [19_997, 19_998, 19_999]


def test_entries_larger_than_expected_are_found_too(logs: Path) -> None:
    with (logs / "identity.log").open("w") as file:
        for n in range(5):
            file.write(a_line(n, "request", number=n, filler="x" * 50_000) + "\n")
    assert [entry.fields["number"] for entry in last(logs, ["identity"], Filter(), 3)] == [2, 3, 4]


def test_what_is_written_meanwhile_is_followed(logs: Path) -> None:
    follower = Follower(logs, NAMES, Filter(level="warning"))
    assert follower.more() == []
    with (logs / "payment.log").open("a") as file:
        file.write(a_line(41, "late", "error") + "\n" + a_line(40, "quiet") + "\n" + a_line(42, "half", "error")[:30])
        file.flush()
        assert [entry.fields["event"] for entry in follower.more()] == ["late"]
        file.write(a_line(42, "half", "error")[30:] + "\n")
        file.flush()
        assert [entry.fields["event"] for entry in follower.more()] == ["half"]
    assert follower.more() == []


def test_a_log_that_was_begun_anew_is_followed_from_its_beginning(logs: Path) -> None:
    follower = Follower(logs, ["payment", "identity"], Filter())
    (logs / "payment.log").write_text(a_line(1, "anew") + "\n")
    (logs / "identity.log").write_text("portal-api: running\n")
    found = follower.more()
    assert [entry.text for entry in found if entry.log == "payment"] == [a_line(1, "anew")]
    assert (datetime.now(UTC) - found[-1].at).total_seconds() < 60, "what has no time is told when it is seen"


def test_services_are_named_in_groups_and_a_misspelt_one_is_refused_by_name() -> None:
    assert log_names([]) == list(NAMES)
    assert log_names(["portal", "kafka", "portal-api"]) == ["portal-api", "portal-worker", "kafka"]
    with pytest.raises(Trouble, match=r"no log of 'paymnt'\. Did you mean payment\? There are portal-api,"):
        log_names(["paymnt"])
    with pytest.raises(Trouble, match=r"no log of 'xyz'\. There are"):
        log_names(["xyz"])


def test_every_process_has_its_log(tmp_path: Path) -> None:
    plan = Plan(tmp_path)
    assert {plan.log(name).stem for name in (*(role.name for role in ROLES), "kafka", "postgres")} <= set(NAMES)


def test_without_logs_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"lienthong up.*docker compose logs"):
        folder(tmp_path)


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "lienthong.cli.main", "logs", *map(str, words)]


def test_the_command_tells_people_and_programs(logs: Path) -> None:
    told = subprocess.run(command("--data", logs.parent), capture_output=True, text=True, check=True).stdout
    assert "portal-api" in told and f"dossier={CODE}" in told and "  at home" in told
    assert "real_at" not in told
    lines = subprocess.run(command("--data", logs.parent, "--json"), capture_output=True, text=True, check=True).stdout
    first, *_ = [json.loads(line) for line in lines.splitlines()]
    assert (first["log"], first["at"], first["dossier"]) == ("portal-api", "2026-11-25T01:50:10.000+00:00", CODE)
    wrong = subprocess.run(command("--level", "loud", "--data", logs.parent), capture_output=True, text=True)
    assert wrong.returncode == 2 and "debug, info" in wrong.stderr


def test_following_ends_with_ctrl_c(logs: Path) -> None:
    words = command("payment", "--follow", "--lines", "1", "--json", "--data", logs.parent)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    following = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert following.stdout
    try:
        assert json.loads(following.stdout.readline())["path"] == "/init"
        with (logs / "payment.log").open("a") as file:
            file.write(a_line(50, "followed") + "\n")
        assert json.loads(following.stdout.readline())["event"] == "followed"
    finally:
        following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=30)
    assert (following.returncode, errors) == (0, "")


def test_a_log_moved_aside_is_read_with_the_new_one_and_nothing_is_lost(logs: Path) -> None:
    """Its writer appends to the same open file, as a process does whose output it is."""
    file = logs / "payment.log"
    reader = Follower(logs, ["payment"], Filter())
    with file.open("a") as writer:
        for second in (31, 32):
            writer.write(a_line(second, "before") + "\n")
            writer.flush()
            if second == 31:
                assert seconds(reader.more()) == [31]
        rotate(file)
        writer.write(a_line(33, "after") + "\n")
    assert seconds(reader.more()) == [32, 33]
    assert seconds(last(logs, ["payment"], Filter(), 50)) == [15, 31, 32, 33]
    assert seconds(last(logs, ["payment"], Filter(), 1)) == [33]
    assert older(file).stat().st_mode & 0o077 == 0


def test_only_a_long_log_is_moved_aside(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lienthong.embedded.rotation.MOST_BYTES", (logs / "payment.log").stat().st_size)
    rotate_long(logs)
    assert [file.name for file in logs.glob("*.1")] == ["portal-api.log.1"]
