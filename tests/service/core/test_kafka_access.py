"""Users, rights and topics at a real broker: what an administrator is told when something is missing."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from shared.errors import BrokerNotPrepared
from shared.messaging import kafka_access
from shared.messaging.kafka import BrokerFault
from shared.messaging.kafka_access import Administrator
from tests.support.command import PATIENCE

WEEK = timedelta(days=7)


@pytest.fixture
def name() -> str:
    return f"n{secrets.token_hex(6)}"


@pytest.fixture
def servers(broker: dict[str, str]) -> str:
    return broker["bootstrap.servers"]


async def test_everything_may_be_repeated(servers: str, broker: dict[str, str], name: str) -> None:
    async with Administrator(servers) as admin:
        for _ in range(2):
            await admin.ensure_topics([f"{name}.a", f"{name}.b"], WEEK)
            await admin.ensure_user(name, "secret")
            await admin.grant(name, read=[f"{name}.a"], write=[f"{name}.b"], group_prefix=name)
        theirs = AdminClient(broker)
        [configured] = theirs.describe_configs([ConfigResource(ResourceType.TOPIC, f"{name}.a")]).values()
        assert configured.result(PATIENCE)["retention.ms"].value == "604800000"
        for topics in ([f"{name}.a", f"{name}.b"], []):
            await admin.revoke(name)
            await admin.delete_users(name)
            assert await admin.delete_topics(f"{name}.") == topics


@pytest.mark.parametrize(
    "call",
    [
        lambda admin, name: admin.ensure_topics([name], WEEK),
        lambda admin, name: admin.ensure_user("somebody", "secret"),
        lambda admin, name: admin.delete_users("somebody"),
        lambda admin, name: admin.grant("somebody", read=[name]),
        lambda admin, name: admin.revoke("somebody"),
    ],
)
async def test_a_user_who_may_not_administer_is_told_which_rights_that_takes(
    servers: str,
    broker_outside: str,
    name: str,
    call: Callable[[Administrator, str], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Administrator(servers) as admin:
        await admin.ensure_user(name, "secret")
    for variable, value in {"MECHANISM": "SCRAM-SHA-512", "USERNAME": name, "PASSWORD": "secret"}.items():
        monkeypatch.setenv(f"KAFKA_SASL_{variable}", value)
    needs = f"user '{name}' make users, rights and topics: it needs CREATE and ALTER on the cluster"
    with pytest.raises(BrokerNotPrepared, match=needs):
        async with Administrator(broker_outside) as admin:
            await call(admin, name)


async def test_a_wrong_password_and_a_silent_broker_are_faults_that_say_so(
    servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_access, "SECONDS", 2.0)
    with pytest.raises(BrokerFault, match="Connection refused"):
        async with Administrator("127.0.0.1:1") as admin:
            await admin.delete_topics("x")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "wrong")
    with pytest.raises(BrokerFault, match="Invalid username or password"):
        async with Administrator(servers) as admin:
            await admin.revoke("somebody")


async def test_a_topic_that_somebody_made_with_more_partitions_is_named(
    servers: str, broker: dict[str, str], name: str
) -> None:
    theirs = AdminClient(broker)
    theirs.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])[name].result(PATIENCE)
    async with Administrator(servers) as admin:
        with pytest.raises(BrokerNotPrepared, match=f"Topic {name} at {servers} has 3 partitions and needs one"):
            await admin.ensure_topics([name], WEEK)
        with pytest.raises(ValueError, match="every topic"):
            await admin.delete_topics("")
