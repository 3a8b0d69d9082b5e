"""The portal owns the sandboxes. It sends every changed row to every service until each has replied."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from contracts.catalogue import CALENDAR
from contracts.modes import Document
from shared import http
from shared.errors import Refusal
from shared.messaging import http_outbox
from shared.runtime import Runtime
from shared.sandbox import recording, registry
from shared.sandbox.clock import BUSINESS_ZONE, NOW_SQL
from shared.sandbox.faults import Rule, rules_of
from shared.sandbox.names import DEFAULT
from shared.sandbox.recording import RecordedCall
from shared.sandbox.registry import COLUMNS, Sandbox
from shared.storage.database import Connection

SEND_ROW = "send_row"  # kind of background call
PORTAL = "portal"  # its own row can be behind too
REAP_SECONDS = 1.0
EquivalentCalls = Callable[[str], Iterable[RecordedCall]]
EXPIRED_SQL = (
    "SELECT id FROM sandboxes WHERE expires_at <= clock_timestamp() AND NOT deleted ORDER BY expires_at LIMIT 100"
)
INLINE_SECONDS = 2.0  # the request itself sends the row; after this time the worker repeats what failed
VERSION_SQL = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"  # grows even if the database is created again
DEFAULT_ROW = (
    "INSERT INTO sandboxes (id, version, name, seed, rate, base_at, base_real, opened, deleted, created_at) "
    f"SELECT 'default', {VERSION_SQL}, 'default', 'lien-thong', 1, t, t, true, false, t FROM clock_timestamp() t"
)


class ClockBackwards(Refusal):
    """The target is before the current time of the sandbox."""


class ClockBusy(Refusal):
    """Another caller is changing the clock of this sandbox."""


class ServiceDown(Refusal):
    """A service that needs the change does not reply; the worker sends the change again."""


class DefaultStays(Refusal):
    """The default sandbox cannot be deleted."""


def random_seed() -> str:
    return secrets.token_hex(6)


def start_of(seed: str) -> datetime:
    """The default start of a sandbox: 08:00 on a working day from March to August 2026, drawn from the seed."""
    day = date(2026, 3, 2) + timedelta(days=int(Sandbox("", seed, 0, datetime.min).draw("start") * 180))
    return datetime.combine(CALENDAR.add_working_days(day, 1), time(8), BUSINESS_ZONE)


@dataclass(frozen=True)
class SandboxSpec:
    """A sandbox to create; seed, name and start are chosen here if they are None.

    rate          sandbox seconds per real second; 0 is frozen
    time_to_live  real time, because a frozen clock would never reach an end; None: until it is deleted
    people        people and organisations of this sandbox, as in `contracts.people`
    modes         province or `*` → document, as in `contracts.modes`
    faults        rules from the start
    """

    seed: str | None = None
    name: str | None = None
    start: datetime | None = None
    rate: float = 0
    time_to_live: timedelta | None = None
    people: Mapping[str, Any] = field(default_factory=dict)
    modes: Mapping[str, Document] = field(default_factory=dict)
    faults: Sequence[Rule] = ()


class Ownership:
    """Changes of sandbox rows. Each is committed with one outbox row per service, then sent."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        settings = runtime.settings
        self.services = {
            "gateway": settings.province_gateway_url,
            "identity": settings.identity_url,
            "payment": settings.payment_url,
        }

    async def create(
        self, spec: SandboxSpec, equivalent_calls: EquivalentCalls = lambda sandbox: ()
    ) -> tuple[dict[str, Any], list[str]]:
        """Create a sandbox. Returns its row and the services that do not have it yet.

        equivalent_calls  id → calls that would have the same effect after the creation, for a replay
        """
        identity = "s" + secrets.token_hex(6)
        seed = spec.seed if spec.seed is not None else random_seed()
        start = spec.start or start_of(seed)
        now = datetime.now(UTC)
        row = {
            "id": identity,
            "version": int(now.timestamp() * 1_000_000),
            "name": spec.name or identity,
            "seed": seed,
            "rate": spec.rate,
            "base_at": start,
            "base_real": now,
            "opened": False,
            "deleted": False,
            "created_at": now,
            "begins_at": start,
            "expires_at": now + spec.time_to_live if spec.time_to_live is not None else None,
            "api_key": f"lt.{identity}.{secrets.token_hex(16)}",
            "modes": msgspec.json.encode(spec.modes).decode(),
            "faults": msgspec.json.encode(spec.faults).decode(),
            "people": msgspec.json.encode(spec.people).decode(),
        }
        async with self._runtime.database.transaction() as connection:
            await registry.put(connection, row)
            await recording.record(connection, identity, *equivalent_calls(identity))
            await self._enqueue_row(connection, {**row, "opened": True})
        self._runtime.note_row(row)
        lagging = await self._send_to_all(identity, {**row, "opened": True})
        if not lagging:
            await self._open(identity)
        return row, lagging

    async def describe(
        self, sandbox_id: str, name: str | None, time_to_live: timedelta | None, *, forever: bool
    ) -> list[str]:
        """Change the name, or the end (counted from now); None changes nothing."""
        end = "CASE WHEN NOT $4 THEN coalesce(clock_timestamp() + $3::interval, expires_at) END"
        return await self._change(
            sandbox_id, f"name = coalesce($2, name), expires_at = {end}", name, time_to_live, forever
        )

    async def change_faults(self, sandbox_id: str, change: Callable[[tuple[Rule, ...], int], Sequence[Rule]]) -> None:
        """Change the fault rules; they are in force at every service when this returns.

        change  current rules, a number that no earlier rule has → new rules
        raises  ServiceDown, and what `change` raises
        """

        def changed(row: Any) -> str:
            rules = change(rules_of(row["faults"]), int(row["version"]) + 1)
            return msgspec.json.encode(list(rules)).decode()

        lagging = await self._change(sandbox_id, "faults = $2::jsonb", changed)
        if lagging:
            raise ServiceDown("The portal sends the change as soon as the service replies.", lagging=lagging)

    async def set_rate(self, sandbox_id: str, rate: float) -> None:
        """Change the rate of a clock from its current time on; 0 freezes it. Raises ServiceDown."""
        lagging = await self._change(sandbox_id, f"rate = $2, base_at = {NOW_SQL}, base_real = clock_timestamp()", rate)
        if lagging:
            raise ServiceDown("The portal sends the change as soon as the service replies.", lagging=lagging)

    async def set_mode(self, sandbox_id: str, province: str, document: Mapping[str, Any]) -> None:
        """Set the mode of a province or `*`; in force at every service when this returns. Raises ServiceDown."""
        changes = "modes = modes || jsonb_build_object($2::text, $3::jsonb)"
        await self._change_modes(sandbox_id, changes, province, msgspec.json.encode(document).decode())

    async def reset_mode(self, sandbox_id: str, province: str) -> None:
        """Remove the mode of a province, or of `*`. Raises ServiceDown."""
        await self._change_modes(sandbox_id, "modes = modes - $2::text", province)

    async def _change_modes(self, sandbox_id: str, changes: str, *values: object) -> None:
        if lagging := await self._change(sandbox_id, changes, *values):
            raise ServiceDown(
                "The mode is set; the portal sends it as soon as the service replies, and settle waits for that.",
                lagging=lagging,
            )

    async def reap(self) -> None:
        """Background job: delete expired sandboxes."""
        while True:
            for row in await self._runtime.database.fetch(EXPIRED_SQL):
                await self.delete(row["id"])
            await asyncio.sleep(REAP_SECONDS)

    async def delete(self, sandbox_id: str) -> list[str]:
        """Mark a sandbox as deleted in every service; its rows are removed in the background."""
        if sandbox_id == DEFAULT:
            raise DefaultStays(
                "The default sandbox cannot be deleted; `lienthong reset` empties a stopped stack.", sandbox=sandbox_id
            )
        return await self._change(sandbox_id, "deleted = true")

    async def set_clock(self, sandbox_id: str, to: datetime) -> None:
        """Move a clock to `to` if it is not later already; every service has confirmed when this returns.

        raises  ServiceDown
        """
        lagging = await self._change(
            sandbox_id, f"base_at = greatest($2, {NOW_SQL}), base_real = clock_timestamp()", to
        )
        if lagging:
            raise ServiceDown(
                "The portal sends the change as soon as the service replies; then advance again.", lagging=lagging
            )

    async def _change(self, sandbox_id: str, changes: str, *values: Any, above: int = 0) -> list[str]:
        """Change the row and send it to every service. Returns the services that failed. Then retries refused calls.

        values  parameters of `changes` from $2 on; a function computes one from the old row
        above   the new version is higher than this
        """
        async with self._runtime.database.transaction(sandbox_id) as connection:
            before = await connection.fetchrow(
                f"SELECT {', '.join(COLUMNS)} FROM sandboxes WHERE id = $1 AND NOT deleted FOR UPDATE", sandbox_id
            )
            if before is None:
                raise await registry.missing(connection, sandbox_id)
            changed = await connection.fetchrow(
                f"UPDATE sandboxes s SET version = greatest(version + 1, {above + 1:d}, {VERSION_SQL}), {changes} "
                f"WHERE id = $1 RETURNING {', '.join(COLUMNS)}",
                sandbox_id,
                *(value(before) if callable(value) else value for value in values),
            )
            assert changed is not None
            row = {**dict(changed), "opened": True}
            await self._enqueue_row(connection, row)
        self._runtime.note_row(row)
        lagging = await self._send_to_all(sandbox_id, row)
        await http_outbox.try_again(self._runtime.database, sandbox_id)
        return lagging

    async def _enqueue_row(self, connection: Connection, row: dict[str, Any]) -> None:
        text = msgspec.json.encode(registry.wire_form(row)).decode()
        await connection.executemany(
            f"""INSERT INTO calls (sandbox, kind, key, data, next_try)
            VALUES ($1, '{SEND_ROW}', $2, $3::jsonb, clock_timestamp() + interval '{INLINE_SECONDS} s')
            ON CONFLICT (sandbox, kind, key) DO UPDATE SET data = EXCLUDED.data, next_try = EXCLUDED.next_try""",
            [(row["id"], service, text) for service in self.services],
        )

    async def _send_to_all(self, sandbox_id: str, row: dict[str, Any]) -> list[str]:
        """Send the row to every service now. Returns the services that failed.

        A later change contains this one, so a service that has that row already has not failed.
        """
        body = registry.wire_form(row)
        results = await asyncio.gather(*(self._send_row(service, sandbox_id, body) for service in self.services))
        latest = await self._runtime.database.pool.fetchval("SELECT version FROM sandboxes WHERE id = $1", sandbox_id)
        services_done = [
            service
            for service, version in zip(self.services, results, strict=True)
            if row["version"] <= version <= max(latest or 0, row["version"])
        ]
        await self._runtime.database.pool.execute(
            "DELETE FROM calls WHERE sandbox = $1 AND kind = $2 AND key = ANY($3) AND (data->>'version')::bigint <= $4",
            sandbox_id,
            SEND_ROW,
            services_done,
            row["version"],
        )
        return [service for service in self.services if service not in services_done]

    async def _send_row(self, service: str, sandbox_id: str, body: dict[str, Any]) -> int:
        """Send a row. Returns the version that the service has then; 0 if it does not reply."""
        try:
            response = await http.call(
                self._runtime.internal, "PUT", f"{self.services[service]}/_lab/sandboxes/{sandbox_id}", body=body
            )
        except http.Unreachable:
            return 0
        return int(response.json()["version"]) if response.status_code == 200 else 0

    async def send_to_behind(self, sandbox: Sandbox, services: Collection[str]) -> None:
        """Send the row again to services with an older one (a database restored from a backup).

        The portal itself counts as behind in two cases. The row was changed during the poll: nothing is to be done. Or
        its own database was restored: then the row gets a version above all others.

        sandbox  the portal's row before the poll
        """
        row = await registry.row_of(self._runtime.database, sandbox.id)
        if row is None:
            return
        if PORTAL in services and row["version"] == sandbox.version:
            await self._change(sandbox.id, "name = name")
            return
        body = registry.wire_form({**dict(row), "opened": True})
        await asyncio.gather(*(self._send_row(service, sandbox.id, body) for service in services if service != PORTAL))

    async def send_row_again(self, call: http_outbox.Call) -> None:
        """Worker: send a row that the request could not send, and open the sandbox when every service has it."""
        version = await self._send_row(call.key, call.sandbox, call.data)
        if (
            version > call.data["version"]
        ):  # our database was restored from a backup: the row goes above what others have
            await self._change(call.sandbox, "name = name", above=version)
            return
        if version != call.data["version"]:
            raise http.Unreachable(f"{call.key} did not take sandbox {call.sandbox}")
        async with self._runtime.database.transaction() as connection:
            await connection.execute(
                "DELETE FROM calls WHERE sandbox = $1 AND kind = $2 AND key = $3 AND data->>'version' = $4",
                call.sandbox,
                SEND_ROW,
                call.key,
                str(call.data["version"]),
            )
        await self._open(call.sandbox)

    async def _open(self, sandbox_id: str) -> None:
        await self._runtime.database.pool.execute(
            "UPDATE sandboxes SET opened = true WHERE id = $1 AND NOT opened AND NOT EXISTS "
            "(SELECT FROM calls WHERE sandbox = $1 AND kind = $2)",
            sandbox_id,
            SEND_ROW,
        )
