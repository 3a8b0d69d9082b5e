"""docker-compose.yml, the Dockerfile and what belongs to them, read without docker: `make compose-proof` runs them."""

from __future__ import annotations

import ast
import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

import lienthong
from lienthong.embedded import jars, kafka, postgres
from lienthong.embedded.plan import DATABASES, ROLES, Plan, Role
from services.payment_mock.settings import Settings as PaymentSettings
from shared.messaging.kafka import Access
from shared.settings import Settings, host_and_port

ROOT = Path(__file__).parents[2]
USUAL = Plan(Path("/nowhere"))  # what `lienthong up` does
VARIABLE = re.compile(r"\$\{(\w+):([-+])([^${}]*)\}")
DEVELOPMENT = {"tools/docs/generate.py"}  # never runs in a container

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _composed(environment: Mapping[str, str]) -> Any:
    """docker-compose.yml as Compose reads it there: `${NAME:-default}`, `${NAME:+if set}`, each of which may hold others."""

    def chosen(found: re.Match[str]) -> str:
        name, sign, other = found.groups()
        given = environment.get(name, "")
        return other if bool(given) == (sign == "+") else given

    def read(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: read(value) for name, value in node.items()}
        if isinstance(node, list):
            return [read(value) for value in node]
        while isinstance(node, str) and node != (node := VARIABLE.sub(chosen, node)):
            pass
        return node

    return read(yaml.safe_load(_read("docker-compose.yml")))


def _settings(role: Role) -> type[Settings]:
    found: type[Settings] = import_module(role.target.rpartition(".")[0] + ".settings").Settings
    return found


def _names(settings: type[Settings] | type[Access]) -> set[str]:
    """The variables that it reads."""
    prefix = settings.model_config["env_prefix"]
    return {str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in settings.model_fields.items()}


COMPOSE = _composed({})
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = {name: service for name, service in SERVICES.items() if service["restart"] != "no"}
BASES = re.findall(r"^FROM (\S+)", _read("Dockerfile"), re.MULTILINE)

each_service = pytest.mark.parametrize("name", SERVICES)


def test_nothing_is_left_to_the_readers_environment() -> None:
    assert "$" not in yaml.safe_dump(COMPOSE), "every variable has a default"


@each_service
def test_a_container_can_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert "privileged" not in service and "cap_add" not in service


