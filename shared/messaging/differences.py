"""What differs between two bodies of an event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


def document_of(body: bytes) -> Any:
    """The JSON value of a body; its text, if it is no JSON."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def changes(before: Any, after: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """Every difference between two JSON values: `pointer` (RFC 6901), `before`, `after`.

    A new member has no `before`, a removed one no `after`. Lists of different lengths differ as a whole.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in after:
                yield {"pointer": place, "before": before[name]}
            elif name not in before:
                yield {"pointer": place, "after": after[name]}
            else:
                yield from changes(before[name], after[name], place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from changes(old, new, f"{pointer}/{index}")
    elif (type(before), before) != (type(after), after):  # in Python, 1 equals true
        yield {"pointer": pointer, "before": before, "after": after}
