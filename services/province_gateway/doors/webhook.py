"""The webhook door out: a job of the worker posts each delivery to the connector's receiver, until it takes it.

A delivery is claimed in one short transaction, sent outside of any, and its outcome stored in another one: a worker that
dies in between sends it again, another worker after the claim has ended. One dossier's deliveries go one after the
other; a connector has PARALLEL requests at most, so a slow receiver delays nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import structlog

from contracts.faults import connectors as named
from contracts.legacy import reverse
from contracts.modes import LEGACY
from services.province_gateway.doors import cloudevents, deliveries, webhook_signing
from services.province_gateway.doors.bell import Bell, Place
from services.province_gateway.doors.deliveries import COLUMNS, Delivery
from services.province_gateway.doors.legacy_tables import EVENT_SQL
from services.province_gateway.officers.modes import mode_of
from shared.errors import NotReady
from shared.observability import metrics
from shared.posting import Reply, post
from shared.receivers import AllowedHosts, AllowedTransport
from shared.runtime import Runtime
from shared.sandbox.clock import NOW_SQL

# Sandbox time from a failure to the next try; about three days in all, as Standard Webhooks recommends. Then it is given up.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
TIMEOUT = 15.0  # s of real time for the whole request, as Standard Webhooks recommends 15 to 30
CLAIM = timedelta(seconds=20)  # longer than TIMEOUT: then the worker that claimed it has died
SLOW = timedelta(seconds=5)  # after which `settle` does not wait for the answer to a request, and names the receiver
PARALLEL = 4  # requests to one receiver at a time, per worker
HEAD = 200  # characters of an answer are kept
CALL_HEAD = 4000  # of the answer to a reverse call: a fee look-up is made for it (integration.md 4.3)
KEPT = 20  # attempts per delivery are kept
LOOK_SECONDS = 5.0  # between two looks without a ring, which a process that died cannot give
NOT_READY_SECONDS = 1.0  # until the address of a paper is asked for again
EXPIRED = timedelta(hours=1)  # how old a signature is whose timestamp a fault rule has expired
GONE = 410  # the receiver wants no delivery any more
WATCH: Place = ("", "webhooks")  # is rung when a connector came, went or changed
log = structlog.get_logger()

# A connector that is told by webhook: c its row, s its sandbox. As `contracts.modes.in_force` reads the modes.
MODE_SQL = "coalesce(s.modes->c.province, s.modes->'*')"
RECEIVERS_SQL = f"""
FROM connectors c JOIN sandboxes s ON s.id = c.sandbox
  AND NOT s.deleted AND s.opened AND c.secret <> '' AND {MODE_SQL}->>'via' IN ('webhook', 'legacy')
  AND {MODE_SQL}->>'url' IS NOT NULL"""
# The delivery d is for this door, and is the next one of its dossier: an earlier one, also one that was given up, holds it.
OF_DOOR_SQL = f"({EVENT_SQL} OR {MODE_SQL}->>'via' = '{LEGACY}')"
NEXT_SQL = f"""d.acknowledged_at IS NULL AND {OF_DOOR_SQL} AND NOT EXISTS (SELECT FROM deliveries e
  WHERE e.sandbox = d.sandbox AND e.dossier = d.dossier AND e.province = d.province AND e.number < d.number
  AND e.acknowledged_at IS NULL AND {OF_DOOR_SQL.replace("d.type", "e.type")})"""
DUE_SQL = f"d.given_up_at IS NULL AND (d.next_try IS NULL OR d.next_try <= {NOW_SQL})"
OF_RECEIVERS_SQL = f"{RECEIVERS_SQL} JOIN deliveries d ON d.sandbox = c.sandbox AND d.province = c.province"
CLAIM_SQL = f"""
WITH due AS (
  SELECT d.sandbox, d.province, d.number, c.secret, {MODE_SQL} AS mode,
    CASE WHEN c.previous_until > clock_timestamp() THEN c.previous_secret ELSE '' END AS previous_secret
  {OF_RECEIVERS_SQL} WHERE c.sandbox = $1 AND c.province = $2 AND {NEXT_SQL} AND {DUE_SQL}
    AND (d.claimed_until IS NULL OR d.claimed_until <= clock_timestamp())
  ORDER BY d.number LIMIT $3 FOR UPDATE OF d SKIP LOCKED)
