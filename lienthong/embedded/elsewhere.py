"""External servers: named by environment variables and used by the services; `lienthong` never starts or stops them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lienthong.embedded import Trouble

KAFKA = "KAFKA_BOOTSTRAP_SERVERS"
KAFKA_OUTSIDE = "KAFKA_OUTSIDE_BOOTSTRAP"  # where connectors of provinces sign in to the same broker
DATABASES = {f"{name.upper()}_DATABASE_URL": name for name in ("portal", "province_gateway", "identity", "payment")}
POSTGRES_PORT = 5432
Address = tuple[str, int]


@dataclass(frozen=True)
class Server:
    """An external server: `kafka`, or `postgres` with its databases.

    variables  environment variables that name it
    shown_as   its address as printed: without user and password
    addresses  one must accept connections; empty if only the services can connect (a socket file, several hosts)
    """

    name: str
    variables: tuple[str, ...]
    shown_as: str
    addresses: tuple[Address, ...]


def named(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that name external servers; empty ones are ignored. Raises Trouble for a bad address."""
    external = {name: environment[name] for name in (KAFKA, *DATABASES) if environment.get(name)}
    servers(external)
    if KAFKA in external and environment.get(KAFKA_OUTSIDE):
        external[KAFKA_OUTSIDE] = environment[KAFKA_OUTSIDE]
        _brokers(KAFKA_OUTSIDE, environment[KAFKA_OUTSIDE])
    return external


def replaced(external: Mapping[str, str]) -> set[str]:
    """The parts that need not be started: Kafka, if external; PostgreSQL, if all databases are external."""
    parts = {"kafka"} if KAFKA in external else set()
    return parts | ({"postgres"} if DATABASES.keys() <= external.keys() else set())


def servers(external: Mapping[str, str]) -> list[Server]:
    """The servers that these variables name. Raises Trouble for an address that cannot be parsed."""
    result = []
    if KAFKA in external:
        brokers = _brokers(KAFKA, external[KAFKA])
        result.append(Server("kafka", (KAFKA,), ",".join(f"{host}:{port}" for host, port in brokers), brokers))
    databases: dict[str, list[str]] = {}
    for variable in DATABASES.keys() & external.keys():
        databases.setdefault(_without_user(variable, external[variable]), []).append(variable)
    for host, variables in sorted(databases.items()):
        name = (
            "postgres" if len(databases) == 1 else f"postgres of {', '.join(sorted(DATABASES[v] for v in variables))}"
        )
        result.append(Server(name, tuple(sorted(variables)), f"postgresql://{host}", _address(host)))
    return result


def _brokers(variable: str, text: str) -> tuple[Address, ...]:
    brokers = []
    for each in map(str.strip, text.split(",")):
        host, _, port = each.rpartition(":")
        if not host or not port.isdigit():
            raise Trouble(f"{variable} contains {each!r}: write host:port, with commas between several.")
        brokers.append((host.strip("[]"), int(port)))
    return tuple(brokers)


def _without_user(variable: str, url: str) -> str:
    """`host:port` of a database URL, as written."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise Trouble(
            f"{variable} begins with {parts.scheme or url[:12]!r}: write postgresql://user:password@host:port/database."
        )
    if len(parts.path) < 2:
        raise Trouble(f"{variable} names no database: write postgresql://user:password@host:port/database.")
    return parts.netloc.rpartition("@")[2]


def _address(host: str) -> tuple[Address, ...]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname or "," in host:
        return ()
    return ((parts.hostname, parts.port or POSTGRES_PORT),)
