"""JSON Patch (RFC 6902): the three operations that verdicts use."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from contracts.gate.rules import Patch


def patched(document: Any, *patches: Patch) -> Any:
    """A copy of `document` with every operation done, in their order. Raises KeyError, IndexError, ValueError, TypeError."""
    changed = deepcopy(document)
    for operation in (each for patch in patches for each in patch):
        *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        part = changed
        for step in way:
            part = part[int(step)] if isinstance(part, list) else part[step]
        place: Any = int(last) if isinstance(part, list) and last != "-" else last
        if operation["op"] == "remove":
            del part[place]
        elif operation["op"] == "add" and isinstance(part, list):
            part.insert(len(part) if place == "-" else place, deepcopy(operation["value"]))
        else:
            part[place] = deepcopy(operation["value"])
    return changed
