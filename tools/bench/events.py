"""Relay and readers at work on a full event log, and how long an event travels. Watched from outside, in the databases.

A worker is held while its work piles up; once released it works as fast as it can, and its progress is read from the
rows it keeps for itself: `lanes_out` (sent), `positions` (applied).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg

from contracts.topics import TO_PROVINCE
from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from tools.bench import ceilings, citizens
from tools.bench.citizens import Place
from tools.bench.load import percentile
from tools.bench.rows import Aim, Row

PATIENCE = 120.0  # s without any progress
WRITE_SECONDS = 0.01  # between two transactions of the paced writer
RAW_TOPIC = "bench.raw"

SENT = "SELECT sum(sent_number)::bigint FROM lanes_out"
APPLIED = "SELECT coalesce(sum(expected - 1), 0)::bigint FROM positions WHERE listener = ''"
COMMITTED = "SELECT {key} AS code, pg_xact_commit_timestamp(xmin) AS at FROM {table} WHERE sandbox = $1"

# What submissions leave behind, for numbers $2…$3: dossiers, their first events, and the relay's queue.
SUBMITTED = """
WITH place AS (
  SELECT * FROM unnest($4::text[], $5::text[], $6::text[], $7::int2[]) WITH ORDINALITY p (province, agency, commune, lane, n)),
made AS (
  SELECT i, p.*, format('%s.%s-20260102-%s', agency, commune, lpad(i::text, 7, '0')) AS code, $8::text AS at
  FROM generate_series($2::int, $3::int) i JOIN place p ON p.n = i % cardinality($4::text[]) + 1),
kept AS (
  INSERT INTO dossiers (sandbox, code, lane, version, last_at, body)
  SELECT $1, code, lane, 1, at::timestamptz, jsonb_build_object(
    'code', code, 'procedure', $9::text, 'province', province, 'commune', commune, 'state_code', 1, 'submitted_at', at,
    'applicant_id', '079099000001', 'applicant_name', 'Người Đo Tốc Độ') FROM made),
said AS (
  INSERT INTO events (sandbox, subject, version, id, type, lane, at, body, traceparent)
  SELECT $1, code, 1, gen_random_uuid(), 'dossier.submitted.v1', lane, at::timestamptz, json_build_object(
    'dossier_code', code, 'province', province, 'procedure', $9::text, 'channel', 'online', 'submitted_at', at,
    'authority', json_build_object('province', province, 'commune', commune),
    'applicant', json_build_object('id', '079099000001', 'name', 'Người Đo Tốc Độ', 'level', 2), 'note', $10::text),
    format('00-%s-%s-01', md5(code), left(md5(lane::text), 16)) FROM made)
