"""Planted bug: an event that its handler refuses is skipped, and no dead letter says so."""

from importlib import import_module
from typing import Any

consumer = import_module("shared.messaging.consumer")
original = consumer.Consumer.decide


def decide(self: Any, *decided: Any, **more: Any) -> None:
    original(self, *decided, **more)


consumer.Consumer.decide = decide
