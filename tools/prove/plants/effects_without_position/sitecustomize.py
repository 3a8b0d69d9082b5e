"""Planted bug: at every fifth batch of a reader the effects are saved, and the position is not."""

from importlib import import_module
from itertools import count
from typing import Any

positions = import_module("shared.messaging.positions")
original = positions.Positions.save
batches = count(1)


async def save(self: Any, connection: Any, moved: Any) -> None:
    if self.listener != positions.SERVICE or next(batches) % 5:
        await original(self, connection, moved)


positions.Positions.save = save