INSERT INTO queue (topic, lane, sandbox, subject, version)
SELECT 'dossier.to-province.v1', lane, $1, code, 1 FROM made ORDER BY i"""


class Log:
    """The event logs of one stack, both databases open."""

    def __init__(self, stack: Stack, country: Country, places: Sequence[Place]) -> None:
        self.stack, self.country, self.places = stack, country, places

    async def __aenter__(self) -> Log:
        self.portal = await asyncpg.connect(self.stack.database_url("portal"))
        self.gateway = await asyncpg.connect(self.stack.database_url("province_gateway"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.portal.close()
        await self.gateway.close()

    async def submitted(self, sandbox: Sandbox, first: int, last: int, now: str) -> None:
        """Write what submissions number `first` to `last` would have written, in one transaction."""
        columns = zip(*((at.province, at.agency, at.commune, at.lane) for at in self.places), strict=True)
        note = citizens.NOTE * 2
        await self.portal.execute(
            SUBMITTED, sandbox.id, first, last, *map(list, columns), now, citizens.PROCEDURE, note, timeout=PATIENCE
        )

    def only(self, *workers: str) -> None:
        """Hold every worker but these."""
        for name in ("portal-worker", "gateway-worker"):
            if name in workers:
                self.stack.release(name)
            else:
                self.stack.hold(name)

    async def carry_and_apply(self, many: int) -> list[Row]:
        """Relay and reader of each side alone, with the other side's worker held; `many` submissions."""
        servers = self.stack.kafka_bootstrap
        async with self.country.sandbox(seed="bench") as sandbox:
            self.only()
            await self.submitted(sandbox, 1, many, (await sandbox.clock.read())["now"])
            relayed = await self._rate(self.portal, SENT, many, "portal-worker")
            raw_in = ceilings.measured("produce", servers, TO_PROVINCE, many, RAW_TOPIC)
            applied = await self._rate(self.gateway, APPLIED, many, "gateway-worker")
            raw_out = ceilings.measured("consume", servers, TO_PROVINCE, many)
            self.only()
            await self._officers_decide(sandbox)
            decided = await self.gateway.fetchval("SELECT count(*) FROM queue")
            relayed_back = await self._rate(self.gateway, SENT, decided, "gateway-worker")
            applied_back = await self._rate(self.portal, APPLIED, decided, "portal-worker")
            self.only()
            await self.submitted(sandbox, many + 1, 2 * many, (await sandbox.clock.read())["now"])
            both = await self._rate(self.gateway, APPLIED, many, "portal-worker", "gateway-worker")
        send, get = "aiokafka produce, the same records", "aiokafka consume, the same records"
        return [
            Row("relay, portal → Kafka", relayed, "events/s", Aim(share=0.5), raw_in, send),
            Row("relay, gateway → Kafka", relayed_back, "events/s", Aim(share=0.5), raw_in, send),
            Row("apply, one gateway worker, dossier.submitted", applied, "events/s", Aim(least=6000), raw_out, get),
            Row(
                "apply, one portal worker, what provinces say", applied_back, "events/s", Aim(least=6000), raw_out, get
            ),
            Row("event log → Kafka → effects, both at once", both, "events/s", None, raw_in, send),
        ]

    async def travel(self, sandbox: Sandbox, per_second: float, seconds: float) -> tuple[float, float]:
        """Commit → applied at a steady load of events written straight into the log: p50 and p99, in milliseconds."""
        now, written = (await sandbox.clock.read())["now"], 0
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            due = int(passed * per_second)
            if due > written:
                await self.submitted(sandbox, written + 1, due, now)
                await self.portal.execute("NOTIFY relay")
                written = due
            await asyncio.sleep(max(0.0, WRITE_SECONDS - (time.perf_counter() - began - passed)))
        return await self.travelled(sandbox, written)

    async def travelled(self, sandbox: Sandbox, many: int) -> tuple[float, float]:
        """Commit of the event's transaction → commit of the transaction that applied it, both by the server's clock."""
        end = time.perf_counter() + PATIENCE
        while await self.gateway.fetchval("SELECT count(*) FROM dossiers WHERE sandbox = $1", sandbox.id) < many:
            if time.perf_counter() > end:
                raise Trouble(f"{many} events were written, and not all of them are applied after {PATIENCE:.0f} s.")
            await asyncio.sleep(0.1)
        said = COMMITTED.format(key="subject", table="events")
        told = {row["code"]: row["at"] for row in await self.portal.fetch(said, sandbox.id)}
        kept = await self.gateway.fetch(COMMITTED.format(key="code", table="dossiers"), sandbox.id)
        took = sorted((row["at"] - told[row["code"]]).total_seconds() * 1000 for row in kept)
        return percentile(took, 50), percentile(took, 99)

    async def _officers_decide(self, sandbox: Sandbox) -> None:
        """Every desk looks at every dossier: the gateway's event log fills, nobody carries it yet."""
        clock = await sandbox.clock.read()
        day_after_tomorrow = await self.portal.fetchval("SELECT ($1::text::timestamptz + '4 days')::text", clock["now"])
        await sandbox.clock.set(day_after_tomorrow.replace(" ", "T") + ":00")
        await self.country.gateway.send("POST", f"/_lab/sandboxes/{sandbox.id}/fire", timeout=PATIENCE)

    async def _rate(self, watched: Any, progress: str, many: int, *workers: str) -> float:
        """Release the workers and watch `progress` rise by `many`; things per second from its first rise to its last."""
        before = at = await watched.fetchval(progress) or 0
        self.only(*workers)
        released = time.perf_counter()
        first: tuple[float, int] | None = None
        end = released + PATIENCE
        while at < before + many:
            await asyncio.sleep(0.01)
            now, moment = await watched.fetchval(progress) or 0, time.perf_counter()
            if now != at:
                at, end = now, moment + PATIENCE
                first = first or (moment, now)
            if moment > end:
                raise Trouble(f"{', '.join(workers)} came to a halt at {at - before} of {many} events.")
        if first is None or first[1] == at:  # all of it in one step: its start is not to be seen
            first = (released, before)
        return (at - first[1]) / (time.perf_counter() - first[0])
