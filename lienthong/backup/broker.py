"""Deletes the topics of the lanes on the broker, so that a restored database is not told events of its lost future."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from lienthong.embedded import Trouble, access, elsewhere, refuse_without_packages
from lienthong.embedded.plan import Plan

TOPICS = ("dossier.to-province.v1", "dossier.to-portal.v1")
SECONDS = 10.0
# Our names of a broker's login, and those of librdkafka; `docs/elsewhere.md` explains them.
SETTINGS = {
    "KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "KAFKA_SSL_CAFILE": "ssl.ca.location",
    "KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "KAFKA_SASL_USERNAME": "sasl.username",
    "KAFKA_SASL_PASSWORD": "sasl.password",
}


def client(plan: Plan, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Address and login of the plan's broker, in the names of librdkafka."""
    if elsewhere.KAFKA not in plan.external:
        return access.librdkafka(plan)
    login = {setting: environment[name] for name, setting in SETTINGS.items() if environment.get(name)}
    return {"bootstrap.servers": plan.kafka_bootstrap, **login}


def delete_topics(settings: Mapping[str, str]) -> None:
    """Delete the topics; returns when they are gone. Raises Trouble if the broker does not answer, or does not permit it."""
    refuse_without_packages("confluent_kafka", what="Deleting topics")
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    end = time.monotonic() + SECONDS
    try:
        admin = AdminClient({**settings, "log_level": 0})
        while left := [name for name in TOPICS if name in admin.list_topics(timeout=SECONDS).topics]:
            if time.monotonic() > end:
                raise Trouble(f"The broker still has {', '.join(left)} after {SECONDS:.0f} s: look into its log.")
            for deletion in admin.delete_topics(left, operation_timeout=SECONDS).values():
                try:
                    deletion.result()
                except KafkaException as error:
                    if error.args[0].name() != "UNKNOWN_TOPIC_OR_PART":  # deleted since it was listed
                        raise
            time.sleep(0.05)
    except KafkaException as error:
        address = settings["bootstrap.servers"]
        raise Trouble(
            f"The topics {' and '.join(TOPICS)} could not be deleted at {address} ({error.args[0].str()}): "
            "start the broker, or correct KAFKA_BOOTSTRAP_SERVERS and the variables of its login."
        ) from error
