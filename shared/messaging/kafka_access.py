"""The only module that imports confluent-kafka: users, rights and topics of outsiders. aiokafka cannot set users or rights."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from shared.errors import BrokerNotPrepared
from shared.messaging.kafka import REQUEST_TIMEOUT_MS, BrokerFault, from_environment, time_limit

MECHANISMS = (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
ITERATIONS = 4096  # Kafka's default, the least that RFC 7677 allows: the passwords are drawn, so nobody guesses them
SECONDS = REQUEST_TIMEOUT_MS / 1000
FORBIDDEN = (KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)
NOT_THERE = (KafkaError.RESOURCE_NOT_FOUND, KafkaError.UNKNOWN_TOPIC_OR_PART)
UNABLE = (
    *(KafkaError.UNSUPPORTED_VERSION, KafkaError.UNSUPPORTED_SASL_MECHANISM, KafkaError._UNSUPPORTED_FEATURE),
    *(KafkaError.POLICY_VIOLATION, KafkaError.INVALID_REPLICATION_FACTOR),
)
AUTHORIZER = "set authorizer.class.name, as to org.apache.kafka.metadata.authorizer.StandardAuthorizer"

_silent = logging.getLogger(__name__)  # librdkafka's own lines; what matters of them is in our errors
_silent.setLevel(logging.CRITICAL)


class Administrator:
    """A connection with which our own user sets users, rights and topics: `async with Administrator(servers) as broker`.

    Every method may be repeated: it makes what is missing, removes what is there, and leaves the rest. At the end of the block
    the broker has applied all of it. With users, rights and topics that takes about 0.2 s.

    No method lists users: if the broker refuses that, librdkafka 2.16 corrupts its memory, and the process ends.

    servers  address of the broker as in KAFKA_BOOTSTRAP_SERVERS; the login is that of the environment
    raises   BrokerFault if the broker does not reply, or not within five seconds; BrokerNotPrepared, which names what is
             missing, if our user may not do this or the broker cannot
    """

    def __init__(self, servers: str) -> None:
        access = from_environment()
        self._servers, self._user = servers, access.sasl_username
        self._settings: dict[str, Any] = {"bootstrap.servers": servers, **access.librdkafka(), "error_cb": self._note}
        self._clients: list[AdminClient] = []
        self._last_error = ""

    async def __aenter__(self) -> Self:
        self._clients.append(AdminClient(self._settings, logger=_silent))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._until_applied()
        finally:
            await asyncio.to_thread(self._clients.clear)  # ends the threads of the client, and waits for them

    async def ensure_user(self, name: str, password: str) -> None:
        """A user who signs in with SCRAM, by either mechanism. One that exists gets this password, at its next connection."""
        for mechanism in MECHANISMS:  # in two requests: the broker refuses a user that is twice in one
            info = ScramCredentialInfo(mechanism, ITERATIONS)
            await self._alter(UserScramCredentialUpsertion(name, info, password.encode()))

    async def delete_users(self, *names: str) -> None:
        """The users cannot sign in again. Connections that are open stay open: `revoke` first, which takes their rights."""
        for mechanism in MECHANISMS:
            await self._alter(*(UserScramCredentialDeletion(name, mechanism) for name in names))

    async def grant(
        self, name: str, *, read: Iterable[str] = (), write: Iterable[str] = (), group_prefix: str = ""
    ) -> None:
        """Let a user read and write topics, and use the consumer groups whose names begin with `group_prefix`.

        Who may read or write something may also describe it. Who may write a topic may produce idempotently.
        """
        literal, prefixed = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
        rights = [(ResourceType.TOPIC, topic, literal, AclOperation.READ) for topic in read]
        rights += [(ResourceType.TOPIC, topic, literal, AclOperation.WRITE) for topic in write]
        if group_prefix:
            rights += [(ResourceType.GROUP, group_prefix, prefixed, AclOperation.READ)]
        allow = (f"User:{name}", "*")
        acls = [
            AclBinding(kind, of, pattern, *allow, operation, AclPermissionType.ALLOW)
            for kind, of, pattern, operation in rights
        ]
        await self._results(self._client.create_acls(acls, request_timeout=SECONDS))

    async def revoke(self, *names: str) -> None:
        """Take all rights of users, also from their open connections."""
        anything: Any = None  # which the stubs forget
        kind, pattern = ResourceType.ANY, ResourcePatternType.ANY
        right = (AclOperation.ANY, AclPermissionType.ANY)
        filters = [AclBindingFilter(kind, anything, pattern, f"User:{name}", anything, *right) for name in names]
        await self._results(self._client.delete_acls(filters, request_timeout=SECONDS))

    async def ensure_topics(self, topics: Sequence[str], retention: timedelta) -> None:
        """Create the missing topics, with one partition and one replica each; `retention`: how long records stay."""
        config = {
            "retention.ms": str(int(retention.total_seconds() * 1000)),
            "compression.type": "uncompressed",  # the broker unpacks what outsiders compress, with whatever they like
        }
        new = [NewTopic(topic, num_partitions=1, replication_factor=1, config=config) for topic in topics]
        await self._results(
            self._client.create_topics(new, request_timeout=SECONDS), ignore=(KafkaError.TOPIC_ALREADY_EXISTS,)
        )
        described = self._client.describe_topics(TopicCollection(list(topics)), request_timeout=SECONDS)
        for topic, description in (await self._results(described, ignore=NOT_THERE)).items():
            if (count := len(description.partitions)) != 1:
                raise BrokerNotPrepared(
                    f"Topic {topic} at {self._servers} has {count} partitions and needs one, which keeps the order. "
                    "Delete it: it is created again."
                )

    async def delete_topics(self, prefix: str) -> list[str]:
        """Delete the topics whose names begin with `prefix`, which is never empty. Returns their names."""
        if not prefix:
            raise ValueError("without a prefix, this would delete every topic")
        try:
            metadata = await asyncio.to_thread(self._client.list_topics, timeout=SECONDS)
        except KafkaException as error:
            raise self._trouble(error.args[0]) from error
        topics = sorted(topic for topic in metadata.topics if topic.startswith(prefix))
        if topics:
            await self._results(self._client.delete_topics(topics, request_timeout=SECONDS), ignore=NOT_THERE)
        return topics

    @property
    def _client(self) -> AdminClient:
        return self._clients[0]

    async def _until_applied(self) -> None:
        """Wait until the broker has applied what its controller has acknowledged: late, if topics are made at the same time.

        It applies all changes in order and rights last, so it has applied everything before a right that it shows.
        """
        binding = (
            ResourceType.TOPIC,
            f"applied-{secrets.token_hex(8)}",
            ResourcePatternType.LITERAL,
            "User:nobody",
            "*",
        )
        right = (AclOperation.READ, AclPermissionType.DENY)
        marker, found = AclBindingFilter(*binding, *right), False
        await self._results(self._client.create_acls([AclBinding(*binding, *right)], request_timeout=SECONDS))
        async with time_limit(SECONDS):
            while not found:
                shown = self._client.describe_acls(marker, request_timeout=SECONDS)
                found = bool((await self._results({marker: shown}))[marker])
                await asyncio.sleep(0 if found else 0.005)
        await self._results(self._client.delete_acls([marker], request_timeout=SECONDS))

    def _note(self, error: KafkaError) -> None:
        """Called by the library when it cannot connect or sign in, which it tries again; the request only times out."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # follows the error that says why
            self._last_error = error.str()

    async def _alter(self, *alterations: UserScramCredentialAlteration) -> None:
        futures = self._client.alter_user_scram_credentials(list(alterations), request_timeout=SECONDS)
        await self._results(futures, ignore=NOT_THERE)

    async def _results(self, futures: Mapping[Any, Future[Any]], ignore: Sequence[int] = ()) -> dict[Any, Any]:
        """The results by key, without those whose errors are to be ignored."""
        results = {}
        for key, future in futures.items():
            try:
                results[key] = await asyncio.wrap_future(future)
            except KafkaException as error:
                if error.args[0].code() not in ignore:
                    raise self._trouble(error.args[0]) from error
        return results

    def _trouble(self, error: KafkaError) -> BrokerFault | BrokerNotPrepared:
        code, broker = error.code(), f"The broker at {self._servers}"
        if code in FORBIDDEN:
            return BrokerNotPrepared(
                f"{broker} does not let our user{f' {self._user!r}' if self._user else ''} make users, rights and topics: "
                "it needs CREATE and ALTER on the cluster, DESCRIBE and DELETE on topics."
            )
        if code == KafkaError.SECURITY_DISABLED:
            return BrokerNotPrepared(f"{broker} has no authorizer, so nobody's rights can be set: {AUTHORIZER}.")
        if code in UNABLE:
            return BrokerNotPrepared(f"{broker} does not do this: {error.str()}")
        self._client.poll(0)  # calls `_note`
        return BrokerFault(f"{error.str()}{f' ({self._last_error})' if self._last_error else ''}")
