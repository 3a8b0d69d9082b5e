"""Edits of dead letters: a new body for an event that could not be applied. The first body is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from shared.errors import BodyDoesNotFit, DeadLetterHasNoBody, DeadLetterNotFound, Misfit
from shared.messaging import dead_letters
from shared.messaging.cloudevents import Event
from shared.messaging.differences import changes, document_of
from shared.sandbox import journal, registry
from shared.storage.database import Connection, Database
from shared.strict_json import storable_document

log = structlog.get_logger()
MOST_NAMED = 5  # changed members that the timeline names
# Migration to version 11 of every service that has dead letters.
ADD_COLUMNS_SQL = "ALTER TABLE dead_letters ADD COLUMN original text, ADD COLUMN edited_at timestamptz"
# Event type, subject, first body and new body → what is wrong with the new one.
Check = Callable[[str, str, Any, Any], Sequence[Misfit]]


async def edit(database: Database, sandbox_id: str, letter_id: int, body: dict[str, Any], check: Check) -> None:
    """Replace the body of an event that could not be applied; the same body again changes nothing.

    The lanes are locked as for a redrive, so an edit comes before it or after it, never into the middle.

    raises  DeadLetterNotFound, also if its event was applied meanwhile; DeadLetterHasNoBody; BodyDoesNotFit
    """
    body = storable_document(body)
    async with database.transaction(sandbox_id) as connection:
        subject = await connection.fetchval(
            "SELECT subject FROM dead_letters WHERE sandbox = $1 AND id = $2", sandbox_id, letter_id
        )
        if subject is None:
            raise dead_letters.not_found(letter_id)
        await dead_letters.lock_lanes(connection, sandbox_id, subject)
        sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
        if sandbox is None:
            raise await registry.missing(connection, sandbox_id)
        event, original = await _stuck(connection, sandbox_id, letter_id)
        if misfits := check(event.type, subject, document_of(original), body):
            raise BodyDoesNotFit(*misfits)
        pointers = [change["pointer"] for change in changes(document_of(event.body), body)]
        if not pointers:
            return
        edited = msgspec.structs.replace(event, body=msgspec.json.encode(body))
        await connection.execute(
            "UPDATE dead_letters SET record = $3::jsonb, original = $4, edited_at = $5 WHERE sandbox = $1 AND id = $2",
            *(sandbox_id, letter_id, dead_letters.pack(edited), original.hex(), sandbox.now),
        )
        await journal.note_all(connection, sandbox_id, [_line(event, letter_id, sandbox.now, pointers)])
    log.info("dead_letter_edited", sandbox=sandbox_id, dossier=subject, kind=event.type, id=letter_id)


async def _stuck(connection: Connection, sandbox_id: str, letter_id: int) -> tuple[Event, bytes]:
    """The event of a dead letter as it is now, and its first body."""
    row = await connection.fetchrow(
        "SELECT record, original, redriven_at FROM dead_letters WHERE sandbox = $1 AND id = $2 FOR UPDATE",
        sandbox_id,
        letter_id,
    )
    if row is None:
        raise dead_letters.not_found(letter_id)
    if row["redriven_at"] is not None:
        raise DeadLetterNotFound("It was redriven and is gone: there is nothing left to edit.", id=letter_id)
    if row["record"] is None:
        raise DeadLetterHasNoBody("It is a timer. Redrive it, and it fires again.", id=letter_id)
    event = dead_letters.unpack(row["record"])
    return event, event.body if row["original"] is None else bytes.fromhex(row["original"])


def _line(event: Event, letter_id: int, now: datetime, pointers: list[str]) -> journal.Line:
    named = [pointer.replace("\x00", "\ufffd") or "/" for pointer in pointers]
    places = ", ".join(named[:MOST_NAMED]) + (", …" if len(named) > MOST_NAMED else "")
    return journal.Line(
        event.subject,
        now,
        "dead_letter_edited",
        f"Nội dung thư chết {letter_id} ({event.type}) được sửa tại {places}",
        f"The body of dead letter {letter_id} ({event.type}) was edited at {places}",
        {"letter": letter_id, "type": event.type, "pointers": named},
    )
