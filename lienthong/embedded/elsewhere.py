"""Servers that somebody else runs: named by the environment, used by the services, never started or stopped by us."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lienthong.embedded import Trouble

KAFKA = "KAFKA_BOOTSTRAP_SERVERS"
DATABASES = {f"{name.upper()}_DATABASE_URL": name for name in ("portal", "province_gateway", "identity", "payment")}
POSTGRES_PORT = 5432
Address = tuple[str, int]


@dataclass(frozen=True)
class Server:
    """One of them: `kafka`, or `postgres` with its databases.

    variables  that name it
    door       to print: never with a user or a password
    addresses  one of them must accept connections; empty where only the services can try (a socket file, several hosts)
    """

    name: str
    variables: tuple[str, ...]
    door: str
    addresses: tuple[Address, ...]


def named(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say that something runs elsewhere; an empty one says nothing. Raises Trouble."""
    found = {name: environment[name] for name in (KAFKA, *DATABASES) if environment.get(name)}
    servers(found)
    return found


def replaced(external: Mapping[str, str]) -> set[str]:
    """The parts that need not run here: PostgreSQL only if all databases are elsewhere."""
    parts = {"kafka"} if KAFKA in external else set()
    return parts | ({"postgres"} if DATABASES.keys() <= external.keys() else set())


def servers(external: Mapping[str, str]) -> list[Server]:
    """The servers behind these variables. Raises Trouble for an address that cannot be read."""
    found = []
    if KAFKA in external:
        brokers = tuple(_broker(text.strip()) for text in external[KAFKA].split(","))
        found.append(Server("kafka", (KAFKA,), ",".join(f"{host}:{port}" for host, port in brokers), brokers))
    databases: dict[str, list[str]] = {}
    for variable in DATABASES.keys() & external.keys():
        databases.setdefault(_without_user(variable, external[variable]), []).append(variable)
    for door, variables in sorted(databases.items()):
        name = (
            "postgres" if len(databases) == 1 else f"postgres of {', '.join(sorted(DATABASES[v] for v in variables))}"
        )
        found.append(Server(name, tuple(sorted(variables)), f"postgresql://{door}", _address(door)))
    return found


def _broker(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Trouble(f"{KAFKA} has {text!r} in it: write host:port, and a comma between several.")
    return host.strip("[]"), int(port)


def _without_user(variable: str, url: str) -> str:
    """`host:port` of a database's address, as it stands there."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise Trouble(
            f"{variable} begins with {parts.scheme or url[:12]!r}: write postgresql://user:password@host:port/database."
        )
    if len(parts.path) < 2:
        raise Trouble(f"{variable} names no database: write postgresql://user:password@host:port/database.")
    return parts.netloc.rpartition("@")[2]


def _address(door: str) -> tuple[Address, ...]:
    parts = urlsplit(f"//{door}")
    if not parts.hostname or "," in door:
        return ()
    return ((parts.hostname, parts.port or POSTGRES_PORT),)
