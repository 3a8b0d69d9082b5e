"""The envelope stage: bytes and headers of a message become a CloudEvent, with every error of the envelope."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from msgspec import UNSET

from contracts import lifecycle as law
from contracts.gate import envelope_rules as rules
from contracts.gate.message import BATCH, STRUCTURED, Attributes, Message, Reading, content_type
from contracts.gate.rules import Finding, added, removed, replaced
from contracts.topics import FROM_PORTAL, FROM_PROVINCE, VOID
from shared.did_you_mean import nearest
from shared.errors import BodyDoesNotFit
from shared.strict_json import MOST_NAMES, count_names, duplicates, names_written

DOSSIER_CODE = re.compile(r"[HG][0-9]{2}(\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})")
RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
DIGITS = re.compile(r"[0-9]{14}")  # yyyyMMddHHmmss, in Vietnamese time: the older interfaces write it
PREFIX = {"kafka": "ce_", "http": "ce-"}
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


def read(message: Message) -> Reading:
    """The message as a CloudEvent in either mode, with all errors of its envelope. Never raises."""
    findings: list[Finding] = []
    media = content_type(message)
    attributes = _from_headers(message, findings)
    is_batch, is_structured = media.startswith(BATCH), media.startswith(STRUCTURED)
    if is_batch:
        findings.append(rules.BATCH.at("", media))
        document = UNSET
    else:
        document = _parsed(message.body, "" if is_structured else "/data", findings)
    mode: Literal["binary", "structured"] = "structured" if is_structured else "binary"
    if not is_structured and not is_batch:
        if not attributes and isinstance(document, dict) and "specversion" in document:
            mode = "structured"
            findings.append(rules.UNDECLARED.at("", media or None))
        else:
            _check_content_type(media, findings)
    if mode == "structured":
        attributes, data = _of_structured(document, attributes, findings)
    else:
        data = document
        if not attributes and not is_batch:
            findings.append(rules.NO_ATTRIBUTES.at(""))
    if isinstance(data, str):
        data = _inside_text(data, findings)
    if isinstance(data, list) and data and isinstance(data[0], dict):
        findings.append(rules.LIST.at("/data", f"{len(data)} entries"))
        data = UNSET
    if message.key is not None:
        attributes["partitionkey"] = message.key.decode("utf-8", "replace")
    dossier = _dossier(attributes, data)
    if attributes and not (len(attributes) == 1 and "partitionkey" in attributes):
        _check_attributes(message, attributes, data, dossier, findings)
    return Reading(
        message, mode, attributes, document, data, dossier, _digest(message, attributes, data), tuple(findings)
    )


def _from_headers(message: Message, findings: list[Finding]) -> Attributes:
    prefix, is_http = PREFIX[message.door], message.door == "http"
    attributes: Attributes = {}
    for name, raw in message.headers:
        lower = name.lower()
        if not lower.startswith(prefix):
            continue
        attribute = lower[3:]
        try:
            value = raw.decode()
            if is_http and "%" in value:
                value = unquote(value, errors="strict")
        except UnicodeDecodeError:
            findings.append(rules.HEADER_ENCODING.at(f"/{attribute}", raw.decode("latin-1")))
            continue
        if "\x00" in value:
            findings.append(
                rules.NUL.at(f"/{attribute}", value, patch=replaced(f"/{attribute}", value.replace("\x00", "")))
            )
        if attribute in attributes:
            findings.append(rules.HEADER_TWICE.at(f"/{attribute}", value))
        else:
            attributes[attribute] = value
    return attributes


def _check_content_type(media: str, findings: list[Finding]) -> None:
    if media in ("application/json", "application/json; charset=utf-8"):
        return
    kind, _, parameters = media.partition(";")
    if not kind:
        findings.append(rules.NO_CONTENT_TYPE.at(""))
    elif not JSON_TYPE.fullmatch(kind.strip()):
        findings.append(rules.OTHER_CONTENT_TYPE.at("", kind))
    elif "charset" in parameters and not re.search(r"charset *= *\"?(utf-?8|us-ascii)", parameters):
        findings.append(rules.OTHER_CHARSET.at("", parameters.strip()))


def _parsed(body: bytes | None, pointer: str, findings: list[Finding]) -> Any:
    """The JSON document of a body; UNSET if it is none."""
    if not body:
        findings.append(rules.NO_BODY.at(pointer))
        return UNSET
    if len(body) > rules.LARGEST:
        findings.append(rules.TOO_LARGE.at(pointer, f"{len(body):,} bytes"))
        return UNSET
    if body.startswith(b"\xef\xbb\xbf"):
        findings.append(rules.BOM.at(pointer, "\ufeff"))
        body = body[3:]
    try:
        document = msgspec.json.decode(body)
    except RecursionError:
        findings.append(rules.TOO_DEEP.at(pointer))
        return UNSET
    except (msgspec.DecodeError, ValueError) as error:
        findings.append(_why_not_json(body, pointer, error))
        return UNSET
    names = count_names(document)
    if names is None:
        findings.append(rules.TOO_DEEP.at(pointer))
        return UNSET
    if names > MOST_NAMES:
        findings.append(rules.TOO_MANY.at(pointer, f"{names:,} members"))
        return UNSET
    if names != names_written(body):
        findings += [rules.TWICE.at(pointer + twice) for twice in _twice(body)]
    if b"\\u" in body or not (body.isascii() or unicodedata.is_normalized("NFC", body.decode())):
        findings += _odd_texts(document, pointer)
    return document


def _why_not_json(body: bytes, pointer: str, error: Exception) -> Finding:
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        return rules.NOT_UTF8.at(pointer, body[fault.start : fault.start + 8].decode("latin-1"))
    if isinstance(error, msgspec.ValidationError) or re.search(r"(?<![\w\"])(NaN|-?Infinity)\b", text):
        return rules.NO_NUMBER.at(pointer, text)
    if re.search(r"\\u[dD][89a-fA-F]", text):
        return rules.NOT_UTF8.at(pointer, text)
    return rules.NOT_JSON.at(pointer, text)


def _twice(body: bytes) -> list[str]:
    try:
        return duplicates(body)
    except (RecursionError, ValueError, BodyDoesNotFit):
        return []


def _odd_texts(part: Any, pointer: str) -> Iterator[Finding]:
    """Texts that cannot be stored, or are not composed; also names of members that cannot be stored."""
    if isinstance(part, str):
        if "\x00" in part:
            yield rules.NUL.at(pointer, part, patch=replaced(pointer, part.replace("\x00", "")))
        if not unicodedata.is_normalized("NFC", part):
            composed = unicodedata.normalize("NFC", part)
            yield rules.NFD.at(pointer, ascii(part), expected=composed, patch=replaced(pointer, composed))
    elif isinstance(part, dict):
        for name, value in part.items():
            if "\x00" in name:
                yield rules.NUL.at(pointer + _pointer(name), name, patch=removed(pointer + _pointer(name)))
            yield from _odd_texts(value, pointer + _pointer(name))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _odd_texts(value, f"{pointer}/{index}")


def _of_structured(document: Any, headers: Attributes, findings: list[Finding]) -> tuple[Attributes, Any]:
    if document is UNSET:
        return headers, UNSET
    if isinstance(document, list):
        findings.append(rules.LIST.at("", f"{len(document)} entries"))
        return headers, UNSET
    if not isinstance(document, dict):
        findings.append(rules.NOT_AN_OBJECT.at("", document))
        return headers, UNSET
    attributes = {name: value for name, value in document.items() if name not in ("data", "data_base64")}
    for name, value in headers.items():
        if attributes.get(name) != value:
            findings.append(rules.BOTH_MODES.at(f"/{name}", value, expected=attributes.get(name)))
    data = document.get("data", UNSET)
    if data is UNSET and "data_base64" in document:
        data = _inside_base64(document["data_base64"], findings)
    elif data is UNSET or data is None:
        findings.append(rules.NO_DATA.at("/data"))
        data = UNSET
    return attributes, data


def _inside_base64(value: Any, findings: list[Finding]) -> Any:
    try:
        data = msgspec.json.decode(base64.b64decode(value, validate=True))
    except (TypeError, ValueError, binascii.Error, RecursionError):
        data = UNSET
    if isinstance(data, dict):
        patch = (*removed("/data_base64"), *added("/data", data))
        findings.append(rules.DATA_BASE64.at("/data_base64", value, patch=patch))
        return data
    findings.append(rules.NO_DATA.at("/data_base64", value))
    return UNSET


def _inside_text(value: str, findings: list[Finding]) -> Any:
    try:
        data = msgspec.json.decode(value.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return value
    if not isinstance(data, dict):
        return value
    findings.append(rules.JSON_IN_TEXT.at("/data", value, patch=replaced("/data", data)))
    return data


def _dossier(attributes: Attributes, data: Any) -> str | None:
    named = (attributes.get("subject"), data.get("dossier_code") if isinstance(data, dict) else None)
    return next((code for code in named if isinstance(code, str) and DOSSIER_CODE.fullmatch(code)), None)


def _digest(message: Message, attributes: Attributes, data: Any) -> str:
    """The same for both modes, and however the JSON is written."""
    named = [str(attributes.get(name, "")) for name in ("source", "type", "subject")]
    content = (message.body or b"") if data is UNSET else msgspec.json.encode(data, order="deterministic")
    return hashlib.blake2b("\x1f".join(named).encode("utf-8", "surrogatepass") + content, digest_size=16).hexdigest()


def _check_attributes(
    message: Message, attributes: Attributes, data: Any, dossier: str | None, findings: list[Finding]
) -> None:
    for name, value in attributes.items():
        if name not in KNOWN_NAMES and not NAME.fullmatch(name):
            findings.append(rules.ATTRIBUTE_NAME.at(_pointer(name), name, patch=removed(_pointer(name))))
        if not isinstance(value, str) and (name in CORE or not isinstance(value, bool | int)):
            wrong = _pointer(name)
            findings.append(rules.ATTRIBUTE_VALUE.at(wrong, value, patch=_as_text(wrong, value)))
    findings += _of_cloudevents(attributes)
    findings += _of_type(attributes.get("type"))
    findings += _of_subject(attributes.get("subject"), data)
    findings += _of_time(attributes.get("time"), attributes.get("type"), data)
    findings += _of_extensions(message, attributes)
    if message.door == "kafka" and not message.key:
        findings.append(rules.NO_KEY.at("/partitionkey", patch=added("/partitionkey", dossier) if dossier else None))
    elif (key := attributes.get("partitionkey")) is not None and dossier is not None and key != dossier:
        findings.append(
            rules.OTHER_KEY.at("/partitionkey", key, expected=dossier, patch=replaced("/partitionkey", dossier))
        )


def _as_text(pointer: str, value: Any) -> Any:
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
    elif is_code and code != subject:
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


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
