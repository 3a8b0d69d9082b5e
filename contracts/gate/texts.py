"""Texts that people read: reasons, items, officers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.gate import law_rules as rules
from contracts.gate.rules import Finding, replaced
from contracts.lifecycle import DOSSIER_WITHDRAWN
from shared.text import acting, is_visible

CUT = (500, rules.CUT_AT)
LINES = "\n\r\t"  # may stand in a reason
NUL = "\x00"  # a rule of the envelope reports it
# What stands where a system wants a text and a person, or a program, has none.
_FILLERS = """
x, xx, xxx, xxxx, test, test1, testing, abc, asdf, qwerty, string, text, n/a, na, none, null, nil, undefined, todo, tbd, admin,
user, ok, reason, lorem ipsum, không, khong, ko, không có, khong co, không rõ, chưa rõ, chưa có, lý do, ly do, như trên, hồ sơ,
-, --, ---, _, ?, 0, 1, 123, …
"""
FILLERS = frozenset(_FILLERS.strip().replace("\n", " ").replace(", ", ",").replace(",,", ",").split(","))


def check(type: str, data: dict[str, Any]) -> Iterator[Finding]:
    """Every text of the body that people will read. Why a dossier is withdrawn are the citizen's own words."""
    reason = data.get("reason")
    if reason is not None and type != DOSSIER_WITHDRAWN:
        yield from _text("/data/reason", reason, least=rules.LEAST_REASON)
    officer = data.get("officer")
    if officer is not None and (not is_visible(officer) or is_filler(officer)):
        yield rules.OFFICER.at("/data/officer", officer)
    elif officer is not None and not officer.isprintable():
        yield from _controls("/data/officer", officer, "")
    for index, item in enumerate(data.get("items", ())):
        name = "text" if "text" in item else "name"
        yield from _text(f"/data/items/{index}/{name}", item[name])
    note = data.get("note")
    if note is not None:
        yield from _text("/data/note", note)
    applicant = data.get("applicant")
    if applicant is not None:
        yield from _text("/data/applicant/name", applicant["name"])


def is_filler(text: str) -> bool:
    """Whether a text is one of the words that stand for a text; a full stop at its end changes nothing."""
    word = text.strip().lower()
    return len(word) < 16 and (word in FILLERS or word.rstrip(".!") in FILLERS or not word.strip("."))


def _text(pointer: str, text: str, least: int = 0) -> Iterator[Finding]:
    if not is_visible(text):
        yield rules.EMPTY.at(pointer, text)
    elif is_filler(text):
        yield rules.FILLER.at(pointer, text)
    elif len(text.strip()) < least:
        yield rules.SHORT.at(pointer, text)
    elif len(text) in CUT:
        yield rules.CUT.at(pointer, f"{len(text)} characters")
    if not text.isprintable():
        yield from _controls(pointer, text, LINES)


def _controls(pointer: str, text: str, allowed: str) -> Iterator[Finding]:
    kept = "".join(char for char in text if char in allowed or char == NUL or acting(char) is None)
    if kept != text and is_visible(kept):  # one that has nothing else is EMPTY
        yield rules.CONTROLS.at(pointer, text, patch=replaced(pointer, kept))
