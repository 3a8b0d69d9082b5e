"""What people read is shown, not run: control characters, bidi overrides and markup of the terminal library."""

from __future__ import annotations

import ast
import io
import json
import sys
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from lienthong import client, pytest_report, sync
from lienthong.background import Background
from lienthong.cli import command, logs
from lienthong.cli.story import StoryPrinter
from lienthong.client.http import Http, Problem
from lienthong.client.timeline import draw
from lienthong.embedded import Trouble
from lienthong.embedded.logs import Entry
from lienthong.shown import shown, shown_in, shown_lines
from shared.text import Note, Shown, ShownLine

CLI = Path(command.__file__).parent
EVIL = (
    "Lan\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u2066\u200f\u2028\u2029\x85\r\nforged [red]line[/red] [link=http://a]b[/link]"
)
AS_TEXT = (
    r"Lan\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u2066\u200f\u2028\u2029\x85\r\nforged [red]line[/red] [link=http://a]b[/link]"
)


def harmless(text: str) -> bool:
    return all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text if char != "\n")


def test_what_acts_is_escaped_and_what_is_shown_is_kept() -> None:
    assert shown(EVIL) == AS_TEXT and harmless(shown(EVIL))
    plain = "Trần Ngọc Lan 🙂 \u200d한 – “việc” \\x1b"
    assert shown(plain) == plain
    for category in ("Cc", "Zl", "Zp"):
        for char in (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == category):
            assert shown(char).startswith("\\"), hex(ord(char))
    for char in (chr(code) for code in range(sys.maxunicode + 1)):
        if unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"):
            assert shown(char).startswith("\\u"), hex(ord(char))
    assert shown("\ud800\ufffe\U0010ffff") == r"\ud800\ufffe\U0010ffff"
    assert shown_lines("a\n\tb\x1bc") == "a\n        b\\x1bc"
    assert shown_in({"\x1b": ["\r", {"a": "\x07"}, 1, None]}) == {r"\x1b": [r"\r", {"a": r"\x07"}, 1, None]}


class Hostile(client.Country):
    """A country that answers with text that acts."""

    async def open(self, http: Http) -> None:
        pass


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "Country", Hostile)


@pytest.mark.usefixtures("hostile")
def test_answers_are_shown_to_people_and_left_as_they_are_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(_: client.Country) -> Any:
        return {"name": EVIL}

    people, program = command.ask("http://a", answer), command.ask("http://a", answer, as_it_is=True)
    command.show(people, False, people["name"])
    assert capsys.readouterr().out == AS_TEXT + "\n"
    command.show(program, True, "")
    assert json.loads(capsys.readouterr().out) == {"name": EVIL}

    async def refuse(_: client.Country) -> Any:
        raise Problem("x", 409, EVIL, {})

    with pytest.raises(Trouble) as trouble:
        command.ask("http://a", refuse)
    assert str(trouble.value) == f"409 x: {AS_TEXT}"
    assert trouble.value.document == {"type": "/problems/x", "status": 409, "detail": EVIL}


def test_every_verb_says_whether_its_answer_is_for_people() -> None:
    """A verb that forgot it would print escapes into its JSON."""
    for path in CLI.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and {"json", "as_json"} & {
                each.arg for each in function.args.args
            }:
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ask":
                        is_told = len(call.args) == 3 or any(word.arg == "as_it_is" for word in call.keywords)
                        assert is_told or function.name in PRINT_THEMSELVES, f"{path.name}: {function.name}"


PRINT_THEMSELVES = {
    "watch",
    "replay",
    "create_staged",
    "listen",
    "verdicts",
}  # what they print goes through `shown` where it is printed


