"""What people read through the APIs at the end of a run, to be compared with what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from lienthong.client.http import Problem, every_row
from tools.prove.evidence import Evidence, Line
from tools.prove.ledger import Key
from tools.prove.scene import Scene

SAMPLED = 100  # dossiers compared through both APIs
TIMELINES = 40  # of them, those whose timeline is compared with the event logs
EXPLAINED = 200  # dossiers that have not ended and are explained; more than poison can hold
LOST = 50  # the same of those that were lost with a database
PARALLEL_READS = 8
PAGE = 7  # dossiers of a page of a citizen's list: many pages, so that what is lost between two is found
T = TypeVar("T")
K = TypeVar("K")


async def read_all(scene: Scene, evidence: Evidence) -> None:
    """Read a sample of dossiers, the statistics, and why each dossier that has not ended stands where it does."""
    comparable = evidence.comparable
    sample = scene.rng.sample(comparable, min(SAMPLED, len(comparable)))
    evidence.views = await _each(sample, lambda key: _statuses(scene, key))
    evidence.timelines = await _each(sample[:TIMELINES], lambda key: _timeline(scene, key))
    evidence.counted = await _each(scene.sandboxes, lambda sandbox: _counted(scene, sandbox))
    evidence.listed = await _each(scene.load.citizens.everybody, lambda who: _own(scene, *who))
    inboxes = sorted({(key[0], each["province"]) for key, each in evidence.gateway.dossiers.items()})
    evidence.inboxes = await _each(inboxes, lambda place: _inbox(scene, *place))
    standing = [key for key in evidence.open if key not in evidence.lost][:EXPLAINED]
    lost = [key for key in evidence.open if key in evidence.lost and key not in evidence.gateway.awaited]
    standing += scene.rng.sample(lost, min(LOST, len(lost)))
    evidence.causes = await _each(standing, lambda key: _causes(scene, key))


async def _each(keys: Iterable[K], read: Callable[[K], Awaitable[T]]) -> dict[K, T]:
    asking = asyncio.Semaphore(PARALLEL_READS)

    async def ask(key: K) -> tuple[K, T]:
        async with asking:
            return key, await read(key)

    return dict(await asyncio.gather(*map(ask, keys)))


async def _statuses(scene: Scene, key: Key) -> tuple[int | None, int | None]:
    """The status of one dossier that citizen and province see; None if it is not found."""
    submission = scene.load.ledger.dossiers.get(key)
    if submission is None:
        return None, None
    citizen_status = await scene.load.status(submission, key[1])
    try:
        province_copy = await scene.sandbox(key[0]).province(submission.province).dossier(key[1])
    except Problem:
        return citizen_status, None
    return citizen_status, province_copy["status"]["code"]


async def _timeline(scene: Scene, key: Key) -> list[Line]:
    entries = await scene.sandbox(key[0]).events(key[1])
    return sorted((each["service"], each["version"] or 0, each["event"] or "", each["data"]) for each in entries)


async def _counted(scene: Scene, sandbox_id: str) -> dict[tuple[str, str], int]:
    provinces = (await scene.sandbox(sandbox_id).statistics())["provinces"]
    return {(each["province"], state): count for each in provinces for state, count in each["states"].items()}


async def _own(scene: Scene, sandbox_id: str, persona: str) -> list[str]:
    """Codes in the list that a citizen reads, page by page."""
    citizen = scene.load.citizens[sandbox_id, persona]
    return [each["code"] for each in await every_row(citizen.send, "/api/v1/dossiers", page_size=PAGE)]


async def _inbox(scene: Scene, sandbox_id: str, province: str) -> list[str]:
    """Codes in the list that an office reads."""
    return [each["code"] for each in await scene.sandbox(sandbox_id).province(province).dossiers()]


async def _causes(scene: Scene, key: Key) -> list[str]:
    """What `explain` says now holds a dossier, the main cause first."""
    path, headers = f"/_lab/explain/{key[1]}?timeout_seconds=0", scene.sandbox(key[0]).headers
    causes = (await scene.load.country.portal.json("GET", path, headers=headers))["causes"]
    return [cause["name"] for cause in causes]
