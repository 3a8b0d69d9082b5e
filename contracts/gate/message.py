"""A message as it arrived at a door, and what can be read of it without knowing any dossier."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from contracts.gate.rules import Finding

Door = Literal["kafka", "http", "legacy"]
Headers = tuple[tuple[str, bytes | None], ...]  # a header of Kafka can have no value
Attributes = dict[str, Any]

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MOST_IN_BATCH = 100


class Message(Struct, frozen=True):
    """What arrived at a door, before any judgement.

    province    whose door it is: the topic or the address says it
    sandbox_id  likewise
    headers     names and raw values, in order; Kafka: `ce_id` and `content-type`, HTTP: `ce-id`
    body        None: a tombstone
    key         of a Kafka record
    partition   on which the record arrived; None: of no interest
    """

    door: Door
    province: str
    headers: Headers = ()
    body: bytes | None = None
    key: bytes | None = None
    sandbox_id: str = "default"
    partition: int | None = None


class Reading(Struct, frozen=True):
    """A message as a CloudEvent, with its envelope errors.

    id, type    attributes; None if they are missing, or no text
    attributes  as the structured mode writes them; from a record also `partitionkey`, its key
    document    the JSON that was sent: the whole event in structured mode, else its body; UNSET if there is none
    data        the body of the event; UNSET if there is none that can be read
    dossier     the dossier code to load; None if the message names none
    digest      equal for two messages with the same id exactly if they say the same
    """

    message: Message
    id: str | None
    type: str | None
    mode: Literal["binary", "structured"]
    attributes: Attributes
    document: Any
    data: Any
    dossier: str | None
    digest: str
    findings: tuple[Finding, ...]

    def structured(self) -> dict[str, Any]:
        """The structured form of the message: what pointers and patches of a verdict are about."""
        if self.mode == "binary":
            return self.attributes if self.document is msgspec.UNSET else {**self.attributes, "data": self.document}
        bodies = ("data", "data_base64")
        document = self.document if isinstance(self.document, dict) else {}
        return self.attributes | {name: document[name] for name in bodies if name in document}


def message_of(event: dict[str, Any], door: Door, province: str, **more: Any) -> Message:
    """The message that says `event`, given in its structured form. On Kafka `partitionkey` becomes the key.

    more  members of Message, such as sandbox_id
    """
    if door == "kafka" and isinstance(event.get("partitionkey"), str):
        more = {"key": event["partitionkey"].encode("utf-8", "surrogatepass"), **more}
        event = {name: value for name, value in event.items() if name != "partitionkey"}
    headers = (("content-type", STRUCTURED.encode()),)
    return Message(door, province, headers, msgspec.json.encode(event), **more)


def split(message: Message) -> list[Message]:
    """The messages of a batch over HTTP (`application/cloudevents-batch+json`); any other message alone.

    A batch that cannot be split is returned as it is: `read` says why.
    """
    if message.door != "http" or not content_type(message).startswith(BATCH):
        return [message]
    try:
        events = msgspec.json.decode(message.body or b"", type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return [message]
    if not 1 <= len(events) <= MOST_IN_BATCH:
        return [message]
    headers = tuple(
        (name, STRUCTURED.encode() if name.lower() == "content-type" else value) for name, value in message.headers
    )
    return [msgspec.structs.replace(message, headers=headers, body=bytes(event)) for event in events]


def content_type(message: Message) -> str:
    """The value of the header, in lower case; "" if there is none."""
    for name, value in message.headers:
        if name == "content-type" or name.lower() == "content-type":
            return (value or b"").decode("latin-1").strip().lower()
    return ""
