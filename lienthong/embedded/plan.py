"""Plan of a stack: roles, ports, addresses, databases, and the environment variables of every process."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lienthong.embedded import elsewhere, private, source_root

DATABASES = tuple(elsewhere.DATABASES.values())  # each is owned by a role of the same name, which may open no other
SUPERUSER = "lienthong"  # creates roles and databases; no service knows its password
KAFKA_USER = "lienthong"


@dataclass(frozen=True)
class Role:
    """One service process: the function it runs, its port relative to the base, the variable of its address."""

    name: str
    target: str
    step: int
    url_variable: str
    database: str
    api: bool = True

    @property
    def secrets(self) -> tuple[str, ...]:
        """The drawn secrets that it needs, besides the password of its database."""
        signs = ("PAYMENT_PARTNER_SECRET",) if self.database in ("portal", "payment") else ()
        return ("SERVICE_SECRET", *signs)


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
    port_base          None: 8000 with Kafka on 9092 to 9094 and PostgreSQL on 5432; N: ten ports from N
    parts              which of `postgres`, `kafka`, `services` to run
    pythonpath_prefix  import folders searched before the services, for test harnesses that replace a function
    life_of            pid of the owner process: the stack ends when it ends; None when detached
    durable            False: PostgreSQL without fsync, only for test data
    external           addresses of external servers, by environment variable (`elsewhere.named`)
    detours            port of a proxy in front of `kafka` or `postgres`, through which the services reach it
    """

    data: Path
    port_base: int | None = None
    parts: Sequence[str] = ("postgres", "kafka", "services")
    extra_env: Mapping[str, str] = field(default_factory=dict)
    pythonpath_prefix: Sequence[str] = ()
    life_of: int | None = None
    durable: bool = True
    external: Mapping[str, str] = field(default_factory=dict)
    detours: Mapping[str, int] = field(default_factory=dict)

    def port(self, name: str) -> int:
        """Port of a role, of `kafka`, `kafka-outside` (for connectors), `kafka-controller` or `postgres`."""
        base = self.port_base
        if name in ROLES_BY_NAME:
            return (8000 if base is None else base) + ROLES_BY_NAME[name].step
        if base is None:
            return {"kafka": 9092, "kafka-controller": 9093, "kafka-outside": 9094, "postgres": 5432}[name]
        return base + {"kafka": 6, "kafka-controller": 7, "postgres": 8, "kafka-outside": 9}[name]

    def web_ports(self) -> dict[str, int]:
        """Ports of the HTTP servers to run, by role."""
        return {role.name: self.port(role.name) for role in ROLES} if "services" in self.parts else {}

    def ports(self) -> dict[str, int]:
        """All ports of the parts to run, by name."""
        names = [*self.web_ports()]
        names += ["kafka", "kafka-controller", "kafka-outside"] if "kafka" in self.parts else []
        names += ["postgres"] if "postgres" in self.parts else []
        return {name: self.port(name) for name in names}

    @property
    def kafka_bootstrap(self) -> str:
        return self.external.get(elsewhere.KAFKA) or f"127.0.0.1:{self.detours.get('kafka', self.port('kafka'))}"

    @property
    def kafka_outside(self) -> str:
        """Address at which connectors sign in to the broker; empty if nobody named that of an external one."""
        if elsewhere.KAFKA in self.external:
            return self.external.get(elsewhere.KAFKA_OUTSIDE, "")
        return f"127.0.0.1:{self.port('kafka-outside')}"

    def url(self, role: str) -> str:
        """Address of a role's HTTP API."""
        return f"http://127.0.0.1:{self.port(role)}"

    def database_url(self, database: str, *, through_detour: bool = False) -> str:
        """URL of a database with its role and password, without a driver name in the scheme; never on a command line."""
        if url := self.external.get(f"{database.upper()}_DATABASE_URL"):
            return url
        role = database if database in DATABASES else SUPERUSER
        port = self.port("postgres")
        port = self.detours.get("postgres", port) if through_detour else port
        return f"postgresql://{role}:{self.database_password(role)}@127.0.0.1:{port}/{database}"

    def database_password(self, role: str) -> str:
        return self.secret("POSTGRES_PASSWORD" if role == SUPERUSER else f"{role.upper()}_DATABASE_PASSWORD")

    @property
    def kafka_login(self) -> dict[str, str]:
        """How to sign in to the broker, as variables `KAFKA_…`; empty for an external broker."""
        if elsewhere.KAFKA in self.external:
            return {}
        return {
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": KAFKA_USER,
            "KAFKA_SASL_PASSWORD": self.secret("KAFKA_SASL_PASSWORD"),
        }

    def secret(self, name: str) -> str:
        """One of the secrets of this data folder."""
        return private.drawn(self.data)[name]

    def address(self, name: str) -> str:
        """Address to print for a role or a part; without user and password."""
        if name in ROLES_BY_NAME:
            return self.url(name)
        return {"kafka": self.kafka_bootstrap, "postgres": f"postgresql://127.0.0.1:{self.port('postgres')}"}.get(
            name, ""
        )

    def log(self, name: str) -> Path:
        return self.data / "log" / f"{name}.log"

    def environment(self, role: Role) -> dict[str, str]:
        """Environment variables of one role: all addresses, its own database, and the secrets that it needs."""
        login = {} if role.api else self.kafka_login  # only the workers connect to the broker
        own = (
            f"{role.database.upper()}_DATABASE_URL" not in self.external
        )  # our server speaks no TLS: nobody need ask it
        return {
            elsewhere.KAFKA: self.kafka_bootstrap,
            elsewhere.KAFKA_OUTSIDE: self.kafka_outside,
            **{each.url_variable: self.url(each.name) for each in ROLES},
            f"{role.database.upper()}_DATABASE_URL": self.database_url(role.database, through_detour=True),
            **{name: self.secret(name) for name in role.secrets},
            **login,
            **({"PGSSLMODE": "disable"} if own else {}),
            **self.extra_env,
        }

    def child_environment(self) -> dict[str, str]:
        """The environment of the process that forks the roles: what we inherited, without passwords of servers."""
        path = os.pathsep.join([*self.pythonpath_prefix, str(source_root())])
        external_broker = elsewhere.KAFKA in self.external  # KAFKA_* settings of an external broker do not fit ours
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in elsewhere.DATABASES and (external_broker or not name.startswith("KAFKA_"))
        }
        return {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def servers_elsewhere(self) -> list[elsewhere.Server]:
        """External servers that the services of this stack use."""
        return elsewhere.servers(self.external) if "services" in self.parts else []

    def save(self) -> None:
        """Write `plan.json`, readable by its owner only: database URLs contain passwords."""
        private.write(self.data / "plan.json", self.to_json())

    def to_json(self) -> str:
        return json.dumps(self.__dict__, default=str)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        facts: dict[str, Any] = json.loads(text)
        return cls(**{**facts, "data": Path(facts["data"])})
