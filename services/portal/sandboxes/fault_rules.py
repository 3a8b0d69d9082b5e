"""What somebody wants to go wrong, as a rule that a sandbox can hold: checked against the catalogue of named faults. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from contracts.faults import CATALOGUE, FAMILIES, FAULTS, TO_MATCH, Kind, NamedFault, Setting
from contracts.faults.rules import MOST_RULES, RuleBody
from contracts.people import STANDING
from shared.did_you_mean import nearest
from shared.errors import BodyDoesNotFit, Misfit, Refusal
from shared.problem_types import pointer_of
from shared.sandbox.clock import parse_duration, parse_time
from shared.sandbox.faults import Rule

_WILD = re.compile(r"[*?[]")


class RulesContradict(Refusal):
    """Two rules would decide about the same thing."""


class FaultRuleNotFound(Refusal):
    """No rule of the sandbox has this id."""


def rule_of(
    id: str | None,
    name: str,
    match: Mapping[str, str],
    settings: Mapping[str, Any],
    *,
    how_often: Mapping[str, Any],
    since: datetime | None,
    until: datetime | None,
    born: int,
    personas: Collection[str] = STANDING,
) -> Rule:
    """The rule that somebody asked for, with every setting filled in. Raises BodyDoesNotFit for whatever makes no sense.

    how_often  nth, times, probability; at most one of them
    personas   everybody who can sign in to the sandbox
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise BodyDoesNotFit(
            (
                "/fault",
                f"there is no fault '{name}'{_hint(name, FAULTS)}; `lienthong fault list` or GET /_lab/faults lists all",
            )
        )
    wrong = [
        *_of_match(fault, match, {**TO_MATCH, "persona": personas}),
        *_of_settings(fault, settings),
        *_of_frequency(fault, how_often),
        *_of_window(since, until),
    ]
    if wrong:
        raise BodyDoesNotFit(*wrong)
    return Rule(
        id=id or name,
        fault=name,
        edge=fault.edge,
        born=born,
        text_en=fault.title_en,
        text_vi=fault.title_vi,
        match=dict(match),
        settings={each.name: settings.get(each.name, each.default) for each in fault.settings},
        since=since,
        until=until,
        **{word: value for word, value in how_often.items() if value is not None},
    )


def rule_asked(body: RuleBody, born: int, personas: Collection[str] = STANDING) -> Rule:
    """The same from a body, with its instants read."""
    return rule_of(
        id=body.id,
        name=body.fault,
        match=body.match,
        settings=body.settings,
        how_often={"nth": body.nth, "times": body.times, "probability": body.probability},
        since=parse_time(body.since, "/from") if body.since is not None else None,
        until=parse_time(body.until, "/until") if body.until is not None else None,
        born=born,
        personas=personas,
    )


def rules_asked(
    asked: Iterable[RuleBody], under: str, rules: Sequence[Rule] = (), personas: Collection[str] = STANDING
) -> tuple[list[Rule], list[Misfit]]:
    """The rules that are on once these are asked for at once, beside `rules`; and all that is wrong with them.

    under  pointer of the list
    """
    on, wrong, said = [*rules], list[Misfit](), set[str]()
    for place, body in enumerate(asked):
        pointer, id = f"{under}/{place}", body.id or body.fault
        if id in said:
            wrong.append((pointer, f"there is a rule '{id}' in this list already: give this one another `id`"))
            continue
        said.add(id)
        try:
            on = with_rule(on, rule_asked(body, 0, personas))
        except BodyDoesNotFit as error:
            wrong += error.misfits(pointer)
        except Refusal as refusal:
            wrong.append((pointer, refusal.detail))
    return on, wrong


def with_rule(rules: Iterable[Rule], new: Rule) -> list[Rule]:
    """The rules and a new one, which takes the place of one of the same id. Raises RulesContradict, BodyDoesNotFit."""
    others = [rule for rule in rules if rule.id != new.id]
    if len(others) >= MOST_RULES:
        raise BodyDoesNotFit(("", f"there are {MOST_RULES} rules: switch some off first"))
    for other in others:
        if other.edge == new.edge and _meet(other, new):
            raise RulesContradict(
                f"Rule '{other.id}' ({other.fault}) decides about the same: have one of the two, or let them match "
                "different things or times.",
                rule=other.id,
                fault=other.fault,
                edge=new.edge,
            )
    return [*others, new]


