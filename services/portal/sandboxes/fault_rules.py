"""Turns requested faults into rules of a sandbox, checked against the catalogue of named faults. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from contracts.faults import CATALOGUE, FAMILIES, FAULTS, TO_MATCH, Kind, NamedFault, Setting
from contracts.faults.http import SERVICES
from contracts.faults.rules import MOST_RULES, RuleBody
from contracts.people import STANDING
from shared.did_you_mean import nearest
from shared.errors import BodyDoesNotFit, Misfit, Refusal
from shared.problem_types import pointer_of
from shared.sandbox.clock import parse_duration, parse_time
from shared.sandbox.faults import Rule
from shared.sandbox.http_fault_names import EDGE as HTTP

_WILD = re.compile(r"[*?[]")


class RulesContradict(Refusal):
    """Two rules would decide about the same case."""


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
    """The requested rule, with every setting filled in. Raises BodyDoesNotFit with everything that is wrong.

    how_often  nth, times, probability; at most one of them
    personas   all people who can sign in to the sandbox
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise BodyDoesNotFit(
            (
                "/fault",
                f"there is no fault '{name}'{_hint(name, FAULTS)}; see `lienthong fault list` or GET /_lab/faults",
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
        settings={setting.name: settings.get(setting.name, setting.default) for setting in fault.settings},
        since=since,
        until=until,
        **{word: value for word, value in how_often.items() if value is not None},
    )


def checked_rule(body: RuleBody, born: int, personas: Collection[str] = STANDING) -> Rule:
    """The rule of a request body."""
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


def checked_rules(
    bodies: Iterable[RuleBody], under: str, rules: Sequence[Rule] = (), personas: Collection[str] = STANDING
) -> tuple[list[Rule], list[Misfit]]:
    """`rules` with the rules of `bodies` added, and everything that is wrong with them.

    under  JSON pointer of the list
    """
    result, wrong, ids = [*rules], list[Misfit](), set[str]()
    for index, body in enumerate(bodies):
        pointer, id = f"{under}/{index}", body.id or body.fault
        if id in ids:
            wrong.append((pointer, f"there is a rule '{id}' in this list already: give this one another `id`"))
            continue
        ids.add(id)
        try:
            result = with_rule(result, checked_rule(body, 0, personas))
        except BodyDoesNotFit as error:
            wrong += error.misfits(pointer)
        except Refusal as refusal:
            wrong.append((pointer, refusal.detail))
    return result, wrong


def with_rule(rules: Iterable[Rule], new: Rule, over: Collection[str] = ()) -> list[Rule]:
    """The rules with a new one, which replaces a rule of the same id. Raises RulesContradict, BodyDoesNotFit.

    over  keys of rules that never fire again (`is_over`)
    """
    others = [rule for rule in rules if rule.id != new.id]
    if len(others) >= MOST_RULES:
        raise BodyDoesNotFit(("", f"there are {MOST_RULES} rules: switch some off first"))
    for other in others:
        if other.edge == new.edge and other.key not in over and _overlap(other, new):
            raise RulesContradict(
                f"Rule '{other.id}' ({other.fault}) decides about the same case: remove one of the two, or let them "
                "match different cases or times.",
                rule=other.id,
                fault=other.fault,
                edge=new.edge,
            )
    return [*others, new]


def is_over(rule: Rule, seen: Mapping[str, int], now: datetime) -> bool:
    """Whether a rule never fires again: its period has passed, or it is used up in every service where it can fire.

    seen  service → how often it evaluated the rule; services count separately
    """
    if rule.until is not None and rule.until <= now:
        return True
    if rule.times is None:
        return False
    if rule.edge == HTTP:
        pattern = rule.match.get("service", "*")
        return all(seen.get(service, 0) >= rule.times for service in SERVICES if fnmatchcase(service, pattern))
    return max(seen.values(), default=0) >= rule.times


def without_rule(rules: Iterable[Rule], id: str) -> list[Rule]:
    """Raises FaultRuleNotFound."""
    before = list(rules)
    others = [rule for rule in before if rule.id != id]
    if len(others) == len(before):
        known = [rule.id for rule in before]
        raise FaultRuleNotFound(
            f"No rule '{id}' is on. Rules that are on: {', '.join(known) or 'none'}{_hint(id, known)}.",
            rule=id,
            known=known,
        )
    return others


def of_family(family: str) -> list[NamedFault]:
    """The faults of a family, or all faults if it is empty. Raises BodyDoesNotFit for an unknown family."""
    if family not in ("", *FAMILIES):
        raise BodyDoesNotFit(("/query/family", f"is one of {', '.join(FAMILIES)}{_hint(family, FAMILIES)}"))
    return [fault for fault in CATALOGUE if family in ("", fault.family)]


def _overlap(one: Rule, other: Rule) -> bool:
    """Whether one case can match both rules: their periods overlap, and no two patterns exclude each other."""
    if any(_exclude(one.match[name], other.match[name]) for name in one.match.keys() & other.match.keys()):
        return False
    ends = (one.until, other.since), (other.until, one.since)
    return not any(until is not None and since is not None and until <= since for until, since in ends)


def _exclude(one: str, other: str) -> bool:
    """Whether no text can match both patterns. Compares patterns without wildcards, or texts before wildcards."""
    for word, pattern in ((one, other), (other, one)):
        if not _WILD.search(word):
            return not fnmatchcase(word, pattern)
    prefixes = _WILD.split(one)[0], _WILD.split(other)[0]
    return not prefixes[0].startswith(prefixes[1]) and not prefixes[1].startswith(prefixes[0])


def _of_match(fault: NamedFault, match: Mapping[str, str], known: Mapping[str, Collection[str]]) -> list[Misfit]:
    wrong = []
    for name, pattern in match.items():
        if name not in fault.match:
            names = ", ".join(fault.match) or "nothing"
            detail = f"{fault.name} can match: {names}{_hint(name, fault.match)}"
            wrong.append((pointer_of(("match", name)), detail))
        elif name in known and not any(fnmatchcase(word, pattern) for word in known[name]):
            wrong.append((f"/match/{name}", f"no {name} is '{pattern}'{_hint(pattern, known[name])}"))
        elif name == "path" and not fnmatchcase("/", pattern[:1]):
            wrong.append((f"/match/{name}", "begins with / or *, as every path does"))
    return wrong


def _of_settings(fault: NamedFault, settings: Mapping[str, Any]) -> list[Misfit]:
    known = {setting.name: setting for setting in fault.settings}
    wrong = []
    for name, value in settings.items():
        if name not in known:
            names = ", ".join(known) or "none"
            detail = f"{fault.name} has the settings: {names}{_hint(name, known)}"
            wrong.append((pointer_of(("with", name)), detail))
        elif detail := _of_setting(known[name], value):
            wrong.append((f"/with/{name}", detail))
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
    names = [name for name, value in how_often.items() if value is not None]
    if fault.family == "officers" and names and names != ["probability"]:
        return [(f"/{names[0]}", "officials plan repeatedly: use probability, which is drawn once for each dossier")]
    if names and fault.steady:
        return [(f"/{names[0]}", f"{fault.name} is a state: it applies as long as its rule is on")]
    if len(names) > 1:
        return [(f"/{names[1]}", f"contradicts {names[0]}: give only one of them")]
    return []


def _of_window(since: datetime | None, until: datetime | None) -> list[Misfit]:
    if since is not None and until is not None and until <= since:
        return [("/until", "is not after `from`, so the rule would never fire")]
    return []


def _hint(word: str, known: Collection[str]) -> str:
    name = nearest(word, known, similarity=0.5)
    return f"; the nearest is '{name}'" if name else ""
