"""The Kafka door of a province, on a real broker: what its connector may do there, and that it may do nothing else."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
)

from contracts import topics
from services.province_gateway.doors.kafka_door import KafkaDoor, close_door, open_door, reap
from services.province_gateway.doors.kafka_names import KafkaNames
from services.province_gateway.settings import Settings
from shared.errors import BrokerNotPrepared
from shared.messaging import kafka
from shared.messaging.kafka_access import Administrator
from tests.support.command import PATIENCE

SECRET = "an invented secret"


@dataclass(frozen=True)
class Connector:
    """A program of somebody else: what it was told at the door, and nothing of ours."""

    door: KafkaDoor
    password: str

    @property
    def aiokafka(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.door.bootstrap,
            "security_protocol": self.door.security_protocol,
            "sasl_mechanism": self.door.mechanism,
            "sasl_plain_username": self.door.names.user,
            "sasl_plain_password": self.password,
        }

    @property
    def librdkafka(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.door.bootstrap,
            "security.protocol": self.door.security_protocol,
            "sasl.mechanism": "SCRAM-SHA-256",  # the other one
            "sasl.username": self.door.names.user,
            "sasl.password": self.password,
        }

    async def write(self, topic: str, value: bytes = b"{}") -> int:
        async with AIOKafkaProducer(**self.aiokafka, enable_idempotence=True, acks="all") as producer:
            return int((await producer.send_and_wait(topic, value)).offset)

    async def read(self, topic: str, group: str) -> bytes:
        async with AIOKafkaConsumer(topic, group_id=group, auto_offset_reset="earliest", **self.aiokafka) as consumer:
            message = await consumer.getone()
            await consumer.commit()
            return bytes(message.value)

    def write_with_librdkafka(self, topic: str, value: bytes) -> None:
        errors: list[KafkaError | None] = []
        producer = Producer({**self.librdkafka, "enable.idempotence": True})
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
        producer.flush(PATIENCE)
        assert errors == [None]

    def read_with_librdkafka(self, topic: str, group: str) -> bytes | KafkaError:
        consumer = Consumer({**self.librdkafka, "group.id": group, "auto.offset.reset": "earliest"})
        try:
            consumer.subscribe([topic])
            message = consumer.poll(PATIENCE)
            assert message is not None
            if error := message.error():
                return error
            consumer.commit(message, asynchronous=False)
            return bytes(message.value() or b"")
        finally:
            consumer.close()

    def admin(self) -> AdminClient:
        return AdminClient(self.librdkafka)


@pytest.fixture
def settings(broker: dict[str, str], broker_outside: str) -> Settings:
    servers = {"KAFKA_BOOTSTRAP_SERVERS": broker["bootstrap.servers"], "KAFKA_OUTSIDE_BOOTSTRAP": broker_outside}
    return Settings(SERVICE_SECRET=SECRET, **servers)


@asynccontextmanager
async def ours(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, **kafka.access()) as producer:
        yield producer


def a_sandbox() -> str:
    return f"s{secrets.token_hex(6)}"


async def a_connector(settings: Settings, sandbox_id: str | None = None, province: str = "37") -> Connector:
    password = secrets.token_urlsafe()
    return Connector(await open_door(settings, sandbox_id or a_sandbox(), province, password), password)


def test_only_the_default_sandbox_has_topics_without_a_prefix() -> None:
    assert KafkaNames.of("default", "37") == KafkaNames(
        "province.37.inbox.v1", "province.37.outbox.v1", "province.37.verdicts.v1", "default.province-37"
    )
    assert KafkaNames.of("s1", "01").topics == (
        "s1.province.01.inbox.v1",
        "s1.province.01.outbox.v1",
        "s1.province.01.verdicts.v1",
    )
    assert KafkaNames.of("s1", "01").user == "s1.province-01"


async def test_a_connector_reads_its_inbox_and_verdicts_and_writes_its_outbox(settings: Settings) -> None:
    connector = await a_connector(settings)
    names = connector.door.names
    async with ours(settings) as producer:
        await producer.send_and_wait(names.inbox, b"a dossier")
        await producer.send_and_wait(names.verdicts, b"a verdict")
    assert await connector.write(names.outbox) == 0
    connector.write_with_librdkafka(names.outbox, b"{}")
    for topic, value in ((names.inbox, b"a dossier"), (names.verdicts, b"a verdict")):
        assert await connector.read(topic, names.user) == value
        assert connector.read_with_librdkafka(topic, f"{names.user}-second") == value


async def test_a_door_that_is_open_lets_its_connector_in_at_once_however_busy_the_broker_is(
    settings: Settings, broker: dict[str, str]
) -> None:
    ours, busy = AdminClient(broker), secrets.token_hex(6)
    ours.create_topics([NewTopic(f"{busy}.{n}", num_partitions=34, replication_factor=1) for n in range(2)])
    connector = await a_connector(settings)
    assert await connector.write(connector.door.names.outbox) == 0
    async with Administrator(settings.kafka_bootstrap_servers) as admin:
        assert await admin.delete_topics(f"{busy}.") == [f"{busy}.0", f"{busy}.1"]


@pytest.mark.parametrize(
    "foreign",
    [
        lambda names: topics.TO_PORTAL,
        lambda names: topics.TO_PROVINCE,
        lambda names: names.outbox.replace(".37.", ".01."),  # of another province
        lambda names: names.outbox.partition(".")[2],  # of the default sandbox
        lambda names: names.inbox,  # which only we write
        lambda names: names.verdicts,
        lambda names: f"{names.outbox}x",
    ],
)
async def test_the_broker_refuses_what_a_connector_writes_elsewhere(
    settings: Settings, foreign: Callable[[KafkaNames], str]
) -> None:
    connector = await a_connector(settings)
    await kafka.ensure_topics(settings.kafka_bootstrap_servers, [topics.TO_PORTAL, topics.TO_PROVINCE])
    await open_door(settings, connector.door.names.user.partition(".")[0], "01", SECRET)
    await open_door(settings, "default", "37", SECRET)
    with pytest.raises(TopicAuthorizationFailedError):
        await connector.write(foreign(connector.door.names))


async def test_the_broker_refuses_what_a_connector_reads_elsewhere(settings: Settings) -> None:
    connector = await a_connector(settings)
    neighbour = await a_connector(settings)
    user = connector.door.names.user
    for topic in (connector.door.names.outbox, neighbour.door.names.inbox, topics.TO_PROVINCE):
        error = connector.read_with_librdkafka(topic, user)
        assert isinstance(error, KafkaError) and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    for group in ("province_gateway", neighbour.door.names.user, user.removesuffix("7")):
        with pytest.raises(GroupAuthorizationFailedError):
            await connector.read(connector.door.names.inbox, group)


async def test_a_connector_sees_only_its_own_topics_and_groups(settings: Settings) -> None:
    connector, neighbour = await a_connector(settings), await a_connector(settings)
    await neighbour.write(neighbour.door.names.outbox)
    admin = connector.admin()
    assert set(admin.list_topics(timeout=PATIENCE).topics) == set(connector.door.names.topics)
    assert admin.list_consumer_groups(request_timeout=PATIENCE).result().valid == []
    assert admin.describe_acls(ANYTHING).result(PATIENCE) == []


def one(futures: dict[Any, Any]) -> Any:
    (future,) = futures.values()
    return future


BROKER = ConfigResource(ResourceType.BROKER, "1")
USER = UserScramCredentialDeletion("lan", ScramMechanism.SCRAM_SHA_256)
ANYTHING = AclBindingFilter(
    *(ResourceType.ANY, None, ResourcePatternType.ANY),
    *(None, None, AclOperation.ANY, AclPermissionType.ANY),
)


@pytest.mark.parametrize(
    ("administer", "code"),
    [
        (lambda admin: admin.create_topics([NewTopic("mine", 1, 1)])["mine"], KafkaError.TOPIC_AUTHORIZATION_FAILED),
        (lambda admin: one(admin.alter_user_scram_credentials([USER])), KafkaError.CLUSTER_AUTHORIZATION_FAILED),
        (lambda admin: one(admin.delete_acls([ANYTHING])), KafkaError.CLUSTER_AUTHORIZATION_FAILED),
        (lambda admin: one(admin.describe_configs([BROKER])), KafkaError.CLUSTER_AUTHORIZATION_FAILED),
    ],
)
async def test_a_connector_administers_nothing(
    settings: Settings, administer: Callable[[AdminClient], Any], code: int
) -> None:
    admin = (await a_connector(settings)).admin()
    with pytest.raises(KafkaException) as refused:
        administer(admin).result(PATIENCE)
    assert refused.value.args[0].code() == code


async def test_a_connector_has_no_transactions(settings: Settings) -> None:
    connector = await a_connector(settings)
    producer = Producer({**connector.librdkafka, "transactional.id": connector.door.names.user})
    with pytest.raises(KafkaException) as refused:
        producer.init_transactions(PATIENCE)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


async def test_a_wrong_password_opens_nothing_nor_does_our_own_at_this_door(
    settings: Settings, broker: dict[str, str]
) -> None:
    connector = await a_connector(settings)
    ours = {"sasl_plain_username": broker["sasl.username"], "sasl_plain_password": broker["sasl.password"]}
    for login in ({"sasl_plain_password": "wrong"}, ours, ours | {"sasl_mechanism": "PLAIN"}):
        with pytest.raises(KafkaConnectionError):
            await AIOKafkaProducer(**connector.aiokafka | login).start()


async def test_a_new_password_replaces_the_old_one_at_the_next_connection(settings: Settings) -> None:
    sandbox_id = a_sandbox()
    old = await a_connector(settings, sandbox_id)
    async with AIOKafkaProducer(**old.aiokafka) as producer:
        await producer.send_and_wait(old.door.names.outbox, b"connected")
        new = await a_connector(settings, sandbox_id)
        await producer.send_and_wait(old.door.names.outbox, b"still connected")
    assert new.door == old.door
    assert await new.write(new.door.names.outbox) == 2
    with pytest.raises(KafkaConnectionError):
        await old.write(old.door.names.outbox)


async def test_a_closed_door_ends_open_connections_and_admits_no_new_ones(settings: Settings) -> None:
    sandbox_id = a_sandbox()
    connector = await a_connector(settings, sandbox_id)
    async with AIOKafkaProducer(**connector.aiokafka) as producer:
        await producer.send_and_wait(connector.door.names.outbox, b"before")
        for _ in range(2):  # the second time there is nothing to do
            await close_door(settings, sandbox_id, "37")
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(connector.door.names.outbox, b"after")
    with pytest.raises(KafkaConnectionError):
        await connector.write(connector.door.names.outbox)
    again = await a_connector(settings, sandbox_id)
    assert await again.write(again.door.names.outbox) == 1, "the records have stayed"


async def test_a_deleted_sandbox_leaves_nothing_at_the_broker(settings: Settings, broker: dict[str, str]) -> None:
    sandbox_id, neighbour = a_sandbox(), await a_connector(settings)
    gone = [await a_connector(settings, sandbox_id, province) for province in ("01", "37")]
    for _ in range(2):
        await reap(settings, sandbox_id)
    for connector in gone:
        with pytest.raises(KafkaConnectionError):
            await connector.write(connector.door.names.outbox)
    admin = AdminClient(broker)
    assert not [topic for topic in admin.list_topics(timeout=PATIENCE).topics if sandbox_id in topic]
    assert not [acl for acl in admin.describe_acls(ANYTHING).result(PATIENCE) if sandbox_id in acl.principal]
    assert await neighbour.write(neighbour.door.names.outbox) == 0
    with pytest.raises(ValueError, match="never deleted"):
        await reap(settings, "default")


async def test_a_broker_without_an_address_for_connectors_has_no_door(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"kafka_outside_bootstrap": ""})
    with pytest.raises(BrokerNotPrepared, match="set KAFKA_OUTSIDE_BOOTSTRAP to that of a listener"):
        await open_door(elsewhere, a_sandbox(), "37", SECRET)
