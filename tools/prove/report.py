"""The report of a run: two tables as text, or one JSON object."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.again import again as command
from tools.prove.faults import every
from tools.prove.plants import PLANTS
from tools.prove.run import Report

SHOWN = 5  # violations printed per promise


def verdict(report: Report) -> tuple[bool, str]:
    """Whether the run has the expected result, and a sentence; the expected result of a planted bug is to be caught."""
    order = report.order
    if order.plant == "none":
        if report.proven:
            return True, f"Proven with seed {report.seed}: nothing lost, nothing applied twice, nothing out of order."
        traceless = ", ".join(sorted({each.name for each in report.traceless}))
        reasons = [_count(report.violations)] if report.violations else []
        reasons += [f"no trace or no convergence: {traceless}"] if traceless else []
        empty = [finding.promise for finding in report.findings if not finding.checked]
        reasons += [f"nothing to check for: {', '.join(empty)}"] if empty else []
        return False, f"NOT proven with seed {report.seed}: {'; '.join(reasons)}."
    what = PLANTS[order.plant].what
    if report.violations:
        return True, f"Caught: {what} ({_count(report.violations)})."
    return False, f"NOT caught: {what}. The proof does not detect it."


def _count(violations: Sequence[str]) -> str:
    return f"{len(violations)} violation{'' if len(violations) == 1 else 's'}"


def again(report: Report) -> str:
    """The command that runs it again: the same load, and the same faults in the same order."""
    order = report.order
    whole, _ = every(random.Random(f"{order.seed}/pairs"))
    usual = PLANTS[order.plant].faults if order.plant != "none" else whole
    words = ["--seed", report.seed, "--minutes", f"{order.minutes:g}", "--away", f"{order.away:g}"]
    words += ["--faults", ",".join(order.faults)] if tuple(order.faults) != usual else []
    words += ["--plant", order.plant] if order.plant != "none" else []
    words += ["--pushed", str(order.pushed)] if order.has_connectors else []
    return command("prove", words)


def as_json(report: Report) -> dict[str, Any]:
    good, sentence = verdict(report)
    order = report.order
    return {
        "good": good,
        "sentence": sentence,
        "seed": report.seed,
        "again": again(report),
        "plant": order.plant,
        "minutes": order.minutes,
        "seconds": round(report.seconds, 1),
        "left_out": dict(order.left_out),
        "samples": [vars(each) for each in report.samples],
        "faults": [vars(each) for each in report.injected],
        "promises": [vars(each) for each in report.findings],
        "lost_with_the_database": report.lost,
        "facts": report.facts,
        "counters": report.counters,
    }


def show_briefly(report: Report, console: Console) -> None:
    """One line, and the first violation."""
    good, sentence = verdict(report)
    seconds = f"{report.seconds:.0f} s, seed {report.seed}"
    console.print(f"{report.order.plant}: {sentence} ({seconds})", style="green" if good else "red", highlight=False)
    for line in report.violations[:1]:
        console.print(f"  ✗ {line}", style="dim", markup=False, highlight=False, soft_wrap=True)


def show(report: Report, console: Console) -> None:
    _faults(report, console)
    _promises(report, console)
    for finding in report.findings:
        for line in finding.violations[:SHOWN]:
            console.print(f"  ✗ {line}", style="red", markup=False, highlight=False, soft_wrap=True)
        if len(finding.violations) > SHOWN:
            console.print(f"    … and {len(finding.violations) - SHOWN} more", highlight=False)
    if report.lost:
        console.print(
            f"Lost with the deleted database, as expected: {len(report.lost)} dossiers, "
            f"such as {', '.join(report.lost[:3])} (--json lists them).",
            highlight=False,
        )
    facts = ", ".join(f"{value:,.0f} {name}" for name, value in report.facts.items())
    console.print(f"{facts}; {report.seconds:.0f} s in total.", highlight=False)
    good, sentence = verdict(report)
    console.print(sentence, style="bold green" if good else "bold red", highlight=False)
    console.print(f"Again: {again(report)}", style="dim", markup=False, highlight=False, soft_wrap=True)


def _faults(report: Report, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("fault", "times", "converged after", "last trace"):
        table.add_column(heading, overflow="fold")
    for name in dict.fromkeys(each.name for each in report.injected):
        runs = [each for each in report.injected if each.name == name]
        seconds = [each.converged_seconds for each in runs if each.converged_seconds is not None]
        took = f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "never"
        trouble = next((each.trouble for each in runs if each.trouble), "")
        traceless = sum(not each.trace for each in runs)
        trace = trouble or (f"NO TRACE, {traceless} times" if traceless else runs[-1].trace)
        table.add_row(name, str(len(runs)), took, trace)
    console.print(table)


def _promises(report: Report, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("promise", "checked", "violations"):
        table.add_column(heading, justify="left" if heading == "promise" else "right")
    for finding in report.findings:
        broken = len(finding.violations)
        table.add_row(finding.promise, f"{finding.checked:,}", f"[red]{broken}[/red]" if broken else "0")
    console.print(table)