UPDATE deliveries d SET claimed_until = clock_timestamp() + $4::interval FROM due
WHERE d.sandbox = due.sandbox AND d.province = due.province AND d.number = due.number
RETURNING {", ".join(f"d.{name}" for name in COLUMNS.split(", "))}, d.failures, d.claimed_until,
  due.secret, due.previous_secret, due.mode->>'url' AS url, due.mode->>'content_mode' AS content_mode,
  due.mode->>'via' AS via"""
RELEASE_SQL = """
UPDATE deliveries SET claimed_until = clock_timestamp() + $5::interval
WHERE sandbox = $1 AND province = $2 AND number = $3 AND claimed_until = $4"""
# Without effect if the claim has ended, or the delivery is to be sent again from the beginning.
RECORD_SQL = f"""
WITH sent AS (
  UPDATE deliveries d SET attempts = d.attempts + 1, claimed_until = NULL,
    acknowledged_at = CASE WHEN $5::text = '' THEN clock_timestamp() ELSE d.acknowledged_at END,
    failures = CASE WHEN $5 = '' THEN 0 ELSE d.failures + 1 END,
    next_try = CASE WHEN $5 <> '' THEN {NOW_SQL} + $6::interval END,
    given_up_at = CASE WHEN $5 <> '' AND $6 IS NULL THEN clock_timestamp() END
  FROM sandboxes s WHERE s.id = d.sandbox
    AND d.sandbox = $1 AND d.province = $2 AND d.number = $3 AND d.claimed_until = $4
  RETURNING d.attempts, d.dossier, {NOW_SQL} AS at),
logged AS (
  INSERT INTO attempts (sandbox, province, number, attempt, dossier, at, status, error, milliseconds, head)
  SELECT $1, $2, $3, attempts, dossier, at, $7, $5, $8, $9 FROM sent)
