"""Planted bug: `settle` does not look whether the readers have read everything."""

from importlib import import_module
from typing import Any

settle = import_module("services.portal.sandboxes.settle")


def unread(*lanes: Any) -> list[Any]:
    return []


setattr(settle, "_unread", unread)  # noqa: B010
