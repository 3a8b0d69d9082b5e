"""The clock of a sandbox. An advance settles, moves to the next due time of any service, fires, and repeats."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Table, Text

from contracts.topics import ROUTES
from services.portal.sandboxes.owner import ClockBackwards, ClockBusy, Ownership, ServiceDown
from services.portal.sandboxes.settle import Pending, Verdict, verdict
from shared import http
from shared.runtime import Runtime
from shared.sandbox import registry
from shared.sandbox.clock import wire
from shared.sandbox.registry import Sandbox

STILL_ROUNDS = 2  # consecutive identical rounds with nothing pending
POLL_SECONDS = 0.003  # between rounds while something is under way, at first; a hop over Kafka takes 5-15 ms
POLL_SHARE = 0.1  # of the time waited so far: a round costs all services about 10 ms, which thousands of events need
STILL_POLL_SECONDS = 0.1  # between rounds of a still sandbox: a running clock or another caller may change it
SETTLE_SECONDS = (
    15.0  # without an event, in an advance: longer than a worker's lease, so that another worker can take over
)
LEASE_SECONDS = 5  # of a clock; renewed three times in that period; after a crash a retry waits no longer than this
DEAD_SECONDS = 6.0  # a worker is dead after two leases; a shorter absence can be a busy machine


def turns_table(metadata: MetaData) -> Table:
    """The lease on the clock of a sandbox. A row, so that a hundred advances do not hold a hundred connections."""
    return Table(
        "turns",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", DateTime(timezone=True), nullable=False),  # real time
    )


@dataclass(frozen=True)
class Round:
    """One poll of all services.

    answers  service → what is pending there; None: it did not reply
    still    nothing was under way in two consecutive rounds; a running clock still moves on
    over     the time to wait has ended, or a worker or service is dead
    """

    sandbox: Sandbox
    answers: Mapping[str, Pending | None]
    verdict: Verdict
    still: bool
    over: bool


class Timekeeping:
    def __init__(self, runtime: Runtime, ownership: Ownership) -> None:
        self._runtime, self._ownership = runtime, ownership

    async def pending(self, sandbox: Sandbox) -> dict[str, Pending | None]:
        """Service → what is pending there; None if it does not reply. Raises SandboxNotFound if it was deleted."""
        peers = self._ownership.services
        own, *answers = await asyncio.gather(
            self._runtime.pending(sandbox.id), *(self._pending_at(url, sandbox.id) for url in peers.values())
        )
        if None in answers:
            await registry.read(self._runtime.database, sandbox.id)
        return {"portal": {"version": sandbox.version, **own}, **dict(zip(peers, answers, strict=True))}

    async def _pending_at(self, url: str, sandbox_id: str) -> Pending | None:
        try:
            response = await http.call(self._runtime.internal, "GET", f"{url}/_lab/sandboxes/{sandbox_id}/pending")
        except http.Unreachable:
            return None
        return dict(response.json()) if response.status_code == 200 else None

    async def rounds(self, sandbox_id: str, seconds: float, *, patient: bool = False) -> AsyncGenerator[Round]:
        """Consecutive rounds for `seconds` of real time; the caller stops when it has its result.

        patient  `seconds` begin again whenever an event was written or read
        raises  SandboxNotFound, also if the sandbox is deleted in the meantime
        """
        loop = asyncio.get_running_loop()
        begun = started = alive = loop.time()
        written_before: Any = None
        read_before: Any = None
        rounds = quiet_rounds = 0
        while True:
            sandbox = await registry.read(self._runtime.database, sandbox_id)
            answers = await self.pending(sandbox)
            verdict_now = verdict(answers, ROUTES)
            if verdict_now.behind:
                await self._ownership.send_to_behind(sandbox, verdict_now.behind)
            written = [(answer or {}).get("written") for answer in answers.values()]
            quiet = verdict_now.quiet or (sandbox.frozen and verdict_now.only_timers)
            quiet_rounds = quiet_rounds + 1 if quiet and written == written_before else 1 if quiet else 0
            read = [(answer or {}).get("read") for answer in answers.values()]
            if patient and (written, read) != (written_before, read_before):
                started = loop.time()
            written_before, read_before = written, read
            still, passed = quiet_rounds >= STILL_ROUNDS, loop.time() - started
            if not any(waiting.name in ("dead-worker", "service-down") for waiting in verdict_now.waiting_for):
                alive = loop.time()
            dead = loop.time() - alive > DEAD_SECONDS
            rounds += 1
            yield Round(sandbox, answers, verdict_now, still, dead or (passed > seconds and rounds >= STILL_ROUNDS))
            if not quiet or still:
                patience = min(max(POLL_SECONDS, POLL_SHARE * (loop.time() - begun)), STILL_POLL_SECONDS)
                await asyncio.sleep(STILL_POLL_SECONDS if still else patience)

    async def settle(self, sandbox_id: str, seconds: float) -> Verdict:
        """Wait until nothing is under way, at most `seconds` of real time. Returns the last verdict."""
        return (await self.last_round(sandbox_id, seconds)).verdict

    async def _settle_patiently(self, sandbox_id: str) -> Verdict:
        """As `settle`, as long as events come and go."""
        return (await self.last_round(sandbox_id, SETTLE_SECONDS, patient=True)).verdict

    async def last_round(self, sandbox_id: str, seconds: float, *, patient: bool = False) -> Round:
        """The round that ends a settle."""
        async with aclosing(self.rounds(sandbox_id, seconds, patient=patient)) as rounds:
            async for round in rounds:
                if round.still or round.over:
                    break
        return round

    async def set_clock(self, sandbox_id: str, to: datetime) -> Verdict:
        """Settle, then move the clock. Timers that become due in between do not fire."""
        async with self._clock_lease(sandbox_id):
            await self._not_past(sandbox_id, to)
            await self._settle_patiently(sandbox_id)
            await self._ownership.set_clock(sandbox_id, to)
            return await self._settle_patiently(sandbox_id)

    async def set_rate(self, sandbox_id: str, rate: float) -> None:
        """Needs the clock lease, because a running advance must keep the rate with which it started."""
        async with self._clock_lease(sandbox_id):
            await self._ownership.set_rate(sandbox_id, rate)

    async def advance(
        self, sandbox_id: str, to: datetime, *, counted: bool = False
    ) -> tuple[list[dict[str, Any]], Verdict]:
        """Move to an absolute target and stop at every due time. Returns what fired, in order, and the last verdict.

        Stops early if something stays under way (a dead worker, a call without a reply).

        counted  the target was computed from the current time, which a running clock may have passed since then
        """
        async with self._clock_lease(sandbox_id):
            if not counted:
                await self._not_past(sandbox_id, to)
            fired: list[dict[str, Any]] = []
            while True:
                settled = await self._settle_patiently(sandbox_id)
                if not settled.only_timers:
                    return fired, settled
                due = datetime.fromisoformat(settled.next_due) if settled.next_due else None
                if due is None or due > to:
                    break
                now = (await registry.read(self._runtime.database, sandbox_id)).now
                if due > now:
                    await self._ownership.set_clock(sandbox_id, due)
                firings = await self._fire(sandbox_id, settled.with_timers)
                if not firings and due <= now:
                    return fired, settled  # a timer is due and does not fire: the verdict names it
                fired += firings
            await self._ownership.set_clock(sandbox_id, to)
            return fired, await self._settle_patiently(sandbox_id)

    async def _not_past(self, sandbox_id: str, to: datetime) -> None:
        now = (await registry.read(self._runtime.database, sandbox_id)).now
        if to < now:
            raise ClockBackwards(
                f"Choose a time that is not in the past: the sandbox time is {wire(now)}.", now=wire(now), to=wire(to)
            )

    async def _fire(self, sandbox_id: str, services: Collection[str]) -> list[dict[str, Any]]:
        """Fire what is due in `services`, one service after the other, so that the order is always the same."""
        fired = await self._runtime.fire(sandbox_id) if "portal" in services else []
        for service, url in self._ownership.services.items():
            more = service in services
            while more:
                try:
                    response = await http.call(
                        self._runtime.internal, "POST", f"{url}/_lab/sandboxes/{sandbox_id}/fire"
                    )
                except http.Unreachable as error:
                    raise ServiceDown(
                        "Advance again when the service replies: what is due there then fires.", lagging=[service]
                    ) from error
                if response.status_code != 200:
                    break  # the sandbox was deleted in the meantime
                answer: dict[str, Any] = response.json()
                fired += answer["fired"]
                more = bool(answer["more"])
        return fired

    @asynccontextmanager
    async def _clock_lease(self, sandbox_id: str) -> AsyncIterator[None]:
        """Hold the lease on the clock of a sandbox, which excludes all other portal processes. Raises ClockBusy."""
        await registry.read(self._runtime.database, sandbox_id)
        holder = secrets.token_hex(8)
        if not await self._take_lease(sandbox_id, holder):
            raise ClockBusy(
                "Wait until the other advance, set or rate of this sandbox has returned, then send this again; "
                "with an absolute `to` a repetition is safe.",
                sandbox=sandbox_id,
            )
        renewal = asyncio.create_task(self._renew_lease(sandbox_id, holder))
        try:
            yield
        finally:
            renewal.cancel()
            await self._runtime.database.pool.execute(
                "DELETE FROM turns WHERE sandbox = $1 AND holder = $2", sandbox_id, holder
            )

    async def is_changing(self, sandbox_id: str) -> bool:
        """Whether a caller is changing the clock. Then more will happen, even if the sandbox is still now."""
        sql = "SELECT FROM turns WHERE sandbox = $1 AND until > clock_timestamp()"
        return bool(await self._runtime.database.fetch(sql, sandbox_id))

    async def _take_lease(self, sandbox_id: str, holder: str) -> bool:
        """Take the lease if it is free; the lease of a dead process expires after LEASE_SECONDS."""
        rows = await self._runtime.database.fetch(
            f"""INSERT INTO turns VALUES ($1, $2, clock_timestamp() + interval '{LEASE_SECONDS} s')
            ON CONFLICT (sandbox) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until
            WHERE turns.until < clock_timestamp() RETURNING true""",
            sandbox_id,
            holder,
        )
        return bool(rows)

    async def _renew_lease(self, sandbox_id: str, holder: str) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self._runtime.database.pool.execute(
                f"UPDATE turns SET until = clock_timestamp() + interval '{LEASE_SECONDS} s' "
                "WHERE sandbox = $1 AND holder = $2",
                sandbox_id,
                holder,
            )
