"""`lienthong contract`: what it prints, in which forms, and with which exit status; no country runs."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from contracts import command as contracts_command
from contracts import diff
from contracts.gate import Known, example
from contracts.lifecycle import EVENTS
from lienthong.cli.contract_formats import as_junit, as_sarif, as_text
from tests.support.command import command
from tests.unit.test_light import ROOT, STACK, run

NOW = datetime.fromisoformat("2026-11-25T10:00:00+07:00")
RECEIVED = example(Known.in_state("submitted", now=NOW), "dossier.received.v1", NOW) or {}
LATE = deepcopy(RECEIVED)
LATE["data"]["due_at"] = "2026-12-09T17:00:00+07:00"
SPEAKS = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"}


def contract(*words: str) -> tuple[int, str, str]:
    done = command("contract", *words, url=None, **SPEAKS)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def checked(*bodies: bytes, **request: Any) -> list[list[dict[str, Any]]]:
    """What the contracts reply; in this process."""
    texts = [body.decode("utf-8", "surrogateescape") for body in bodies]
    reply: list[list[dict[str, Any]]] = json.loads(json.dumps(contracts_command.check({"texts": texts, **request})))
    return reply


def test_a_file_of_messages_is_judged_line_by_line_and_a_refusal_is_exit_status_one(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text(f"{json.dumps(RECEIVED)}\n\n{json.dumps(LATE)}\n", encoding="utf-8")
    status, text, _ = contract("check", "--state", "submitted", str(file))
    assert status == 1
    assert f"{file}:1  accepted  dossier.received.v1" in text and "→ received" in text
    assert f"{file}:3  rejected" in text and "LT-LAW-090  /data/due_at" in text
    assert '[{"op": "replace", "path": "/data/due_at", "value": "2026-11-25T17:00:00.000+07:00"}]' in text
    assert "lawful now: dossier.received.v1" in text and 'would be accepted: {"specversion"' in text


def test_the_law_is_judged_only_with_a_state_and_lenient_names_the_deviations(tmp_path: Path) -> None:
    file = tmp_path / "late.json"
    file.write_text(json.dumps(LATE), encoding="utf-8")
    assert contract("check", str(file))[0] == 0
    status, text, _ = contract("check", "--state", "submitted", "--lenient", "--json", str(file))
    (verdict,) = json.loads(text)
    assert status == 0 and verdict["outcome"] == "accepted_with_deviations" and verdict["file"] == str(file)
    assert [error["rule"] for error in verdict["errors"]] == ["LT-LAW-090"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "--format", "xml", "-"], "none of text, json, junit, sarif"),
        (["check", "no-such-file.json"], "no-such-file.json cannot be read"),
        (["check", "--lenient", "-"], "needs --state"),
        (["check", "--state", "submited", "-"], "did you mean submitted?"),
        (["check", "--type", "dossier.recieved.v1", "-"], "did you mean dossier.received.v1?"),
        (["check", "--now", "tomorrow", "-"], "no instant with an offset"),
        (["show", "dossier.recieved.v1"], "did you mean dossier.received.v1?"),
        (["diff", "released", "no-such-folder"], "no-such-folder cannot be read"),
        (["check"], "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_exit_status_two_with_a_sentence(words: list[str], said: str) -> None:
    status, _, error = contract(*words)
    assert status == 2 and said in error


def test_types_are_listed_and_shown_and_a_release_is_compared() -> None:
    status, text, _ = contract("list", "--json")
    assert status == 0 and [row["type"] for row in json.loads(text)] == list(EVENTS)
    status, text, _ = contract("show", "dossier.refused.v1")
    assert status == 0 and "when      submitted → refused_at_reception" in text and "/reason  LT-REF-004" in text
    status, text, _ = contract("diff", "released", "current")
    assert status == 0 and ("a new optional member" in text or "Nothing changed." in text)


def test_a_change_that_breaks_somebody_is_exit_status_one(tmp_path: Path) -> None:
    schema = json.loads((diff.EVENTS / "dossier.refused.v1.json").read_text(encoding="utf-8"))
    schema["required"].remove("reason")
    (tmp_path / "new.json").write_text(json.dumps(schema), encoding="utf-8")
    status, text, _ = contract("diff", str(diff.EVENTS / "dossier.refused.v1.json"), str(tmp_path / "new.json"))
    assert status == 1 and "/reason" in text and "readers" in text and "may be missing now" in text


def test_the_contracts_are_exported_whole(tmp_path: Path) -> None:
    status, text, _ = contract("export", str(tmp_path / "out"))
    assert status == 0 and "files in" in text
    rules = json.loads((tmp_path / "out" / "rules.json").read_text(encoding="utf-8"))
    assert {"LT-ENV-001", "LT-LAW-001", "LT-RCV-005"} <= set(rules)
    for name in (
        "events/dossier.received.v1.json",
        "invalid/bom.json",
        "verdict.v1.json",
        "lifecycle.json",
        "asyncapi.yaml",
    ):
        assert (tmp_path / "out" / name).is_file()


def test_the_light_package_reads_contracts_and_says_what_a_check_needs() -> None:
    absent = tuple(name for name in STACK if name != "pydantic")  # typer may need it
    status, text, imported = run("contract", "list", absent=absent)
    assert status == 0 and "dossier.received.v1" in text and not imported & {*STACK, "httpx", "asyncio"}
    status, text, _ = run("contract", "check", "-", absent=absent)
    assert status == 1 and "Checking a message needs packages that are not installed (jsonschema_rs, msgspec)" in text
    for verb in ("list", "show", "diff"):
        request = {"type": "dossier.received.v1", "old": "released", "new": "current"}
        block = (
            f"import sys; sys.modules |= dict.fromkeys({STACK!r}); from contracts.command import main; main({verb!r})"
        )
        subprocess.run(
            [sys.executable, "-c", block],
            input=json.dumps(request),
            check=True,
            text=True,
            cwd=ROOT,
            capture_output=True,
        )


def test_the_page_about_events_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    message, block = re.search(r"```json\n(.*?)```\n\n```bash\n(.*?)```", page, re.DOTALL).groups()  # type: ignore[union-attr]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    Path("REFUSAL").write_text(message, encoding="utf-8")
    said = {}
    for line in block.replace("/tmp/", "").splitlines():  # noqa: S108  # of the page, not used
        words = shlex.split(line, comments=True)[2:]
        said[" ".join(words)] = contract(*words)
    statuses = [status for status, _, _ in said.values()]
    assert statuses == [0, 1, 1, 1, 0, 0]
    texts = [text for _, text, _ in said.values()]
    assert "LT-LAW-044  /data/refused_at" in texts[1] and "2026-11-25T08:00:00+07:00" in texts[1]
    assert json.loads(texts[3])["version"] == "2.1.0"


def test_a_text_is_split_into_messages_however_they_are_written() -> None:
    one, two = json.dumps(RECEIVED).encode(), json.dumps(LATE).encode()
    ways = checked(
        one, b"[\n" + one + b",\n" + two + b"]", one + b"\n{broken\n", json.dumps(RECEIVED, indent=1).encode()
    )
    assert [[each["line"] for each in verdicts] for verdicts in ways] == [[1], [2, 3], [1, 2], [1]]
    assert [each["outcome"] for each in ways[2]] == ["accepted", "rejected"]
    twice = b'[{"id": "1", "id": "2"}]'
    assert "LT-ENV-008" in {error["rule"] for error in checked(twice)[0][0]["errors"]}


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"\xef\xbb\xbf{}", b"null", b"[" * 10_000, b"x" * 300_000, b'{"a": NaN}', b'"\\ud800"', b"[]"],
)
def test_whatever_a_file_holds_it_gets_a_verdict_in_every_form(body: bytes) -> None:
    for more in ({}, {"type": "dossier.received.v1"}, {"state": "submitted"}):
        ((verdict, *_),) = checked(body, **more)
        assert verdict["outcome"] == "rejected"
        files = [("a.json", [verdict])]
        assert as_text(files, "vi") and ElementTree.fromstring(as_junit(files)) is not None  # our own
        json.loads(as_sarif(files))


def test_a_bare_body_gets_the_attributes_that_its_door_would_give_it() -> None:
    body = json.dumps(LATE["data"]).encode()
    ((verdict,),) = checked(body, type="dossier.received.v1", state="submitted")
    assert [(error["rule"], error["pointer"]) for error in verdict["errors"]] == [("LT-LAW-090", "/data/due_at")]
    ((verdict,),) = checked(body, type="dossier.received.v1", state="submitted", province="01")
    assert "LT-LAW-004" in {error["rule"] for error in verdict["errors"]}


def test_junit_has_a_case_for_each_message_and_a_failure_for_each_refused_one() -> None:
    files = list(zip(["a.json", "b.json"], checked(json.dumps(RECEIVED).encode(), b"{\x1b"), strict=True))
    root = ElementTree.fromstring(as_junit(files))  # our own
    assert root.tag == "testsuites"
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("a.json", "1", "0"),
        ("b.json", "1", "1"),
    ]
    failure = root.find("testsuite[@name='b.json']/testcase/failure")
    assert failure is not None and failure.get("type") == "LT-ENV-005" and "source" in (failure.text or "")


def test_sarif_has_what_its_standard_asks_of_rules_and_results() -> None:
    """SARIF 2.1.0: 3.13 log, 3.14 run, 3.18 tool, 3.19 driver, 3.27 result, 3.49 rule."""
    files = [("dir/a b.json", checked(json.dumps(LATE).encode(), state="submitted")[0])]
    log = json.loads(as_sarif(files))
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (log_run,) = log["runs"]
    driver = log_run["tool"]["driver"]
    assert driver["name"] == "lienthong" and len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    (result,) = log_run["results"]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "LT-LAW-090"
    assert result["level"] == "error" and result["message"]["text"]
    place = result["locations"][0]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "dir/a%20b.json"}, "region": {"startLine": 1}}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "/data/due_at"}]
