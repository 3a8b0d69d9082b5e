"""Planted bug: every due date is a day later than the calendar says."""

from datetime import timedelta
from importlib import import_module
from typing import Any

calendar = import_module("contracts.calendar.calendar").Calendar
original = calendar.due


def due(self: Any, *arguments: Any, **more: Any) -> Any:
    return original(self, *arguments, **more) + timedelta(days=1)


setattr(calendar, "due", due)  # noqa: B010
