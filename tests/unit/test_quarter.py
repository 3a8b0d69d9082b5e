"""The plan of a quarter, its journal, and its pictures."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from contracts.catalogue import CALENDAR, PROCEDURES, PROVINCES, communes_of
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from tools.bench.load import Connection
from tools.curves import along, curve, svg
from tools.prove.catalogue import Catalogue
from tools.prove.evidence import Finding
from tools.quarter import __main__ as command
from tools.quarter import report, run, wire
from tools.quarter.__main__ import WHOLE, quarter
from tools.quarter.journal import ENTRIES, PAYMENT, STACK, STATE, Journal, SlotRow
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


def test_a_seed_with_a_space_is_quoted_in_the_commands_that_go_on_and_run_again(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a b", 10, 13, 20_000)
    journal.close()
    assert report.again(run.Result(journal)) == "make quarter ARGS=\"--dossiers 10 --weeks 13 --seed 'a b'\""
    with pytest.raises(Trouble, match="--seed 'a b', or"):
        Journal.open(tmp_path, "1", 10, 13, 20_000)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "start", lambda *_: pytest.fail("The run has started."))
    monkeypatch.setattr("tools.bench.machine.busy", lambda: 0.0)


@pytest.mark.usefixtures("starts_nothing")
def test_a_folder_with_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text("precious")
    with pytest.raises(Trouble, match="mine is not empty and has no run of a quarter"):
        quarter(dossiers=1, data=place, html=tmp_path / "q.html")
    assert names(place) == ["thesis.txt"]


@pytest.mark.parametrize("further", [[], ["thesis.txt"]])
def test_a_proven_run_deletes_what_it_made_and_nothing_else(
    further: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_of(data: Path, seed: str, dossiers: int, weeks: int, _: object) -> run.Result:
        journal = Journal.open(data, seed, dossiers, weeks, 20_000)
        journal.write("code", 0, "H42.1")
        journal.close()
        (data / STACK / "postgres").mkdir(parents=True)
        for name in further:
            (data / name).write_text("precious")
        return run.Result(journal, [Finding("all is well", 1, [])])

    monkeypatch.setattr(command, "_run", run_of)
    for name in ("show", "write"):
        monkeypatch.setattr(f"tools.quarter.report.{name}", lambda *_: None)
    quarter(dossiers=1, data=tmp_path / "run", html=tmp_path / "q.html")
    assert (names(tmp_path / "run") if further else names(tmp_path)) == further


@pytest.mark.usefixtures("starts_nothing")
def test_a_run_that_is_nearly_over_needs_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(tmp_path / "run", "1", 100_000, 13, 20_000)
    for number in range(99_990):
        journal.write("code", number, f"c{number}")
    journal.close()

    def interrupt(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4_000_000_000))
    monkeypatch.setattr(command, "_run", interrupt)
    with pytest.raises(InterruptedError):
        quarter(dossiers=100_000, data=tmp_path / "run", html=tmp_path / "q.html")
    with pytest.raises(Trouble, match="needs 6,400 MB"):
        quarter(dossiers=100_000, data=tmp_path / "another", html=tmp_path / "q.html")
    assert not (tmp_path / "another").exists()


@pytest.mark.usefixtures("starts_nothing")
@pytest.mark.parametrize(
    "text", ['{"a":1}', "", "[1]", '{"seed": "1", "dossiers": 10', '{"slots": [1], "samples": []}']
)
def test_a_state_that_is_not_ours_or_damaged_is_said_in_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / STATE).write_text(text)
    (tmp_path / ENTRIES).write_text("not ours")
    with pytest.raises(Trouble, match=r"state\.json is not the state of a quarter, or is damaged"):
        quarter(dossiers=10, data=tmp_path, html=tmp_path / "q.html")
    assert (tmp_path / STATE).read_text() == text and (tmp_path / ENTRIES).read_text() == "not ours"


def test_damaged_entries_are_said_in_one_sentence(tmp_path: Path) -> None:
    Journal.open(tmp_path, "1", 10, 13, 20_000).close()
    (tmp_path / ENTRIES).write_bytes(b"\0\0\n")
    with pytest.raises(Trouble, match=f"{ENTRIES} is damaged"):
        Journal.open(tmp_path, "1", 10, 13, 20_000)


def test_the_state_is_on_disk_after_the_entries_and_its_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(tmp_path, "1", 10, 13, 20_000)
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(os.readlink(f"/proc/self/fd/{number}")).name))
    journal.save()
    journal.close()
    assert synced == [ENTRIES, f"{STATE}.new", tmp_path.name] and names(tmp_path) == [ENTRIES, STATE]


async def test_entries_that_wait_for_the_disk_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(tmp_path, "1", 10, 13, 20_000)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(len((tmp_path / ENTRIES).read_bytes().splitlines())))

    async def note(number: int) -> None:
        journal.write("code", number, "H42")
        await journal.sync()
        assert synced[-1] > number

    await asyncio.gather(*map(note, range(10)))
    journal.close()
    assert len(synced) <= 2


def test_a_run_is_saved_although_its_stack_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(tmp_path, "1", 10, 13, 20_000)
    monkeypatch.setattr(run, "_processor", lambda _: {})
    failed = run.Quarter(cast(Any, None), journal, print)
    journal.state.planned = 10

    def dead(_: object) -> dict[str, float]:
        raise ConnectionError("No stack is running.")

    monkeypatch.setattr(run, "_processor", dead)
    failed._save_at_end()
    journal.close()
    assert Journal.open(tmp_path, "1", 10, 13, 20_000).state.planned == 10


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"503 Busy\r\nContent-Length: 2\r\n\r\n{}", "Nothing acknowledged GET /api within 0.5 s"),
        (
            b'409 No\r\nContent-Length: 36\r\n\r\n{"type":"late","detail":"Too late."}',
            "GET /api was refused: 409 late: Too late.",
        ),
    ],
)
async def test_what_is_not_acknowledged_or_refused_is_one_sentence(
    reply: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        writer.write(b"HTTP/1.1 " + reply)
        writer.close()

    monkeypatch.setattr(wire, "PATIENCE", 0.5)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        asked = wire.Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 1)
        with pytest.raises(Trouble, match=said):
            await asked.send("GET", "/api")
        asked.close()


async def test_a_reply_to_a_request_that_was_cancelled_is_dropped() -> None:
    connection, written = Connection(), asyncio.Event()
    connection.connection_made(cast(Any, SimpleNamespace(write=lambda _: written.set())))
    sending = asyncio.create_task(connection.send(b""))
    await written.wait()
    sending.cancel()
    await asyncio.wait([sending])
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_a_picture_is_svg_with_every_curve_and_gaps_where_nothing_is_known() -> None:
    x = along(0.0, 4.0)
    curves = [curve("load & lag", [(0, 1), (1, 2), (2, None), (3, 4), (4, 3)], x), curve("nothing", [], x)]
    picture = ElementTree.fromstring(svg("two <curves>", curves, [(x(2), "2 s")], with_points=True))
    lines = picture.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert [len(line.get("points", "").split()) for line in lines] == [2, 2]
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}circle")) == 4
    assert picture.get("aria-label") == "two <curves>"