def without_rule(rules: Iterable[Rule], id: str) -> list[Rule]:
    """Raises FaultRuleNotFound."""
    before = list(rules)
    left = [rule for rule in before if rule.id != id]
    if len(left) == len(before):
        known = [rule.id for rule in before]
        raise FaultRuleNotFound(
            f"No rule '{id}' is on. On are: {', '.join(known) or 'none'}{_hint(id, known)}.", rule=id, known=known
        )
    return left


def of_family(wished: str) -> list[NamedFault]:
    """The catalogue, or what of it belongs to a family. Raises BodyDoesNotFit for a family that there is not."""
    if wished not in ("", *FAMILIES):
        raise BodyDoesNotFit(("/query/family", f"is one of {', '.join(FAMILIES)}{_hint(wished, FAMILIES)}"))
    return [fault for fault in CATALOGUE if wished in ("", fault.family)]


def _meet(one: Rule, other: Rule) -> bool:
    """Whether something may come that both look at: nothing is matched in two ways that exclude each other, in times apart."""
    if any(_exclude(one.match[name], other.match[name]) for name in one.match.keys() & other.match.keys()):
        return False
    ends = (one.until, other.since), (other.until, one.since)
    return not any(until is not None and since is not None and until <= since for until, since in ends)


def _exclude(one: str, other: str) -> bool:
    """Whether no word fits both patterns, as far as can be told: by a pattern that is a word, or by how the two begin."""
    for word, pattern in ((one, other), (other, one)):
        if not _WILD.search(word):
            return not fnmatchcase(word, pattern)
    begins = _WILD.split(one)[0], _WILD.split(other)[0]
    return not begins[0].startswith(begins[1]) and not begins[1].startswith(begins[0])


def _of_match(fault: NamedFault, match: Mapping[str, str], known: Mapping[str, Collection[str]]) -> list[Misfit]:
    wrong = []
    for name, pattern in match.items():
        if name not in fault.match:
            can = ", ".join(fault.match) or "nothing"
            said = f"{fault.name} can match: {can}{_hint(name, fault.match)}"
            wrong.append((pointer_of(("match", name)), said))
        elif name in known and not any(fnmatchcase(word, pattern) for word in known[name]):
            wrong.append((f"/match/{name}", f"no {name} is '{pattern}'{_hint(pattern, known[name])}"))
        elif name == "path" and not fnmatchcase("/", pattern[:1]):
            wrong.append((f"/match/{name}", "begins with / or *, as every path does"))
    return wrong


def _of_settings(fault: NamedFault, settings: Mapping[str, Any]) -> list[Misfit]:
    known = {each.name: each for each in fault.settings}
    wrong = []
    for name, value in settings.items():
        if name not in known:
            has = ", ".join(known) or "none"
            said = f"{fault.name} has the settings: {has}{_hint(name, known)}"
            wrong.append((pointer_of(("with", name)), said))
        elif said := _of_setting(known[name], value):
            wrong.append((f"/with/{name}", said))
    return wrong


def _of_setting(setting: Setting, value: Any) -> str:
    """What is wrong with a value; empty if nothing is."""
    if setting.kind is Kind.INTEGER:
        fits = isinstance(value, int) and not isinstance(value, bool) and setting.least <= value <= setting.most
        return "" if fits else f"is a whole number from {setting.least} to {setting.most}"
    if not isinstance(value, str):
        return f"is text, such as '{setting.default}'"
    if setting.kind is Kind.WORD:
        is_one = value in setting.choices
        return "" if is_one else f"is one of {', '.join(setting.choices)}{_hint(value, setting.choices)}"
    try:
        seconds = parse_duration(value, "").total_seconds()
    except BodyDoesNotFit as error:
        return error.errors[0]["detail"]
    if not setting.least <= seconds <= setting.most:
        return f"lies outside {setting.least} s to {setting.most} s"
    return ""


def _of_frequency(fault: NamedFault, how_often: Mapping[str, Any]) -> list[Misfit]:
    said = [word for word, value in how_often.items() if value is not None]
    if fault.family == "officers" and said and said != ["probability"]:
        return [(f"/{said[0]}", "officials plan anew again and again: use probability, drawn once for each dossier")]
    if said and fault.steady:
        return [(f"/{said[0]}", f"{fault.name} is a state: it holds as long as it is on")]
    if len(said) > 1:
        return [(f"/{said[1]}", f"contradicts {said[0]}: say how often in one way")]
    return []


def _of_window(since: datetime | None, until: datetime | None) -> list[Misfit]:
    if since is not None and until is not None and until <= since:
        return [("/until", "lies before `from`, so the rule would never bite")]
    return []


def _hint(word: str, known: Collection[str]) -> str:
    meant = nearest(word, known, similarity=0.5)
    return f"; the nearest is '{meant}'" if meant else ""
