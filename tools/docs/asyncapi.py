"""The AsyncAPI 3.0 document: topics, lanes, keys, headers, who speaks and who listens. Bodies stay in events/.

The topics of a province's own connector are in `asyncapi_doors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.catalogue import PROVINCES
from contracts.published import VERSION
from contracts.schemas import event_types, schema
from contracts.topics import ROUTES, TO_PORTAL, TO_PROVINCE, TOPIC_OF, TOPICS, VOID
from tools.docs import asyncapi_doors as doors

SHARED = (
    "Who may write: the source alone. A record of anybody else in a lane is refused, counted and named by `explain`; an "
    "outside system acts over the HTTP endpoints of the province gateway, whose events then appear here. Who may read: "
    "everybody who reaches the broker; take a consumer group of your own, and do not commit for `portal` or `gateway`. "
    "All sandboxes share the topic: `ce_sandbox` says whose event it is, so skip those of other sandboxes. "
    "Records stay as long as the broker keeps them, 7 days unless it is configured otherwise; the sources keep their "
    "event logs, and GET /_lab/sandboxes/ID/events of the source lists a sandbox's events without Kafka."
)
EXAMPLE_ID = "0f5e2c1b-7d43-8a90-a6b2-31c4d5e6f708"
EXAMPLE_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def document() -> dict[str, Any]:
    """The whole document as plain data."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Liên Thông: dossiers between the national portal and 34 provinces",
            "version": VERSION,
            "description": (
                "CloudEvents 1.0, binary mode: attributes are Kafka headers, the body is JSON. Delivery is at least "
                "once and in order per lane; readers skip what `ce_sequence` says they have seen, and ignore fields "
                "they do not know. A simulation: topics and events are ours, not those of any real system."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka-secure",
                "description": "Apache Kafka of the embedded stack; KAFKA_BOOTSTRAP_SERVERS points elsewhere.",
                "security": [{"$ref": "#/components/securitySchemes/owner"}],
            },
            **doors.SERVERS,
        },
        "channels": {
            "toProvince": _channel(TO_PROVINCE, "Events of the portal, for the provinces."),
            "toPortal": _channel(TO_PORTAL, "Events of the provinces, for the portal."),
            **doors.channels(),
        },
        "operations": {
            "portalTells": _operation("send", "toProvince", TO_PROVINCE, "portal"),
            "provinceHears": _operation("receive", "toProvince", TO_PROVINCE, "province_gateway"),
            "provinceTells": _operation("send", "toPortal", TO_PORTAL, "province_gateway"),
            "portalHears": _operation("receive", "toPortal", TO_PORTAL, "portal"),
            **doors.operations(),
        },
        "components": {
            "securitySchemes": {
                "owner": {
                    "type": "plain",
                    "description": "SASL_PLAINTEXT, drawn per data folder; the owner of the stack finds it in `.lienthong/access`.",
                },
                **doors.SECURITY,
            },
            "schemas": {_headers_name(event_type): _headers(event_type) for event_type in event_types()}
            | doors.schemas(),
            "messages": {event_type: _message(event_type) for event_type in event_types()} | doors.messages(),
        },
    }


def _channel(topic: str, description: str) -> dict[str, Any]:
    source, reader = ROUTES[topic]
    return {
        "address": topic,
        "description": (
            f"{description} {len(PROVINCES)} partitions, one lane per province: partition n is the n-th province in "
            f"code order, counted from 0, and is never re-hashed; `x-lanes` lists them. {SHARED}"
        ),
        "servers": [{"$ref": "#/servers/local"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*TOPICS[topic], VOID)},
        "x-source": source,
        "x-reader": reader,
        "x-lanes": [{"partition": p.lane, "province": p.code, "name": p.name_vi} for p in PROVINCES.values()],
        "bindings": {
            "kafka": {"topic": topic, "partitions": len(PROVINCES), "replicas": 1, "bindingVersion": "0.5.0"},
        },
    }


def _operation(action: str, channel: str, topic: str, party: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "x-party": party,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in (*TOPICS[topic], VOID)],
    }


def _message(event_type: str) -> dict[str, Any]:
    known = schema(event_type)
    key = {"type": "string", "description": "The dossier code; for a void number any text."}
    return {
        "name": event_type,
        "title": known["title"],
        "x-title-vi": known["x-title-vi"],
        "summary": known["description"],
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{_headers_name(event_type)}"},
        "payload": {"$ref": f"./events/{event_type}.json"},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
        "examples": [
            {"name": f"{event_type}-{number}", "headers": _example(event_type, body), "payload": body}
            for number, body in enumerate(known["examples"], start=1)
        ],
    }


def _headers_name(event_type: str) -> str:
    return f"{event_type}.headers"


def _headers(event_type: str) -> dict[str, Any]:
    """Header values are bytes; here as the UTF-8 text they hold."""
    number = {"type": "string", "pattern": "^[0-9]{1,19}$"}
    sources = "|".join(_sources(event_type))
    what_id = "`void-LANE-EPOCH-NUMBER`." if event_type == VOID else "UUID; unique within ce_source."
    named = {
        "content-type": {"type": "string", "const": "application/json"},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "minLength": 1, "description": what_id},
        "ce_source": {"type": "string", "pattern": f"^/({sources})/[^/]+$", "description": "Speaker and sandbox."},
        "ce_type": {"type": "string", "const": event_type},
        "ce_subject": {"type": "string", "description": "The dossier code; for a void number it may be empty."},
        "ce_time": {"type": "string", "format": "date-time", "description": "Sandbox time, offset written out."},
        "ce_sandbox": {"type": "string", "minLength": 1, "description": "The sandbox it belongs to."},
        "ce_sequence": {**number, "description": "Gapless number in its lane and epoch, from 1."},
        "ce_epoch": {**number, "description": "Life of the speaker's event log; a higher one numbers from 1 again."},
        "ce_dossierversion": {**number, "description": "1 to n per dossier and source: the number outsiders use."},
        "ce_signature": {
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "Made with the secret that the services share; a reader counts and skips a record without it.",
        },
    }
    trace = {
        "traceparent": {
            "type": "string",
            "pattern": "^([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?$",
            "description": "W3C trace context of the request that caused the event, kept on its whole way; or empty.",
        }
    }
    title = f"Headers of {schema(event_type)['title'][0].lower()}{schema(event_type)['title'][1:]}"
    return {"title": title, "type": "object", "required": list(named), "properties": {**named, **trace}}


def _sources(event_type: str) -> list[str]:
    return [source for topic, (source, _) in ROUTES.items() if TOPIC_OF.get(event_type, topic) == topic]


def _example(event_type: str, body: Mapping[str, Any]) -> dict[str, str]:
    province = PROVINCES[body.get("province", "01")]
    source = _sources(event_type)[0]
    is_void = event_type == VOID
    times = [value for name, value in body.items() if name.endswith("_at") and name != "due_at"]
    return {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": f"void-{province.lane}-1-7" if is_void else EXAMPLE_ID,
        "ce_source": f"/{source}/default",
        "ce_type": event_type,
        "ce_subject": body.get("dossier_code", "H26-20261124-0000001"),
        "ce_time": times[0] if times else "2026-11-24T08:00:00+07:00",
        "ce_sandbox": "default",
        "ce_sequence": "7",
        "ce_epoch": "1",
        "ce_dossierversion": "1",
        "ce_signature": "6f1c0a6d5f1e4b0e9b3c7d2a8e4f5a61",
        "traceparent": EXAMPLE_TRACE,
    }
