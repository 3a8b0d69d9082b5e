"""Throughput of relay and readers with a full event log, and latency of events; observed in the databases.

A worker is stopped while its work accumulates. After its start it works at full speed, and its progress is read from
its tables: `lanes_out` (sent) and `positions` (applied).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from contracts.topics import TO_PROVINCE
from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from shared.messaging.cloudevents import event_id
from tools.bench import ceilings, citizens
from tools.bench.citizens import Place
from tools.bench.load import percentile
from tools.bench.rows import Aim, Row

PATIENCE = 120.0  # seconds without progress
WRITE_SECONDS = 0.01  # between two transactions of the writer with a fixed rate
RAW_TOPIC = "bench.raw"
NOBODY = "079099000001"  # number of the applicant who has no other part in the bench

SENT = "SELECT sum(sent_number)::bigint FROM lanes_out"
APPLIED = "SELECT coalesce(sum(expected - 1), 0)::bigint FROM positions WHERE listener = ''"
COMMITTED = "SELECT {key} AS code, pg_xact_commit_timestamp(xmin) AS at FROM {table} WHERE sandbox = $1"

# Writes the rows of these submissions: dossiers, their first events, and the relay's queue.
SUBMITTED = """
WITH place AS (
  SELECT * FROM unnest($4::text[], $5::text[], $6::int2[]) WITH ORDINALITY p (province, commune, lane, n)),
made AS (
  SELECT i, c.code, c.id, p.province, p.commune, p.lane, $7::text AS at
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY c (code, id, i)
  JOIN place p ON p.n = (i - 1) % cardinality($4::text[]) + 1),
kept AS (
  INSERT INTO dossiers (sandbox, code, lane, version, last_at, body)
  SELECT $1, code, lane, 1, at::timestamptz, jsonb_build_object(
    'code', code, 'procedure', $8::text, 'province', province, 'commune', commune, 'state_code', 1, 'submitted_at', at,
    'applicant_id', $10::text, 'applicant_name', 'Người Đo Tốc Độ') FROM made),
said AS (
  INSERT INTO events (sandbox, subject, version, id, type, lane, at, body, traceparent)
  SELECT $1, code, 1, id, 'dossier.submitted.v1', lane, at::timestamptz, json_build_object(
    'dossier_code', code, 'province', province, 'procedure', $8::text, 'channel', 'online', 'submitted_at', at,
    'authority', json_build_object('province', province, 'commune', commune),
    'applicant', json_build_object('id', $10::text, 'name', 'Người Đo Tốc Độ', 'level', 2), 'note', $9::text),
    format('00-%s-%s-01', md5(code), left(md5(lane::text), 16)) FROM made)
