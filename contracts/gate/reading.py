"""The envelope stage: bytes and headers of a message become a CloudEvent, with every error of the envelope."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from msgspec import UNSET

from contracts.gate import attributes as of_attributes
from contracts.gate import envelope_rules as rules
from contracts.gate.attributes import DOSSIER_CODE, JSON_TYPE, pointer_to
from contracts.gate.message import BATCH, STRUCTURED, Attributes, Message, Reading, content_type
from contracts.gate.rules import Finding, added, removed, replaced
from shared.errors import BodyDoesNotFit
from shared.strict_json import MOST_VALUES, count_values, duplicates, names_written

CLOUDEVENTS = "application/cloudevents"
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x01": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
PREFIX = {"kafka": "ce_", "http": "ce-", "legacy": "ce-"}


def read(message: Message) -> Reading:
    """The message as a CloudEvent in either mode, with all errors of its envelope. Never raises."""
    findings: list[Finding] = []
    media = content_type(message)
    attributes = _from_headers(message, findings)
    is_undeclared = not attributes and not media.startswith(CLOUDEVENTS) and b'"specversion"' in (message.body or b"")
    is_structured = is_undeclared or media.startswith(STRUCTURED)
    mode: Literal["binary", "structured"] = "structured" if is_structured else "binary"
    if media.startswith(BATCH):
        findings.append(_why_no_batch(message, media))
        document = data = UNSET
    elif is_structured:
        if is_undeclared:
            findings.append(rules.UNDECLARED.at("", media or None))
        document = _parsed(message.body, "", findings)
        attributes, data = _of_structured(document, attributes, findings)
    else:
        _check_content_type(media, findings)
        document = data = _parsed(message.body, "/data", findings)
        if not attributes:
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
        findings += of_attributes.findings(message, attributes, data, dossier)
    return Reading(
        message,
        _text(attributes.get("id")),
        _text(attributes.get("type")),
        mode,
        attributes,
        document,
        data,
        dossier,
        _digest(message, attributes, data),
        tuple(findings),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _from_headers(message: Message, findings: list[Finding]) -> Attributes:
    prefix, is_http = PREFIX[message.door], message.door == "http"
    attributes: Attributes = {}
    for name, raw in message.headers:
        if name[:3].lower() != prefix:
            continue
        attribute = name[3:].lower()
        try:
            value = (raw or b"").decode()
            if is_http and "%" in value:
                value = unquote(value, errors="strict")
        except UnicodeDecodeError:
            findings.append(rules.HEADER_ENCODING.at(f"/{attribute}", (raw or b"").decode("latin-1")))
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
    counts = count_values(document)
    if counts is None:
        findings.append(rules.TOO_DEEP.at(pointer))
        return UNSET
    if sum(counts) > MOST_VALUES:
        findings.append(rules.TOO_MANY.at(pointer, f"{sum(counts):,} values"))
        return UNSET
    if counts[0] != names_written(body):
        findings += [rules.TWICE.at(pointer + twice) for twice in _twice(body)]
    if b"\\u" in body or not (body.isascii() or unicodedata.is_normalized("NFC", body.decode())):
        findings += _odd_texts(document, pointer)
    return document


def _why_no_batch(message: Message, media: str) -> Finding:
    try:
        if message.door == "http" and message.body:
            msgspec.json.decode(message.body)
    except RecursionError:
        return rules.TOO_DEEP.at("")
    except (msgspec.DecodeError, ValueError) as error:
        return _why_not_json(message.body or b"", "", error)
    return rules.BATCH.at("", media)


def _why_not_json(body: bytes, pointer: str, error: Exception) -> Finding:
    for beginning, name in COMPRESSED.items():
        if body.startswith(beginning):
            return rules.COMPRESSED.at(pointer, name)
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
                yield rules.NUL.at(pointer + pointer_to(name), name, patch=removed(pointer + pointer_to(name)))
            yield from _odd_texts(value, pointer + pointer_to(name))
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
