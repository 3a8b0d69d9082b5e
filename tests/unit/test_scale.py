"""The page of the curves: its tables follow from what was measured, and what people wrote stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from lienthong.embedded import Trouble
from tools.scale import page
from tools.scale.__main__ import _numbers
from tools.scale.cost import Cost
from tools.scale.run import Curves


def a_cost(milliseconds: float, **numbers: int) -> Cost:
    numbers = {"stored": 0, "sandboxes": 1, "processes": 1, **numbers}
    by_process = {"portal-api": milliseconds, "PostgreSQL, portal": 1.0, "the load itself": 50.0}
    return Cost(by_process=by_process, idle={"kafka": 20.0}, seconds=10.0, dossiers=500, **numbers)


CURVES = Curves(
    stored=[a_cost(3.0, stored=10_000), a_cost(5.0, stored=100_000)],
    sandboxes=[a_cost(3.0, sandboxes=1), a_cost(3.0, sandboxes=3_000)],
    processes=[a_cost(3.0), a_cost(4.0, processes=2)],
    bytes_each={"portal": 2_000.0},
    events_each=5.0,
)


def cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_cost_is_compared_with_the_first_and_the_load_itself_is_not_ours() -> None:
    text = page.measured(CURVES, {"machine": "invented"}, "scale")
    assert cells(text, "10,000")[0] == "4.00" and cells(text, "10,000")[-1] == "1.00"
    assert cells(text, "100,000")[0] == "6.00" and cells(text, "100,000")[-1] == "1.50"
    assert cells(text, "3,000")[-1] == "1.00"
    assert cells(text, "2") == ["50.0", "5.00", "50.00"]


def test_the_plan_multiplies_what_a_dossier_costs_at_the_largest_size() -> None:
    text = page.plan(CURVES)
    peak = page.PEAK * page.YEARLY / (page.WORKING_DAYS * page.HOURS * 3600)
    assert cells(text, "cores at the peak: all of ours")[2] == f"{peak * 100 * 6 / 1000:,.0f}"
    assert cells(text, "GB a year: portal")[0] == "60"


def test_the_page_keeps_what_people_wrote_and_gets_its_pictures(tmp_path: Path) -> None:
    file = tmp_path / "scale.md"
    file.write_text(f"Before.\n{page.BEGIN}\nold\n{page.END}\nAfter.\n", encoding="utf-8")
    page.write(file, CURVES, {"machine": "invented"})
    text = file.read_text(encoding="utf-8")
    assert text.startswith("Before.") and text.endswith("After.\n") and "old" not in text and "invented" in text
    for name in ("stored", "sandboxes"):
        assert f"scale-{name}.svg" in text and (tmp_path / f"scale-{name}.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("option", ["", "many", "10,,20", "20,10", "10,10", "0", "-5"])
def test_sizes_are_ascending_numbers(option: str) -> None:
    assert _numbers("10, 20") == [10, 20]
    with pytest.raises(Trouble, match="ascending"):
        _numbers(option)
