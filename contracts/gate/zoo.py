"""The zoo: messages that break a rule, one file for each in `contracts/invalid`, with the verdict that each must get.

`sent_as` and the files' members are described in contracts/invalid/README.md.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from contracts.gate.judging import judge
from contracts.gate.known import Known
from contracts.gate.message import Door, Message, message_of
from contracts.gate.reading import read
from contracts.gate.verdict import Leniency, Verdict

FOLDER = Path(__file__).parent.parent / "invalid"


class Specimen(Struct, frozen=True):
    """One message of the zoo.

    breaks  rule and pointer of the schema that its body breaks, if its kind is a rule of a schema
    seen    whether another message was accepted with its id before; "same": this one
    verdict outcome, and of each error rule, pointer, and whether there is a patch
    """

    name: str
    why: str
    message: Message
    event: Mapping[str, Any] | None
    known: Known | None
    now: datetime
    verdict: Mapping[str, Any]
    breaks: Mapping[str, str] | None = None
    seen: str | None = None

    def judged(self, leniency: Leniency = "strict", message: Message | None = None) -> Verdict:
        """The verdict on it, or on another message in its place."""
        reading = read(self.message if message is None else message)
        seen = {"same": read(self.message).digest, "other": "another"}.get(self.seen or "")
        return judge(reading, self.known, self.now, seen=seen, leniency=leniency)


def specimens() -> Iterator[Specimen]:
    """Every message of the zoo, in the order of the file names."""
    for path in sorted(FOLDER.glob("*.json")):
        yield specimen(path.stem, json.loads(path.read_text(encoding="utf-8")))


def specimen(name: str, entry: Mapping[str, Any]) -> Specimen:
    now = datetime.fromisoformat(entry["now"])
    return Specimen(
        name,
        entry["why"],
        _message(entry),
        entry.get("event"),
        _known(entry.get("known"), now),
        now,
        entry["verdict"],
        entry.get("breaks"),
        entry.get("seen"),
    )


def _message(entry: Mapping[str, Any]) -> Message:
    door: Door = entry.get("door", "kafka")
    province, partition = entry.get("province", "37"), entry.get("partition")
    if "event" in entry:
        return message_of(dict(entry["event"]), door, province, partition=partition)
    raw = entry["raw"]
    headers = tuple((name, value.encode("latin-1")) for name, value in raw.get("headers", ()))
    key = raw.get("key")
    return Message(door, province, headers, _body(raw), None if key is None else key.encode(), partition=partition)


def _body(raw: Mapping[str, Any]) -> bytes | None:
    if "json" in raw:
        return bytes(msgspec.json.encode(raw["json"]))
    if "repeated" in raw:
        text, times = raw["repeated"]
        return bytes((text * times).encode())
    return base64.b64decode(raw["base64"]) if raw.get("base64") is not None else None


def _known(facts: Mapping[str, Any] | None, now: datetime) -> Known | None:
    """A plausible dossier in `state` with the other members in place of its own."""
    if facts is None:
        return None
    chosen = {name: facts[name] for name in ("province", "procedure") if name in facts}
    known = Known.in_state(facts["state"], now=now, **chosen)
    more = {name: value for name, value in facts.items() if name != "state"}
    return msgspec.convert({**msgspec.to_builtins(known), **more}, Known)
