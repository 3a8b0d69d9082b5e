"""Fault rules on a real database: how often they fire, how firings are counted and noted, and their end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared.messaging.runtime import MessagingRuntime
from shared.sandbox import faults, journal, registry
from shared.sandbox.faults import Firing, Rule
from tests.service.core.parcels import Owner, Parcel, Shelf, a_runtime, a_shelf, opened
from tests.support.databases import Databases


def a_rule(**change: Any) -> Rule:
    return Rule(
        **{"id": "r", "fault": "f", "edge": "e", "born": 1, "text_en": "It breaks", "text_vi": "Hỏng", **change}
    )


async def switched(shelf: Shelf, *rules: Rule) -> None:
    await shelf.sandbox.tell(faults=msgspec.to_builtins(rules))


async def firing_of(shelf: Shelf, edge: str = "e", subject: str = "A", **about: str) -> Firing | None:
    """Fire at an edge, in its own transaction; `about` can contain `occasion`."""
    async with shelf.runtime.database.transaction() as connection:
        sandbox = (await registry.lock(connection, [shelf.id]))[shelf.id]
        return await faults.fire(connection, sandbox, edge, subject, **about)


async def hits(shelf: Shelf, times: int = 8) -> list[int]:
    """At which of the next occurrences a rule fires, counted from 1."""
    return [n for n in range(1, times + 1) if await firing_of(shelf)]


async def counts(shelf: Shelf) -> dict[str, tuple[int, int]]:
    """Rule → how often it was evaluated, and how often it fired."""
    rows = await faults.counts(shelf.runtime.database, shelf.id)
    return {row["rule"]: (row["seen"], row["fired"]) for row in rows}


async def journal_lines(shelf: Shelf, subject: str = "A") -> list[dict[str, Any]]:
    return await journal.lines(shelf.runtime.database, "receiver", shelf.id, subject)


async def test_without_a_rule_nothing_is_counted_or_noted(shelf: Shelf) -> None:
    assert await firing_of(shelf) is None
    await switched(shelf, a_rule(edge="elsewhere"), a_rule(id="m", match={"province": "37"}))
    assert await firing_of(shelf, province="01") is None
    assert (await counts(shelf), await journal_lines(shelf)) == ({}, [])


@pytest.mark.parametrize(
    ("how_often", "hit"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"nth": 3}, [3, 6]),
        ({"times": 2}, [1, 2]),
        ({"probability": 1.0}, list(range(1, 9))),
    ],
)
async def test_a_rule_fires_as_often_as_it_says(shelf: Shelf, how_often: dict[str, Any], hit: list[int]) -> None:
    await switched(shelf, a_rule(**how_often))
    assert await hits(shelf) == hit
    assert await counts(shelf) == {"r@1": (8, len(hit))}
    assert len(await journal_lines(shelf)) == len(hit)


async def test_the_same_seed_gives_the_same_firings(runtime: MessagingRuntime[Parcel]) -> None:
    rule = a_rule(probability=0.5)
    one, same, other = [await a_shelf(runtime) for _ in range(3)]
    await other.sandbox.tell(seed="another")
    for shelf in (one, same, other):
        await switched(shelf, rule)
    first = await hits(one, 40)
    assert first == await hits(same, 40) and 8 < len(first) < 32
    assert first != await hits(other, 40)


async def test_the_same_occasion_gets_the_same_result(shelf: Shelf) -> None:
    await switched(shelf, a_rule(nth=2))
    firings = [await firing_of(shelf, occasion=key) for key in ("a", "b", "a", "b", "b")]
    assert [firing and firing.first_time for firing in firings] == [None, True, None, False, False]
    assert await counts(shelf) == {"r@1": (2, 1)} and len(await journal_lines(shelf)) == 1


async def test_many_at_once_are_counted_one_by_one(shelf: Shelf) -> None:
    await switched(shelf, a_rule(times=5))
    firings = await asyncio.gather(*(firing_of(shelf) for _ in range(12)))
    assert sum(firing is not None for firing in firings) == 5
    assert await counts(shelf) == {"r@1": (12, 5)}


async def test_a_rolled_back_firing_is_not_counted(shelf: Shelf) -> None:
    await switched(shelf, a_rule(times=1))
    with pytest.raises(ZeroDivisionError):
        async with shelf.runtime.database.transaction() as connection:
            sandbox = (await registry.lock(connection, [shelf.id]))[shelf.id]
            assert await faults.fire(connection, sandbox, "e", "A") is not None
            raise ZeroDivisionError
    assert (await counts(shelf), await journal_lines(shelf)) == ({}, [])
    assert await firing_of(shelf) is not None


async def test_a_firing_is_noted_with_its_effect(shelf: Shelf) -> None:
    await switched(shelf, a_rule(id="mine", settings={"by": "1d"}))
    await firing_of(shelf, subject="A")
    (line,) = await journal_lines(shelf)
    assert (line["kind"], line["text_en"]) == ("fault", "Fault 'mine': It breaks")
    assert line["text_vi"].endswith("“mine”: Hỏng")
    assert line["data"] == {"rule": "mine", "fault": "f", "with": {"by": "1d"}}
    assert await journal_lines(shelf, "B") == []


async def test_a_new_rule_of_the_same_name_has_its_own_counts(shelf: Shelf) -> None:
    await switched(shelf, a_rule(times=1))
    assert await hits(shelf, 2) == [1]
    await switched(shelf, a_rule(times=1, born=2))
    assert await hits(shelf, 2) == [1]
    assert await counts(shelf) == {"r@1": (2, 1), "r@2": (2, 1)}


async def test_each_rule_fires_for_its_own_matches(shelf: Shelf) -> None:
    one, other = a_rule(match={"province": "37"}), a_rule(id="other", match={"province": "01"}, nth=2)
    await switched(shelf, one, other)
    firings = [await firing_of(shelf, province=province) for province in ("01", "37", "01")]
    assert [firing and firing.rule.id for firing in firings] == [None, "r", "other"]


async def test_a_window_opens_and_closes_by_the_sandboxs_clock(shelf: Shelf) -> None:
    now = shelf.sandbox.now
    await switched(shelf, a_rule(since=now + timedelta(hours=1), until=now + timedelta(hours=2)))
    fired = []
    for _ in range(3):
        fired.append(await firing_of(shelf) is not None)
        await shelf.sandbox.advance(timedelta(hours=1))
    assert fired == [False, True, False]
    assert await counts(shelf) == {"r@1": (1, 1)}, "outside its period it is not evaluated"


async def test_a_rule_of_one_sandbox_fires_in_no_other(runtime: MessagingRuntime[Parcel]) -> None:
    one, other = await a_shelf(runtime), await a_shelf(runtime)
    await switched(one, a_rule())
    assert await firing_of(other) is None and await firing_of(one) is not None
    assert (await counts(other), await journal_lines(other)) == ({}, [])
    assert runtime.watches(one.id, "e") and not runtime.watches(other.id, "e")


async def test_a_process_that_starts_again_knows_the_rules(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_runtime(url, Owner())) as runtime:
        shelf, quiet = await a_shelf(runtime), await a_shelf(runtime)
        await switched(shelf, a_rule(times=3))
        assert await hits(shelf, 2) == [1, 2]
    async with opened(a_runtime(url, Owner())) as runtime:
        assert list(runtime.faults) == [shelf.id] and quiet.id not in runtime.faults
        assert runtime.watches(shelf.id, "e")
        shelf.runtime = runtime
        assert await hits(shelf, 2) == [1], "and how often they fired"


async def test_another_process_of_the_service_learns_of_a_rule_and_of_its_end(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_runtime(url, Owner())) as runtime, opened(a_runtime(url, Owner())) as other:
        shelf = await a_shelf(runtime)
        for rules in ([a_rule()], []):
            await switched(shelf, *rules)
            sweeping = asyncio.create_task(other.sweep())
            async with asyncio.timeout(20):
                while other.watches(shelf.id, "e") != bool(rules):
                    await asyncio.to_thread(lambda: None)
            sweeping.cancel()


async def test_rules_go_with_their_sandbox(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await switched(shelf, a_rule())
    await firing_of(shelf)
    await shelf.sandbox.tell(deleted=True)
    assert own_runtime.faults == {}
    sweeping = asyncio.create_task(own_runtime.sweep())
    async with asyncio.timeout(20):
        while await shelf.rows("firings", "1") or await shelf.rows("journal", "1"):
            pass
    sweeping.cancel()
    assert await counts(shelf) == {}
