"""Redrives of dead letters: of one, or of all that match a filter, and what became of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.messaging.consumer import Redriven
from shared.messaging.dead_letters import not_found
from shared.storage.database import Database

AT_ONCE = 100  # letters per request: about a second, unless many events wait behind them
OPEN_SQL = """
SELECT id, subject, kind FROM dead_letters WHERE sandbox = $1 AND redriven_at IS NULL AND id > $2
  AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR subject = $4) ORDER BY id LIMIT $5"""
LATER_SQL = """
SELECT id, reason, detail, record IS NULL AS is_timer, redriven_at IS NULL AS is_open FROM dead_letters
WHERE sandbox = $1 AND id = ANY($2)"""
Outcome = Literal["applied", "released", "failed", "gone"]
Redrive = Callable[[str, str], Awaitable[Redriven]]  # sandbox, subject


@dataclass(frozen=True)
class RedrivenLetter:
    """What became of a dead letter.

    outcome  applied; released: a timer, which fires again by itself; failed: it, or an older event of its dossier, could
             not be applied again; gone: it was redriven before
    applied  events of its dossier that were applied now, with those that waited behind it
    reason, detail  of the dead letter, if it failed; else null
    """

    id: int
    subject: str
    kind: str
    outcome: Outcome
    applied: int
    reason: str | None
    detail: str | None


@dataclass(frozen=True)
class Selection:
    """Which open dead letters are redriven.

    kind     event type, or kind of timer; None: all
    subject  None: of all
    after    only those with a larger id
    """

    kind: str | None = None
    subject: str | None = None
    after: int = 0


async def of_one(database: Database, redrive: Redrive, sandbox_id: str, letter_id: int) -> RedrivenLetter:
    """Redrive one dead letter and the events behind it. Raises DeadLetterNotFound."""
    rows: Sequence[Any] = await database.fetch(
        "SELECT id, subject, kind, redriven_at FROM dead_letters WHERE sandbox = $1 AND id = $2", sandbox_id, letter_id
    )
    if not rows:
        raise not_found(letter_id)
    if rows[0]["redriven_at"] is not None:
        return RedrivenLetter(letter_id, rows[0]["subject"], rows[0]["kind"], "gone", 0, None, None)
    (letter,) = await _of_subject(database, redrive, sandbox_id, rows)
    return letter


async def of_selection(
    database: Database, redrive: Redrive, sandbox_id: str, selection: Selection
) -> tuple[list[RedrivenLetter], int | None]:
    """Redrive the open dead letters of a selection, oldest first, at most AT_ONCE; the id after which more are left, or None."""
    given = (sandbox_id, selection.after, selection.kind, selection.subject, AT_ONCE + 1)
    rows: Sequence[Any] = await database.fetch(OPEN_SQL, *given)
    selected = rows[:AT_ONCE]
    letters: list[RedrivenLetter] = []
    for subject in dict.fromkeys(row["subject"] for row in selected):
        of_it = [row for row in selected if row["subject"] == subject]
        letters += await _of_subject(database, redrive, sandbox_id, of_it)
    letters.sort(key=lambda letter: letter.id)
    return letters, selected[-1]["id"] if len(rows) > AT_ONCE else None


async def _of_subject(
    database: Database, redrive: Redrive, sandbox_id: str, rows: Sequence[Any]
) -> list[RedrivenLetter]:
    """Redrive a subject. `rows`: those of its dead letters that are asked about, open a moment ago."""
    redriven = await redrive(sandbox_id, rows[0]["subject"])
    later = {row["id"]: row for row in await database.fetch(LATER_SQL, sandbox_id, [row["id"] for row in rows])}
    return [_of_row(row, later.get(row["id"]), redriven) for row in rows]


def _of_row(row: Any, later: Any, redriven: Redriven) -> RedrivenLetter:
    """`later`: the row after the redrive; None: the sandbox was deleted meanwhile."""
    outcome: Outcome = "gone"
    if row["id"] in redriven.letters:
        outcome = "released" if later is not None and later["is_timer"] else "applied"
    elif later is not None and later["is_open"]:
        outcome = "failed"
    reason, detail = (later["reason"], later["detail"]) if outcome == "failed" else (None, None)
    return RedrivenLetter(row["id"], row["subject"], row["kind"], outcome, redriven.applied, reason, detail)
