"""The report of a run for people: one HTML file with a picture of load, faults, lag and recoveries, and the promises."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jinja2

from lienthong import __version__
from tools.curves import HEIGHT, LEFT, WIDTH, along, curve
from tools.prove.faults import Injected
from tools.prove.history import Sample
from tools.prove.report import again, verdict
from tools.prove.run import Report

TEMPLATE = Path(__file__).parent / "page.html"
SPAN_SECONDS = 3.0  # over which submissions per second are averaged


def write(report: Report, file: Path) -> None:
    """Raises OSError."""
    end = max([each.at for each in report.samples] + [_end_of(each) for each in report.injected] + [1.0])
    x = along(0.0, end)
    good, sentence = verdict(report)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    bands = [
        {
            "number": number,
            "name": each.name,
            "trace": each.trouble or each.trace or "no trace",
            "good": bool(each.trace) and not each.trouble,
            "at": each.at_seconds,
            "seconds": each.seconds,
            "converged": each.converged_seconds,
            "begin": x(each.at_seconds),
            "repaired": x(each.at_seconds + each.seconds),
            "end": x(_end_of(each)),
        }
        for number, each in enumerate(report.injected, 1)
    ]
    curves = [
        curve("submissions per second", [(each.at, _rate(report.samples, each)) for each in report.samples], x),
        curve("events that are not applied yet", [(each.at, each.unread) for each in report.samples], x),
        curve("requests that had to be repeated, so far", [(e.at, e.unacknowledged) for e in report.samples], x),
    ]
    step = next(each for each in (10, 30, 60, 300, 600, 1800, 7200) if end / each <= 12)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        good=good,
        sentence=sentence,
        again=again(report),
        made=f"lienthong {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        bands=bands,
        curves=curves,
        ticks=[(x(at), at) for at in range(0, int(end) + 1, step)],
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
    )
    file.write_text(text, encoding="utf-8")


def _end_of(injected: Injected) -> float:
    return injected.at_seconds + injected.seconds + (injected.converged_seconds or 0.0)


def _rate(samples: list[Sample], now: Sample) -> float:
    earlier = next((each for each in samples if now.at - each.at <= SPAN_SECONDS), now)
    return max(0.0, (now.submitted - earlier.submitted) / (now.at - earlier.at)) if now.at > earlier.at else 0.0
