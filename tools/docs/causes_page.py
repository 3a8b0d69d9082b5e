"""The table of causes on docs/waiting.md."""

from __future__ import annotations

from collections.abc import Iterable

from services.portal.explain import KINDS
from services.portal.explain.timing import nothing_due
from tools.docs.printed import table


def parts() -> dict[str, Iterable[str]]:
    """In the order in which causes are named."""
    rows = [(f"`{kind.name}`", kind.when, kind.words.en) for kind in (*KINDS, nothing_due)]
    return {"services/portal/explain": table(("cause", "named when", "what it says"), rows)}
