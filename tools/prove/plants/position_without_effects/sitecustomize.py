"""Planted bug: at every fifth batch of a reader the position is saved, and the effects are not."""

from importlib import import_module
from itertools import count
from typing import Any, Generic, TypeVar

consumer = import_module("shared.messaging.consumer")
T = TypeVar("T")
Batch: Any = consumer.Batch
batches = count(1)


class Forgetful(Batch[T], Generic[T]):  # type: ignore[misc]
    async def save(self, connection: Any, store: Any) -> None:
        if next(batches) % 5:
            await super().save(connection, store)


setattr(consumer, "Batch", Forgetful)  # noqa: B010
