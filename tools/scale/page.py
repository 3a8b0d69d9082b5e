"""The page of the curves: tables and pictures between two marks; the text around them stays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.bench.page import replace_measured
from tools.bench.rows import figure
from tools.curves import along, curve, svg
from tools.scale.cost import POSTGRES, Cost
from tools.scale.run import Curves

YEARLY = (
    30_000_000  # dossiers of the whole country, as this project plans for; fact sheet 10 estimates 17 to 18 million
)
WORKING_DAYS, HOURS = 249, 8  # of 2026 by the calendar; office hours
PEAK = 5  # times the mean: the fact sheet's proposal, unverified
BUSIEST = 0.12  # share of Hồ Chí Minh City: 1.65 of about 13.5 million, found over estimated
TIMES = (1, 10, 100, 1_000)
GROUPS = {  # column → processes
    "portal API": ("portal-api",),
    "gateway API": ("gateway-api",),
    "portal worker": ("portal-worker",),
    "gateway worker": ("gateway-worker",),
    "PostgreSQL, portal": (f"{POSTGRES}, portal",),
    "PostgreSQL, gateway": (f"{POSTGRES}, province_gateway",),
    "PostgreSQL, itself": (f"{POSTGRES}, itself",),
    "Kafka": ("kafka",),
}
PICTURED = ("portal API", "gateway API", "PostgreSQL, portal", "PostgreSQL, gateway")  # the others cost too little


def write(page: Path, curves: Curves, machine: Mapping[str, str]) -> None:
    """Write tables into `page` and pictures beside it. Raises OSError."""
    for name, costs, what in (
        ("stored", curves.stored, "stored dossiers"),
        ("sandboxes", curves.sandboxes, "sandboxes"),
    ):
        (page.parent / f"{page.stem}-{name}.svg").write_text(_picture(costs, name, what), encoding="utf-8")
    replace_measured(page, measured(curves, machine, page.stem), BEGIN, END)


BEGIN, END = "<!-- measured by make scale -->", "<!-- end of what was measured -->"


def _number(cost: Cost, name: str) -> int:
    return int(getattr(cost, name))


def _picture(costs: Sequence[Cost], name: str, what: str) -> str:
    places = [math.log10(max(_number(each, name), 1)) for each in costs]
    x = along(min(places), max(places))
    rows = [
        (f"milliseconds of processor time per dossier, by number of {what}: {group}", group)
        for group in ("all of ours", *PICTURED)
    ]
    curves = [
        curve(title, [(place, _of(cost, group)) for place, cost in zip(places, costs, strict=True)], x)
        for title, group in rows
    ]
    ticks = [(x(place), f"{_number(cost, name):,}") for place, cost in zip(places, costs, strict=True)]
    return svg(f"Cost of a dossier by number of {what}", curves, ticks, with_points=True)


def _of(cost: Cost, group: str) -> float:
    """Of one group of processes; of all of ours: without the load itself."""
    if group == "all of ours":
        return sum(value for name, value in cost.by_process.items() if name != "the load itself")
    return sum(cost.by_process.get(name, 0.0) for name in GROUPS[group])


def measured(curves: Curves, machine: Mapping[str, str], stem: str) -> str:
    groups = ("all of ours", *GROUPS)
    parts = ["### By number of stored dossiers", _table("stored", curves.stored, groups)]
    parts += [f"![Cost of a dossier by number of stored dossiers]({stem}-stored.svg)"]
    parts += ["### By number of sandboxes", _table("sandboxes", curves.sandboxes, groups)]
    parts += [f"![Cost of a dossier by number of sandboxes]({stem}-sandboxes.svg)"]
    parts += ["### One and two of portal API, portal worker and gateway worker", _processes(curves.processes)]
    parts += ["### When nothing happens", _at_rest(curves.sandboxes[0])]
    parts += ["### Beyond one machine", plan(curves)]
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    parts.append("\n".join(f"- {name}: {value}" for name, value in {**machine, "measured on": day}.items()))
    return "\n\n".join(parts)


def _table(name: str, costs: Sequence[Cost], groups: Sequence[str]) -> str:
    first = _of(costs[0], "all of ours")
    rows = [(name, *(f"{group}, ms" for group in groups), "compared with the first")]
    rows.append(("---",) * len(rows[0]))
    for cost in costs:
        values = [f"{_of(cost, group):.2f}" for group in groups]
        rows.append((f"{_number(cost, name):,}", *values, f"{_of(cost, 'all of ours') / first:.2f}"))
    return _lines(rows)


def _processes(costs: Sequence[Cost]) -> str:
    rows = [("processes of each", "dossiers/s", "all of ours, ms", "the load itself, ms"), ("---",) * 4]
    for cost in costs:
        own = cost.by_process.get("the load itself", 0.0)
        rate = cost.dossiers / cost.seconds
        rows.append((str(cost.processes), figure(rate), f"{_of(cost, 'all of ours'):.2f}", f"{own:.2f}"))
    return _lines(rows)


def _at_rest(cost: Cost) -> str:
    rows = [("group", "ms of processor time per second"), ("---",) * 2]
    for group, processes in GROUPS.items():
        rows.append((group, f"{sum(cost.idle.get(name, 0.0) for name in processes):.1f}"))
    return _lines(rows)


def plan(curves: Curves) -> str:
    """Cores at the peak and bytes per year, at multiples of the volume of the whole country."""
    cost = curves.stored[-1]
    mean = YEARLY / (WORKING_DAYS * HOURS * 3600)
    rows: list[tuple[str, ...]] = [("", *(f"{times:,} ×" for times in TIMES)), ("---",) * (len(TIMES) + 1)]

    def row(what: str, at_one: float, unit: str = "") -> None:
        rows.append((what, *(f"{_figure(at_one * times)}{unit}" for times in TIMES)))

    peak = mean * PEAK
    row("dossiers a year, million", YEARLY / 1e6)
    row("dossiers per second, mean of office hours", mean)
    row(f"… at the peak, {PEAK} times the mean", peak)
    row("events per second at the peak", peak * curves.events_each)
    row("… of them on the busiest lane", peak * curves.events_each * BUSIEST / 2)
    for group in GROUPS:
        row(f"cores at the peak: {group}", peak * _of(cost, group) / 1000)
    row("cores at the peak: all of ours", peak * _of(cost, "all of ours") / 1000)
    for name, each in curves.bytes_each.items():
        row(f"GB a year: {name}", YEARLY * each / 1e9)
    return _lines(rows)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def as_json(curves: Curves, machine: Mapping[str, str]) -> dict[str, Any]:
    return {**asdict(curves), "machine": dict(machine)}
