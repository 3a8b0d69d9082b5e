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
    """Write a run's figures into `page`, which is created if it is missing (its folder is not)."""
    replace_measured(page, measured(rows, machine), BEGIN, END, HEAD)


def replace_measured(page: Path, figures: str, begin: str, end: str, head: str = "") -> None:
    """Replace what stands between the marks `begin` and `end`; a page without them, or no page, gets both."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"{head}\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{figures}\n{end}{after}", encoding="utf-8")


def measured(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    return f"\n{markdown(rows)}\n\n{facts(machine)}\n"


def facts(machine: Mapping[str, str]) -> str:
    """The machine as a list, and the day."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return "\n".join(f"- {name}: {value}" for name, value in {**machine, "measured on": day}.items())