def entry(text: str) -> Any:
    at = "2026-06-09T08:00:00.000+07:00"
    return {"at": at, "service": "portal", "kind": "note", "text_en": text, "text_vi": text, "data": {}, "status": None}


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_timeline_shows_text_as_it_is(lang: str) -> None:
    data = {"applicant": {"name": EVIL}, "dossier_code": EVIL, "reason": f"\x00{EVIL}"}
    event = {**entry("The citizen asks"), "kind": "event", "event": "dossier.submitted.v1", "data": data}
    for print_it in (
        lambda console: console.print(draw([entry(EVIL)], EVIL, lang)),
        lambda console: console.print(draw([event], "H1", lang)),
        lambda console: StoryPrinter(console, lang).print_entry(entry(EVIL)),
        lambda console: StoryPrinter(console, lang).print_entry(event),
        lambda console: StoryPrinter(console, lang).print("who", who=EVIL, procedure=EVIL, where=EVIL),
    ):
        text = io.StringIO()
        print_it(Console(file=text, width=1000))
        assert harmless(text.getvalue()), text.getvalue()
        assert AS_TEXT in text.getvalue(), "markup is shown, too"


def test_a_log_entry_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 6, 9, tzinfo=UTC)
    fields = {"event": EVIL, "reason": EVIL, "exception": "Traceback\n  " + EVIL}
    logs._print([Entry("kafka", at, "info", [EVIL]), Entry("portal-api", at, "info", ["{}"], fields)], as_json=False)
    printed = capsys.readouterr().out
    assert harmless(printed) and printed.count(r"\x1b[2J") == 4
    logs._print([Entry("portal-api", at, "info", ["{}"], fields)], as_json=True)
    assert json.loads(capsys.readouterr().out)["reason"] == EVIL


def test_the_report_of_a_failed_test_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def show(self: client.Sandbox) -> Any:
        return {"seed": EVIL, "now": "now", "rate": 0, "expires_at": "then"}

    async def settle(self: client.Sandbox, timeout_seconds: float = 30) -> Any:
        waiting = {"name": "held", "service": "portal", "detail": EVIL}
        return {"verdict": "held", "proof_of_absence": False, "next_due": None, "waiting_for": [waiting]}

    async def connectors(self: client.Sandbox) -> Any:
        return []

    async def dossiers(self: client.Sandbox) -> Any:
        raise ValueError(EVIL)

    for name, method in (
        ("show", show),
        ("settle", settle),
        ("connectors", connectors),
        ("dossiers", dossiers),
    ):
        monkeypatch.setattr(client.Sandbox, name, method)
    background = Background()
    report = pytest_report.of(
        sync.Sandbox(background, client.Country("http://127.0.0.1:1").enter("s1")), tmp_path / "r"
    )
    background.close()
    assert harmless(report) and report.count(r"\x1b[2J") == 3


@pytest.mark.parametrize(
    "char",
    "\x01\n\t\x1b\x7f\x85\x9b\u2028\u2029\u200e\u202e\u2066\u200b\u00ad\ufeff\U000e0041\ufdd0\ufffe\U0010ffff",
)
def test_a_name_has_nothing_that_acts(char: str) -> None:
    with pytest.raises(ValidationError, match=f"contains U\\+{ord(char):04X}, a character that is not shown"):
        TypeAdapter(ShownLine).validate_python(f"Trần{char}Lan")


@pytest.mark.parametrize(
    "name", ["Trần Ngọc Lan", "  Lan ", "👨\u200d👩\u200d👧", "می\u200cخواهم", "Công ty “A & B” (2)"]
)
def test_a_name_in_any_script_is_kept(name: str) -> None:
    assert TypeAdapter(ShownLine).validate_python(name) == name


def test_a_note_may_have_line_breaks_but_no_controls() -> None:
    for kind in (Note, Shown):
        text = "một\r\n\thai\n\u200fba"
        assert TypeAdapter(kind).validate_python(text) == text
        for char in ("\x1b", "\x08", "\x7f", "\x9b", "\ufffe", "\ufdd0"):
            with pytest.raises(
                ValidationError, match=f"contains U\\+{ord(char):04X}, a control character or noncharacter"
            ):
                TypeAdapter(kind).validate_python(f"a{char}b")
