"""The page of figures: the part between two marks is replaced by the new figures; the text around it stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tools.bench.rows import Row, markdown

BEGIN, END = "<!-- measured by make bench -->", "<!-- end of what was measured -->"
HEAD = """# How fast it is

Made by `make bench`. Every figure has a ceiling: what this machine reaches without our code, measured in the
same run. Compare ratios, not figures, between machines and days.
"""


def write(page: Path, rows: Sequence[Row], machine: Mapping[str, str]) -> None:
    """Write a run's figures into `page`, which is created if it is missing."""
    if not page.exists():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"{HEAD}\n{BEGIN}\n{END}\n")
    replace(page, BEGIN, END, measured(rows, machine))


def replace(page: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between two marks of `page`."""
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def measured(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    return f"\n{markdown(rows)}\n\n{facts(machine)}\n"


def facts(machine: Mapping[str, str]) -> str:
    """The machine as a list, and the day."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return "\n".join(f"- {name}: {value}" for name, value in {**machine, "measured on": day}.items())
