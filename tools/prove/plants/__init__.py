"""Planted bugs: each folder holds a `sitecustomize.py` that replaces functions in the processes under test.

Nothing in the product knows of them: the folder is put in front of the import path of one run's services.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plant:
    """A bug, and the faults that bring it to light."""

    what: str
    folder: Path
    faults: tuple[str, ...]
    rate: float = 15.0


PLANTS = {
    "position-ignored": Plant(
        "the reader ignores its position: what comes twice is applied twice",
        _HERE / "position_ignored",
        ("tell-again", "wipe-broker", "stop-worker"),
    ),
    "numbers-after-producing": Plant(
        "the relay produces first and writes the numbers down afterwards",
        _HERE / "numbers_after_producing",
        ("kill-portal-worker", "kill-gateway-worker"),
    ),
    "sequence-cursor": Plant(
        "the relay reads on from the last id it saw; what commits later with a lower id is never seen",
        _HERE / "sequence_cursor",
        ("kill-portal-worker",),
        30.0,
    ),
}
