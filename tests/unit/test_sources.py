"""A refusal that rests on a rule cites one that is in force."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from contracts import sources
from contracts.lifecycle import LIFECYCLE
from contracts.sources import not_in_force, one_stop
from contracts.texts import TEXTS
from shared.sentences import in_language

BEGIN, NOW = date(2026, 1, 1), date(2026, 11, 29)  # sandboxes begin here
ROOT = Path(__file__).parents[2]
NEEDS = {need for move in LIFECYCLE.moves for need in move.needs}


@pytest.mark.parametrize("day", [BEGIN, NOW])
def test_every_rule_of_the_lifecycle_is_in_force(day: date) -> None:
    for law in {move.law for move in LIFECYCLE.moves} | {need.law for need in NEEDS}:
        assert not_in_force(law, day) == [], law


def test_every_law_is_cited_alike_in_both_languages() -> None:
    numbers = re.compile("[0-9]+")
    for key, (vi, en) in TEXTS.items():
        if key.startswith("law."):
            assert sorted(numbers.findall(vi)) == sorted(numbers.findall(en)), key
    for move in LIFECYCLE.moves:
        for words in (move.law, move.note):
            assert not words or in_language(words, "vi") != in_language(words, "en"), words


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the product, except docstrings, which say what was read."""
    for path in [
        path for part in ("contracts", "services", "shared", "lienthong") for path in (ROOT / part).rglob("*.py")
    ]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        quiet = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
                yield path.name, node.value
    yield from ((key, text) for key, both in TEXTS.items() for text in both)


def test_no_text_that_users_meet_rests_on_a_rule_that_was_replaced() -> None:
    names = set(sources.INSTRUMENTS)
    assert [(path, text) for path, text in texts() if text not in names and not_in_force(text, NOW)] == []


def test_no_scenario_rests_on_a_rule_that_was_replaced() -> None:
    for path in (ROOT / "lienthong/scenarios/ready").glob("*.yaml"):
        assert not_in_force(" ".join(path.read_text(encoding="utf-8").split()), NOW) == [], path.name


def test_a_rule_that_was_replaced_is_only_named_beside_the_one_in_force() -> None:
    assert not_in_force("ND 61/2018 art. 17", NOW) == ["ND 61/2018"]
    assert not_in_force("ND 61/2018 art. 17", date(2025, 6, 30)) == []
    assert not_in_force(one_stop("art. 17"), NOW) == []
    assert not_in_force(one_stop("art. 17"), date(2025, 6, 30)) == ["ND 118/2025"]
    assert not_in_force("ND 999/2020", NOW) == ["ND 999/2020"], "what we do not know is in force is not cited"
