"""Several requests at the same time, on asyncio and on trio."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from anyio import create_task_group

Result = TypeVar("Result")


async def gather(*works: Coroutine[Any, Any, Result]) -> list[Result]:
    """The results of all works, in their order. The first error cancels the others and is raised itself, in no group."""
    results: dict[int, Result] = {}

    async def run(place: int, work: Coroutine[Any, Any, Result]) -> None:
        results[place] = await work

    try:
        async with create_task_group() as group:
            for place, work in enumerate(works):
                group.start_soon(run, place, work)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for work in works:
            work.close()  # one that was cancelled before its start; nothing happens to one that has ended
    return [results[place] for place in range(len(works))]
