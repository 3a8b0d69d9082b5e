"""The connectors of a sandbox: their keys, and what is known of each. A key opens one province of one sandbox."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from contracts.catalogue import PROVINCES, current_province
from contracts.faults.connectors import ACCESS
from contracts.modes import EXTERNAL, KAFKA, LEGACY, WEBHOOK, in_force
from services.province_gateway.doors import kafka_opening
from services.province_gateway.doors.legacy_tables import EVENT_SQL
from services.province_gateway.doors.webhook_signing import new_secret
from services.province_gateway.officers.modes import mode_of
from shared.errors import Refusal, SandboxMismatch
from shared.runtime import EVERYTHING, Runtime, in_sandbox, known_sandbox
from shared.sandbox import faults
from shared.sandbox.names import DEFAULT
from shared.sandbox.registry import Sandbox

KEYS = re.compile(r"ltc\.([A-Za-z0-9_-]{1,64})\.([0-9]{2})\.[0-9a-f]{32}")  # sandbox, province
OVERLAP = timedelta(hours=24)  # real time in which the previous key is valid too, so that nobody must be quick
DRAW_SQL = """
INSERT INTO connectors (sandbox, province, key, secret) VALUES ($1, $2, $3, $5)
ON CONFLICT (sandbox, province) DO UPDATE SET key = EXCLUDED.key, previous_key = connectors.key,
  secret = EXCLUDED.secret, previous_secret = connectors.secret, previous_until = clock_timestamp() + $4::interval
RETURNING previous_until"""
RETRY_SQL = """
UPDATE deliveries SET next_try = NULL, claimed_until = NULL, failures = 0
WHERE sandbox = $1 AND province = $2 AND acknowledged_at IS NULL AND given_up_at IS NULL"""
KEYS_SQL = """
SELECT key, CASE WHEN previous_until > clock_timestamp() THEN previous_key ELSE '' END AS previous_key
FROM connectors WHERE sandbox = $1 AND province = $2"""
HEARD_SQL = f"""
WITH heard AS (
  UPDATE connectors SET heard_at = clock_timestamp() WHERE sandbox = $1 AND province = $2
  AND (heard_at IS NULL OR heard_at < clock_timestamp() - interval '1 second'))
UPDATE deliveries d SET acknowledged_at = clock_timestamp()
WHERE sandbox = $1 AND province = $2 AND number <= $3 AND acknowledged_at IS NULL AND {EVENT_SQL}"""
REPORT_SQL = """
SELECT c.*,
  (SELECT real_at FROM verdicts v WHERE v.sandbox = $1 AND v.province = p ORDER BY number DESC LIMIT 1) AS said_at,
  (SELECT count(*) FROM deliveries d WHERE d.sandbox = $1 AND d.province = p AND d.acknowledged_at IS NULL)
    AS waiting,
  (SELECT min(real_at) FROM deliveries d WHERE d.sandbox = $1 AND d.province = p AND d.acknowledged_at IS NULL)
    AS waiting_since,
  (SELECT coalesce(max(number), 0) FROM deliveries d WHERE d.sandbox = $1 AND d.province = p) AS deliveries,
  (SELECT count(*) FROM deliveries d WHERE d.sandbox = $1 AND d.province = p AND d.acknowledged_at IS NULL
    AND d.given_up_at IS NOT NULL) AS given_up,
  (SELECT error FROM attempts a WHERE a.sandbox = $1 AND a.province = p ORDER BY real_at DESC LIMIT 1) AS last_error,
  (SELECT json_object_agg(outcome, n) FROM (SELECT outcome, count(*) AS n FROM verdicts v
    WHERE v.sandbox = $1 AND v.province = p GROUP BY outcome) counts) AS verdicts
FROM unnest($2::text[]) p LEFT JOIN connectors c ON c.sandbox = $1 AND c.province = p ORDER BY p"""


class ConnectorKeyMissing(Refusal):
    """The request has no bearer token."""


class ConnectorKeyUnknown(Refusal):
    """The key belongs to no connector, or it was replaced or revoked."""


class OtherProvince(Refusal):
    """The connector's key is that of another province."""


class NotConnected(Refusal):
    """No connector decides for the province: it is not in mode external."""


