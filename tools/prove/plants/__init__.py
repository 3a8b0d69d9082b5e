"""Planted bugs: each folder holds a `sitecustomize.py` that replaces functions in the processes under test.

The product has no code for them: the folder is put first in the import path of one run's services.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Plant:
    """A planted bug, and the faults that expose it; without any, the load alone does."""

    what: str
    folder: Path
    faults: tuple[str, ...] = ()


PLANTS = {
    "position-ignored": Plant(
        "the reader ignores its position: an event that comes twice is applied twice",
        _FOLDER / "position_ignored",
        ("replay-everything",),
    ),
    "numbers-after-producing": Plant(
        "the relay produces first and stores the numbers afterwards",
        _FOLDER / "numbers_after_producing",
        ("kill-portal-worker", "kill-gateway-worker") * 4,  # one of them hits between the two steps
    ),
    "sequence-cursor": Plant(
        "the relay continues after the last id it read; an event committed later with a lower id is never sent",
        _FOLDER / "sequence_cursor",
        ("late-commits",),
    ),
    "outbox-position-first": Plant(
        "the place from which a connector's outbox is read on moves before its records have their effect",
        _FOLDER / "outbox_position_first",
        ("kill-worker-judging",),
    ),
    "verdict-twice": Plant("what a connector wrote is judged twice", _FOLDER / "verdict_twice", ("kill-connector",)),
    "lost-timer": Plant("a timer is dropped without its handler being run", _FOLDER / "lost_timer"),
    "other-name": Plant("the gateway's copy keeps another applicant's name", _FOLDER / "other_name"),
    "wrong-applicant": Plant(
        "dossier and event name another applicant than who signed in", _FOLDER / "wrong_applicant"
    ),
    "due-a-day-late": Plant("every due date is a day later than the calendar says", _FOLDER / "due_a_day_late"),
    "spoilt-file": Plant("the first byte of a stored file is another", _FOLDER / "spoilt_file"),
    "effects-without-position": Plant(
        "a batch of a reader has its effects, and the position is not saved", _FOLDER / "effects_without_position"
    ),
    "position-without-effects": Plant(
        "the position of a reader moves, and the batch has no effects", _FOLDER / "position_without_effects"
    ),
    "refund-twice": Plant("a payment is refunded twice", _FOLDER / "refund_twice"),
    "key-forgotten": Plant("a request with a known Idempotency-Key counts as a new one", _FOLDER / "key_forgotten"),
    "dead-letter-swallowed": Plant(
        "an event that its handler refuses is skipped without a dead letter",
        _FOLDER / "dead_letter_swallowed",
        ("poison",),
    ),
    "settle-too-early": Plant(
        "settle says still although events are not read", _FOLDER / "settle_too_early", ("ask-settle",)
    ),
}
