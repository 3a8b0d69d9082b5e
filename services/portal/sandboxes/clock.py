"""Turning a sandbox's clock: settle, set it to the next thing due anywhere, fire, and again; day-2 work happens on day 2."""

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

STILL_ROUNDS = 2  # identical rounds with nothing pending, one after the other
LOOK_SECONDS = 0.003  # between rounds while something is under way; a hop over Kafka takes 5-15 ms
QUIET_SECONDS = 0.1  # between looks at what is still, for who waits on: a running clock or an outsider may move it
SETTLE_SECONDS = 15.0  # of each settle inside advance: longer than a lease, so that a worker can be replaced
TURN_SECONDS = 5  # renewed three times within it; after a crash the retry need not wait longer
DEAD_SECONDS = 6.0  # a worker that is missed for two leases, and not for a moment on a busy machine, is called dead


def turns_table(metadata: MetaData) -> Table:
    """Whose turn it is to move a sandbox's clock: a row, so that a hundred advances hold no hundred connections."""
    return Table(
        "turns",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", DateTime(timezone=True), nullable=False),  # real time
    )


@dataclass(frozen=True)
class Round:
    """One look at all services.

    answers  what each says is pending, by name; None: it did not answer
    still    the second one in a row in which nothing was under way; a running clock moves on all the same
    over     it has been waited for long enough: the time is up, or a worker or service is dead
    """

    here: Sandbox
    answers: Mapping[str, Pending | None]
    verdict: Verdict
    still: bool
    over: bool


