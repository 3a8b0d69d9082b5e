"""CloudEvents 1.0 in binary mode on Kafka: `ce_*` headers and a JSON body, written by relays and decoded by readers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from msgspec import Struct

from shared.sandbox.clock import wire

# What a signature covers, besides lane and body.
SIGNED = (
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "ce_sequence",
    "ce_epoch",
    "ce_dossierversion",
)
_signed_values = itemgetter(*SIGNED)
VOID = "lane.void.v1"  # replaces an event that can no longer be sent: its number without its payload
Headers = list[tuple[str, bytes]]


class Record(Struct, frozen=True, gc=False):
    """One record as the broker delivers it."""

    lane: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


class Event(Struct, frozen=True, gc=False):
    """A valid record: it has a source, an epoch and a number in its lane.

    version  1…n per subject and source: the number that external systems use
    body     JSON bytes, not parsed yet
    """

    lane: int
    offset: int
    epoch: int
    number: int
    source: str
    sandbox: str
    id: str
    type: str
    subject: str
    version: int
    time: datetime
    body: bytes
    traceparent: str


def event_id(seed: str, source: str, subject: str, version: int) -> str:
    """UUID version 8 (RFC 9562), the same for the same seed, source, subject and version (design: Determinism)."""
    digest = hashlib.blake2b("\x1f".join((seed, source, subject, str(version))).encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"


def void_id(lane: int, epoch: int, number: int) -> str:
    return f"void-{lane}-{epoch}-{number}"


class Signer:
    """Signs records with the secret that the services share: another program cannot write one that a reader accepts.

    The signature (BLAKE2b with a key, RFC 7693) covers lane, number and epoch too, so that a copy of a genuine record
    under another number is foreign as well. It is the extension attribute `signature`.
    """

    def __init__(self, secret: str) -> None:
        self._keyed = hashlib.blake2b(key=hashlib.sha256(secret.encode()).digest(), digest_size=16)

    def signature(self, lane: int, headers: Iterable[bytes], body: bytes) -> bytes:
        """The signature of a record. `headers`: the values of SIGNED, in this order."""
        keyed = self._keyed.copy()
        keyed.update(b"\x1f".join((b"%d" % lane, *headers, body)))
        return keyed.hexdigest().encode()

    def is_genuine(self, record: Record) -> bool:
        """Whether the record was signed by a service."""
        try:
            values, given = _signed_values(record.headers), record.headers["ce_signature"]
        except KeyError:
            return False
        return hmac.compare_digest(given, self.signature(record.lane, values, record.value or b""))


def headers(row: Any, source: str, signer: Signer, body: bytes) -> Headers:
    """CloudEvents headers of a row of `posted`. Number and epoch are the extension attributes `sequence`, `epoch`."""
    lane, sandbox = row["lane"], row["sandbox"].encode()
    signed = (
        (row["id"] or void_id(lane, row["epoch"], row["number"])).encode(),
        b"/%s/%s" % (source.encode(), sandbox),
        (row["type"] or VOID).encode(),
        row["subject"].encode(),
        wire(row["at"] or row["posted_at"]).encode(),
        b"%d" % row["number"],
        b"%d" % row["epoch"],
        b"%d" % row["version"],
    )
    # The trace comes last and is not signed: a relay that exports spans replaces it by its own (`spans.stamp`).
    return [
        ("ce_specversion", b"1.0"),
        *zip(SIGNED, signed, strict=True),
        ("content-type", b"application/json"),
        ("ce_sandbox", sandbox),
        ("ce_signature", signer.signature(lane, signed, body)),
        ("traceparent", (row["traceparent"] or "").encode()),
    ]


def sandboxes_of(records: Iterable[Record], source: str) -> set[str]:
    """The sandboxes of those records that come from `source`."""
    values = {record.headers.get("ce_source", b"") for record in records}
    parts = (value.decode(errors="replace").removeprefix("/").partition("/") for value in values)
    return {sandbox for service, _, sandbox in parts if service == source and sandbox}


def decode(record: Record, source: str) -> Event | None:
    """The event of a record; None without a valid source, epoch and number: such a record is counted and skipped."""
    fields = record.headers
    try:
        service, sandbox = fields["ce_source"].decode().removeprefix("/").split("/", 1)
        event = Event(
            lane=record.lane,
            offset=record.offset,
            epoch=int(fields["ce_epoch"]),
            number=int(fields["ce_sequence"]),
            source=service,
            sandbox=sandbox,
            id=fields["ce_id"].decode(),
            type=fields["ce_type"].decode(),
            subject=fields["ce_subject"].decode(),
            version=int(fields["ce_dossierversion"]),
            time=datetime.fromisoformat(fields["ce_time"].decode()),
            body=record.value or b"",
            traceparent=fields.get("traceparent", b"").decode(),
        )
    except (KeyError, ValueError):
        return None
    texts = (event.sandbox, event.id, event.type, event.subject, event.traceparent)
    # Half of what the columns hold: the next number, and an epoch above this one, fit too.
    counts = 1 <= event.epoch < 1 << 30 and 1 <= event.number < 1 << 62 and 1 <= event.version < 1 << 31
    if event.source != source or not counts or event.time.tzinfo is None or "\x00" in "".join(texts):
        return None
    return event
