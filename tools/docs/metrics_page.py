"""The table of metrics on docs/observability.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.metrics import MetricWrapperBase

from shared.observability import metrics
from tools.docs.printed import table


def listed() -> list[MetricWrapperBase]:
    """Every metric, in the order of the list."""
    return [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]


def parts() -> dict[str, Iterable[str]]:
    headings = ("metric", "kind", "labels", "what it says")
    return {"shared/observability/metrics.py": table(headings, _rows())}


def _rows() -> Iterator[tuple[str, ...]]:
    for metric in listed():
        (family, *_) = metric.describe()
        name = family.name + ("_total" if family.type == "counter" else "")
        yield f"`{name}`", family.type, ", ".join(metric._labelnames), family.documentation
