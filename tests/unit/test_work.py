"""One decision over a batch: it reads through, writes to itself, and is kept or dropped as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from shared.messaging.cloudevents import event_id
from shared.messaging.save_statement import Clause
from shared.messaging.unit_of_work import Batch, LoadedDocument, Work
from shared.sandbox.registry import Sandbox
from shared.storage.documents import DocumentStore

NOW = datetime(2026, 6, 9, 1, tzinfo=UTC)
TOPICS = dict.fromkeys(("box.painted.v1", "box.sold.v1", "box.made.v1"), "boxes.v1")
HERE = Sandbox("s1", "seed", 0, NOW)


@dataclass(frozen=True)
class Box:
    code: str
    color: str = "grey"


def a_batch(*boxes: Box, said: int = 0, last_at: datetime | None = None) -> Batch[Box]:
    return Batch(
        "maker", TOPICS, documents={(HERE.id, box.code): LoadedDocument(box, 5, said, last_at) for box in boxes}
    )


def test_a_dropped_decision_leaves_the_batch_untouched() -> None:
    batch = a_batch(Box("A"))
    work = Work(batch, HERE)
    work.save("A", Box("A", "red"))
    work.save("B", Box("B"), lane=1)
    work.publish("box.painted.v1", "A", {})
    work.timer("A", "dry", NOW)
    work.call("ring", "1", {})
    assert batch == a_batch(Box("A"))


def test_a_merged_decision_is_seen_by_the_next() -> None:
    batch = a_batch(Box("A"))
    first = Work(batch, HERE)
    first.save("A", Box("A", "red"))
    first.publish("box.painted.v1", "A", {"color": "red"})
    first.merge()
    second = Work(batch, HERE)
    assert second.find("A") == Box("A", "red")
    second.save("A", replace(second.load("A", LookupError), color="blue"))
    second.publish("box.painted.v1", "A", {"color": "blue"})
    second.merge()
    assert batch.documents[HERE.id, "A"].document.color == "blue"
    assert [(told.version, json.loads(told.body)["color"]) for told in batch.events] == [(1, "red"), (2, "blue")]
    assert batch.changed == {(HERE.id, "A")}


def test_events_are_numbered_on_from_what_was_said_before() -> None:
    batch = a_batch(Box("A"), said=7)
    work = Work(batch, HERE)
    work.publish("box.painted.v1", "A", {})
    work.publish("box.sold.v1", "A", {})
    work.merge()
    assert [(told.version, told.lane, told.id) for told in batch.events] == [
        (8, 5, event_id("seed", "maker", "A", 8)),
        (9, 5, event_id("seed", "maker", "A", 9)),
    ]
    assert batch.documents[HERE.id, "A"].version == 9


@pytest.mark.parametrize(
    ("cause", "last", "at"),
    [
        (None, None, NOW),
        (NOW + timedelta(hours=1), None, NOW + timedelta(hours=1)),
        (NOW - timedelta(hours=1), None, NOW),
        (None, NOW + timedelta(hours=2), NOW + timedelta(hours=2)),
        (NOW + timedelta(hours=1), NOW + timedelta(hours=2), NOW + timedelta(hours=2)),
    ],
)
def test_an_event_is_never_earlier_than_now_its_cause_or_the_last_one(
    cause: datetime | None, last: datetime | None, at: datetime
) -> None:
    batch = a_batch(Box("A"), last_at=last)
    work = Work(batch, HERE, cause)
    assert work.at("A") == at
    work.publish("box.painted.v1", "A", {})
    work.merge()
    assert batch.events[0].at == batch.documents[HERE.id, "A"].last_at == at


def test_no_event_is_published_about_a_document_that_is_not_loaded() -> None:
    with pytest.raises(LookupError, match="A is not loaded"):
        Work(a_batch(), HERE).publish("box.painted.v1", "A", {})


def test_something_new_needs_a_lane_once() -> None:
    batch = a_batch()
    work = Work(batch, HERE)
    with pytest.raises(ValueError, match="A is new"):
        work.save("A", Box("A"))
    work.save("A", Box("A"), lane=3)
    work.save("A", Box("A", "red"))
    work.publish("box.made.v1", "A", {})
    work.merge()
    assert (batch.events[0].lane, batch.documents[HERE.id, "A"].document.color) == (3, "red")


def test_what_is_missing_is_raised_as_the_caller_says() -> None:
    with pytest.raises(KeyError, match="B"):
        Work(a_batch(Box("A")), HERE).load("B", KeyError)


def test_the_last_word_on_a_timer_counts() -> None:
    batch = a_batch(Box("A"))
    work = Work(batch, HERE)
    work.timer("A", "dry", NOW)
    work.drop_timer("A", "dry")
    work.drop_timer("A", "sell")
    work.timer("A", "sell", NOW + timedelta(days=1))
    work.merge()
    assert batch.timers == {(HERE.id, "A", "dry"): None, (HERE.id, "A", "sell"): (NOW + timedelta(days=1), 5, False)}


def test_sandboxes_of_one_batch_do_not_mix() -> None:
    there = Sandbox("s2", "seed", 0, NOW)
    batch = a_batch(Box("A"))
    assert Work(batch, there).find("A") is None
    work = Work(batch, there)
    work.save("A", Box("A", "red"), lane=1)
    work.merge()
    assert batch.documents[HERE.id, "A"].document.color == "grey"


def test_a_draw_depends_on_seed_and_key_alone() -> None:
    draws = [HERE.draw("A", "reception"), HERE.draw("A", "days"), HERE.draw("B", "reception")]
    twin = Sandbox("other", "seed", 1, NOW + timedelta(days=3))
    assert [twin.draw("A", "reception"), twin.draw("A", "days"), twin.draw("B", "reception")] == draws
    assert len({*draws, Sandbox("s1", "seed2", 0, NOW).draw("A", "reception")}) == 4
    assert all(0 <= Sandbox("s1", str(seed), 0, NOW).draw() < 1 for seed in range(500))


class Statements:
    """A connection that only notes what is executed."""

    def __init__(self) -> None:
        self.executed: list[str] = []

    async def execute(self, sql: str, *values: object) -> None:
        self.executed.append(sql)


async def test_rows_of_a_service_are_written_in_the_statement_that_saves_everything() -> None:
    colours = Clause("colours", "INSERT INTO colours (code) SELECT code FROM {rows}", "code text")
    boxes: DocumentStore[Any] = DocumentStore("boxes", dict, born="at")
    for rows in ([], [("A",), ("B",)]):
        batch, connection, called = a_batch(), Statements(), list[str]()
        work = Work(batch, HERE)
        work.timer("A", "dry", NOW)
        for row in rows:
            work.insert(colours, row)
            work.when_committed(partial(called.append, "rung"))
        work.merge()
        await batch.save(connection, boxes)  # type: ignore[arg-type]
        (sql,) = connection.executed
        assert ("INTO colours" in sql) == bool(rows) and called == []
        batch.report()
        assert len(called) == len(rows)
