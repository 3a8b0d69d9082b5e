"""The portal owns the sandboxes: created, changed and deleted here, told to every service, told again until each has answered."""

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

TELL = "tell"  # kind of background call
PORTAL = "portal"  # its own row can be behind, too
REAP_SECONDS = 1.0
MadeAs = Callable[[str], Iterable[RecordedCall]]
OVER_SQL = (
    "SELECT id FROM sandboxes WHERE expires_at <= clock_timestamp() AND NOT deleted ORDER BY expires_at LIMIT 100"
)
INLINE_SECONDS = 2.0  # the request itself tells the services; the worker takes over what it could not tell by then
VERSION_SQL = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"  # grows even over a database made anew
DEFAULT_ROW = (
    "INSERT INTO sandboxes (id, version, name, seed, rate, base_at, base_real, opened, deleted, created_at) "
    f"SELECT 'default', {VERSION_SQL}, 'default', 'lien-thong', 1, t, t, true, false, t FROM clock_timestamp() t"
)


class ClockBackwards(Refusal):
    """The target lies before the sandbox's present."""


class ClockBusy(Refusal):
    """Another advance of this sandbox is under way."""


class ServiceDown(Refusal):
    """A service that must know of a change does not answer; it will be told again."""


class DefaultStays(Refusal):
    """The default sandbox cannot be deleted."""


def a_seed() -> str:
    """One that nobody has chosen."""
    return secrets.token_hex(6)


def start_of(seed: str) -> datetime:
    """The instant at which a frozen sandbox starts: 08:00 of a working day of March to August 2026, drawn from the seed."""
    day = date(2026, 3, 2) + timedelta(days=int(Sandbox("", seed, 0, datetime.min).draw("start") * 180))
    return datetime.combine(CALENDAR.add_working_days(day, 1), time(8), BUSINESS_ZONE)


@dataclass(frozen=True)
class Wanted:
    """A sandbox that somebody wants; seed, name and start are chosen here where they are None.

    rate    sandbox seconds per real second; 0 is frozen
    lives   in real time, for a frozen clock comes to no end; None: until it is deleted
    people  of its own, and organisations, as `contracts.people` keeps them
    modes   document by province or `*`, as `contracts.modes` keeps it
    faults  rules that are on from the start
    """

    seed: str | None = None
    name: str | None = None
    start: datetime | None = None
    rate: float = 0
    lives: timedelta | None = None
    people: Mapping[str, Any] = field(default_factory=dict)
    modes: Mapping[str, Document] = field(default_factory=dict)
    faults: Sequence[Rule] = ()


