"""Migrations (ADR 0007): numbered steps from older data to the current version, run by the first process that opens it.

A step is never changed after its release: it produces the tables and documents of its version, not of later ones.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import msgspec
import structlog

from shared.errors import Unfit

log = structlog.get_logger()
OLDEST = 9  # the oldest version that can be migrated; nothing older was ever released
PIECE = 1_000  # documents per statement
NOTE_SECONDS = 2.0  # between two progress notes of a long step
# Faults of the machine, not of the data: start again with a new connection.
MACHINE_FAULTS = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError)

Note = Callable[[str], None]  # takes a sentence about the current work
Step = Callable[[Any, Note], Awaitable[None]]  # a connection inside the transaction that also writes the version
Steps = Mapping[int, Step]  # by the version that the data has afterwards; not every version needs a step
Document = dict[str, Any]


class StepFailed(Unfit):
    """A step could not handle the data; its changes were rolled back."""


async def migrate(connection: Any, steps: Steps, version: int, newest: int, note: Note) -> None:
    """Run every step from `version` to `newest`, inside the transaction of `connection`.

    raises  StepFailed for an error that a retry does not fix
    """
    for target in range(version + 1, newest + 1):
        step = steps.get(target)
        if step is None:
            continue
        note(f"Its data is being brought from version {target - 1} to {target}.")
        try:
            await step(connection, note)
        except MACHINE_FAULTS:
            raise
        except Exception as error:
            raise StepFailed(
                f"The data could not be brought from version {target - 1} to {target} and is as it was ({error!r}): "
                "start the version that made it, and report this with the log."
            ) from error


async def rewrite(connection: Any, table: str, rows: str, change: Callable[[Any], Document], note: Note) -> None:
    """Rewrite every document of a store, a piece at a time.

    rows    SQL that returns `sandbox`, `code` and everything else that `change` reads
    change  makes the new document from one of these rows
    """
    update = (
        f"UPDATE {table} t SET body = n.body::jsonb "
        "FROM unnest($1::text[], $2::text[], $3::text[]) n (sandbox, code, body) "
        "WHERE t.sandbox = n.sandbox AND t.code = n.code"
    )
    total, done, noted_at = await connection.fetchval(f"SELECT count(*) FROM {table}"), 0, time.monotonic()
    await connection.execute(f"DECLARE migrating CURSOR FOR {rows}")
    while piece := await connection.fetch(f"FETCH {PIECE:d} FROM migrating"):
        bodies = [msgspec.json.encode(change(row)).decode() for row in piece]
        await connection.execute(update, [row["sandbox"] for row in piece], [row["code"] for row in piece], bodies)
        done += len(piece)
        if time.monotonic() - noted_at > NOTE_SECONDS:
            note(f"Its data is being migrated: {done} of {total} {table} are done.")
            noted_at = time.monotonic()
    await connection.execute("CLOSE migrating")  # an open cursor would lock its tables for the next step
    log.info("migrated", table=table, documents=done)


def document(text: str) -> Document:
    """A document from the JSON text that PostgreSQL returns."""
    value: Document = msgspec.json.decode(text)
    return value
