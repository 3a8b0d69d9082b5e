"""When a rule looks, and when it bites: the same for the same seed and the same calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.sandbox import faults
from shared.sandbox.faults import Rule
from shared.sandbox.registry import Sandbox

NOON = datetime.fromisoformat("2026-06-09T12:00:00+07:00")
MINUTE = timedelta(minutes=1)


def a_rule(**change: Any) -> Rule:
    return Rule(**{"id": "r", "fault": "f", "edge": "e", "born": 1, "text_en": "en", "text_vi": "vi", **change})


def here(seed: str = "seed-1", *rules: Rule) -> Sandbox:
    return Sandbox("s", seed, 0, NOON, faults=msgspec.json.encode(list(rules)).decode() if rules else faults.NONE)


def bites(rule: Rule, seen: int = 12, seed: str = "seed-1") -> list[int]:
    """Which of the first times it bites, from 1 on."""
    return [n for n in range(1, seen + 1) if rule.fires(here(seed), n)]


@pytest.mark.parametrize(
    ("match", "about", "fits"),
    [
        ({}, {}, True),
        ({"province": "37"}, {"province": "37", "dossier": "X"}, True),
        ({"province": "37"}, {"province": "01"}, False),
        ({"province": "37"}, {}, False),
        ({"path": "/api/*"}, {"path": "/api/v1/dossiers"}, True),
        ({"path": "/API/*"}, {"path": "/api/v1/dossiers"}, False),
        ({"path": "/init", "method": "POST"}, {"path": "/init", "method": "GET"}, False),
        ({"province": "3?"}, {"province": "37"}, True),
        ({"dossier": "*"}, {}, True),
    ],
)
def test_a_rule_looks_at_what_it_matches(match: dict[str, str], about: dict[str, str], fits: bool) -> None:
    assert a_rule(match=match).applies(NOON, about) is fits


@pytest.mark.parametrize(
    ("since", "until", "fits"),
    [
        (None, None, True),
        (NOON, None, True),
        (NOON + MINUTE, None, False),
        (None, NOON, False),
        (None, NOON + MINUTE, True),
        (NOON - MINUTE, NOON + MINUTE, True),
        (NOON - MINUTE, NOON, False),
    ],
)
def test_a_rule_looks_in_its_time(since: datetime | None, until: datetime | None, fits: bool) -> None:
    assert a_rule(since=since, until=until).applies(NOON, {}) is fits


def test_how_often() -> None:
    assert bites(a_rule(), 3) == [1, 2, 3]
    assert bites(a_rule(nth=4)) == [4, 8, 12]
    assert bites(a_rule(nth=1), 2) == [1, 2]
    assert bites(a_rule(times=2)) == [1, 2]


def test_the_lot_falls_by_the_seed_and_the_rule_alone() -> None:
    rule = a_rule(probability=0.3)
    assert bites(rule, 500) == bites(rule, 500), "the same seed, the same calls"
    assert bites(rule, 500) != bites(rule, 500, "another")
    assert bites(rule, 500) != bites(a_rule(id="another", probability=0.3), 500)
    assert bites(rule, 500) == bites(a_rule(probability=0.3, born=2), 500), "switched on anew, it falls alike"
    assert 100 < len(bites(rule, 500)) < 200
    assert bites(a_rule(probability=1.0), 3) == [1, 2, 3]


def test_what_is_held_is_held_until_the_rule_is_over() -> None:
    assert a_rule().hold().due is None
    assert a_rule().hold(NOON).due == NOON
    assert a_rule(until=NOON).hold().due == NOON
    assert a_rule(until=NOON).hold(NOON + MINUTE).due == NOON
    assert a_rule(until=NOON + MINUTE).hold(NOON).due == NOON
    assert a_rule().hold().facts == {"rule": "r", "fault": "f"}


def test_a_state_is_looked_up_without_counting() -> None:
    one, other = a_rule(match={"persona": "lan"}), a_rule(id="other", edge="elsewhere")
    country = here("seed-1", one, other)
    assert faults.active_rule(country, "e", persona="lan") == one
    assert faults.active_rule(country, "e", persona="minh") is None
    assert faults.active_rule(country, "elsewhere") == other
    assert faults.active_rule(here(), "e", persona="lan") is None


def test_rules_travel_as_text() -> None:
    rule = a_rule(match={"a": "b"}, settings={"by": "1d"}, nth=2, since=NOON, until=NOON + MINUTE)
    assert faults.rules_of(here("s", rule).faults) == (rule,)
    assert rule.key == "r@1" and rule.seconds("by") == 86_400