class SandboxKeyNeeded(Refusal):
    """Only the sandbox's own key may see and change the credentials of its connectors."""


@dataclass(frozen=True)
class Connector:
    """Who speaks and is told: one province of one sandbox."""

    sandbox_id: str
    province: str


@dataclass(frozen=True)
class Credentials:
    """A connector's new key. The previous one, if there was one, is valid until `previous_until` (real time).

    secret  signs its webhooks, or is its password at the adapter API; "" at the other doors
    """

    connector: Connector
    via: str
    key: str
    secret: str
    previous_until: datetime | None


@dataclass(frozen=True)
class Report:
    """What is known of a province's connector. Times are real time; `waiting`: deliveries that it has not acknowledged.

    via         the door; "" if the province is not external
    adapter     over the adapter API: its profile, and what is otherwise than in it
    has_key     whether credentials were drawn
    given_up    of the waiting ones, those that are not sent by webhook any more
    last_error  of the last webhook; "" if it was taken, or there was none
    deliveries  number of the last delivery
    verdicts    outcome → how many
    """

    province: str
    via: str
    url: str | None
    gate: str | None
    adapter: dict[str, Any] | None
    has_key: bool
    heard_at: datetime | None
    said_at: datetime | None
    waiting: int
    waiting_since: datetime | None
    given_up: int
    last_error: str
    deliveries: int
    verdicts: dict[str, int]


async def require_own_key(runtime: Runtime, sandbox_id: str, key: str | None) -> None:
    """The caller has the sandbox's own key; `chosen_sandbox` has checked one that was sent. The default sandbox has none.

    raises  SandboxKeyNeeded, SandboxNotFound
    """
    await known_sandbox(runtime, sandbox_id)
    if key is None and sandbox_id != DEFAULT:
        raise SandboxKeyNeeded(f"Send X-API-Key: `lienthong sandbox show {sandbox_id} --json` has it as api_key.")


async def draw(runtime: Runtime, sandbox_id: str, province: str) -> Credentials:
    """Draw a key, and for webhooks a secret; earlier ones stay valid for OVERLAP. Waiting webhooks are sent now.

    At the Kafka door also a password, which replaces the earlier one.

    raises  NotConnected; BrokerNotPrepared if connectors have no address of the broker
    """
    key = f"ltc.{sandbox_id}.{current_province(province)}.{secrets.token_hex(16)}"
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        require_external(sandbox, province)
        via = mode_of(sandbox, province).via
        secret = new_secret() if via == WEBHOOK else secrets.token_hex(16) if via == LEGACY else ""
        previous_until = await connection.fetchval(DRAW_SQL, sandbox_id, province, key, OVERLAP, secret)
        await connection.execute(RETRY_SQL, sandbox_id, province)
        if via == KAFKA:
            await kafka_opening.want(connection, runtime.settings, sandbox_id, province)
    return Credentials(Connector(sandbox_id, province), via, key, secret, previous_until)


async def revoke(runtime: Runtime, sandbox_id: str, province: str) -> None:
    """Both keys of a province's connector end now, and so does its access to the broker, as soon as that replies."""
    current_province(province)
    async with in_sandbox(runtime, sandbox_id) as (connection, _):
        await kafka_opening.close(connection, sandbox_id, [province])
        await connection.execute("DELETE FROM connectors WHERE sandbox = $1 AND province = $2", sandbox_id, province)


