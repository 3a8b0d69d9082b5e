"""The report of a quarter: a page with its pictures, one JSON object, and a few lines for the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from rich.console import Console
from rich.table import Table

from tools.again import again as command
from tools.curves import along, curve, svg
from tools.quarter.run import Result

TEMPLATE = Path(__file__).parent / "page.html"
SPAN = 5  # samples over which the load is averaged
SHOWN = 5  # violations printed per promise
SECONDS_A_DAY = 86_400


def sentence(result: Result) -> str:
    state = result.journal.state
    if result.is_proven:
        return f"{state.planned:,} dossiers, 0 lost, in {state.seconds / 60:.1f} minutes."
    broken = sum(len(finding.violations) for finding in result.findings)
    return f"NOT proven: {broken} violations, {state.planned:,} dossiers, {state.seconds / 60:.1f} minutes."


def again(result: Result) -> str:
    state = result.journal.state
    words = ["--dossiers", str(state.dossiers), "--weeks", str(state.weeks), "--seed", state.seed]
    return command("quarter", words)


def costs(result: Result) -> dict[str, float]:
    """Milliseconds of processor time per dossier, by process; the sum last."""
    state = result.journal.state
    each = {name: seconds / state.planned * 1000 for name, seconds in sorted(state.processor.items())}
    return {**each, "all together": sum(each.values())}


def as_json(result: Result) -> dict[str, Any]:
    state = result.journal.state
    return {
        "good": result.is_proven,
        "sentence": sentence(result),
        "again": again(result),
        **asdict(state),
        "facts": result.facts,
        "milliseconds_per_dossier": costs(result),
        "promises": [vars(finding) for finding in result.findings],
        "machine": result.machine,
    }


def write(result: Result, file: Path) -> None:
    """Raises OSError."""
    state = result.journal.state
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        state=state,
        good=result.is_proven,
        sentence=sentence(result),
        minutes=f"{state.seconds / 60:.1f}",
        again=again(result),
        days=Markup(by_day(result)),
        seconds=Markup(by_second(result)),
        findings=result.findings,
        facts=result.facts,
        costs=costs(result),
        machine=result.machine,
    )
    file.write_text(text, encoding="utf-8")


def by_day(result: Result) -> str:
    """Handed in, open at the provinces, and the slowest hundredth of submissions, by day of the sandbox."""
    slots = result.journal.state.slots
    begin, end = datetime.fromisoformat(slots[0].at), datetime.fromisoformat(slots[-1].at)
    x = along(0.0, _days(begin, end))
    handed_in: Counter[float] = Counter()
    for slot in slots:
        handed_in[_days(begin, datetime.fromisoformat(slot.at)) // 1] += slot.dossiers
    at = [(_days(begin, datetime.fromisoformat(slot.at)), slot) for slot in slots]
    curves = [
        curve("dossiers handed in, by day", sorted(handed_in.items()), x),
        curve("backlog: dossiers that have not ended at the provinces", [(day, slot.open) for day, slot in at], x),
        curve("a submission, 99 % within, ms", [(day, slot.p99) for day, slot in at if slot.p99], x),
    ]
    mondays = {int(day): slot.at[5:10] for day, slot in at if datetime.fromisoformat(slot.at).weekday() == 0}
    return svg("Load and backlog by day", curves, [(x(day), f"Mon {text}") for day, text in mondays.items()])


def by_second(result: Result) -> str:
    """Load and lag, by second of the run."""
    samples = result.journal.state.samples
    end = max([each.at for each in samples] + [1.0])
    x = along(0.0, end)
    load = [
        (now.at, max(0.0, (now.submitted - before.submitted) / max(now.at - before.at, 0.001)))
        for before, now in zip(samples, samples[SPAN:], strict=False)
    ]
    curves = [
        curve("load: dossiers acknowledged per second", load, x),
        curve("lag: events that are not applied yet", [(each.at, each.unread) for each in samples], x),
    ]
    step = next(each for each in (1, 5, 10, 30, 60, 300, 600, 1800, 7200) if end / each <= 12 or each == 7200)
    return svg("Load and lag by second", curves, [(x(at), f"{at} s") for at in range(0, int(end) + 1, step)])


def _days(begin: datetime, at: datetime) -> float:
    midnight = begin.replace(hour=0, minute=0)
    return (at - midnight).total_seconds() / SECONDS_A_DAY


def show(result: Result, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("promise", "checked", "violations"):
        table.add_column(heading, justify="left" if heading == "promise" else "right")
    for finding in result.findings:
        broken = len(finding.violations)
        table.add_row(finding.promise, f"{finding.checked:,}", f"[red]{broken}[/red]" if broken else "0")
    console.print(table)
    for line in (line for finding in result.findings for line in finding.violations[:SHOWN]):
        console.print(f"  ✗ {line}", style="red", markup=False, highlight=False, soft_wrap=True)
    console.print("; ".join(f"{value:,} {name}" for name, value in result.facts.items()) + ".", highlight=False)
    milliseconds = ", ".join(f"{name} {value:.2f}" for name, value in costs(result).items())
    console.print(f"Milliseconds of processor time per dossier: {milliseconds}.", highlight=False)
    style = "bold green" if result.is_proven else "bold red"
    console.print(sentence(result), style=style, highlight=False)