class Timekeeping:
    def __init__(self, runtime: Runtime, ownership: Ownership) -> None:
        self._runtime, self._ownership = runtime, ownership

    async def pending(self, here: Sandbox) -> dict[str, Pending | None]:
        """What every service says is pending; None where one does not answer. Raises SandboxNotFound if it was just deleted."""
        others = list(self._ownership.services.items())
        answers = await asyncio.gather(self._runtime.pending(here.id), *(self._ask(url, here.id) for _, url in others))
        if None in answers:
            await registry.read(self._runtime.database, here.id)
        return {
            "portal": {"version": here.version, **answers[0]},
            **{name: answer for (name, _), answer in zip(others, answers[1:], strict=True)},
        }

    async def _ask(self, url: str, sandbox_id: str) -> Pending | None:
        try:
            answer = await http.call(self._runtime.http, "GET", f"{url}/_lab/sandboxes/{sandbox_id}/pending")
        except http.Unreachable:
            return None
        return dict(answer.json()) if answer.status_code == 200 else None

    async def rounds(self, sandbox_id: str, seconds: float) -> AsyncGenerator[Round]:
        """Looks at all services, one after the other, for `seconds` of real time; who asks stops when it knows enough.

        raises  SandboxNotFound, also when it is deleted meanwhile
        """
        loop = asyncio.get_running_loop()
        begun = alive = loop.time()
        before: Any = None
        looks = quiet_rounds = 0
        while True:
            here = await registry.read(self._runtime.database, sandbox_id)
            answers = await self.pending(here)
            found = verdict(answers, ROUTES)
            if found.behind:
                await self._ownership.tell_behind(here, found.behind)
            shape = [(answer or {}).get("written") for answer in answers.values()]
            quiet = found.quiet or (here.frozen and found.only_timers)
            quiet_rounds = quiet_rounds + 1 if quiet and shape == before else 1 if quiet else 0
            before = shape
            still, passed = quiet_rounds >= STILL_ROUNDS, loop.time() - begun
            if not any(waiting.name in ("dead-worker", "service-down") for waiting in found.waiting_for):
                alive = loop.time()
            dead = loop.time() - alive > DEAD_SECONDS
            looks += 1
            yield Round(here, answers, found, still, dead or (passed > seconds and looks >= STILL_ROUNDS))
            if not quiet or still:
                await asyncio.sleep(QUIET_SECONDS if still else LOOK_SECONDS)

    async def settle(self, sandbox_id: str, seconds: float) -> Verdict:
        """Wait until nothing is under way, at most `seconds` of real time; then say what it still waits for."""
        return (await self.last_round(sandbox_id, seconds)).verdict

    async def last_round(self, sandbox_id: str, seconds: float) -> Round:
        """The round that ends a settle."""
        async with aclosing(self.rounds(sandbox_id, seconds)) as rounds:
            async for look in rounds:
                if look.still or look.over:
                    break
        return look

    async def set_clock(self, sandbox_id: str, to: datetime) -> Verdict:
        """Settle, then move the clock without stopping at what falls due between."""
        async with self._turning(sandbox_id):
            await self._not_past(sandbox_id, to)
            await self.settle(sandbox_id, SETTLE_SECONDS)
            await self._ownership.set_clock(sandbox_id, to)
            return await self.settle(sandbox_id, SETTLE_SECONDS)

    async def set_rate(self, sandbox_id: str, rate: float) -> None:
        """In a turn of its own: an advance under way keeps the clock it began with."""
        async with self._turning(sandbox_id):
            await self._ownership.set_rate(sandbox_id, rate)

    async def advance(
        self, sandbox_id: str, to: datetime, *, counted: bool = False
    ) -> tuple[list[dict[str, Any]], Verdict]:
        """Move to an absolute target, stopping at every tick; gives what fired, in order, and the last verdict.

        counted  the target was counted from now: a clock that runs may have passed it on the way here
        Stops early, with its verdict, where something stays under way (a dead worker, a call nobody answers).
        """
        async with self._turning(sandbox_id):
            if not counted:
                await self._not_past(sandbox_id, to)
            fired: list[dict[str, Any]] = []
            while True:
                found = await self.settle(sandbox_id, SETTLE_SECONDS)
                if not found.only_timers:
                    return fired, found
                due = datetime.fromisoformat(found.next_due) if found.next_due else None
                if due is None or due > to:
                    break
                now = (await registry.read(self._runtime.database, sandbox_id)).now
                if due > now:
                    await self._ownership.set_clock(sandbox_id, due)
                some = await self._fire(sandbox_id, found.with_timers)
                if not some and due <= now:
                    return fired, found  # due, and nobody fires it: the verdict names it
                fired += some
            await self._ownership.set_clock(sandbox_id, to)
            return fired, await self.settle(sandbox_id, SETTLE_SECONDS)

    async def _not_past(self, sandbox_id: str, to: datetime) -> None:
        now = (await registry.read(self._runtime.database, sandbox_id)).now
        if to < now:
            raise ClockBackwards(
                f"Choose an instant that is not past: there it is {wire(now)}.", now=wire(now), to=wire(to)
            )

    async def _fire(self, sandbox_id: str, services: Collection[str]) -> list[dict[str, Any]]:
        """Fire what is due in `services`, one after the other, so that the order is always the same."""
        fired = await self._runtime.fire(sandbox_id) if "portal" in services else []
        for service, url in self._ownership.services.items():
            if service not in services:
                continue
            try:
                answer = await http.call(self._runtime.http, "POST", f"{url}/_lab/sandboxes/{sandbox_id}/fire")
            except http.Unreachable as error:
                raise ServiceDown(
                    "What was due there fires when it is back: advance again.", lagging=[service]
                ) from error
            fired += answer.json()["fired"] if answer.status_code == 200 else []  # 404: deleted meanwhile
        return fired

    @asynccontextmanager
    async def _turning(self, sandbox_id: str) -> AsyncIterator[None]:
        """One turn at a time per sandbox, over all portal processes."""
        await registry.read(self._runtime.database, sandbox_id)
        holder = secrets.token_hex(8)
        if not await self._turn(sandbox_id, holder):
            raise ClockBusy(
                "Wait until the other advance, set or rate of this sandbox has answered, then ask again; "
                "with an absolute `to` that is harmless.",
                sandbox=sandbox_id,
            )
        keeping = asyncio.create_task(self._keep_turn(sandbox_id, holder))
        try:
            yield
        finally:
            keeping.cancel()
            await self._runtime.database.pool.execute(
                "DELETE FROM turns WHERE sandbox = $1 AND holder = $2", sandbox_id, holder
            )

    async def turning(self, sandbox_id: str) -> bool:
        """Whether somebody turns the clock at this moment: then more will happen, however still it looks."""
        sql = "SELECT FROM turns WHERE sandbox = $1 AND until > clock_timestamp()"
        return bool(await self._runtime.database.fetch(sql, sandbox_id))

    async def _turn(self, sandbox_id: str, holder: str) -> bool:
        """Take the turn; one whose process died is free again after TURN_SECONDS."""
        rows = await self._runtime.database.fetch(
            f"""INSERT INTO turns VALUES ($1, $2, clock_timestamp() + interval '{TURN_SECONDS} s')
            ON CONFLICT (sandbox) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until
            WHERE turns.until < clock_timestamp() RETURNING true""",
            sandbox_id,
            holder,
        )
        return bool(rows)

    async def _keep_turn(self, sandbox_id: str, holder: str) -> None:
        while True:
            await asyncio.sleep(TURN_SECONDS / 3)
            await self._runtime.database.pool.execute(
                f"UPDATE turns SET until = clock_timestamp() + interval '{TURN_SECONDS} s' WHERE sandbox = $1 AND holder = $2",
                sandbox_id,
                holder,
            )
