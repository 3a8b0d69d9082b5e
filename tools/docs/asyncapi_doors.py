"""The part of the AsyncAPI document for a province's own connector: its three topics, how it signs in, and verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from contracts.catalogue import PROVINCES
from contracts.published import VERDICT
from contracts.schemas import schema
from contracts.topics import FROM_PORTAL, FROM_PROVINCE

HEADERS, TOLD_HEADERS, JUDGED_HEADERS = "connector.headers", "told.headers", "verdict.headers"
SAID, TOLD, JUDGED = "said.", "told.", "verdict.v1"
TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "string", "pattern": "^[0-9]{1,19}$"}
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
        "What the portal tells the province, at least once and in order per dossier. A connector that joins is first told "
        "what happened to the open dossiers, the province's own events too.",
        tuple(TOLD + name for name in (*FROM_PORTAL, *FROM_PROVINCE)),
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
        "One verdict for every record of the outbox, at least once and in their order; docs/events.md explains them. Where a "
        "record named no dossier, the key is its offset.",
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
    told = {
        "content-type": named["content-type"],
        "ce_specversion": named["ce_specversion"],
        "ce_id": {**TEXT, "description": "Never changes, however often it is told."},
        "ce_source": {**TEXT, "pattern": "^/(portal|gateway)/[^/]+$", "description": "Speaker and sandbox."},
        "ce_type": {"type": "string", "enum": [*FROM_PORTAL, *FROM_PROVINCE]},
        "ce_subject": named["ce_subject"],
        "ce_time": {"type": "string", "format": "date-time", "description": "Sandbox time, offset written out."},
        "ce_dataschema": {
            "type": "string",
            "format": "uri",
            "description": "Where the portal has the schema of the body.",
        },
        "ce_sandbox": {**TEXT, "description": "The sandbox it belongs to."},
        "ce_dossierversion": {**NUMBER, "description": "1 to n per dossier and source."},
        "ce_delivery": {
            **NUMBER,
            "description": "Number of the delivery, 1 to n per connector, the same behind every door.",
        },
    }
    judged = {
        "content-type": named["content-type"],
        "outbox-offset": {**NUMBER, "description": "Offset of the record on the outbox that was judged."},
    }
    optional = {"traceparent": {**TEXT, "description": "W3C trace context of the request that caused the event."}}
    of_message = {"message-id": {**TEXT, "description": "Its `ce_id`, if it had one."}}
    return {
        HEADERS: _object("Headers of a connector's event", named),
        TOLD_HEADERS: _object("Headers of a delivery", told, optional),
        JUDGED_HEADERS: _object("Headers of a verdict", judged, of_message),
    }


def _object(title: str, required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def messages() -> dict[str, Any]:
    key = {"type": "string", "description": "The dossier code."}
    bindings = {"kafka": {"key": key, "bindingVersion": "0.5.0"}}
    events = {
        prefix + name: {
            "name": prefix + name,
            "title": schema(name)["title"],
            "x-title-vi": schema(name)["x-title-vi"],
            "summary": schema(name)["description"],
            "contentType": "application/json",
            "headers": {"$ref": f"#/components/schemas/{headers}"},
            "payload": {"$ref": f"./events/{name}.json"},
            "bindings": bindings,
        }
        for prefix, headers, names in (
            (SAID, HEADERS, FROM_PROVINCE),
            (TOLD, TOLD_HEADERS, (*FROM_PORTAL, *FROM_PROVINCE)),
        )
        for name in names
    }
    verdict = json.loads(VERDICT.read_text(encoding="utf-8"))
    judged = {
        "name": JUDGED,
        "title": verdict["title"],
        "x-title-vi": verdict["x-title-vi"],
        "summary": verdict["description"],
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{JUDGED_HEADERS}"},
        "payload": {"$ref": f"./{VERDICT.name}"},
        "bindings": bindings,
        "examples": [{"name": f"{each['outcome']}", "payload": each} for each in verdict["examples"]],
    }
    return {**events, JUDGED: judged}
