"""The table side by side, and the part of docs/performance.md that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bench import machine, page
from tools.bench.rows import figure
from tools.peers.run import Result

BEGIN, END = "<!-- measured by make bench-peers -->", "<!-- end of what make bench-peers measured -->"
ROWS = {
    "start_s": ("start-up until the first good answer", "s"),
    "memory_mb": ("memory after the start (proportional set size)", "MB"),
    "memory_after_mb": ("… after the load", "MB"),
    "logins_per_s": ("sign-ins: authorization code with PKCE, and its tokens", "/s"),
    "logins_ms": ("… processor time of one, without the client's", "ms"),
    "verifier_checked": ("… a wrong `code_verifier` is refused", ""),
    "code_once": ("… a code that is sent again is refused", ""),
    "creates_per_s": ("creates", "/s"),
    "creates_what": ("… of what", ""),
    "creates_ms": ("… processor time of one", "ms"),
    "creates_readable": ("… it can be read back", ""),
    "creates_once": ("… the same request again makes no second one", ""),
    "creates_kept": ("… it is there after a restart", ""),
    "dossiers_per_s": ("dossiers, while workers send them on", "/s"),
    "dossiers_ms": ("… processor time of one", "ms"),
}
NOTHING = "–"


def cells(results: Sequence[Result]) -> list[list[str]]:
    """The rows of the table: the label, then a cell per program."""
    return [[label, *(_cell(result, key, unit) for result in results)] for key, (label, unit) in ROWS.items()]


def headings(results: Sequence[Result]) -> list[str]:
    return ["", *(f"{result.name} {result.version}" for result in results)]


def not_measured(results: Sequence[Result]) -> list[str]:
    """A sentence per program that has no figures, or not all."""
    return [f"{result.name} could not be measured: {result.reason}" for result in results if result.reason]


def markdown(results: Sequence[Result], facts: Mapping[str, str], busy: float) -> str:
    lines = [headings(results), ["---"] * (len(results) + 1), *cells(results)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    missing = "".join(f"\n- {sentence}" for sentence in not_measured(results))
    warning = machine.warning(busy)
    warned = f"\n{warning}\n" if warning else ""
    return f"{warned}\n{table}\n\n{page.facts(facts)}{missing}\n"


def write(file: Path, results: Sequence[Result], facts: Mapping[str, str], busy: float) -> None:
    page.replace_measured(file, markdown(results, facts, busy), BEGIN, END)


def _cell(result: Result, key: str, unit: str) -> str:
    value = result.figures.get(key)
    if value is None or isinstance(value, str):
        return value or NOTHING
    return ("yes" if value else "no") if isinstance(value, bool) else f"{figure(value)} {unit}"
