"""Pages that people write, with parts that `make contracts` prints: each stands between two markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

END = "<!-- end of what was printed -->"
PLACE = re.compile(rf"(<!-- printed from ([^\n]+) -->\n)(?:(?!<!-- printed from).)*?({END})", re.DOTALL)


def filled(page: str, parts: Mapping[str, Iterable[str]]) -> str:
    """The page with the lines of every part, by its source, in the place that names the source.

    Raises ValueError unless the page has one place for each part and no other.
    """
    places = [source for _, source, _ in PLACE.findall(page)]
    if sorted(places) != sorted(parts):
        raise ValueError(f"The page has places printed from {places}, but should have {list(parts)}.")
    return PLACE.sub(lambda place: "\n".join([place[1], *parts[place[2]], "", place[3]]), page)


def table(headings: tuple[str, ...], rows: Iterable[Iterable[object]]) -> list[str]:
    """The lines of a Markdown table."""
    heading, *lines = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in (headings, *rows)
    ]
    return [heading, "|" + "---|" * len(headings), *lines]