@each_service
def test_published_ports_are_for_this_machine_only(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(isinstance(port, str) and port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", LASTING)
def test_whoever_stays_has_a_health_check_and_time_to_stop(name: str) -> None:
    service = LASTING[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert int(service["stop_grace_period"].removesuffix("s")) > 3, "requests under way get three seconds"


def test_images_have_their_public_names() -> None:
    names = {service["image"] for service in SERVICES.values()} | set(BASES)
    assert names == {"lienthong", "postgres:18", f"apache/kafka:{jars.VERSION}", "python:3.11-slim"}
    assert [name for name, service in SERVICES.items() if "build" in service] == ["secrets"], "one image, built once"


def test_the_image_says_what_it_is() -> None:
    dockerfile = _read("Dockerfile")
    assert f'org.opencontainers.image.version="{lienthong.__version__}"' in dockerfile
    assert f'org.opencontainers.image.base.name="{BASES[-1]}"' in dockerfile
    assert dockerfile.rstrip().splitlines()[-1] == f"USER {SERVICES['portal-api']['user']}"


@each_role
def test_every_role_runs_at_the_addresses_of_lienthong_up(role: Role) -> None:
    service, port = SERVICES[role.name], USUAL.port(role.name)
    assert service["command"] == ["python", "-m", role.target.partition(":")[0]]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    environment = service["environment"]
    assert host_and_port(environment["LISTEN"]) == ("0.0.0.0", port)  # noqa: S104  inside its container
    assert environment[role.url_variable] == USUAL.url(role.name)
    internal = environment.get(role.url_variable.replace("_URL", "_INTERNAL_URL"))
    assert internal == (f"http://{role.name}:{port}" if not role.name.endswith("worker") else None)


@each_role
def test_every_variable_is_a_setting_of_its_service(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, str | None] = SERVICES[role.name]["environment"]
    assert set(environment) <= _names(_settings(role)) | _names(Access)
    for name, value in environment.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAYMENT_PARTNER_SECRET", "an invented secret")
    read = _settings(role)()
    assert read.detours[read.identity_url] == "http://identity:8002"
    assert read.database_url == f"postgresql://lienthong@postgres:5432/{role.database}"  # type: ignore[attr-defined]


@each_role
def test_every_setting_of_servers_elsewhere_is_let_through(role: Role) -> None:
    """What docs/elsewhere.md names, where this role reads it: "its like" are the other services' own."""
    prefix = _settings(role).model_config["env_prefix"]
    page = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", _read("docs/elsewhere.md")))
    page |= {name.replace("PORTAL_", prefix, 1) for name in page if name.startswith("PORTAL_")}
    named = page & (_names(_settings(role)) | _names(Access))
    assert named >= _names(Access) | {"KAFKA_BOOTSTRAP_SERVERS", f"{prefix}DATABASE_URL", f"{prefix}DATABASE_POOL"}

    told = {name: f"/told/{name}" for name in named}
    composed = _composed(told)
    service = composed["services"][role.name]
    reached = {name: told[name] if value is None else value for name, value in service["environment"].items()}
    (authority,) = service["secrets"]
    assert composed["secrets"][authority]["file"] == told["KAFKA_SSL_CAFILE"]
    assert {name: reached[name] for name in named} == {**told, "KAFKA_SSL_CAFILE": f"/run/secrets/{authority}"}


@each_role
def test_a_broker_is_spoken_to_plainly_unless_something_else_is_told(
    role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _names(Access):
        monkeypatch.delenv(name, raising=False)
        if (value := SERVICES[role.name]["environment"][name]) is not None:
            monkeypatch.setenv(name, value)
    assert Access().options() == {"security_protocol": "PLAINTEXT"}


def test_the_worker_uses_the_broker_and_the_api_tells_its_address() -> None:
    assert SERVICES["portal-worker"]["environment"]["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:29092"
    assert SERVICES["portal-api"]["environment"]["KAFKA_BOOTSTRAP_SERVERS"] == USUAL.kafka_bootstrap
    advertised = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == f"INSIDE://kafka:29092,OUTSIDE://{USUAL.kafka_bootstrap}"
    assert SERVICES["kafka"]["ports"] == [f"{USUAL.kafka_bootstrap}:9092"]


def test_kafka_is_set_as_the_embedded_one() -> None:
    lines = [line for line in kafka.SETTINGS.splitlines() if not line.startswith("#")]
    embedded = dict(line.split("=", 1) for line in lines)
    given = {name: str(value) for name, value in SERVICES["kafka"]["environment"].items()}
    differs = {"controller.quorum.voters", "listeners", "advertised.listeners", "listener.security.protocol.map"}
    differs |= {"inter.broker.listener.name", "log.dirs"}
    for name, value in embedded.items():
        variable = "KAFKA_" + name.upper().replace(".", "_")
        assert variable in given
        assert name in differs or given[variable] == value, name
    flags = f"{given['KAFKA_HEAP_OPTS']} {given['KAFKA_JVM_PERFORMANCE_OPTS']}"
    assert flags.split() == kafka.JVM


def test_postgres_is_set_as_the_embedded_one() -> None:
    given = dict(word.split("=", 1) for word in SERVICES["postgres"]["command"].split() if "=" in word)
    own = {"listen_addresses", "unix_socket_directories", "log_line_prefix"}  # the image has its own
    assert given == {name: value for name, value in postgres.SETTINGS.items() if name not in own}


def test_every_service_has_its_database_and_no_volume_is_anonymous() -> None:
    made = re.findall(r"^CREATE DATABASE (\w+);$", _read("compose/databases.sql"), re.MULTILINE)
    assert tuple(made) == DATABASES
    sources = {place.split(":")[0] for service in SERVICES.values() for place in service.get("volumes", [])}
    assert sources == {*COMPOSE["volumes"], "./compose/databases.sql"}


def test_a_secret_is_drawn_once_and_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [word for service in SERVICES.values() for word in service.get("environment", {})]
    assert "PAYMENT_PARTNER_SECRET" not in words
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("PAYMENT_PARTNER_SECRET", raising=False)
    drawn = []
    for _ in range(2):
        subprocess.run([sys.executable, ROOT / "compose" / "draw_secrets.py"], check=True, capture_output=True)
        drawn.append(PaymentSettings().payment_partner_secret.get_secret_value())
    assert drawn[0] == drawn[1] and len(drawn[0]) >= 43
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("status", "code"), [("200 OK", 0), ("503 Service Unavailable", 1), (None, 1)])
async def test_a_container_is_healthy_when_its_role_is_ready(status: str | None, code: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()) == b"GET /readyz HTTP/1.1\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n\r\nsaid".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        if status is None:
            server.close()
        words = [*SERVICES["identity"]["healthcheck"]["test"][2:-1], str(ROOT / "compose" / "ready.py")]
        check = await asyncio.create_subprocess_exec(
            *(sys.executable, *words), env={"LISTEN": f"0.0.0.0:{port}"}, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await check.communicate()
    assert check.returncode == code
    assert (b"no answer" in said) if status is None else said == b"said\n"


def _hashed(name: str) -> dict[str, set[str]]:
    """{`package==version; marker`: its hashes} of a requirements file."""
    found: dict[str, set[str]] = {}
    for line in _read(name).splitlines():
        word = line.strip().removesuffix("\\").strip()
        if "==" in word and not word.startswith(("#", "--")):
            pin = word.partition(";")[0].strip()
            found[pin] = set()
        elif word.startswith("--hash="):
            found[pin].add(word)
    return found


def test_the_image_has_the_tested_packages() -> None:
    image, tested = _hashed("compose/requirements.txt"), _hashed("requirements.txt")
    assert image, "nothing would be checked"
    stale = sorted(pin for pin, hashes in image.items() if tested.get(pin) != hashes)
    assert not stale, "requirements.txt changed: make compose/requirements.txt anew as compose/requirements.in says"


def test_the_image_has_every_package_that_is_imported() -> None:
    pinned = {pin.partition("==")[0] for pin in _hashed("compose/requirements.txt")}
    distributions = packages_distributions()
    missing = {
        module
        for module in _imported()
        if not pinned & {name.lower().replace("_", "-") for name in distributions.get(module, ())}
    }
    assert not missing, "name their packages in compose/requirements.in"


def _imported() -> Iterator[str]:
    """First names of the packages of others that the services import."""
    for folder in ("shared", "contracts", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            if str(path.relative_to(ROOT)) in DEVELOPMENT:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
                for first in {name.partition(".")[0] for name in names}:
                    if first not in sys.stdlib_module_names and first not in ("shared", "contracts", "services"):
                        yield first


def test_the_build_sees_only_what_it_copies() -> None:
    seen = [line[1:] for line in _read(".dockerignore").splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", _read("Dockerfile"), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert all((ROOT / source).exists() for source in sources)
    assert all(any(Path(source).match(pattern) for pattern in seen) for source in sources)


def test_the_page_names_every_variable() -> None:
    variables = set(re.findall(r"\$\{(LIENTHONG_\w+)", _read("docker-compose.yml")))
    assert variables == set(re.findall(r"LIENTHONG_\w+", _read("docs/compose.md"))) - {"LIENTHONG_URL"}