class Ownership:
    """Changes of sandbox rows. Each is committed with one row per service still to be told, then told."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        settings = runtime.settings
        self.services = {
            "gateway": settings.province_gateway_url,
            "identity": settings.identity_url,
            "payment": settings.payment_url,
        }

    async def create(self, wanted: Wanted, made_as: MadeAs = lambda sandbox: ()) -> tuple[dict[str, Any], list[str]]:
        """A new sandbox, usable everywhere when this returns; else the services that lag are named.

        made_as  from its id, the calls that would have come to the same after it was made, for a replay
        """
        identity = "s" + secrets.token_hex(6)
        seed = wanted.seed if wanted.seed is not None else a_seed()
        start = wanted.start or start_of(seed)
        now = datetime.now(UTC)
        row = {
            "id": identity,
            "version": int(now.timestamp() * 1_000_000),
            "name": wanted.name or identity,
            "seed": seed,
            "rate": wanted.rate,
            "base_at": start,
            "base_real": now,
            "opened": False,
            "deleted": False,
            "created_at": now,
            "begins_at": start,
            "expires_at": now + wanted.lives if wanted.lives is not None else None,
            "api_key": f"lt.{identity}.{secrets.token_hex(16)}",
            "modes": msgspec.json.encode(wanted.modes).decode(),
            "faults": msgspec.json.encode(wanted.faults).decode(),
            "people": msgspec.json.encode(wanted.people).decode(),
        }
        async with self._runtime.database.transaction() as connection:
            await registry.put(connection, row)
            await recording.record(connection, identity, *made_as(identity))
            await self._to_tell(connection, {**row, "opened": True})
        self._runtime.note_row(row)
        lagging = await self._tell_all(identity, {**row, "opened": True})
        if not lagging:
            await self._open(identity)
        return row, lagging

    async def describe(self, sandbox_id: str, name: str | None, lives: timedelta | None, *, forever: bool) -> list[str]:
        """Give it another name, or another end counted from now; what is None stays."""
        end = "CASE WHEN NOT $4 THEN coalesce(clock_timestamp() + $3::interval, expires_at) END"
        return await self._change(sandbox_id, f"name = coalesce($2, name), expires_at = {end}", name, lives, forever)

    async def change_faults(self, sandbox_id: str, change: Callable[[tuple[Rule, ...], int], Sequence[Rule]]) -> None:
        """Other fault rules, in force everywhere when this returns; what `change` refuses changes nothing.

        change  makes the new rules of the present ones and of a number that no earlier rule has
        raises  ServiceDown, and what `change` raises
        """

        def changed(row: Any) -> str:
            rules = change(rules_of(row["faults"]), int(row["version"]) + 1)
            return msgspec.json.encode(list(rules)).decode()

        lagging = await self._change(sandbox_id, "faults = $2::jsonb", changed)
        if lagging:
            raise ServiceDown("It will be told as soon as it answers.", lagging=lagging)

    async def set_rate(self, sandbox_id: str, rate: float) -> None:
        """Let a clock run from where it has come at another rate, 0 to freeze it. Raises ServiceDown."""
        lagging = await self._change(sandbox_id, f"rate = $2, base_at = {NOW_SQL}, base_real = clock_timestamp()", rate)
        if lagging:
            raise ServiceDown("It will be told as soon as it answers.", lagging=lagging)

    async def set_mode(self, sandbox_id: str, province: str, document: Mapping[str, Any]) -> None:
        """Let a province, or `*`, act by this document; in force at every service when this returns. Raises ServiceDown."""
        changes = "modes = modes || jsonb_build_object($2::text, $3::jsonb)"
        await self._change_modes(sandbox_id, changes, province, msgspec.json.encode(document).decode())

    async def reset_mode(self, sandbox_id: str, province: str) -> None:
        """Let a province act as all others do, or all others by default. Raises ServiceDown."""
        await self._change_modes(sandbox_id, "modes = modes - $2::text", province)

    async def _change_modes(self, sandbox_id: str, changes: str, *values: object) -> None:
        if lagging := await self._change(sandbox_id, changes, *values):
            raise ServiceDown("It is set, and told as soon as it answers: settle waits for it.", lagging=lagging)

    async def reap(self) -> None:
        """Delete sandboxes whose time is over, soon after it is; a job."""
        while True:
            for row in await self._runtime.database.fetch(OVER_SQL):
                await self.delete(row["id"])
            await asyncio.sleep(REAP_SECONDS)

    async def delete(self, sandbox_id: str) -> list[str]:
        """Mark it deleted here and everywhere; its rows are swept in the background."""
        if sandbox_id == DEFAULT:
            raise DefaultStays(
                "The default sandbox always stays; `lienthong reset` empties a stopped stack.", sandbox=sandbox_id
            )
        return await self._change(sandbox_id, "deleted = true")

    async def set_clock(self, sandbox_id: str, to: datetime) -> None:
        """Move a clock to `to`, or leave it where it has come if that is later; every service has confirmed when this returns.

        raises  ServiceDown
        """
        lagging = await self._change(
            sandbox_id, f"base_at = greatest($2, {NOW_SQL}), base_real = clock_timestamp()", to
        )
        if lagging:
            raise ServiceDown("It will be told as soon as it answers; then advance again.", lagging=lagging)

    async def _change(self, sandbox_id: str, changes: str, *values: Any) -> list[str]:
        """Change the row and tell every service; gives those that did not take it. Then what was refused is asked again.

        values  for `changes` from $2 on; a function makes one of the row as it was
        """
        async with self._runtime.database.transaction() as connection:
            found = await connection.fetchrow(
                f"SELECT {', '.join(COLUMNS)} FROM sandboxes WHERE id = $1 AND NOT deleted FOR UPDATE", sandbox_id
            )
            if found is None:
                raise await registry.missing(connection, sandbox_id)
            changed = await connection.fetchrow(
                f"UPDATE sandboxes s SET version = greatest(version + 1, {VERSION_SQL}), {changes} "
                f"WHERE id = $1 RETURNING {', '.join(COLUMNS)}",
                sandbox_id,
                *(value(found) if callable(value) else value for value in values),
            )
            assert changed is not None
            row = {**dict(changed), "opened": True}
            await self._to_tell(connection, row)
        self._runtime.note_row(row)
        lagging = await self._tell_all(sandbox_id, row)
        await http_outbox.try_again(self._runtime.database, sandbox_id)
        return lagging

    async def _to_tell(self, connection: Connection, row: dict[str, Any]) -> None:
        text = msgspec.json.encode(registry.wire_form(row)).decode()
        await connection.executemany(
            f"""INSERT INTO calls (sandbox, kind, key, data, next_try)
            VALUES ($1, '{TELL}', $2, $3::jsonb, clock_timestamp() + interval '{INLINE_SECONDS} s')
            ON CONFLICT (sandbox, kind, key) DO UPDATE SET data = EXCLUDED.data, next_try = EXCLUDED.next_try""",
            [(row["id"], service, text) for service in self.services],
        )

    async def _tell_all(self, sandbox_id: str, row: dict[str, Any]) -> list[str]:
        """Tell every service now; gives those that did not take it."""
        body = registry.wire_form(row)
        answers = await asyncio.gather(*(self._tell(service, sandbox_id, body) for service in self.services))
        told = [service for service, done in zip(self.services, answers, strict=True) if done]
        await self._runtime.database.pool.execute(
            "DELETE FROM calls WHERE sandbox = $1 AND kind = $2 AND key = ANY($3) AND (data->>'version')::bigint <= $4",
            sandbox_id,
            TELL,
            told,
            row["version"],
        )
        return [service for service in self.services if service not in told]

    async def _tell(self, service: str, sandbox_id: str, body: dict[str, Any]) -> bool:
        try:
            answer = await http.call(
                self._runtime.http, "PUT", f"{self.services[service]}/_lab/sandboxes/{sandbox_id}", body=body
            )
        except http.Unreachable:
            return False
        return answer.status_code == 200 and answer.json()["version"] >= body["version"]

    async def tell_behind(self, seen: Sandbox, services: Collection[str]) -> None:
        """Tell the row again to services that hold an older one (a database restored from a backup).

        The portal counts as behind when the row was changed while the others were asked, and needs no telling. Or its own
        database was restored: then its row goes out anew, above all that the others hold.

        seen  the portal's row of before they were asked
        """
        row = await registry.row_of(self._runtime.database, seen.id)
        if row is None:
            return
        if PORTAL in services and row["version"] == seen.version:
            await self._change(seen.id, "name = name")
            return
        body = registry.wire_form({**dict(row), "opened": True})
        await asyncio.gather(*(self._tell(service, seen.id, body) for service in services if service != PORTAL))

    async def tell_again(self, call: http_outbox.Call) -> None:
        """The worker's part: tell what the request could not, and open the sandbox when all have been told."""
        if not await self._tell(call.key, call.sandbox, call.data):
            raise http.Unreachable(f"{call.key} did not take sandbox {call.sandbox}")
        async with self._runtime.database.transaction() as connection:
            await connection.execute(
                "DELETE FROM calls WHERE sandbox = $1 AND kind = $2 AND key = $3 AND data->>'version' = $4",
                call.sandbox,
                TELL,
                call.key,
                str(call.data["version"]),
            )
        await self._open(call.sandbox)

    async def _open(self, sandbox_id: str) -> None:
        await self._runtime.database.pool.execute(
            "UPDATE sandboxes SET opened = true WHERE id = $1 AND NOT opened AND NOT EXISTS "
            "(SELECT FROM calls WHERE sandbox = $1 AND kind = $2)",
            sandbox_id,
            TELL,
        )
