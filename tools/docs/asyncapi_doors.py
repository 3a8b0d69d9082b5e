"""The part of the AsyncAPI document for a province's own connector: its three topics, how it signs in, and verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from contracts.catalogue import PROVINCES
from contracts.published import VERDICT
from contracts.schemas import schema
from contracts.topics import FROM_PORTAL, FROM_PROVINCE

HEADERS, SAID, JUDGED = "connector.headers", "said.", "verdict.v1"
SECURITY = {
    "connector": {
        "type": "scramSha512",
        "description": (
            "SASL/SCRAM. A user of its own for each connector: it may read inbox and verdicts and write the outbox of its "
            "province in its sandbox, use groups with its own prefix, and see nothing else."
        ),
    }
}
SERVERS = {
    "connectors": {
        "host": "127.0.0.1:{port}",
        "protocol": "kafka-secure",
        "description": "A listener for connectors. Connecting a province prints address, user and password.",
        "variables": {"port": {"description": "Port of the listener, as it was printed."}},
        "security": [{"$ref": "#/components/securitySchemes/connector"}],
    }
}
WHERE = (
    "For another sandbox than the default one, its id and a dot stand before the name. "
    "Key: the dossier code, so that the events of one dossier stay in order."
)
# Channel → topic, what it is for, messages, who writes, who reads.
TOPICS: dict[str, tuple[str, str, tuple[str, ...], str, str]] = {
    "provinceInbox": (
        "province.{province}.inbox.v1",
        "What the portal tells the province, at least once and in order per dossier.",
        FROM_PORTAL,
        "province_gateway",
        "connector",
    ),
    "provinceOutbox": (
        "province.{province}.outbox.v1",
        "What the connector says for the province. Binary mode, or structured mode with content-type "
        "application/cloudevents+json. Every record gets one verdict.",
        tuple(SAID + name for name in FROM_PROVINCE),
        "connector",
        "province_gateway",
    ),
    "provinceVerdicts": (
        "province.{province}.verdicts.v1",
        "One verdict for every record of the outbox; docs/events.md explains them.",
        (JUDGED,),
        "province_gateway",
        "connector",
    ),
}


def channels() -> dict[str, Any]:
    return {
        name: {
            "address": topic,
            "description": f"{what} {WHERE}",
            "servers": [{"$ref": "#/servers/connectors"}],
            "parameters": {"province": {"description": "Code of the province.", "enum": list(PROVINCES)}},
            "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
            "x-source": writes,
            "x-reader": reads,
        }
        for name, (topic, what, messages, writes, reads) in TOPICS.items()
    }


def operations() -> dict[str, Any]:
    return {
        f"{party}{verb}{channel[0].upper()}{channel[1:]}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "x-party": party,
            "messages": _on(channel, messages),
        }
        for channel, (_, _, messages, writes, reads) in TOPICS.items()
        for action, party, verb in (("send", writes, "Writes"), ("receive", reads, "Reads"))
    }


def _on(channel: str, messages: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages]


def schemas() -> dict[str, Any]:
    """Header values are bytes; here as the UTF-8 text they hold."""
    named = {
        "content-type": {"type": "string", "const": "application/json"},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "description": "Your own; the same when sent again.",
        },
        "ce_source": {
            "type": "string",
            "format": "uri-reference",
            "description": "Who says it, such as /systems/ninh-binh.",
        },
        "ce_type": {"type": "string", "enum": list(FROM_PROVINCE)},
        "ce_subject": {"type": "string", "description": "The dossier code."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, in sandbox time."},
    }
    title = "Headers of a connector's event"
    return {HEADERS: {"title": title, "type": "object", "required": list(named), "properties": named}}


def messages() -> dict[str, Any]:
    key = {"type": "string", "description": "The dossier code."}
    bindings = {"kafka": {"key": key, "bindingVersion": "0.5.0"}}
    said = {
        SAID + name: {
            "name": SAID + name,
            "title": schema(name)["title"],
            "x-title-vi": schema(name)["x-title-vi"],
            "summary": schema(name)["description"],
            "contentType": "application/json",
            "headers": {"$ref": f"#/components/schemas/{HEADERS}"},
            "payload": {"$ref": f"./events/{name}.json"},
            "bindings": bindings,
        }
        for name in FROM_PROVINCE
    }
    verdict = json.loads(VERDICT.read_text(encoding="utf-8"))
    judged = {
        "name": JUDGED,
        "title": verdict["title"],
        "x-title-vi": verdict["x-title-vi"],
        "summary": verdict["description"],
        "contentType": "application/json",
        "payload": {"$ref": f"./{VERDICT.name}"},
        "bindings": bindings,
        "examples": [{"name": f"{each['outcome']}", "payload": each} for each in verdict["examples"]],
    }
    return {**said, JUDGED: judged}
