"""The printed parts of docs/events.md: every event type, and every rule of the gate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from contracts.gate.rules import RULES
from contracts.gate.zoo import Specimen, specimens
from contracts.lifecycle import EVENTS, LIFECYCLE, PROVINCE, Event
from contracts.schemas import parts as schema_parts
from contracts.schemas import schema
from tools.docs.printed import table

INVALID = "../contracts/invalid"


def parts() -> dict[str, Iterable[str]]:
    """What is printed, by its place on the page."""
    zoo = list(specimens())
    return {
        "contracts/lifecycle.py: events": _overview(),
        "contracts/events: every type": [line for name, event in EVENTS.items() for line in _section(name, event, zoo)],
        "contracts/gate: rules": _rules(zoo),
    }


def _overview() -> list[str]:
    rows = (
        (f"[`{name}`](#{_anchor(name)})", event.publisher, event.text_en, event.text_vi)
        for name, event in EVENTS.items()
    )
    return table(("type", "said by", "what", "Vietnamese"), rows)


def _section(name: str, event: Event, zoo: list[Specimen]) -> Iterator[str]:
    document = schema(name)
    yield from (f"### {name}", "", f"{event.text_en}. *{event.text_vi}.* Said by the {event.publisher}.", "")
    yield from _when(name)
    rows = (
        (f"`{pointer}`", f"`{part['x-rule']}`", _kind(part), part["description"])
        for pointer, part in schema_parts(document)
        if pointer
    )
    yield from (*table(("member", "rule", "kind", "meaning"), rows), "")
    yield f"Required: {', '.join(f'`{each}`' for each in document['required'])}."
    if event.publisher == PROVINCE:
        yield from ("", *_broken(name, zoo))
    yield from ("", "```json", json.dumps(document["examples"][0], ensure_ascii=False), "```", "")


def _when(name: str) -> Iterator[str]:
    moves = [move for move in LIFECYCLE.moves if move.event == name]
    if not moves:
        begins = name in LIFECYCLE.begun_by
        yield f"It begins a dossier, in the state `{LIFECYCLE.begins.slug}`." if begins else "It changes no state."
        yield ""
        return
    rows = (
        (
            f"`{move.when.slug}`",
            f"{move.who}: {move.does}",
            f"`{move.then.slug}`",
            "; ".join(n.en for n in move.needs),
            move.law,
        )
        for move in moves
    )
    yield from (*table(("when", "who does it", "then", "needs", "law"), rows), "")


def _kind(part: Any) -> str:
    """Type and limits of a member, shortly."""
    kind = part["type"]
    words = [" or ".join(kind) if isinstance(kind, list) else kind]
    if "enum" in part:
        words.append("one of " + ", ".join(map(str, part["enum"])))
    if part.get("format") == "date-time":
        words.append("RFC 3339 with offset")
    elif "pattern" in part:
        words.append(f"`{part['pattern']}`")
    limits = {"minimum": "≥", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤"}
    limits |= {"minItems": "entries ≥", "maxItems": "entries ≤"}
    words += [f"{sign} {part[keyword]}" for keyword, sign in limits.items() if keyword in part]
    return ", ".join(words)


def _broken(name: str, zoo: list[Specimen]) -> list[str]:
    """Messages of this type that break a rule."""
    own = [each for each in zoo if (each.event or {}).get("type") == name]
    links = [f"[{each.name}]({INVALID}/{each.name}.json)" for each in own]
    return [f"Messages of this type that break a rule: {', '.join(links)}."] if links else []


def _rules(zoo: list[Specimen]) -> list[str]:
    broken_by: dict[str, str] = {}
    for specimen in zoo:
        for error in specimen.verdict["errors"]:
            if len(specimen.verdict["errors"]) == 1 or error["rule"] not in broken_by:
                broken_by.setdefault(error["rule"], specimen.name)
    rows = (
        (
            f"`{rule.id}`",
            rule.title,
            rule.title_vi,
            rule.text,
            rule.source,
            "yes" if rule.lenient else "",
            f"[{broken_by[rule.id]}]({INVALID}/{broken_by[rule.id]}.json)",
        )
        for rule in RULES.values()
    )
    return table(
        ("rule", "what is wrong", "Vietnamese", "what is asked", "source", "lenient", "message that breaks it"), rows
    )


def _anchor(name: str) -> str:
    return name.replace(".", "")