DELETE FROM attempts WHERE sandbox = $1 AND province = $2 AND number = $3
  AND (SELECT attempts FROM sent) > {KEPT} AND attempt <= (SELECT attempts FROM sent) - {KEPT}"""
HEARD_SQL = """
UPDATE connectors SET heard_at = clock_timestamp() WHERE sandbox = $1 AND province = $2
AND (heard_at IS NULL OR heard_at < clock_timestamp() - interval '1 second')"""
# Real seconds until something of a connector becomes due by itself; NULL: nothing does.
UNTIL_SQL = f"""
SELECT min(CASE WHEN d.claimed_until > clock_timestamp() THEN date_part('epoch', d.claimed_until - clock_timestamp())
  WHEN {DUE_SQL} THEN 0.05 WHEN s.rate > 0 THEN date_part('epoch', d.next_try - {NOW_SQL}) / s.rate END)
{OF_RECEIVERS_SQL} WHERE c.sandbox = $1 AND c.province = $2 AND {NEXT_SQL} AND d.given_up_at IS NULL"""
PENDING_SQL = f"""
SELECT d.province, count(*) FILTER (WHERE {DUE_SQL}) AS due, min(d.next_try) FILTER (WHERE NOT ({DUE_SQL})) AS next_try,
  coalesce(bool_or(d.claimed_until BETWEEN clock_timestamp() AND clock_timestamp() + $2::interval), false) AS slow
{OF_RECEIVERS_SQL} WHERE c.sandbox = $1 AND {NEXT_SQL} AND d.given_up_at IS NULL GROUP BY d.province ORDER BY d.province"""


@dataclass(frozen=True)
class Claim:
    """A delivery that this worker sends now; nobody else sends it before `until` (real time)."""

    delivery: Delivery
    until: datetime
    url: str
    via: str
    is_binary: bool
    secrets: tuple[str, ...]
    failures: int

    @classmethod
    def of(cls, row: Any) -> Claim:
        return cls(
            Delivery(*(row[name] for name in Delivery._fields)),
            row["claimed_until"],
            row["url"],
            row["via"],
            row["content_mode"] == "binary",
            tuple(filter(None, (row["secret"], row["previous_secret"]))),
            row["failures"],
        )


class Webhooks:
    """Sends the deliveries of all connectors that are told by webhook.

    timeout  s for a whole request
    """

    def __init__(self, runtime: Runtime, bell: Bell, allowed: AllowedHosts, timeout: float = TIMEOUT) -> None:
        self.runtime, self.bell, self.allowed, self.timeout = runtime, bell, allowed, timeout

    async def run(self) -> None:
        """Job of the worker: one task for each connector that is told by webhook."""
        tasks: dict[Place, asyncio.Task[None]] = {}
        async with self.bell.waiting(*WATCH) as rung:
            try:
                while True:
                    rung.clear()
                    rows = await self.runtime.database.fetch(f"SELECT c.sandbox, c.province {RECEIVERS_SQL}")
                    places = {(row["sandbox"], row["province"]) for row in rows}
                    for place in [place for place, task in tasks.items() if task.done() or place not in places]:
                        await _end(tasks.pop(place))
                    for place in sorted(places - tasks.keys()):
                        tasks[place] = asyncio.create_task(self._serve(place))
                    await _rung(rung, LOOK_SECONDS)
            finally:
                await asyncio.gather(*map(_end, tasks.values()))

    async def _serve(self, place: Place) -> None:
        async with self.bell.waiting(*place) as rung:
            while True:
                await self.send_due(place, rung)
                seconds = await self.runtime.database.pool.fetchval(UNTIL_SQL, *place)
                await _rung(rung, LOOK_SECONDS if seconds is None else min(seconds, LOOK_SECONDS))

    async def send_due(self, place: Place, rung: asyncio.Event) -> None:
        """Send what is due at one connector, and what becomes due meanwhile; returns when nothing is.

        rung  is set when there is something new
        """
        sending: set[asyncio.Task[None]] = set()
        transport = AllowedTransport(self.allowed, connections=PARALLEL)
        async with httpx.AsyncClient(transport=transport, timeout=None, trust_env=False) as http:  # noqa: S113 - see `post`
            try:
                while True:
                    rung.clear()
                    for claim in await self._claim(place, PARALLEL - len(sending)):
                        sending.add(asyncio.create_task(self._send(http, place, claim)))
                    if not sending:
                        return
                    ringing = asyncio.create_task(rung.wait())
                    done, _ = await asyncio.wait({*sending, ringing}, return_when=asyncio.FIRST_COMPLETED)
                    ringing.cancel()
                    ended = sending & done
                    sending -= ended
                    for task in ended:
                        task.result()
            finally:
                await asyncio.gather(*map(_end, sending))

    async def _claim(self, place: Place, most: int) -> list[Claim]:
        if most == 0:
            return []
        rows = await self.runtime.database.fetch(CLAIM_SQL, *place, most, CLAIM)
        return sorted(map(Claim.of, rows), key=lambda claim: claim.delivery.number)

    async def _send(self, http: httpx.AsyncClient, place: Place, claim: Claim) -> None:
        key = (*place, claim.delivery.number, claim.until)
        try:
            twist = await self._twist(place, claim.delivery)
            if claim.via == LEGACY:
                reply = await self._call(http, place, claim, is_cut=twist == named.CUT)
            else:
                headers, body = await self._message(place[0], claim, twist)
                reply = await post(http, claim.url, headers, body, seconds=self.timeout, is_cut=twist == named.CUT)
        except NotReady:  # the portal signs no addresses of papers now; the receiver has not been asked
            await self.runtime.database.pool.execute(RELEASE_SQL, *key, timedelta(seconds=NOT_READY_SECONDS))
        except asyncio.CancelledError:  # the process stops: another one need not wait for the end of the claim
            await self.runtime.database.pool.execute(RELEASE_SQL, *key, timedelta(0))
            raise
        except Exception as fault:  # ours, not the receiver's: it must not stop what others are told
            log.exception("webhook_not_sent", delivery=claim.delivery.number)
            await self._record(place, claim, Reply(None, f"could not be sent: {type(fault).__name__}", 0))
        else:
            await self._record(place, claim, reply)

    async def _record(self, place: Place, claim: Claim, reply: Reply) -> None:
        pool, key = self.runtime.database.pool, (*place, claim.delivery.number, claim.until)
        is_last = reply.status == GONE or claim.failures >= len(SCHEDULE)
        wait = None if is_last else SCHEDULE[claim.failures]
        most = CALL_HEAD if claim.via == LEGACY else HEAD
        head = reply.content[: most * 4].decode("utf-8", "replace").replace("\x00", "\ufffd")[:most]
        error = f"{reply.error}: it wants no delivery any more" if reply.status == GONE else reply.error
        facts = (error[:500], wait, reply.status, reply.milliseconds, head)
        await pool.execute(RECORD_SQL, *key, *facts)
        result = "refused" if reply.status else "unreachable"
        metrics.CALLS_MADE.labels("webhook", result if reply.error else "done").inc()
        if not reply.error:
            await pool.execute(HEARD_SQL, *place)

    async def _twist(self, place: Place, delivery: Delivery) -> str:
        """The fault that this request has: one that a retry heals has it once."""
        if delivery.twist in ("", named.MODE):
            return delivery.twist
        return delivery.twist if await deliveries.spend(self.runtime.database, *place, delivery) else ""

    async def _message(self, sandbox_id: str, claim: Claim, twist: str) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of the request. Raises NotReady."""
        (event,) = await cloudevents.structured(self.runtime, sandbox_id, [claim.delivery])
        headers = {"User-Agent": "lienthong", "Accept-Encoding": "identity"}
        if claim.delivery.traceparent:
            headers["traceparent"] = claim.delivery.traceparent
        if claim.is_binary != (twist == named.MODE):
            body = msgspec.json.encode(event.pop("data"))
            headers["Content-Type"] = event.pop("datacontenttype")
            headers |= {
                f"ce-{name}": quote(str(value), safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~") for name, value in event.items()
            }
        else:
            body = msgspec.json.encode(event)
            headers["Content-Type"] = cloudevents.EVENT
        at = claim.until - CLAIM  # real time, as receivers' own clocks have it
        at -= EXPIRED if twist == named.TIMESTAMP else timedelta(0)
        signed = body + b" " if twist == named.SIGNATURE else body
        return {**headers, **webhook_signing.headers(claim.secrets, claim.delivery.id, at, signed)}, body

    async def _call(self, http: httpx.AsyncClient, place: Place, claim: Claim, *, is_cut: bool) -> Reply:
        """The reverse call of the adapter API; an event of which it can say nothing counts as taken. Raises NotReady."""
        (event,) = await cloudevents.structured(self.runtime, place[0], [claim.delivery])
        call = reverse.call_of(msgspec.json.decode(msgspec.json.encode(event)), claim.secrets[0])
        if call is None:
            return Reply(None, "", 0, b"the adapter API has no call for it")
        body = msgspec.json.encode(call.body)
        profile = mode_of(await self.runtime.sandbox(place[0]), place[1]).profile
        headers = {**reverse.HEADERS, reverse.GROUP: str(profile.group_id)}
        reply = await post(http, call.address(claim.url), headers, body, seconds=self.timeout, is_cut=is_cut)
        if not reply.error and not _is_taken(reply.content):
            return replace(reply, error="answered that it did not take it")
        return reply


def _is_taken(answer: bytes) -> bool:
    try:
        return reverse.is_taken(msgspec.json.decode(answer))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


async def pending(runtime: Runtime, sandbox_id: str) -> tuple[list[str], datetime | None]:
    """What is due now, one sentence per connector, and when the first retry after that is due (sandbox time).

    A receiver that is slow to answer is not waited for.
    """
    rows = await runtime.database.fetch(PENDING_SQL, sandbox_id, CLAIM - SLOW)
    due = [row for row in rows if row["due"] and not row["slow"]]
    under_way = [
        f"{row['due']} {'delivery is' if row['due'] == 1 else 'deliveries are'} being sent to the receiver of province "
        f"{row['province']}"
        for row in due
    ]
    return under_way, min((row["next_try"] for row in rows if row["next_try"]), default=None)


async def _rung(rung: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await rung.wait()


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; the fault that ended it before is logged."""
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, Exception):
        log.warning("webhooks_interrupted", error=repr(result))
