"""Plan of a stack: roles, ports, addresses, databases, and the environment variables of every process."""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lienthong.embedded import elsewhere, source_root

DATABASES = tuple(elsewhere.DATABASES.values())
OWNER = "lienthong"  # database role
SECRETS = ("PAYMENT_PARTNER_SECRET", "SERVICE_SECRET")


@dataclass(frozen=True)
class Role:
    """One service process: the function it runs, its port relative to the base, the variable of its address."""

    name: str
    target: str
    step: int
    url_variable: str
    database: str
    api: bool = True


ROLES = (
    Role("portal-api", "services.portal.app:main", 0, "PORTAL_URL", "portal"),
    Role("gateway-api", "services.province_gateway.app:main", 1, "PROVINCE_GATEWAY_URL", "province_gateway"),
    Role("identity", "services.identity_mock.app:main", 2, "IDENTITY_URL", "identity"),
    Role("payment", "services.payment_mock.app:main", 3, "PAYMENT_URL", "payment"),
    Role("portal-worker", "services.portal.worker:main", 4, "PORTAL_WORKER_URL", "portal", api=False),
    Role(
        "gateway-worker",
        "services.province_gateway.worker:main",
        5,
        "PROVINCE_GATEWAY_WORKER_URL",
        "province_gateway",
        api=False,
    ),
)
ROLES_BY_NAME = {role.name: role for role in ROLES}


@dataclass(frozen=True)
class Plan:
    """Everything the supervisor needs to know; does not change after the start.

    data               absolute folder of databases, broker, logs and secrets
    port_base          None: 8000 with Kafka on 9092/9093 and PostgreSQL on 5432; N: nine ports from N
    parts              which of `postgres`, `kafka`, `services` to run
    pythonpath_prefix  import folders searched before the services, for test harnesses that replace a function
    life_of            pid of the owner process: the stack ends when it ends; None when detached
    durable            False: PostgreSQL without fsync, only for test data
    external           addresses of external servers, by environment variable (`elsewhere.named`)
    """

    data: Path
    port_base: int | None = None
    parts: Sequence[str] = ("postgres", "kafka", "services")
    extra_env: Mapping[str, str] = field(default_factory=dict)
    pythonpath_prefix: Sequence[str] = ()
    life_of: int | None = None
    durable: bool = True
    external: Mapping[str, str] = field(default_factory=dict)

    def port(self, name: str) -> int:
        """Port of a role, of `kafka`, `kafka-controller` or `postgres`."""
        base = self.port_base
        if name in ROLES_BY_NAME:
            return (8000 if base is None else base) + ROLES_BY_NAME[name].step
        if base is None:
            return {"kafka": 9092, "kafka-controller": 9093, "postgres": 5432}[name]
        return base + {"kafka": 6, "kafka-controller": 7, "postgres": 8}[name]

    def ports(self) -> dict[str, int]:
        """All ports of the parts to run, by name."""
        names = [role.name for role in ROLES] if "services" in self.parts else []
        names += ["kafka", "kafka-controller"] if "kafka" in self.parts else []
        names += ["postgres"] if "postgres" in self.parts else []
        return {name: self.port(name) for name in names}

    @property
    def kafka_bootstrap(self) -> str:
        return self.external.get(elsewhere.KAFKA) or f"127.0.0.1:{self.port('kafka')}"

    def url(self, role: str) -> str:
        """Address of a role's HTTP API."""
        return f"http://127.0.0.1:{self.port(role)}"

    def database_url(self, database: str) -> str:
        """URL of a database, without a driver name in the scheme."""
        if url := self.external.get(f"{database.upper()}_DATABASE_URL"):
            return url
        return f"postgresql://{OWNER}@127.0.0.1:{self.port('postgres')}/{database}"

    def address(self, name: str) -> str:
        """Address to print for a role or a part."""
        if name in ROLES_BY_NAME:
            return self.url(name)
        return {"kafka": self.kafka_bootstrap, "postgres": self.database_url("postgres").rpartition("/")[0]}.get(
            name, ""
        )

    def log(self, name: str) -> Path:
        return self.data / "log" / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """Environment variables of every role: all addresses, and the secrets of this data folder."""
        return {
            elsewhere.KAFKA: self.kafka_bootstrap,
            **{role.url_variable: self.url(role.name) for role in ROLES},
            **{f"{name.upper()}_DATABASE_URL": self.database_url(name) for name in DATABASES},
            **_secrets(self.data / "secrets.json"),
            **self.extra_env,
        }

    def child_environment(self) -> dict[str, str]:
        """The whole environment of the process that forks the roles."""
        path = os.pathsep.join([*self.pythonpath_prefix, str(source_root())])
        external_broker = elsewhere.KAFKA in self.external  # KAFKA_* settings of an external broker do not fit ours
        inherited = {
            name: value for name, value in os.environ.items() if external_broker or not name.startswith("KAFKA_")
        }
        return {**inherited, **self.environment(), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def servers_elsewhere(self) -> list[elsewhere.Server]:
        """External servers that the services of this stack use."""
        return elsewhere.servers(self.external) if "services" in self.parts else []

    def save(self) -> None:
        """Write `plan.json`, readable by its owner only: database URLs contain passwords."""
        file = self.data / "plan.json"
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(self.to_json())

    def to_json(self) -> str:
        return json.dumps(self.__dict__, default=str)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        facts: dict[str, Any] = json.loads(text)
        return cls(**{**facts, "data": Path(facts["data"])})


def _secrets(file: Path) -> dict[str, str]:
    """The secrets of a data folder, each drawn at first use; only its owner can read the file."""
    variables: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = [name for name in SECRETS if name not in variables]
    if missing:
        variables |= {name: secrets.token_urlsafe(32) for name in missing}
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(variables, out)
    return variables
