"""The Kafka door of a province at the broker: topics, user and rights. It is opened, closed, and removed with its sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from contracts.catalogue import PROVINCES
from services.province_gateway.doors.kafka_names import KafkaNames, topic_prefix
from shared.messaging.kafka import from_environment
from shared.sandbox.names import DEFAULT
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.messaging.kafka_access import Administrator

RETENTION = timedelta(days=7)  # a connector may be away for a holiday; Kafka's own default, which the lanes have too
MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True)
class KafkaDoor:
    """What a connector needs to sign in, besides its password, and the names that it then uses.

    bootstrap  address of the broker, host:port, several separated by commas
    """

    bootstrap: str
    security_protocol: str
    mechanism: str
    names: KafkaNames


async def open_door(settings: Settings, sandbox_id: str, province: str, password: str) -> KafkaDoor:
    """Make topics, user and rights of a province's connector. Repeated with another password, it replaces the password.

    raises  BrokerNotPrepared if this broker has no such door; BrokerFault: try again
    """
    settings.require_kafka_outside()
    names = KafkaNames.of(sandbox_id, province)
    async with _administrator(settings) as broker:
        await broker.ensure_topics(names.topics, RETENTION)
        await broker.ensure_user(names.user, password)
        readable = (names.inbox, names.verdicts)
        await broker.grant(names.user, read=readable, write=[names.outbox], group_prefix=names.user)
    encrypted = from_environment().security_protocol.endswith("SSL")
    protocol = "SASL_SSL" if encrypted else "SASL_PLAINTEXT"
    return KafkaDoor(settings.kafka_outside_bootstrap, protocol, MECHANISM, names)


async def close_door(settings: Settings, sandbox_id: str, province: str) -> None:
    """Take rights and user of a province's connector. Its topics stay, with the records, until their time is over."""
    async with _administrator(settings) as broker:
        await _expel(broker, KafkaNames.of(sandbox_id, province).user)


async def reap(settings: Settings, sandbox_id: str) -> None:
    """Remove everything that a deleted sandbox has at the broker: rights, users and topics."""
    if sandbox_id == DEFAULT:
        raise ValueError("the default sandbox is never deleted")
    async with _administrator(settings) as broker:
        await _expel(broker, *(KafkaNames.of(sandbox_id, province).user for province in PROVINCES))
        await broker.delete_topics(topic_prefix(sandbox_id))


def _administrator(settings: Settings) -> Administrator:
    # 2 MB in every process that imports it, and most need no door.
    from shared.messaging.kafka_access import Administrator

    return Administrator(settings.kafka_bootstrap_servers)


async def _expel(broker: Administrator, *users: str) -> None:
    await broker.revoke(*users)
    await broker.delete_users(*users)
