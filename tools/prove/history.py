"""What happened over time: submissions, unread events and repeated requests, sampled during a run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tools.prove.scene import NO_ANSWER, READERS, Scene

SAMPLE_SECONDS = 0.5
SENT_SQL = "SELECT lane, epoch, head FROM lanes_out WHERE head > 0"
READ_SQL = "SELECT lane, epoch, expected - 1 AS number FROM positions WHERE listener = ''"
UNSENT_SQL = "SELECT count(*) AS n FROM queue"


@dataclass(frozen=True)
class Sample:
    """
    at              seconds since the begin of the load
    submitted       acknowledged submissions and registrations so far
    unacknowledged  requests so far that were repeated
    unread          events that their reader has not applied yet; None: a database did not answer
    """

    at: float
    submitted: int
    unacknowledged: int
    unread: int | None


@dataclass
class History:
    """Samples of a run; `since`: the begin of the load, in the time of the event loop."""

    scene: Scene
    since: float
    samples: list[Sample] = field(default_factory=list)

    async def keep_sampling(self) -> None:
        loop, ledger = asyncio.get_running_loop(), self.scene.load.ledger
        while True:
            at = loop.time() - self.since
            events: int | None = None
            with contextlib.suppress(*NO_ANSWER):
                events = await unread({name: partial(self.scene.fetch, name) for name in READERS})
            self.samples.append(Sample(round(at, 2), len(ledger.dossiers), ledger.unacknowledged, events))
            await asyncio.sleep(SAMPLE_SECONDS)


async def unread(fetch: Mapping[str, Callable[[str], Awaitable[Sequence[Any]]]]) -> int:
    """Events that their reader has not applied yet; `fetch`: by service, the rows of a statement."""
    total = 0
    for source, reader in READERS.items():
        sent = await fetch[source](SENT_SQL)
        read = {row["lane"]: row for row in await fetch[reader](READ_SQL)}
        total += sum(row["head"] - _number(read.get(row["lane"]), row["epoch"]) for row in sent)
        total += (await fetch[source](UNSENT_SQL))[0]["n"]
    return max(0, total)


def _number(position: Any, epoch: int) -> int:
    """How far a reader is in this epoch of its lane."""
    return int(position["number"]) if position is not None and position["epoch"] == epoch else 0
