"""Migrations: numbered steps from older data to the present version, run by the first process that opens the database (ADR 0007).

A step is never changed after its release: it makes the tables and documents of its version, whatever came later.
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
OLDEST = 6  # the oldest version from which steps lead to the present one; nothing older was ever released
PIECE = 1_000  # documents at a time
NOTE_SECONDS = 2.0  # between two notes on the progress of a long step
# The machine, not the data: begin again with a new connection.
AGAIN = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError)

Note = Callable[[str], None]  # takes a sentence about what is being done
Step = Callable[[Any, Note], Awaitable[None]]  # a connection inside the transaction that also writes the version
Steps = Mapping[int, Step]  # by the version that the data has afterwards; a version without one changed nothing here
Document = dict[str, Any]


class StepFailed(Unfit):
    """A step could not deal with the data; nothing of it was kept."""


async def migrate(connection: Any, steps: Steps, version: int, newest: int, note: Note) -> None:
    """Every step from `version` to `newest`, inside the transaction of `connection`.

    raises  StepFailed for what trying again will not mend
    """
    for target in range(version + 1, newest + 1):
        step = steps.get(target)
        if step is None:
            continue
        note(f"Its data is being brought from version {target - 1} to {target}.")
        try:
            await step(connection, note)
        except AGAIN:
            raise
        except Exception as error:
            raise StepFailed(
                f"The data could not be brought from version {target - 1} to {target} and is as it was ({error!r}): "
                "start the version that made it, and report this with the log."
            ) from error


async def rewrite(connection: Any, table: str, rows: str, change: Callable[[Any], Document], note: Note) -> None:
    """Rewrite every document of a store, a piece at a time.

    rows    SQL that gives `sandbox`, `code` and whatever else `change` reads
    change  the new document from one of these rows
    """
    update = (
        f"UPDATE {table} t SET body = n.body::jsonb FROM unnest($1::text[], $2::text[], $3::text[]) n (sandbox, code, body) "
        "WHERE t.sandbox = n.sandbox AND t.code = n.code"
    )
    total, done, noted = await connection.fetchval(f"SELECT count(*) FROM {table}"), 0, time.monotonic()
    await connection.execute(f"DECLARE migrating CURSOR FOR {rows}")
    while piece := await connection.fetch(f"FETCH {PIECE:d} FROM migrating"):
        bodies = [msgspec.json.encode(change(row)).decode() for row in piece]
        await connection.execute(update, [r["sandbox"] for r in piece], [r["code"] for r in piece], bodies)
        done += len(piece)
        if time.monotonic() - noted > NOTE_SECONDS:
            note(f"Its data is being migrated: {done} of {total} {table} are done.")
            noted = time.monotonic()
    await connection.execute("CLOSE migrating")  # an open one would hold its tables against the next step
    log.info("migrated", table=table, documents=done)


def document(text: str) -> Document:
    """A document as PostgreSQL gives it."""
    found: Document = msgspec.json.decode(text)
    return found
