"""Planted bug: of every seventh dossier, a timer of the officers is dropped without its handler being run."""

from importlib import import_module
from typing import Any
from zlib import crc32

consumers = import_module("services.province_gateway.consumers")
original = consumers.timers


def forgetting(handler: Any) -> Any:
    def fire(timer: Any, work: Any) -> None:
        if crc32(timer.subject.encode()) % 7:
            handler(timer, work)

    return fire


def timers(rules: Any) -> dict[str, Any]:
    return {kind: forgetting(handler) for kind, handler in original(rules).items()}


setattr(consumers, "timers", timers)  # noqa: B010
