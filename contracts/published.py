"""The contracts as documents that a running portal serves: for programs that generate code or check messages."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from contracts import lifecycle as law
from contracts.gate import RULES
from contracts.gate.zoo import FOLDER
from contracts.legacy.rules import ADAPTER_RULES
from contracts.schemas import event_types, parts, schema
from contracts.topics import TOPIC_OF

CONTRACTS = Path(__file__).parent
VERDICT = CONTRACTS / "verdict.v1.json"
VERSION = "1.0.0"  # of the whole; an event type has its own version in its name
RULE_TEXTS = {"title": "title", "title_vi": "x-title-vi", "description": "description"}
RULE_TEXTS |= {"description_vi": "x-description-vi"}
ASKING = {"type", "required", "enum", "format", "pattern", "minimum", "maximum"}
ASKING |= {"minLength", "maxLength", "minItems", "maxItems"}


@cache
def asyncapi() -> str:
    """asyncapi.yaml with the addresses of the payload schemas as the portal serves them."""
    text = (CONTRACTS / "asyncapi.yaml").read_text(encoding="utf-8")
    return text.replace("./events/", "./schemas/")


@cache
def lifecycle() -> dict[str, Any]:
    """States, events, moves, needs, and how each reader reacts to each event in each state."""
    table = law.LIFECYCLE
    return {
        "begins": table.begins.slug,
        "begun_by": list(table.begun_by),
        "states": [{**asdict(state), "is_final": state in table.final_states} for state in table.states],
        "events": [
            {"type": name, "topic": TOPIC_OF[name], "version": name.rpartition(".")[2], **asdict(event)}
            for name, event in law.EVENTS.items()
        ],
        "moves": [
            {
                **asdict(move),
                "when": move.when.slug,
                "does_vi": table.verbs_vi.get(move.does, ""),
                "then": move.then.slug,
                "needs": [need.slug for need in move.needs],
            }
            for move in table.moves
        ],
        "needs": [asdict(need) for need in table.needs],
        "reactions": {
            event: {state.slug: table.reaction(state, event).value for state in table.states}
            for event in table.events()
        },
    }


@cache
def all_rules() -> dict[str, Any]:
    """Every rule of an event body by its stable id: the event type, where, what it is about, and what it asks."""
    return {
        part["x-rule"]: {
            "type": event_type,
            "pointer": pointer,
            **{name: part[keyword] for name, keyword in RULE_TEXTS.items()},
            "asks": {keyword: value for keyword, value in part.items() if keyword in ASKING},
        }
        for event_type in event_types()
        for pointer, part in parts(schema(event_type))
    }


@cache
def gate_rules() -> dict[str, Any]:
    """Every rule of gate and adapter API by its id: stage, texts, source, and whether the lenient mode lets it be broken."""
    return {
        rule.id: {
            "stage": rule.stage,
            "title": rule.title,
            "title_vi": rule.title_vi,
            "description": rule.text,
            "description_vi": rule.text_vi,
            "source": rule.source,
            "lenient": rule.lenient,
        }
        for rule in (*RULES.values(), *ADAPTER_RULES.values())
    }


@cache
def zoo() -> dict[str, Any]:
    """The messages of `contracts/invalid` by name; its README.md says what each member means."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


@cache
def identification() -> dict[str, str]:
    """Version and SHA-256 of everything that is served: equal for two portals exactly if their contracts are equal."""
    documents = [asyncapi(), lifecycle(), all_rules(), gate_rules(), [schema(name) for name in event_types()]]
    content = json.dumps(documents, ensure_ascii=False, sort_keys=True).encode()
    return {"version": VERSION, "sha256": hashlib.sha256(content).hexdigest()}
