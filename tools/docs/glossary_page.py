"""The tables of docs/glossary.md: the domain's words, then our own."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.catalogue.rows import rows
from tools.docs.printed import table

HEADINGS = ("Vietnamese", "English", "identifier", "meaning")


def parts() -> dict[str, Iterable[str]]:
    return {f"contracts/data/{name}": _words(name) for name in ("glossary.csv", "our_terms.csv")}


def _words(name: str) -> list[str]:
    cells = ((row["term_vi"], row["term_en"], f"`{row['slug']}`", row["definition"]) for row in rows(name))
    return table(HEADINGS, cells)
