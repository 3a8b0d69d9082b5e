"""Waits for new timeline entries of a dossier, so that `watch` needs no polling."""

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

POLL_SECONDS = 0.1  # each poll counts entries in every service


async def wait(portal: Portal, sandbox_id: str, code: str, after: int, seconds: float) -> tuple[int, Facts]:
    """The number of timeline entries in all services, once it is more than `after` or `seconds` have passed.

    raises  SandboxNotFound, also if the sandbox is deleted in the meantime
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        entries = await _entries(portal, sandbox_id, code)
        if entries > after or loop.time() > until:
            return entries, await gather(portal, await portal.timekeeping.last_round(sandbox_id, 0), code)
        await asyncio.sleep(POLL_SECONDS)


def ended(facts: Facts) -> bool:
    """Whether both copies are in a final state and no event, refund or parked event remains."""
    both = facts.ended and (facts.portal_copy is None or facts.portal_copy.state == facts.state)
    return both and not facts.refunds and not facts.parked and not under_way(facts)


async def _entries(portal: Portal, sandbox_id: str, code: str) -> int:
    await registry.read(portal.database, sandbox_id)
    urls = portal.ownership.services.values()
    own, *others = await asyncio.gather(
        portal.timeline(sandbox_id, code), *(_count(portal, url, sandbox_id, code) for url in urls)
    )
    return len(own) + sum(map(int, others))


async def _count(portal: Portal, service_url: str, sandbox_id: str, code: str) -> int:
    """The number in one service, from X-Total-Count; 0 while it does not reply."""
    url = f"{service_url}/_lab/timeline/{quote(code, safe='')}?page_size=1"
    try:
        response = await http.call(portal.http, "GET", url, sandbox_id=sandbox_id)
    except http.Unreachable:
        return 0
    total: str = response.headers.get("X-Total-Count", "0")
    return int(total)
