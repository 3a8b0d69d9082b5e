"""The bench at its smallest: every row is there, and says something. No figure is compared with an aim here."""

from pathlib import Path

import pytest

from tools.bench import page, run
from tools.bench.rows import Aim, Row

ROWS = (
    "start-up to ready, first start",
    "start-up to ready, later starts",
    "memory of our idle processes (proportional set size)",
    "… and of PostgreSQL and Kafka",
    "submit, 16 clients, one portal process",
    "… compared with single-row commits",
    "… 50 % within",
    "… 99 % within",
    "… processor time in the portal",
    "… processor time in PostgreSQL",
    "submit, with both workers running",
    "… 99 % within",
    "relay, portal → Kafka",
    "relay, gateway → Kafka",
    "apply, one gateway worker, dossier.submitted",
    "apply, one portal worker, the provinces' events",
    "event log → Kafka → applied, both workers",
    "commit → applied, events at half of the maximum rate: 50 % within",
    "… 99 % within",
    "commit → applied, 100 submissions/s: 50 % within",
    "… 99 % within",
    "Kafka door out, lane → one inbox",
    "Kafka door in, one outbox → verdicts",
    "webhooks, lane → one receiver",
    "commit → connector, over Kafka: 50 % within",
    "… 99 % within",
    "commit → connector, by webhook: 50 % within",
    "… 99 % within",
    "gate, one process, messages of a straight journey",
    "a call between services, 16 at once: processor time of the caller",
    "whole journeys, everything on this machine",
    "… processor time, all processes and the load",
    "30 days of a dossier: supplement, apology, overdue, returned",
    "… of 8 dossiers in one sandbox",
    "sandbox, created and usable in all four services: 50 % within",
    "… 99 % within",
    "journeys in one sandbox, 10 other sandboxes",
    "pages of citizens, the slowest of 8: 50 % within",
    "pages of officers, the slowest of 5: 50 % within",
    "views of the console, the slowest of 9: 50 % within",
    "console, from the commit until a view shows it: 50 % within",
    "… 99 % within",
    "… looks that came later than after 2 s",
    "… pictures of the browser later than 50 ms",
)


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return run.measure(run.SMALLEST, lambda what: None)


def test_every_figure_is_taken(rows: list[Row]) -> None:
    assert tuple(row.what for row in rows) == ROWS
    counts = [row for row in rows if row.unit.startswith("of ")]
    assert all(0 <= row.value <= int(row.unit.removeprefix("of ")) for row in counts)
    taken = [row for row in rows if row not in counts]
    assert [row.what for row in taken if row.value <= 0 or (row.ceiling is not None and row.ceiling <= 0)] == []


def test_the_page_keeps_what_people_wrote(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    page.write(file, rows, {"machine": "invented"})
    file.write_text(file.read_text() + "\nWhat we tried.\n")
    page.write(file, rows[:1], {"machine": "another"})
    text = file.read_text()
    assert "What we tried." in text
    assert "another" in text and "invented" not in text
    assert rows[0].what in text and rows[-1].what not in text


def test_an_aim_says_by_how_much_it_is_missed() -> None:
    assert Row("submit", 900, "requests/s", Aim(least=1000)).verdict == "missed by 10%"
    assert Row("start", 2.9, "s", Aim(most=3)).verdict == "yes"
    assert Row("relay", 30, "events/s", Aim(share=0.5), 50, "raw").verdict == "yes"
    assert Row("relay", 20, "events/s", Aim(share=0.5), 50, "raw").verdict == "missed by 20%"
    assert Row("memory", 50, "MB", Aim(times=4), 10, "empty").verdict == "missed by 25%"
