"""`lienthong dead` at a terminal: what is sent to the service, and what the user reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lienthong.cli import dead
from lienthong.cli.main import command_line
from lienthong.embedded import Trouble

BODY = {"dossier_code": "H42-1", "officer": "Lan", "limit": {"value": 1, "unit": "day"}}
REFUSAL = Trouble("422 body-does-not-fit: /officer: must be text", {"type": "/problems/body-does-not-fit"})


class FakeSandbox:
    """Notes what it is asked to do. `gone`: redriven before; `fails`: ids that fail again; `refuses`: every edit."""

    def __init__(self) -> None:
        self.body: str | None = json.dumps(BODY)
        self.gone = self.refuses = False
        self.fails: set[int] = set()
        self.sent: list[Any] = []

    def enter(self, sandbox: str) -> FakeSandbox:
        return self

    async def dead_letter(self, service: str, id: str) -> dict[str, Any]:
        record = None if self.body is None else {"body": self.body}
        return {"id": int(id), "redriven_at": "2026" if self.gone else None, "record": record, "changes": []}

    async def edit_dead_letter(self, service: str, id: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.refuses:
            raise REFUSAL
        self.sent.append((service, id, body))
        changes = [{"pointer": "/officer", "before": "Lan", "after": "a\x1b[31m"}, {"pointer": "/new", "after": 1}]
        return {"id": int(id), "changes": changes}

    async def redrive(self, service: str, id: str) -> dict[str, Any]:
        return self._redriven(service, int(id), "failed" if int(id) in self.fails else "gone")

    async def redrive_all(self, service: str, *, type: str | None, dossier: str | None) -> list[dict[str, Any]]:
        self.sent.append((service, type, dossier))
        return [
            self._redriven(service, 1, "failed" if self.fails else "applied"),
            self._redriven(service, 2, "released"),
        ]

    def _redriven(self, service: str, id: int, outcome: str) -> dict[str, Any]:
        reason = "NotToday" if outcome == "failed" else None
        return {"id": id, "subject": "H42-1", "kind": "k", "outcome": outcome, "applied": 3, "reason": reason}


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> FakeSandbox:
    fake = FakeSandbox()

    def ask(url: str, requests: Any, as_it_is: bool = False) -> Any:
        from lienthong.shown import shown_in

        try:
            requests(fake).send(None)
        except StopIteration as end:
            return end.value if as_it_is else shown_in(end.value)

    monkeypatch.setattr(dead, "ask", ask)
    for name in ("EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    return fake


def run(*words: str, text: str | None = None) -> tuple[int, str]:
    """Exit status and output, or the sentence of the Trouble; 2: the command line is wrong."""
    done = CliRunner().invoke(command_line("dead"), ["dead", *words], input=text)
    return done.exit_code, str(done.exception) if isinstance(done.exception, Trouble) else done.output


def test_members_are_set_in_the_body_that_is_there(sandbox: FakeSandbox) -> None:
    status, text = run("edit", "portal", "7", "--set", "officer=Minh", "--set", "limit.value=2", "--set", "new.a=true")
    body = {**BODY, "officer": "Minh", "limit": {"value": 2, "unit": "day"}, "new": {"a": True}}
    assert (status, sandbox.sent) == (0, [("portal", "7", body)])
    assert text.splitlines() == [
        '/officer  "Lan" → "a\\u001b[31m"',
        "/new  nothing → 1",
        "Apply it with `lienthong dead redrive portal 7`.",
    ]


def test_a_file_or_standard_input_is_the_whole_body_and_members_are_set_in_it(
    sandbox: FakeSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"officer": "Nguyễn"}', encoding="utf-8")
    assert run("edit", "gateway", "7", "--file", str(file))[0] == 0
    status, text = run("edit", "gateway", "7", "--file", "-", "--set", "a=b", "--json", text='{"officer": "x"}')
    assert status == 0 and json.loads(text)["changes"][1] == {"pointer": "/new", "after": 1}
    assert [body for _, _, body in sandbox.sent] == [{"officer": "Nguyễn"}, {"officer": "x", "a": "b"}]


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> Path:
    """$EDITOR is a program that runs this code with the text as `text`; returns the folder of the drafts."""
    program = tmp_path / "editor.py"
    program.write_text(
        f"import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\ntext = file.read_text()\n{code}\nfile.write_text(text)\n"
    )
    monkeypatch.setenv("EDITOR", f"'{sys.executable}' '{program}'")
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(drafts))
    return drafts


def test_with_neither_the_body_is_edited_in_the_users_editor(
    sandbox: FakeSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drafts = editor(monkeypatch, tmp_path, 'text = text.replace(\'"officer": "Lan"\', \'"officer": "Minh"\')')
    status, _ = run("edit", "portal", "7")
    assert (status, sandbox.sent) == (0, [("portal", "7", {**BODY, "officer": "Minh"})])
    assert list(drafts.iterdir()) == []


def test_a_body_that_is_no_json_is_shown_as_it_is(
    sandbox: FakeSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sandbox.body = '{"officer": "Lan"'
    editor(monkeypatch, tmp_path, "text += '}'")
    assert run("edit", "portal", "7")[0] == 0 and sandbox.sent[0][2] == {"officer": "Lan"}
    assert "is not JSON" in run("edit", "portal", "7", "--set", "a=b")[1]


@pytest.mark.parametrize(
    ("code", "sentence", "is_kept"),
    [
        ("pass", "Nothing was changed.", False),
        ("sys.exit(3)", "ended with status 3: nothing was changed", False),
        ("text = '{'", "The body is not JSON (", True),
        ("text = '[]'", "The body is no JSON object", True),
        ("text = '{}'", "422 body-does-not-fit: /officer: must be text", True),
    ],
    ids=["unchanged", "failed", "no JSON", "no object", "refused"],
)
def test_what_was_written_in_the_editor_is_not_lost(
    sandbox: FakeSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, sentence: str, is_kept: bool
) -> None:
    sandbox.refuses = True
    drafts = editor(monkeypatch, tmp_path, code)
    status, text = run("edit", "portal", "7")
    assert status == 1 and sentence in text
    kept = [str(file) for file in drafts.iterdir()]
    assert len(kept) == is_kept
    assert all(f"use --file {file}." in text for file in kept)


def test_without_an_editor_the_options_are_named(sandbox: FakeSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("edit", "portal", "7") == (
        1,
        "No editor is named: set EDITOR, or say what to change with --set or --file.",
    )
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert "The editor no-such-editor cannot be started (No such file or directory)" in run("edit", "portal", "7")[1]


def test_a_timer_and_what_is_gone_are_not_edited(sandbox: FakeSandbox) -> None:
    sandbox.body = None
    assert "is a timer and has no body" in run("edit", "portal", "7", "--set", "a=b")[1]
    sandbox.gone = True
    assert "was redriven and is gone" in run("edit", "portal", "7", "--set", "a=b")[1]
    assert sandbox.sent == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("edit identity 7 --set a=b", "'identity' has no dead letters"),
        ("edit portal 7 --set a", "'a' is not NAME=VALUE"),
        ("edit portal 7 --set officer.x=1", "leads through a value that has no members"),
        ("redrive", "write SERVICE and ID"),
        ("redrive portal", "write SERVICE and ID"),
        ("redrive portal 7 --all", "write --all or '7', not both"),
        ("redrive portal 7 --type x", "add --all"),
        ("redrive identity --all", "'identity' has no dead letters"),
    ],
)
def test_a_command_line_that_does_not_fit_is_refused(sandbox: FakeSandbox, words: str, sentence: str) -> None:
    status, text = run(*words.split())
    assert status == 2 and sentence in " ".join(text.split())
    assert sandbox.sent == []


@pytest.mark.parametrize("file", ["/nowhere/body.json", "/"])
def test_a_file_that_cannot_be_read_is_named(sandbox: FakeSandbox, file: str) -> None:
    status, text = run("edit", "portal", "7", "--file", file)
    assert status == 1 and text.startswith(f"{file} cannot be read (")


def test_all_of_both_services_are_redriven_and_what_became_of_each_is_told(sandbox: FakeSandbox) -> None:
    status, text = run("redrive", "--all", "--type", "k", "--dossier", "H42-1")
    assert (status, sandbox.sent) == (0, [("portal", "k", "H42-1"), ("gateway", "k", "H42-1")])
    assert text.splitlines()[:2] == [
        "portal   1  k  H42-1: applied, with 2 behind it",
        "portal   2  k  H42-1: its timer fires again",
    ]
    status, text = run("redrive", "gateway", "--all", "--json")
    assert [(each["service"], each["id"]) for each in json.loads(text)] == [("gateway", 1), ("gateway", 2)]


def test_one_that_fails_again_is_exit_status_1(sandbox: FakeSandbox) -> None:
    assert run("redrive", "portal", "7") == (0, "portal   7  k  H42-1: is gone: it was redriven before\n")
    sandbox.fails = {7}
    assert run("redrive", "portal", "7") == (1, "portal   7  k  H42-1: failed again (NotToday)\n")
    assert run("redrive", "--all")[0] == 1
    assert json.loads(run("redrive", "portal", "7", "--json")[1])["service"] == "portal"


def test_when_nothing_matches_it_is_said(sandbox: FakeSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(service: str, **only: Any) -> list[Any]:
        return []

    monkeypatch.setattr(sandbox, "redrive_all", none)
    assert run("redrive", "--all") == (0, "No open dead letter matches.\n")


def test_what_was_edited_is_shown(sandbox: FakeSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def edited(service: str, id: str) -> dict[str, Any]:
        return {
            "id": 7,
            "subject": "a\nb",
            "detail": "1\n2",
            "original": "{}",
            "changes": [{"pointer": "", "before": "{", "after": {"a": 1}}],
        }

    monkeypatch.setattr(sandbox, "dead_letter", edited)
    lines = run("show", "portal", "7")[1].splitlines()
    assert lines[1:4] == ["subject       a\\nb", "detail        1", "2"]
    assert lines[-1] == '/  "{" → {"a": 1}'
