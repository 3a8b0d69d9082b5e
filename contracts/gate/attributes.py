"""The attributes of a CloudEvent: those that the standard and this country ask for, and how times and codes are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contracts import lifecycle as law
from contracts.gate import envelope_rules as rules
from contracts.gate.message import Attributes, Message
from contracts.gate.rules import Finding, Patch, added, removed, replaced
from contracts.topics import FROM_PORTAL, FROM_PROVINCE, VOID
from shared.did_you_mean import nearest

DOSSIER_CODE = re.compile(r"[HG][0-9]{2}(\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})")
RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
DIGITS = re.compile(r"[0-9]{14}")  # yyyyMMddHHmmss, in Vietnamese time: the older interfaces write it
JSON_TYPE = re.compile(r"(application|text)/([a-z0-9.+-]+\+)?json")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
URI = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
NAME = re.compile(r"[a-z0-9]+")
SPLIT_TYPE = re.compile(r"(.+)\.v([0-9]+)")
NUMBERS = ("sequence", "epoch", "dossierversion")
CORE = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema")
KNOWN_NAMES = frozenset((*CORE, "partitionkey", "sandbox", "traceparent"))

# Event type of a province → the member that says when it happened.
HAPPENED: dict[str, str] = {
    law.DOSSIER_REGISTERED: "registered_at",
    law.DOSSIER_RECEIVED: "received_at",
    law.DOSSIER_REFUSED: "refused_at",
    law.DOSSIER_HANDED_OVER: "handed_over_at",
    law.SUPPLEMENT_REQUESTED: "requested_at",
    law.FEE_DEMANDED: "demanded_at",
    law.FEE_PAID: "paid_at",
    law.FEE_WAIVED: "waived_at",
    law.PROCESSING_STARTED: "started_at",
    law.PROCESSING_RESUMED: "resumed_at",
    law.DOSSIER_RESCHEDULED: "apologised_at",
    law.DOSSIER_REJECTED: "rejected_at",
    law.DOSSIER_STOPPED: "stopped_at",
    law.DOSSIER_RESULT_READY: "ready_at",
    law.DOSSIER_RESULT_RETURNED: "returned_at",
    law.DOSSIER_WITHDRAWN: "withdrawn_at",
    law.WITHDRAWAL_DECLINED: "declined_at",
}


def findings(message: Message, attributes: Attributes, data: Any, dossier: str | None) -> Iterator[Finding]:
    """Every rule that the attributes break; `dossier` is the code that they or the body name."""
    for name, value in attributes.items():
        if name not in KNOWN_NAMES and not NAME.fullmatch(name):
            yield rules.ATTRIBUTE_NAME.at(pointer_to(name), name, patch=removed(pointer_to(name)))
        if not isinstance(value, str) and (name in CORE or not isinstance(value, bool | int)):
            wrong = pointer_to(name)
            is_any_text = name in ("id", "source") or name not in CORE  # the others have rules of their own
            patch = _as_text(wrong, value) if is_any_text else None
            yield rules.ATTRIBUTE_VALUE.at(wrong, value, patch=patch)
    yield from _of_cloudevents(attributes)
    yield from _of_type(attributes.get("type"))
    yield from _of_subject(attributes.get("subject"), data)
    yield from _of_time(attributes.get("time"), attributes.get("type"), data)
    yield from _of_extensions(message, attributes)
    if message.door == "kafka" and not message.key:
        yield rules.NO_KEY.at("/partitionkey", patch=added("/partitionkey", dossier) if dossier else None)
    elif (key := attributes.get("partitionkey")) is not None and dossier is not None and key != dossier:
        yield rules.OTHER_KEY.at("/partitionkey", key, expected=dossier, patch=replaced("/partitionkey", dossier))


def _as_text(pointer: str, value: Any) -> Patch | None:
    return replaced(pointer, str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_cloudevents(attributes: Attributes) -> Iterator[Finding]:
    version = attributes.get("specversion")
    if version is None:
        yield rules.NO_SPECVERSION.at("/specversion", patch=added("/specversion", "1.0"))
    elif version != "1.0" and isinstance(version, str):
        yield rules.SPECVERSION.at("/specversion", version, patch=replaced("/specversion", "1.0"))
    identifier, source = attributes.get("id"), attributes.get("source")
    if identifier is None or identifier == "":
        yield rules.NO_ID.at("/id", identifier)
    elif isinstance(identifier, str) and len(identifier) > rules.LONGEST_ID:
        yield rules.LONG_ID.at("/id", f"{len(identifier)} characters")
    if source is None or source == "":
        yield rules.NO_SOURCE.at("/source", source, patch=added("/source", "/my-system"))
    elif isinstance(source, str) and (not URI.fullmatch(source) or len(source) > rules.LONGEST_ID):
        yield rules.SOURCE.at("/source", source)


def _of_type(type: Any) -> Iterator[Finding]:
    if type in FROM_PROVINCE:
        return
    if type is None or type == "":
        yield rules.NO_TYPE.at("/type", type)
    elif type in FROM_PORTAL or type == VOID:
        yield rules.PORTALS_TYPE.at("/type", type, expected=", ".join(FROM_PROVINCE))
    elif isinstance(type, str):
        parts = SPLIT_TYPE.fullmatch(type)
        versions = [name for name in FROM_PROVINCE if name.rpartition(".")[0] in (parts[1] if parts else type, type)]
        if versions:
            yield rules.OTHER_VERSION.at("/type", type, expected=versions[-1], patch=replaced("/type", versions[-1]))
        else:
            meant = nearest(type[:60].lower(), FROM_PROVINCE)
            yield rules.UNKNOWN_TYPE.at(
                "/type", type, expected=meant, patch=replaced("/type", meant) if meant else None
            )


def _of_subject(subject: Any, data: Any) -> Iterator[Finding]:
    code = data.get("dossier_code") if isinstance(data, dict) else None
    is_code = isinstance(code, str) and DOSSIER_CODE.fullmatch(code) is not None
    if subject is None or subject == "":
        yield rules.NO_SUBJECT.at("/subject", expected=code, patch=added("/subject", code) if is_code else None)
    elif isinstance(subject, str) and not DOSSIER_CODE.fullmatch(subject):
        yield rules.SUBJECT.at(
            "/subject", subject, expected=code, patch=replaced("/subject", code) if is_code else None
        )
    elif is_code and isinstance(subject, str) and code != subject:
        patch = replaced("/data/dossier_code", subject)
        yield rules.OTHER_SUBJECT.at("/data/dossier_code", code, expected=subject, patch=patch)


def _of_time(time: Any, type: Any, data: Any) -> Iterator[Finding]:
    if time is None or time == "":
        happened = data.get(HAPPENED.get(str(type), "")) if isinstance(data, dict) else None
        patch = added("/time", happened) if isinstance(happened, str) and instant(happened) else None
        yield rules.NO_TIME.at("/time", time, patch=patch)
    elif isinstance(time, str) and instant(time) is None:
        mended = of_digits(time)
        yield rules.TIME.at("/time", time, expected=mended, patch=replaced("/time", mended) if mended else None)


def _of_extensions(message: Message, attributes: Attributes) -> Iterator[Finding]:
    declared = attributes.get("datacontenttype")
    if isinstance(declared, str) and not JSON_TYPE.fullmatch(declared.partition(";")[0].strip().lower()):
        patch = replaced("/datacontenttype", "application/json")
        yield rules.DATA_CONTENT_TYPE.at("/datacontenttype", declared, patch=patch)
    schema, type = attributes.get("dataschema"), attributes.get("type")
    if isinstance(schema, str) and isinstance(type, str) and not schema.endswith((f"/{type}.json", f"/{type}")):
        yield rules.DATA_SCHEMA.at("/dataschema", schema, patch=removed("/dataschema"))
    sandbox = attributes.get("sandbox", message.sandbox_id)
    if sandbox != message.sandbox_id:
        patch = replaced("/sandbox", message.sandbox_id)
        yield rules.OTHER_SANDBOX.at("/sandbox", sandbox, expected=message.sandbox_id, patch=patch)
    for name in NUMBERS:
        if name in attributes:
            yield rules.NUMBERED.at(f"/{name}", attributes[name], patch=removed(f"/{name}"))
    trace = attributes.get("traceparent")
    if trace is not None and not (isinstance(trace, str) and TRACEPARENT.fullmatch(trace)):
        yield rules.TRACEPARENT.at("/traceparent", trace, patch=removed("/traceparent"))


def instant(text: str) -> datetime | None:
    """The instant of an RFC 3339 text with an offset; None for any other text."""
    if not RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def of_digits(text: str) -> str | None:
    """RFC 3339 for `yyyyMMddHHmmss` in Vietnamese time; None for any other text."""
    if not DIGITS.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").isoformat() + "+07:00"
    except ValueError:
        return None


def pointer_to(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
