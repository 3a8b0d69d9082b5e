"""The plan of a quarter, its journal, and its pictures."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contracts.catalogue import CALENDAR, PROCEDURES, PROVINCES, communes_of
from lienthong.embedded import Trouble
from tools.curves import along, curve, svg
from tools.prove.catalogue import Catalogue
from tools.quarter.__main__ import WHOLE
from tools.quarter.journal import ENTRIES, PAYMENT, Journal, SlotRow
from tools.quarter.shape import Planned, Shape, Slot

CATALOGUE = Catalogue(
    {code: {"code": code, "level": each.level, "working_days": each.working_days} for code, each in PROCEDURES.items()},
    {province: [commune.code for commune in communes_of(province)] for province in PROVINCES},
)


@pytest.fixture(scope="module")
def slots() -> list[Slot]:
    return Shape.read().slots("unit", 20_000, CATALOGUE)


def all_of(slots: list[Slot]) -> list[Planned]:
    return [each for slot in slots for each in slot.dossiers]


def test_the_whole_quarter_is_what_the_command_says() -> None:
    assert Shape.read().volume == WHOLE


def test_every_dossier_is_planned_once_and_half_are_online(slots: list[Slot]) -> None:
    planned = all_of(slots)
    assert [each.number for each in planned] == list(range(20_000))
    assert sum(each.is_online for each in planned) == 10_000
    assert [slot.at for slot in slots] == sorted({slot.at for slot in slots})


def test_counters_are_closed_on_days_off(slots: list[Slot]) -> None:
    off = [slot for slot in slots if not CALENDAR.is_working_day(slot.at.date())]
    assert off and all(each.is_online for slot in off for each in slot.dossiers)


def test_a_monday_has_the_most_and_all_provinces(slots: list[Slot]) -> None:
    by_weekday = Counter[int]()
    days = Counter(day.weekday() for day in {slot.at.date() for slot in slots})
    provinces: dict[bool, set[str]] = {True: set(), False: set()}
    for slot in slots:
        by_weekday[slot.at.weekday()] += len(slot.dossiers)
        provinces[slot.at.weekday() == 0] |= {each.choice.province for each in slot.dossiers}
    means = {day: by_weekday[day] / days[day] for day in days}
    assert max(means, key=lambda day: means[day]) == 0
    assert provinces == {True: {*PROVINCES}, False: {"37"}}


def test_one_seed_gives_one_plan_whatever_came_before(slots: list[Slot]) -> None:
    assert Shape.read().slots("unit", 20_000, CATALOGUE) == slots
    assert Shape.read().slots("other", 20_000, CATALOGUE) != slots


def test_the_first_weeks_are_those_of_the_whole_quarter(slots: list[Slot]) -> None:
    two = Shape.read().slots("unit", 20_000, CATALOGUE, weeks=2)
    assert two == slots[: len(two)] and (two[-1].at - two[0].at).days == 13


def test_a_journal_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "1", 10, 13, 20_000)
    journal.write("code", 0, "H42.1")
    journal.write("intent", 0, PAYMENT, 1, "payments", {"amount_dong": 8000})
    journal.write("done", 0, "quarter-000000-payment-1", PAYMENT, "R1", True)
    journal.write("intent", 0, "dossier.rated.v1", 1, "rating", {})
    journal.state.slots.append(SlotRow("2026-07-01T09:00:00+07:00", 1.5, 1, 0, 1, 2.0, 3.0))
    journal.save()
    journal.close()
    with (tmp_path / ENTRIES).open("a") as file:
        file.write('["code", 1, "H4')  # the machine failed in the middle of a line
    again = Journal.open(tmp_path, "1", 10, 13, 30_000)
    assert again.codes == {0: "H42.1"} and again.payments == {0: ["R1"]}
    assert [*again.unfinished] == ["quarter-000000-dossier.rated.v1-1"]
    assert again.state == journal.state and again.state.port_base == 20_000
    again.write("code", 1, "H42.2")
    again.close()
    assert Journal.open(tmp_path, "1", 10, 13, 0).codes == {0: "H42.1", 1: "H42.2"}


def test_a_folder_with_another_run_is_not_touched(tmp_path: Path) -> None:
    Journal.open(tmp_path, "1", 10, 13, 20_000).close()
    for seed, dossiers in (("2", 10), ("1", 11)):
        with pytest.raises(Trouble, match="--dossiers 10 --weeks 13 --seed 1"):
            Journal.open(tmp_path, seed, dossiers, 13, 20_000)
    assert json.loads((tmp_path / "state.json").read_text())["dossiers"] == 10


def test_a_picture_is_svg_with_every_curve_and_gaps_where_nothing_is_known() -> None:
    x = along(0.0, 4.0)
    curves = [curve("load & lag", [(0, 1), (1, 2), (2, None), (3, 4), (4, 3)], x), curve("nothing", [], x)]
    picture = ElementTree.fromstring(svg("two <curves>", curves, [(x(2), "2 s")], with_points=True))
    lines = picture.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert [len(line.get("points", "").split()) for line in lines] == [2, 2]
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}circle")) == 4
    assert picture.get("aria-label") == "two <curves>"