async def of_key(runtime: Runtime, authorization: str | None, province: str, chosen: str | None) -> Connector:
    """The connector whose key a request has.

    province, chosen  that of the path; the sandbox that the request names besides, if any
    raises            ConnectorKeyMissing, ConnectorKeyUnknown, OtherProvince, SandboxMismatch, NotConnected, SandboxNotFound
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise ConnectorKeyMissing("Send `Authorization: Bearer <key>`; `lienthong connect` prints it.")
    match = KEYS.fullmatch(key.strip())
    again = "`lienthong connect` draws a new one."
    if match is None:
        raise ConnectorKeyUnknown(f"This is no key of a connector. {again}")
    sandbox = await known_sandbox(runtime, match[1])
    rows = await runtime.database.fetch(KEYS_SQL, match[1], match[2])
    if not rows or not any(secrets.compare_digest(rows[0][name], key.strip()) for name in ("key", "previous_key")):
        raise ConnectorKeyUnknown(f"The key was replaced or revoked. {again}", sandbox=match[1], province=match[2])
    if match[2] != province:
        detail = f"This key opens province {match[2]}."
        raise OtherProvince(detail, key_province=match[2], province=province)
    if chosen not in (None, match[1]):
        detail = "Leave X-Sandbox out: the key names its sandbox."
        raise SandboxMismatch(detail, key_sandbox=match[1], named_sandbox=chosen)
    require_external(sandbox, province)
    await _require_not_revoked(runtime, match[1], province)
    return Connector(match[1], match[2])


async def _require_not_revoked(runtime: Runtime, sandbox_id: str, province: str) -> None:
    """Raises ConnectorKeyUnknown while a fault rule refuses the key."""
    if not runtime.watches(sandbox_id, ACCESS):
        return
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        firing = await faults.fire(connection, sandbox, ACCESS, EVERYTHING, province=province)
    if firing is not None:
        detail = f"Rule '{firing.rule.id}': {firing.rule.text_en}. Try again later, or switch the rule off."
        raise ConnectorKeyUnknown(detail, sandbox=sandbox_id, province=province, rule=firing.rule.id)


def require_external(sandbox: Sandbox, province: str) -> None:
    """Raises NotConnected unless a connector decides for the province."""
    if not mode_of(sandbox, province).is_external:
        detail = f"Connect it first: `lienthong connect --province {province} --via pull --sandbox {sandbox.id}`."
        raise NotConnected(detail, province=province, mode=mode_of(sandbox, province).mode)


async def note_heard(runtime: Runtime, connector: Connector, number: int) -> None:
    """The connector was here, and has every delivery up to `number`."""
    await runtime.database.pool.execute(HEARD_SQL, connector.sandbox_id, connector.province, number)


async def keep_cursor(runtime: Runtime, connector: Connector, name: str, number: int) -> None:
    """Keep the cursor of a subscription, and acknowledge everything up to it."""
    place = (connector.sandbox_id, connector.province)
    async with in_sandbox(runtime, connector.sandbox_id) as (connection, _):
        await connection.execute(
            "INSERT INTO subscriptions (sandbox, province, name, cursor) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (sandbox, province, name) DO UPDATE SET cursor = EXCLUDED.cursor",
            *(*place, name, number),
        )
        await connection.execute(HEARD_SQL, *place, number)


async def kept_cursor(runtime: Runtime, connector: Connector, name: str) -> int:
    """The cursor of a subscription; 0 for one that nobody has used."""
    sql = "SELECT cursor FROM subscriptions WHERE sandbox = $1 AND province = $2 AND name = $3"
    return int(await runtime.database.pool.fetchval(sql, connector.sandbox_id, connector.province, name) or 0)


async def reports(runtime: Runtime, sandbox_id: str) -> list[Report]:
    """What is known of each connector of a sandbox: of external provinces, and of those that still have a key."""
    sandbox = await known_sandbox(runtime, sandbox_id)
    modes = msgspec.json.decode(sandbox.modes)
    documents = {province: in_force(modes, province)[0] for province in PROVINCES}
    external = {province: document for province, document in documents.items() if document["mode"] == EXTERNAL}
    keyed = await runtime.database.fetch("SELECT province FROM connectors WHERE sandbox = $1", sandbox_id)
    provinces = sorted({*external, *(row["province"] for row in keyed)})
    rows = await runtime.database.fetch(REPORT_SQL, sandbox_id, provinces)
    return [
        Report(
            province=province,
            via=external.get(province, {}).get("via", ""),
            url=external.get(province, {}).get("url"),
            gate=external.get(province, {}).get("gate"),
            adapter=external.get(province, {}).get("adapter"),
            has_key=row["key"] is not None,
            heard_at=row["heard_at"],
            said_at=row["said_at"],
            waiting=row["waiting"],
            waiting_since=row["waiting_since"],
            given_up=row["given_up"],
            last_error=row["last_error"] or "",
            deliveries=row["deliveries"],
            verdicts=msgspec.json.decode(row["verdicts"] or "{}"),
        )
        for province, row in zip(provinces, rows, strict=True)
    ]
