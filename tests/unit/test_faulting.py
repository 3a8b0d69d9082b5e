"""What somebody wants to go wrong becomes a rule, or is refused by pointer; which rules contradict each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.faults import CATALOGUE, FAMILIES, Kind
from contracts.faults.rules import MOST_RULES, RuleBody
from contracts.people import STANDING
from services.portal.sandboxes.fault_rules import (
    FaultRuleNotFound,
    RulesContradict,
    checked_rules,
    of_family,
    rule_of,
    with_rule,
    without_rule,
)
from shared.errors import BodyDoesNotFit
from shared.sandbox.faults import Rule

NOON = datetime.fromisoformat("2026-06-09T12:00:00+07:00")


def a_rule(fault: str = "confirmation-late", **wish: Any) -> Rule:
    how_often = {word: wish.pop(word, None) for word in ("nth", "times", "probability")}
    rest: dict[str, Any] = {"id": None, "match": {}, "settings": {}, "since": None, "until": None, "born": 1, **wish}
    return rule_of(rest.pop("id"), fault, rest.pop("match"), rest.pop("settings"), how_often=how_often, **rest)


def wrong(fault: str = "confirmation-late", **wish: Any) -> list[tuple[str, str]]:
    """Pointer and sentence of everything that is wrong with a wish."""
    with pytest.raises(BodyDoesNotFit) as refused:
        a_rule(fault, **wish)
    return [(error["pointer"], error["detail"]) for error in refused.value.errors]


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_every_fault_is_a_rule_with_every_setting_filled_in(fault: Any) -> None:
    rule = a_rule(fault.name)
    assert (rule.id, rule.fault, rule.edge) == (fault.name, fault.name, fault.edge)
    assert rule.settings == {each.name: each.default for each in fault.settings}
    assert a_rule(fault.name, settings=rule.settings) == rule, "a default is itself allowed"


def test_what_is_said_replaces_the_default() -> None:
    assert a_rule(settings={"by": "1d"}).settings == {"by": "1d"}
    rule = a_rule(id="mine", match={"province": "37"}, times=3, since=NOON)
    assert (rule.id, rule.match, rule.times, rule.nth, rule.since) == ("mine", {"province": "37"}, 3, None, NOON)


@pytest.mark.parametrize(
    ("said", "nearest"),
    [
        ("confirmation-lat", "confirmation-late"),
        ("token-wrong-isuer", "token-wrong-issuer"),
        ("Bank-Down", "bank-down"),
    ],
)
def test_an_unknown_fault_is_told_the_nearest(said: str, nearest: str) -> None:
    ((pointer, sentence),) = wrong(said)
    assert pointer == "/fault" and f"the nearest is '{nearest}'" in sentence and "GET /_lab/faults" in sentence


def test_a_word_like_no_fault_is_told_where_they_are() -> None:
    assert wrong("?") == [("/fault", "there is no fault '?'; see `lienthong fault list` or GET /_lab/faults")]


@pytest.mark.parametrize(
    ("fault", "match", "sentence"),
    [
        ("confirmation-late", {"provence": "37"}, "can match: province, dossier; the nearest is 'province'"),
        ("confirmation-late", {"province": "99"}, "no province is '99'"),
        ("adapter-slow", {"asked": "LayDVX"}, "no asked is 'LayDVX'; the nearest is 'LayDVC'"),
        ("http-error", {"service": "portla"}, "no service is 'portla'; the nearest is 'portal'"),
        ("http-error", {"method": "post"}, "no method is 'post'"),
        ("http-error", {"path": "api/v1/dossiers"}, "begins with / or *, as every path does"),
        ("token-expired", {"persona": "lana"}, "no persona is 'lana'; the nearest is 'lan'"),
        ("token-expired", {"persona": "nga"}, "no persona is 'nga'"),
        ("officers-slow", {"procedure": "2.00635"}, "no procedure is '2.00635'; the nearest is '2.000635'"),
        ("provider-down", {"persona": "lan"}, "provider-down can match: nothing"),
    ],
)
def test_what_cannot_be_matched_is_refused(fault: str, match: dict[str, str], sentence: str) -> None:
    ((pointer, said),) = wrong(fault, match=match)
    assert pointer == f"/match/{next(iter(match))}" and sentence in said


@pytest.mark.parametrize("pattern", ["nga", "ng*", "lan"])
def test_a_persona_of_the_sandboxs_own_can_be_matched(pattern: str) -> None:
    match = {"persona": pattern}
    assert a_rule("token-expired", match=match, personas=(*STANDING, "nga")).match == match


def test_the_nearest_may_be_one_of_the_sandboxs_own() -> None:
    ((pointer, said),) = wrong("token-expired", match={"persona": "phung"}, personas=(*STANDING, "phuong"))
    assert pointer == "/match/persona" and "the nearest is 'phuong'" in said


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("http-error", {"service": "p*", "method": "P?ST", "path": "*/dossiers*"}),
        ("confirmation-late", {"province": "3?", "dossier": "H42*"}),
    ],
)
def test_patterns_match_by_wildcards(fault: str, match: dict[str, str]) -> None:
    assert a_rule(fault, match=match).match == match


@pytest.mark.parametrize(
    ("fault", "settings", "pointer", "sentence"),
    [
        ("confirmation-late", {"bye": "1d"}, "/with/bye", "has the settings: by; the nearest is 'by'"),
        ("confirmation-late", {"by": "soon"}, "/with/by", "'soon' is not a duration such as 3d or 2h30m"),
        ("confirmation-late", {"by": "200ms"}, "/with/by", "'200ms' is not a duration"),
        ("confirmation-late", {"by": 5}, "/with/by", "is text, such as '2h'"),
        ("confirmation-late", {"by": "0s"}, "/with/by", "lies outside 1 s to"),
        ("http-timeout", {"after": "61s"}, "/with/after", "lies outside 0 s to 60 s"),
        ("http-timeout", {"after": f"{10**30}d"}, "/with/after", "longer than the lifetime of any sandbox"),
        ("http-error", {"status": 499}, "/with/status", "is a whole number from 500 to 504"),
        ("http-error", {"status": "503"}, "/with/status", "is a whole number from 500 to 504"),
        ("http-error", {"status": True}, "/with/status", "is a whole number from 500 to 504"),
        ("http-error", {"status": 503.0}, "/with/status", "is a whole number from 500 to 504"),
        ("payment-declined", {"reason": "card-expire"}, "/with/reason", "the nearest is 'card-expired'"),
        ("payment-declined", {"reason": None}, "/with/reason", "is text"),
        ("http-reset", {"a/b~": 1}, "/with/a~1b~0", "http-reset has the settings: none"),
    ],
)
def test_a_setting_that_is_none_is_refused(fault: str, settings: Any, pointer: str, sentence: str) -> None:
    ((where, said),) = wrong(fault, settings=settings)
    assert where == pointer and sentence in said


@pytest.mark.parametrize("said", [{"nth": 2, "times": 3}, {"nth": 2, "probability": 0.5}, {"times": 1, "nth": 1}])
def test_how_often_is_said_in_one_way(said: dict[str, Any]) -> None:
    ((_, sentence),) = wrong(**said)
    assert "contradicts" in sentence


@pytest.mark.parametrize("word", ["nth", "times", "probability"])
def test_a_state_is_not_told_how_often(word: str) -> None:
    assert wrong("key-rotated", **{word: 1})[0][0] == f"/{word}"


def test_a_window_ends_after_it_begins() -> None:
    for until in (NOON, NOON - timedelta(seconds=1)):
        assert wrong(since=NOON, until=until)[0][0] == "/until"
    assert a_rule(since=NOON, until=NOON + timedelta(seconds=1)).until


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = wrong(match={"x": "y"}, settings={"by": "soon"}, nth=1, times=1, since=NOON, until=NOON)
    assert [pointer for pointer, _ in found] == ["/match/x", "/with/by", "/times", "/until"]


# --- together -----------------------------------------------------------------------------------------------------------
def http(**match: str) -> Rule:
    return a_rule("http-error", id="other", match=match)


def test_another_rule_at_the_same_edge_contradicts() -> None:
    with pytest.raises(RulesContradict) as refused:
        with_rule([a_rule("confirmation-missing")], a_rule())
    assert refused.value.facts == {
        "rule": "confirmation-missing",
        "fault": "confirmation-missing",
        "edge": "payment.confirm",
    }
    assert "remove one of the two" in refused.value.detail


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"path": "/init"}),
        ({"path": "/init"}, {"service": "payment"}),
        ({"path": "/init"}, {"path": "/in*"}),
        ({"path": "/api/*"}, {"path": "/api/v1/dossiers*"}),
        ({"path": "*"}, {"path": "/api/v1/dossiers*"}),
        ({"path": "/init", "method": "POST"}, {"path": "/init", "service": "payment"}),
    ],
)
def test_rules_that_may_meet_contradict(one: dict[str, str], other: dict[str, str]) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(RulesContradict):
            with_rule([http(**first)], a_rule("http-latency", match=second))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"path": "/init"}, {"path": "/refund"}),
        ({"path": "/init"}, {"path": "/api/*"}),
        ({"path": "/api/v1/dossiers*"}, {"path": "/api/v1/papers*"}),
        ({"service": "portal", "path": "*"}, {"service": "payment", "path": "*"}),
    ],
)
def test_rules_that_never_meet_live_together(one: dict[str, str], other: dict[str, str]) -> None:
    for first, second in ((one, other), (other, one)):
        assert len(with_rule([http(**first)], a_rule("http-latency", match=second))) == 2


def test_rules_of_different_times_live_together() -> None:
    before, after = a_rule(until=NOON), a_rule("confirmation-missing", since=NOON)
    assert with_rule([before], after) == [before, after] and with_rule([after], before) == [after, before]
    with pytest.raises(RulesContradict):
        with_rule([before], a_rule("confirmation-missing", since=NOON - timedelta(seconds=1)))


def test_rules_of_different_edges_live_together() -> None:
    assert len(with_rule([a_rule("bank-down")], a_rule())) == 2


def test_a_rule_of_the_same_id_takes_its_place() -> None:
    new = a_rule("confirmation-missing", id="confirmation-late", born=2)
    assert with_rule([a_rule(), a_rule("bank-down")], new) == [a_rule("bank-down"), new]


def test_of_one_list_no_rule_takes_the_place_of_another() -> None:
    """Asked for at once, the first was meant as much as the second; one that is on already may be replaced."""
    here, there = ({"fault": "http-error", "match": {"service": name}} for name in ("portal", "gateway"))
    one, other, third = map(RuleBody.model_validate, (here, there, {**there, "id": "third"}))
    on, unfit = checked_rules([one, other, third], "/faults")
    assert [rule.id for rule in on] == ["http-error", "third"]
    assert [pointer for pointer, _ in unfit] == ["/faults/1"] and "another `id`" in unfit[0][1]
    replaced, unfit = checked_rules([other], "/then/faults", on[:1])
    assert [rule.match["service"] for rule in replaced] == ["gateway"] and not unfit


def test_there_is_an_end_to_rules() -> None:
    many = [a_rule("http-error", id=str(n), match={"path": f"/{n}"}) for n in range(MOST_RULES)]
    with pytest.raises(BodyDoesNotFit):
        with_rule(many, a_rule())
    assert len(with_rule(many, a_rule("http-error", id="0", match={"path": "/new"}))) == MOST_RULES


def test_a_rule_that_is_not_on_cannot_be_switched_off() -> None:
    assert without_rule([a_rule(), a_rule("bank-down")], "bank-down") == [a_rule()]
    with pytest.raises(FaultRuleNotFound) as refused:
        without_rule([a_rule(), a_rule("bank-down")], "bank-dwn")
    assert (
        refused.value.detail
        == "No rule 'bank-dwn' is on. Rules that are on: confirmation-late, bank-down; the nearest is 'bank-down'."
    )
    with pytest.raises(FaultRuleNotFound, match="Rules that are on: none"):
        without_rule([], "bank-down")


def test_families() -> None:
    assert FAMILIES == ("http", "identity", "payment", "officers", "connectors", "adapter")
    assert [fault.name for family in FAMILIES for fault in of_family(family)] == [fault.name for fault in of_family("")]
    with pytest.raises(BodyDoesNotFit) as refused:
        of_family("paymnt")
    assert "the nearest is 'payment'" in refused.value.errors[0]["detail"]


# --- the catalogue ------------------------------------------------------------------------------------------------------
def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in CATALOGUE}) == len(CATALOGUE) >= 30


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_every_fault_is_described_and_says_what_it_teaches(fault: Any) -> None:
    for text in (fault.title_en, fault.title_vi, fault.shows, fault.released, fault.teaches):
        assert len(text) > 10 and text == text.strip()
    for text in (fault.shows, fault.released, fault.teaches):
        assert text.endswith((".", ")"))
    for setting in fault.settings:
        assert setting.what and (
            setting.default in setting.choices if setting.kind is Kind.WORD else not setting.choices
        )


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_every_example_is_a_rule(fault: Any) -> None:
    words = {"with": "settings", "from": "since"}
    wish = {words.get(word, word): value for word, value in fault.example.items()}
    for moment in ("since", "until"):
        if moment in wish:
            wish[moment] = datetime.fromisoformat(wish[moment])
    assert a_rule(fault.name, **wish).fault == fault.name
