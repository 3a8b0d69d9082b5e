"""Redrives of dead letters: of one, or of all that match a filter, and what became of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared.messaging.consumer import Redriven
from shared.messaging.dead_letters import not_found
from shared.storage.database import Database

AT_ONCE = 100  # subjects per request: about a second, unless many events wait behind their letters
# All open letters of a subject are in one answer, that of its newest, so a subject is redriven once.
OPEN_SQL = """
SELECT subject, array_agg(id ORDER BY id) AS ids, array_agg(kind ORDER BY id) AS kinds, max(id) AS newest
FROM dead_letters WHERE sandbox = $1 AND redriven_at IS NULL
  AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR subject = $4)
GROUP BY subject HAVING max(id) > $2 ORDER BY newest LIMIT $5"""
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
    applied  events of its dossier that were applied now, with those that waited behind it; of several letters of a dossier
             in one answer, the first that was applied has them all, and the others have 0
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
    after    only those of subjects whose newest letter of the selection has a larger id
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
    subject, kinds = rows[0]["subject"], {letter_id: rows[0]["kind"]}
    (letter,) = await _of_subject(database, redrive, sandbox_id, subject, kinds)
    return letter


async def of_selection(
    database: Database, redrive: Redrive, sandbox_id: str, selection: Selection
) -> tuple[list[RedrivenLetter], int | None]:
    """Redrive the open dead letters of a selection, oldest first, those of at most AT_ONCE subjects.

    returns  what became of each; and the id after which more are left, or None
    """
    given = (sandbox_id, selection.after, selection.kind, selection.subject, AT_ONCE + 1)
    rows: Sequence[Any] = await database.fetch(OPEN_SQL, *given)
    letters: list[RedrivenLetter] = []
    for row in rows[:AT_ONCE]:
        kinds = dict(zip(row["ids"], row["kinds"], strict=True))
        letters += await _of_subject(database, redrive, sandbox_id, row["subject"], kinds)
    letters.sort(key=lambda letter: letter.id)
    return letters, rows[AT_ONCE - 1]["newest"] if len(rows) > AT_ONCE else None


async def _of_subject(
    database: Database, redrive: Redrive, sandbox_id: str, subject: str, kinds: Mapping[int, str]
) -> list[RedrivenLetter]:
    """Redrive a subject. `kinds`: those of its dead letters that are asked about, by id; open a moment ago."""
    redriven = await redrive(sandbox_id, subject)
    later = {row["id"]: row for row in await database.fetch(LATER_SQL, sandbox_id, list(kinds))}
    letters = [_letter(id, subject, kind, later.get(id), redriven) for id, kind in kinds.items()]
    counts = next((letter for letter in letters if letter.outcome == "applied"), letters[0])
    return [replace(letter, applied=redriven.applied) if letter is counts else letter for letter in letters]


def _letter(id: int, subject: str, kind: str, later: Any, redriven: Redriven) -> RedrivenLetter:
    """`later`: the row after the redrive; None: the sandbox was deleted meanwhile."""
    outcome: Outcome = "gone"
    if id in redriven.letters:
        outcome = "released" if later is not None and later["is_timer"] else "applied"
    elif later is not None and later["is_open"]:
        outcome = "failed"
    reason, detail = (later["reason"], later["detail"]) if outcome == "failed" else (None, None)
    return RedrivenLetter(id, subject, kind, outcome, 0, reason, detail)