INSERT INTO queue (topic, lane, sandbox, subject, version)
SELECT 'dossier.to-province.v1', lane, $1, code, 1 FROM made ORDER BY i"""


class Log:
    """The event logs of one stack, with a connection to each database."""

    def __init__(self, stack: Stack, country: Country, places: Sequence[Place]) -> None:
        self.stack, self.country, self.places = stack, country, places

    async def __aenter__(self) -> Log:
        self.portal = await asyncpg.connect(self.stack.database_url("portal"))
        self.gateway = await asyncpg.connect(self.stack.database_url("province_gateway"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.portal.close()
        await self.gateway.close()

    async def submitted(self, sandbox: Sandbox, first: int, last: int, now: str, applicant: str = NOBODY) -> None:
        """Write the rows of submissions number `first` to `last` in one transaction; `applicant`: a personal number."""
        seed = (await sandbox.show())["seed"]
        places = [self.places[number % len(self.places)] for number in range(first, last + 1)]
        codes = [
            f"{place.agency}.{place.commune}-20260102-{number:07d}" for number, place in enumerate(places, start=first)
        ]
        ids = [event_id(seed, "portal", code, 1) for code in codes]
        turn = places[: len(self.places)]
        columns = [[getattr(place, name) for place in turn] for name in ("province", "commune", "lane")]
        texts = (now, citizens.PROCEDURE, citizens.NOTE * 2, applicant)
        await self.portal.execute(SUBMITTED, sandbox.id, codes, ids, *columns, *texts, timeout=PATIENCE)

    def run_only(self, *workers: str) -> None:
        """Start these workers and stop all others."""
        for name in ("portal-worker", "gateway-worker"):
            if name in workers:
                self.stack.release(name)
            else:
                self.stack.hold(name)

    async def measure_throughput(self, many: int) -> list[Row]:
        """Measure relay and reader of each service alone, with the other worker stopped; `many` submissions."""
        servers, login = self.stack.kafka_bootstrap, self.stack.plan.kafka_login
        async with self.country.sandbox(seed="bench") as sandbox:
            self.run_only()
            await self.submitted(sandbox, 1, many, (await sandbox.clock.read())["now"])
            relayed = await self.rate(self.portal, SENT, many, "portal-worker")
            raw_in = ceilings.measured("produce", servers, TO_PROVINCE, many, RAW_TOPIC, secrets=login)
            applied = await self.rate(self.gateway, APPLIED, many, "gateway-worker")
            raw_out = ceilings.measured("consume", servers, TO_PROVINCE, many, secrets=login)
            self.run_only()
            await self._officers_decide(sandbox)
            decided = await self.gateway.fetchval("SELECT count(*) FROM queue")
            relayed_back = await self.rate(self.gateway, SENT, decided, "gateway-worker")
            applied_back = await self.rate(self.portal, APPLIED, decided, "portal-worker")
            self.run_only()
            await self.submitted(sandbox, many + 1, 2 * many, (await sandbox.clock.read())["now"])
            both = await self.rate(self.gateway, APPLIED, many, "portal-worker", "gateway-worker")
        send, get = "aiokafka produce, the same records", "aiokafka consume, the same records"
        return [
            Row("relay, portal → Kafka", relayed, "events/s", Aim(share=0.5), raw_in, send),
            Row("relay, gateway → Kafka", relayed_back, "events/s", Aim(share=0.5), raw_in, send),
            Row("apply, one gateway worker, dossier.submitted", applied, "events/s", Aim(least=6000), raw_out, get),
            Row(
                "apply, one portal worker, the provinces' events",
                applied_back,
                "events/s",
                Aim(least=6000),
                raw_out,
                get,
            ),
            Row("event log → Kafka → applied, both workers", both, "events/s", None, raw_in, send),
        ]

    async def latency_at_rate(self, sandbox: Sandbox, per_second: float, seconds: float) -> tuple[float, float]:
        """Commit → applied, at a constant rate of events written directly into the log: p50 and p99, in milliseconds."""
        many = int(per_second * seconds)
        await self.write_at_rate(sandbox, many, per_second)
        return await self.latency(sandbox, many)

    async def write_at_rate(self, sandbox: Sandbox, many: int, per_second: float) -> None:
        """Write `many` submissions, the first with number 1, at a constant rate; each is submitted at the time of its writing."""
        start, written = datetime.fromisoformat((await sandbox.clock.read())["now"]), 0
        began = time.perf_counter()
        while written < many:
            passed = time.perf_counter() - began
            due = min(many, int(passed * per_second))
            if due > written:
                now = (start + timedelta(seconds=passed)).isoformat()
                await self.submitted(sandbox, written + 1, due, now)
                await self.portal.execute("NOTIFY relay")
                written = due
            await asyncio.sleep(max(0.0, WRITE_SECONDS - (time.perf_counter() - began - passed)))

    async def committed(self, sandbox: Sandbox) -> dict[str, datetime]:
        """When each event of the portal was committed, by its id."""
        rows = await self.portal.fetch(COMMITTED.format(key="id", table="events"), sandbox.id)
        return {row["code"]: row["at"] for row in rows}

    async def latency(self, sandbox: Sandbox, many: int) -> tuple[float, float]:
        """Time from the commit of the event to the commit that applied it: p50 and p99 in ms, by the database server's clock."""
        end = time.perf_counter() + PATIENCE
        while await self.gateway.fetchval("SELECT count(*) FROM dossiers WHERE sandbox = $1", sandbox.id) < many:
            if time.perf_counter() > end:
                raise Trouble(f"{many} events were written, but not all of them were applied after {PATIENCE:.0f} s.")
            await asyncio.sleep(0.1)
        events_sql = COMMITTED.format(key="subject", table="events")
        published = {row["code"]: row["at"] for row in await self.portal.fetch(events_sql, sandbox.id)}
        applied = await self.gateway.fetch(COMMITTED.format(key="code", table="dossiers"), sandbox.id)
        latencies = sorted((row["at"] - published[row["code"]]).total_seconds() * 1000 for row in applied)
        return percentile(latencies, 50), percentile(latencies, 99)

    async def _officers_decide(self, sandbox: Sandbox) -> None:
        """Let the officers decide on every dossier: the gateway's event log fills and is not sent yet."""
        clock = await sandbox.clock.read()
        day_after_tomorrow = await self.portal.fetchval("SELECT ($1::text::timestamptz + '4 days')::text", clock["now"])
        await sandbox.clock.set(day_after_tomorrow.replace(" ", "T") + ":00")
        await self.country.gateway.send(
            "POST", f"/_lab/sandboxes/{sandbox.id}/fire", timeout=PATIENCE, headers=self.stack.internal_headers
        )

    async def rate(self, database: Any, progress: str, many: int, *workers: str) -> float:
        """Start the workers and wait until `progress` has risen by `many`; returns the rate between first and last change."""
        before = at = await database.fetchval(progress) or 0
        self.run_only(*workers)
        released = time.perf_counter()
        first: tuple[float, int] | None = None
        end = released + PATIENCE
        while at < before + many:
            await asyncio.sleep(0.01)
            now, moment = await database.fetchval(progress) or 0, time.perf_counter()
            if now != at:
                at, end = now, moment + PATIENCE
                first = first or (moment, now)
            if moment > end:
                raise Trouble(f"{', '.join(workers)} stopped at {at - before} of {many} events.")
        if first is None or first[1] == at:  # all in one step: measured from the start of the workers
            first = (released, before)
        return (at - first[1]) / (time.perf_counter() - first[0])
