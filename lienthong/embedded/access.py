"""Files with which the owner of a stack signs in to its broker and its databases with common tools."""

from pathlib import Path

from lienthong.embedded import private
from lienthong.embedded.plan import DATABASES, SUPERUSER, Plan

JAAS = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="{user}" password="{password}"{users};'
)


def folder(data: Path) -> Path:
    return data / "access"


def write(plan: Plan) -> None:
    """Write the files for the servers that are our own: `kafka.properties`, `librdkafka.properties`, `pgpass`."""
    private.folder(folder(plan.data))
    if "kafka" in plan.parts:
        java = {**_properties(plan), "sasl.jaas.config": jaas(plan)}
        for name, properties in (("kafka", java), ("librdkafka", librdkafka(plan))):
            text = "".join(f"{key}={value}\n" for key, value in properties.items())
            private.write(folder(plan.data) / f"{name}.properties", text)
    if "postgres" in plan.parts:
        at = f"127.0.0.1:{plan.port('postgres')}"
        rows = [f"{at}:{name}:{name}:{plan.database_password(name)}\n" for name in DATABASES]
        rows.append(f"{at}:*:{SUPERUSER}:{plan.database_password(SUPERUSER)}\n")
        private.write(folder(plan.data) / "pgpass", "".join(rows))


def librdkafka(plan: Plan) -> dict[str, str]:
    """Settings of a client such as confluent-kafka or kcat: the broker's address, and how to sign in to ours."""
    login = plan.kafka_login
    names = (
        {"sasl.username": login["KAFKA_SASL_USERNAME"], "sasl.password": login["KAFKA_SASL_PASSWORD"]} if login else {}
    )
    return {**_properties(plan), **names}


def jaas(plan: Plan, *, accepts: bool = False) -> str:
    """Kafka's login line of a client; `accepts`: of the broker, which lets this user in as well."""
    user, password = plan.kafka_login["KAFKA_SASL_USERNAME"], plan.kafka_login["KAFKA_SASL_PASSWORD"]
    users = f' user_{user}="{password}"' if accepts else ""
    return JAAS.format(user=user, password=password, users=users)


def _properties(plan: Plan) -> dict[str, str]:
    login = plan.kafka_login
    names = {"security.protocol": "KAFKA_SECURITY_PROTOCOL", "sasl.mechanism": "KAFKA_SASL_MECHANISM"}
    return {
        "bootstrap.servers": plan.kafka_bootstrap,
        **({name: login[key] for name, key in names.items()} if login else {}),
    }
