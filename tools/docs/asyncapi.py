"""The AsyncAPI 3.0 document: topics, keys, headers, who speaks and who listens. Bodies stay in events/."""

from typing import Any

from contracts.catalogue import PROVINCES
from contracts.schemas import event_types, schema
from contracts.topics import FROM_PORTAL, FROM_PROVINCE, TO_PORTAL, TO_PROVINCE, TOPICS, VOID


def document() -> dict[str, Any]:
    """The whole document as plain data."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Liên Thông: dossiers between the national portal and 34 provinces",
            "version": "1.0.0",
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
            }
        },
        "channels": {
            "toProvince": _channel(TO_PROVINCE, "Events of the portal, for the provinces."),
            "toPortal": _channel(TO_PORTAL, "Events of the provinces, for the portal."),
        },
        "operations": {
            "portalTells": _operation("send", "toProvince", TO_PROVINCE, "portal"),
            "provinceHears": _operation("receive", "toProvince", TO_PROVINCE, "province_gateway"),
            "provinceTells": _operation("send", "toPortal", TO_PORTAL, "province_gateway"),
            "portalHears": _operation("receive", "toPortal", TO_PORTAL, "portal"),
        },
        "components": {
            "securitySchemes": {
                "owner": {
                    "type": "plain",
                    "description": "SASL_PLAINTEXT, drawn per data folder; the owner of the stack finds it in `.lienthong/access`.",
                }
            },
            "schemas": {"DossierHeaders": _headers(of_dossier=True), "LaneHeaders": _headers(of_dossier=False)},
            "messages": {event_type: _message(event_type) for event_type in event_types()},
        },
    }


def _channel(topic: str, description: str) -> dict[str, Any]:
    return {
        "address": topic,
        "description": (
            f"{description} {len(PROVINCES)} partitions, one lane per province: partition n is the n-th province in "
            "code order, counted from 0, and is never re-hashed."
        ),
        "servers": [{"$ref": "#/servers/local"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*TOPICS[topic], VOID)},
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
    headers = "LaneHeaders" if event_type == VOID else "DossierHeaders"
    key = {"type": "string", "description": "The dossier code; for a void number any text."}
    return {
        "name": event_type,
        "title": known["title"],
        "x-title-vi": known["x-title-vi"],
        "summary": known["description"],
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": {"$ref": f"./events/{event_type}.json"},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _headers(*, of_dossier: bool) -> dict[str, Any]:
    """Header values are bytes; here as the UTF-8 text they hold."""
    number = {"type": "string", "pattern": "^[0-9]{1,19}$"}
    lane = {
        "content-type": {"type": "string", "const": "application/json"},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "minLength": 1, "description": "Unique within ce_source."},
        "ce_source": {"type": "string", "pattern": "^/(portal|gateway)/[^/]+$", "description": "Speaker and sandbox."},
        "ce_type": {"type": "string", "enum": [VOID] if not of_dossier else [*FROM_PORTAL, *FROM_PROVINCE]},
        "ce_time": {"type": "string", "format": "date-time", "description": "Sandbox time, offset written out."},
        "ce_sandbox": {"type": "string", "minLength": 1, "description": "The world it belongs to."},
        "ce_sequence": {**number, "description": "Gapless number in its lane and epoch, from 1."},
        "ce_epoch": {**number, "description": "Life of the speaker's event log; a higher one numbers from 1 again."},
    }
    dossier = {
        "ce_subject": {"type": "string", "description": "The dossier code."},
        "ce_dossierversion": {**number, "description": "1 to n per dossier and source: the number outsiders use."},
    }
    trace = {
        "traceparent": {
            "type": "string",
            "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context of the request that caused the event, kept on its whole way.",
        }
    }
    named = {**lane, **dossier} if of_dossier else lane
    return {"type": "object", "required": list(named), "properties": {**named, **trace}}
