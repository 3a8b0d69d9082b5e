"""Waits until more is known of a dossier than somebody has seen: how `watch` lives without asking again and again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from services.portal.explain.collect import gather
from services.portal.explain.facts import Facts
from services.portal.explain.infrastructure import under_way
from shared import http
from shared.sandbox import registry

if TYPE_CHECKING:
    from services.portal.runtime import Portal

LOOK_SECONDS = 0.1  # three counts each time


async def wait(portal: Portal, sandbox_id: str, code: str, after: int, seconds: float) -> tuple[int, Facts]:
    """How many entries its timeline has, over all services, once they are more than `after` or the time is up.

    raises  SandboxNotFound, also when it is deleted meanwhile
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        entries = await _entries(portal, sandbox_id, code)
        if entries > after or loop.time() > until:
            return entries, await gather(portal, await portal.timekeeping.last_round(sandbox_id, 0), code)
        await asyncio.sleep(LOOK_SECONDS)


def ended(facts: Facts) -> bool:
    """In a final state in both houses, with nothing on its way, no money either."""
    both = facts.ended and (facts.here is None or facts.here.state == facts.state)
    return both and not facts.refunds and not facts.parked and not under_way(facts)


async def _entries(portal: Portal, sandbox_id: str, code: str) -> int:
    await registry.read(portal.database, sandbox_id)
    urls = portal.ownership.services.values()
    own, *others = await asyncio.gather(
        portal.timeline(sandbox_id, code), *(_count(portal, url, sandbox_id, code) for url in urls)
    )
    return len(own) + sum(map(int, others))


async def _count(portal: Portal, url: str, sandbox_id: str, code: str) -> int:
    """Of one service, as the head of its first page says; 0 while it does not answer."""
    where = f"{url}/_lab/timeline/{quote(code, safe='')}?page_size=1"
    try:
        answer = await http.call(portal.http, "GET", where, sandbox_id=sandbox_id)
    except http.Unreachable:
        return 0
    total: str = answer.headers.get("X-Total-Count", "0")
    return int(total)
