"""For each named fault a story: it bites as its description says, and once it is off the world is whole."""

from __future__ import annotations

import pytest

from lienthong import sync
from lienthong.client import Country
from tests.e2e.faults import http, identity, payment  # noqa: F401 - their stories register themselves
from tests.e2e.faults.story import STORIES
from tests.support.trouble import trouble

PENDING = {  # their edges are not built yet
    *("officers-silent", "officers-slow", "officers-answer-late", "overdue-without-apology"),
    *("second-supplement-request", "refusal-without-reason"),
}


@pytest.mark.parametrize("fault", STORIES)
async def test_a_fault_bites_and_the_world_is_whole_after(lienthong_sync: sync.Country, fault: str) -> None:
    async with trouble(lienthong_sync.url) as world:
        await STORIES[fault](world)
        await world.whole()


async def test_every_named_fault_has_its_story(lienthong_sync: sync.Country) -> None:
    async with Country(lienthong_sync.url) as country:
        named = {fault["name"] for fault in await country.faults()}
    assert named - PENDING == set(STORIES) and len(named) >= 30
