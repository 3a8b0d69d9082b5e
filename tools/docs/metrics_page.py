"""The table of metrics, printed from the one list into its page: `python -m tools.docs.metrics_page docs/observability.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from shared.observability import metrics

BEGIN, END = "<!-- printed from shared/observability/metrics.py -->", "<!-- end of what was printed -->"


def listed() -> list[MetricWrapperBase]:
    """Every metric, in the order of the list."""
    return [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]


def table() -> Iterator[str]:
    """The lines of the table."""
    yield from ("| metric | kind | labels | what it says |", "|---|---|---|---|")
    for metric in listed():
        (family, *_) = metric.describe()
        name = family.name + ("_total" if family.type == "counter" else "")
        yield f"| `{name}` | {family.type} | {', '.join(metric._labelnames)} | {family.documentation} |"


def page(text: str) -> str:
    """The page with its table as the list is now. Raises ValueError if the page has no place for it."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {BEGIN} … {END}")
    return "\n".join([before + BEGIN, "", *table(), "", END]) + after


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(page(file.read_text(encoding="utf-8")), encoding="utf-8")
