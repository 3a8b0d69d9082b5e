"""The table of causes, printed into its page by `make contracts`."""

from __future__ import annotations

from collections.abc import Iterator

from services.portal.explain import KINDS
from services.portal.explain.timing import nothing_due

BEGIN, END = "<!-- printed from services/portal/explaining -->", "<!-- end of what was printed -->"


def table() -> Iterator[str]:
    """The lines of the table, in the order in which causes are named."""
    yield from ("| cause | named when | what it says |", "|---|---|---|")
    for kind in (*KINDS, nothing_due):
        yield f"| `{kind.name}` | {kind.when} | {kind.words.en} |"


def page(text: str) -> str:
    """The page with its table as the causes are now. Raises ValueError if the page has no place for it."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {BEGIN} … {END}")
    return "\n".join([before + BEGIN, "", *table(), "", END]) + after
