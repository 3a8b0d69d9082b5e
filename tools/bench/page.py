"""The page of figures: the measured part between two marks is written anew, what people wrote around it stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tools.bench.rows import Row, markdown

BEGIN, END = "<!-- measured by make bench -->", "<!-- end of what was measured -->"
HEAD = """# How fast it is

Made by `make bench`. Every figure stands beside its ceiling: what this machine gives for the bare thing, taken in the
same run. Compare ratios, not figures, between machines and days.
"""


def write(page: Path, rows: Sequence[Row], machine: Mapping[str, str]) -> None:
    """Put a run's figures into `page`; made if it is missing."""
    text = page.read_text() if page.exists() else f"{HEAD}\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{before}{BEGIN}\n{measured(rows, machine)}\n{END}{after}")


def measured(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    facts = "\n".join(f"- {name}: {value}" for name, value in {**machine, "measured on": day}.items())
    return f"\n{markdown(rows)}\n\n{facts}\n"
