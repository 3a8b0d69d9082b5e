"""Opens and closes Kafka doors: what is wanted is a row, written by any process; a worker makes it so at the broker."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from contracts.catalogue import PROVINCES
from contracts.modes import KAFKA, in_force
from services.province_gateway.doors import kafka_store as store
from services.province_gateway.doors.deliveries import Ring
from services.province_gateway.doors.kafka_door import MECHANISM, close_door, open_door, reap
from services.province_gateway.doors.kafka_names import KafkaNames
from shared.errors import BrokerNotPrepared
from shared.settings import Settings
from shared.storage.database import Connection, Database

log = structlog.get_logger()


@dataclass(frozen=True)
class KafkaLogin:
    """What a connector signs in with, and the names that it uses.

    security_protocol  "" until the door was opened once
    group_prefix       how the names of its consumer groups begin
    is_open            whether the broker knows the password already; otherwise it will
    """

    bootstrap: str
    security_protocol: str
    mechanism: str
    user: str
    password: str
    inbox: str
    outbox: str
    verdicts: str
    group_prefix: str
    is_open: bool


async def want(connection: Connection, settings: Settings, sandbox_id: str, province: str) -> None:
    """Draw a password for the user of a connector; it replaces the earlier one. Raises BrokerNotPrepared."""
    settings.require_kafka_outside()
    password = secrets.token_urlsafe(24)
    await connection.execute(store.WANT_SQL, sandbox_id, province, PROVINCES[province].lane, password)


async def close(connection: Connection, sandbox_id: str, provinces: Sequence[str]) -> None:
    """The connectors of these provinces shall not sign in any more."""
    await connection.execute(store.CLOSE_SQL, sandbox_id, provinces)


def left(modes: str, provinces: Sequence[str]) -> list[str]:
    """Those of `provinces` that are not connected over Kafka; `modes`: the column of the sandbox."""
    documents = msgspec.json.decode(modes)
    return [province for province in provinces if in_force(documents, province)[0].get("via") != KAFKA]


async def login(database: Database, settings: Settings, sandbox_id: str, province: str) -> KafkaLogin | None:
    """The login of a connector, with its secret; None if it has none. Raises BrokerNotPrepared if the broker cannot open."""
    rows = await database.fetch(store.STATE_SQL, sandbox_id, province)
    if not rows or not rows[0]["password"]:
        return None
    (row,) = rows
    if row["trouble"]:
        raise BrokerNotPrepared(row["trouble"])
    names = KafkaNames.of(sandbox_id, province)
    return KafkaLogin(
        bootstrap=settings.kafka_outside_bootstrap,
        security_protocol=row["protocol"],
        mechanism=MECHANISM,
        user=names.user,
        password=row["password"],
        inbox=names.inbox,
        outbox=names.outbox,
        verdicts=names.verdicts,
        group_prefix=names.user,
        is_open=row["opened"] == row["wanted"],
    )


async def reconcile(database: Database, settings: Settings, ring: Ring, lanes: Sequence[int]) -> int:
    """Bring the broker to what the rows want, in the provinces of these lanes. Returns how many rows were worked on.

    It may be stopped anywhere, and repeated. Raises BrokerFault.
    """
    rows = await database.fetch(store.UNFINISHED_SQL, list(lanes))
    for sandbox_id in sorted({row["sandbox"] for row in rows if row["deleted"]}):
        await _remove(database, settings, sandbox_id)
    for row in rows:
        if not row["deleted"]:
            await _open_or_close(database, settings, row)
            ring(row["sandbox"], row["province"])
    return len(rows)


async def _open_or_close(database: Database, settings: Settings, row: Any) -> None:
    place, protocol = (row["sandbox"], row["province"]), ""
    try:
        if row["password"] and not row["barred"]:
            protocol = (await open_door(settings, *place, row["password"])).security_protocol
        else:
            await close_door(settings, *place)
    except BrokerNotPrepared as error:
        log.warning("kafka_door_not_opened", sandbox=place[0], province=place[1], error=str(error))
        await database.pool.execute(store.TROUBLE_SQL, *place, row["wanted"], str(error))
        return
    await database.pool.execute(store.OPENED_SQL, *place, row["wanted"], protocol)


async def _remove(database: Database, settings: Settings, sandbox_id: str) -> None:
    """A deleted sandbox leaves the broker; then its rows can be swept."""
    try:
        await reap(settings, sandbox_id)
    except BrokerNotPrepared as error:  # it can keep nothing of ours either, or its owner took our rights: let it be
        log.warning("kafka_door_not_removed", sandbox=sandbox_id, error=str(error))
    await database.pool.execute(store.GONE_SQL, sandbox_id)
