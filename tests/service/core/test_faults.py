"""Fault rules on a real database: how often they bite, that they are counted and noted, and that they end with their sandbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared.messaging.runtime import MessagingRuntime
from shared.sandbox import faults, journal, registry
from shared.sandbox.faults import Firing, Rule
from tests.service.core.parcels import Owner, Parcel, Shelf, a_house, a_shelf, opened
from tests.support.databases import Databases


def a_rule(**change: Any) -> Rule:
    return Rule(
        **{"id": "r", "fault": "f", "edge": "e", "born": 1, "text_en": "It breaks", "text_vi": "Hỏng", **change}
    )


async def switched(shelf: Shelf, *rules: Rule) -> None:
    await shelf.sandbox.tell(faults=msgspec.to_builtins(rules))


async def asked(shelf: Shelf, edge: str = "e", subject: str = "A", **about: str) -> Firing | None:
    """As an edge asks, in a transaction of its own; `occasion` among `about`."""
    async with shelf.runtime.database.transaction() as connection:
        here = (await registry.lock(connection, [shelf.id]))[shelf.id]
        return await faults.fire(connection, here, edge, subject, **about)


async def hits(shelf: Shelf, times: int = 8) -> list[int]:
    """Which of the next questions are bitten, from 1 on."""
    return [n for n in range(1, times + 1) if await asked(shelf)]


async def counts(shelf: Shelf) -> dict[str, tuple[int, int]]:
    """Rule → how often it was looked at, and how often it bit."""
    rows = await faults.counts(shelf.runtime.database, shelf.id)
    return {row["rule"]: (row["seen"], row["fired"]) for row in rows}


async def noted(shelf: Shelf, subject: str = "A") -> list[dict[str, Any]]:
    return await journal.lines(shelf.runtime.database, "receiver", shelf.id, subject)


async def test_without_a_rule_nothing_is_asked_counted_or_noted(shelf: Shelf) -> None:
    assert await asked(shelf) is None
    await switched(shelf, a_rule(edge="elsewhere"), a_rule(id="m", match={"province": "37"}))
    assert await asked(shelf, province="01") is None
    assert (await counts(shelf), await noted(shelf)) == ({}, [])


@pytest.mark.parametrize(
    ("how_often", "hit"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"nth": 3}, [3, 6]),
        ({"times": 2}, [1, 2]),
        ({"probability": 1.0}, list(range(1, 9))),
    ],
)
async def test_it_bites_as_often_as_it_says(shelf: Shelf, how_often: dict[str, Any], hit: list[int]) -> None:
    await switched(shelf, a_rule(**how_often))
    assert await hits(shelf) == hit
    assert await counts(shelf) == {"r@1": (8, len(hit))}
    assert len(await noted(shelf)) == len(hit)


async def test_the_same_seed_and_the_same_calls_are_hit_alike(runtime: MessagingRuntime[Parcel]) -> None:
    rule = a_rule(probability=0.5)
    here, there, other = [await a_shelf(runtime) for _ in range(3)]
    await other.sandbox.tell(seed="another")
    for shelf in (here, there, other):
        await switched(shelf, rule)
    first = await hits(here, 40)
    assert first == await hits(there, 40) and 8 < len(first) < 32
    assert first != await hits(other, 40)


async def test_the_same_occasion_gets_the_same_answer(shelf: Shelf) -> None:
    await switched(shelf, a_rule(nth=2))
    answers = [await asked(shelf, occasion=key) for key in ("a", "b", "a", "b", "b")]
    assert [answer and answer.first_time for answer in answers] == [None, True, None, False, False]
    assert await counts(shelf) == {"r@1": (2, 1)} and len(await noted(shelf)) == 1


async def test_many_at_once_are_counted_one_by_one(shelf: Shelf) -> None:
    await switched(shelf, a_rule(times=5))
    found = await asyncio.gather(*(asked(shelf) for _ in range(12)))
    assert sum(bite is not None for bite in found) == 5
    assert await counts(shelf) == {"r@1": (12, 5)}


async def test_what_is_rolled_back_was_not_asked(shelf: Shelf) -> None:
    await switched(shelf, a_rule(times=1))
    with pytest.raises(ZeroDivisionError):
        async with shelf.runtime.database.transaction() as connection:
            here = (await registry.lock(connection, [shelf.id]))[shelf.id]
            assert await faults.fire(connection, here, "e", "A") is not None
            raise ZeroDivisionError
    assert (await counts(shelf), await noted(shelf)) == ({}, [])
    assert await asked(shelf) is not None


async def test_a_bite_is_told_beside_its_effect(shelf: Shelf) -> None:
    await switched(shelf, a_rule(id="mine", settings={"by": "1d"}))
    await asked(shelf, subject="A")
    (line,) = await noted(shelf)
    assert (line["kind"], line["text_en"]) == ("fault", "Fault 'mine': It breaks")
    assert line["text_vi"].endswith("“mine”: Hỏng")
    assert line["data"] == {"rule": "mine", "fault": "f", "with": {"by": "1d"}}
    assert await noted(shelf, "B") == []


async def test_a_rule_of_the_same_name_counts_anew(shelf: Shelf) -> None:
    await switched(shelf, a_rule(times=1))
    assert await hits(shelf, 2) == [1]
    await switched(shelf, a_rule(times=1, born=2))
    assert await hits(shelf, 2) == [1]
    assert await counts(shelf) == {"r@1": (2, 1), "r@2": (2, 1)}


async def test_each_looks_at_its_own(shelf: Shelf) -> None:
    one, other = a_rule(match={"province": "37"}), a_rule(id="other", match={"province": "01"}, nth=2)
    await switched(shelf, one, other)
    found = [await asked(shelf, province=province) for province in ("01", "37", "01")]
    assert [bite and bite.rule.id for bite in found] == [None, "r", "other"]


async def test_a_window_opens_and_closes_by_the_sandboxs_clock(shelf: Shelf) -> None:
    now = shelf.sandbox.now
    await switched(shelf, a_rule(since=now + timedelta(hours=1), until=now + timedelta(hours=2)))
    found = []
    for _ in range(3):
        found.append(await asked(shelf) is not None)
        await shelf.sandbox.advance(timedelta(hours=1))
    assert found == [False, True, False]
    assert await counts(shelf) == {"r@1": (1, 1)}, "outside its time it does not look"


async def test_a_rule_of_one_sandbox_bites_in_no_other(runtime: MessagingRuntime[Parcel]) -> None:
    here, there = await a_shelf(runtime), await a_shelf(runtime)
    await switched(here, a_rule())
    assert await asked(there) is None and await asked(here) is not None
    assert (await counts(there), await noted(there)) == ({}, [])
    assert runtime.watches(here.id, "e") and not runtime.watches(there.id, "e")


async def test_a_process_that_starts_again_knows_the_rules(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_house(url, Owner())) as runtime:
        shelf, quiet = await a_shelf(runtime), await a_shelf(runtime)
        await switched(shelf, a_rule(times=3))
        assert await hits(shelf, 2) == [1, 2]
    async with opened(a_house(url, Owner())) as runtime:
        assert list(runtime.faults) == [shelf.id] and quiet.id not in runtime.faults
        assert runtime.watches(shelf.id, "e")
        shelf.runtime = runtime
        assert await hits(shelf, 2) == [1], "and how often they bit"


async def test_another_process_of_the_service_learns_of_a_rule_and_of_its_end(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_house(url, Owner())) as runtime, opened(a_house(url, Owner())) as other:
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
    await asked(shelf)
    await shelf.sandbox.tell(deleted=True)
    assert own_runtime.faults == {}
    sweeping = asyncio.create_task(own_runtime.sweep())
    async with asyncio.timeout(20):
        while await shelf.rows("firings", "1") or await shelf.rows("journal", "1"):
            pass
    sweeping.cancel()
    assert await counts(shelf) == {}
