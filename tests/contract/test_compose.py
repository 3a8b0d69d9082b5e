"""What docker-compose.yml, the Dockerfile and the embedded stack must have in common; `make compose-proof` runs them."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

import lienthong
from lienthong.embedded import jars, kafka, postgres
from lienthong.embedded.plan import DATABASES, KAFKA_USER, ROLES, Plan, Role
from services.payment_mock.settings import Settings as PaymentSettings
from shared.messaging.kafka import Access
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
USUAL = Plan(Path("/nowhere"))  # what `lienthong up` does
VARIABLE = re.compile(r"\$\{(\w+):([-+])([^${}]*)\}")
OURS = {"shared", "contracts", "services"}

DOORS_OF_KAFKA = ("kafka", "kafka-outside")

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _composed(environment: Mapping[str, str]) -> Any:
    """docker-compose.yml as Compose reads it there: `${NAME:-default}`, `${NAME:+if set}`, each of which may hold others."""

    def chosen(match: re.Match[str]) -> str:
        name, sign, other = match.groups()
        given = environment.get(name, "")
        return other if bool(given) == (sign == "+") else given

    text = _read("docker-compose.yml")
    while text != (text := VARIABLE.sub(chosen, text)):
        pass
    return yaml.safe_load(text)


def _settings(role: Role) -> type[Settings]:
    settings: type[Settings] = import_module(role.target.rpartition(".")[0] + ".settings").Settings
    return settings


def _names(settings: type[Settings] | type[Access]) -> set[str]:
    """The variables that it reads."""
    prefix = settings.model_config["env_prefix"]
    return {str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in settings.model_fields.items()}


SERVICES: dict[str, dict[str, Any]] = _composed({})["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_little_and_is_reached_from_this_machine_only(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert "privileged" not in service and "cap_add" not in service
    assert service["mem_limit"] and service["pids_limit"] > 0
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_versions_are_those_of_the_package_and_of_the_embedded_stack() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{jars.VERSION}"
    assert f'org.opencontainers.image.version="{lienthong.__version__}"' in _read("Dockerfile")


@each_role
def test_every_role_has_a_container_at_its_usual_address_with_settings_that_exist(role: Role) -> None:
    service, module = SERVICES[role.name], role.target.partition(":")[0]
    assert service["command"][-1] == module
    assert service["ports"] == [f"127.0.0.1:{USUAL.port(role.name)}:{USUAL.port(role.name)}"]
    assert service["environment"][role.url_variable] == USUAL.url(role.name)
    assert set(service["environment"]) <= _names(_settings(role)) | _names(Access)


@each_role
def test_a_role_that_calls_receivers_can_be_allowed_to_call_those_of_this_machine(role: Role) -> None:
    """As a connector's webhook, or the CONFIRM of a payment."""
    runtime = import_module(role.target.rpartition(".")[0] + ".runtime")
    service, calls = SERVICES[role.name], hasattr(runtime, "AllowedHosts")
    assert ("WEBHOOK_ALLOWED_HOSTS" in service["environment"]) == calls
    assert (service.get("extra_hosts") == ["host.docker.internal:host-gateway"]) == calls


@each_role
def test_every_setting_of_servers_elsewhere_is_let_through(role: Role) -> None:
    """What docs/elsewhere.md names, where this role reads it: "its like" are the other services' own."""
    prefix = _settings(role).model_config["env_prefix"]
    page = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", _read("docs/elsewhere.md")))
    page |= {name.replace("PORTAL_", prefix, 1) for name in page if name.startswith("PORTAL_")}
    named = page & (_names(_settings(role)) | _names(Access))
    assert named >= _names(Access) | {"KAFKA_BOOTSTRAP_SERVERS", f"{prefix}DATABASE_URL", f"{prefix}DATABASE_POOL"}

    given = {name: f"/given/{name}" for name in named}
    composed = _composed(given)
    service = composed["services"][role.name]
    (authority,) = service["secrets"]
    assert composed["secrets"][authority]["file"] == given["KAFKA_SSL_CAFILE"]
    expected = {**given, "KAFKA_SSL_CAFILE": f"/run/secrets/{authority}"}
    for name in named:  # without a value, Compose takes the one that is set where it is called
        assert service["environment"][name] in (expected[name], None)


def test_kafka_is_set_as_the_embedded_one() -> None:
    settings = kafka.SETTINGS.replace("{scram}", kafka.SCRAM)
    embedded = dict(line.split("=", 1) for line in settings.splitlines() if not line.startswith("#"))
    given = {name: str(value) for name, value in SERVICES["kafka"]["environment"].items()}
    own = {"controller.quorum.voters", "listeners", "advertised.listeners", "listener.security.protocol.map"}
    own |= {"inter.broker.listener.name", "log.dirs", "super.users"}
    as_variable = str.maketrans({".": "_", "-": "___"})
    same = {
        f"KAFKA_{name.upper().translate(as_variable)}": value for name, value in embedded.items() if name not in own
    }
    assert {name: given.get(name) for name in same} == same
    assert SERVICES["kafka"]["ports"] == [f"127.0.0.1:{USUAL.port(name)}:{USUAL.port(name)}" for name in DOORS_OF_KAFKA]
    assert given["KAFKA_ADVERTISED_LISTENERS"].split(",")[1:] == [
        f"CLIENT://{USUAL.kafka_bootstrap}",
        f"OUTSIDE://{USUAL.kafka_outside}",
    ]
    protocols = given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    assert {protocol.partition(":")[2] for protocol in protocols} == {"SASL_PLAINTEXT"}
    assert given["KAFKA_SUPER_USERS"] == f"User:{KAFKA_USER}"
    assert f"{given['KAFKA_HEAP_OPTS']} {given['KAFKA_JVM_PERFORMANCE_OPTS']}".split() == kafka.JVM


def test_postgres_is_set_as_the_embedded_one() -> None:
    given = dict(word.split("=", 1) for word in SERVICES["postgres"]["command"].split() if "=" in word)
    own = {"listen_addresses", "unix_socket_directories", "log_line_prefix", "dynamic_shared_memory_type"}
    ours = {"hba_file": "/etc/postgresql/pg_hba.conf"}
    assert given == {name: value for name, value in postgres.SETTINGS.items() if name not in own} | ours


def test_postgres_lets_in_whom_the_embedded_one_does() -> None:
    """From other addresses, as it is another container for its clients; and its owner through the socket in the container."""
    rules = [line.split() for line in _read("compose/pg_hba.conf").splitlines() if not line.startswith("#")]
    embedded = [line.split() for line in postgres.WHO_MAY_CONNECT.splitlines() if not line.startswith("#")]
    assert rules[0] == ["local", "all", "lienthong", "trust"]
    assert rules[1:] == [[*rule[:3], "all", rule[4]] for rule in embedded]


def test_a_secret_is_drawn_once_and_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*DATABASES, "kafka", "postgres"):
        (tmp_path / name).mkdir()
    drawn = set()
    for _ in range(2):
        environment = {**os.environ, "SECRETS_DIR": str(tmp_path)}
        words = [sys.executable, ROOT / "compose" / "draw_secrets.py"]
        told = subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
        for name in ("PAYMENT_PARTNER_SECRET", "SERVICE_SECRET", "PAYMENT_DATABASE_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "payment"))
        payment = PaymentSettings()
        drawn.add((payment.payment_partner_secret.get_secret_value(), payment.service_secret.get_secret_value()))
        drawn.add((payment.database_url, kafka_access(tmp_path / "portal")))
    assert len(drawn) == 2, "the same at the second start"
    files = [file for folder in tmp_path.iterdir() for file in folder.iterdir()]
    secrets = {file.read_text() for file in files if file.name.endswith(("_SECRET", "_PASSWORD"))}
    assert len(secrets) == 8 and min(map(len, secrets)) >= 43 and not [secret for secret in secrets if secret in told]
    assert payment.database_url.startswith("postgresql://payment:")
    assert {file.stat().st_mode & 0o037 for file in files} == {0}


def kafka_access(folder: Path) -> str:
    """The password with which a service signs in to Kafka, from its files."""
    options = Access(_secrets_dir=folder).options()
    assert (options["security_protocol"], options["sasl_plain_username"]) == ("SASL_PLAINTEXT", KAFKA_USER)
    return str(options["sasl_plain_password"])


def test_a_service_knows_no_secret_of_another(tmp_path: Path) -> None:
    for name in (*DATABASES, "kafka", "postgres"):
        (tmp_path / name).mkdir()
    environment = {**os.environ, "SECRETS_DIR": str(tmp_path)}
    subprocess.run([sys.executable, ROOT / "compose" / "draw_secrets.py"], check=True, env=environment)
    for role in ROLES:
        (volume,) = SERVICES[role.name]["volumes"]
        mounted = dict(each.split(":")[:2] for each in SERVICES["secrets"]["volumes"])[volume.partition(":")[0]]
        assert mounted == f"/var/lib/lienthong/secrets/{role.database}"
        names = {file.name for file in (tmp_path / role.database).iterdir()}
        assert {name for name in names if "DATABASE" in name} == {f"{role.database.upper()}_DATABASE_URL"}
        assert set(role.secrets) <= names and "POSTGRES_PASSWORD" not in names


@pytest.mark.parametrize(("status", "code"), [("200 OK", 0), ("503 Service Unavailable", 1)])
async def test_a_container_is_healthy_when_its_role_is_ready(status: str, code: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()) == b"GET /readyz HTTP/1.1\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n\r\nsaid".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        listen = {"LISTEN": f"0.0.0.0:{server.sockets[0].getsockname()[1]}"}
        words = (sys.executable, "-IS", str(ROOT / "compose" / "ready.py"))
        check = await asyncio.create_subprocess_exec(*words, env=listen, stdout=asyncio.subprocess.PIPE)
        assert (await check.communicate())[0] == b"said\n"
    assert check.returncode == code


def test_the_image_has_the_tested_packages_and_all_that_are_imported() -> None:
    files = ("compose/requirements.txt", "requirements.txt")
    image, tested = (set(re.findall(r"^[\w.-]+==[^\s;]+", _read(file), re.M)) for file in files)
    assert image and image <= tested, "make compose/requirements.txt anew, as compose/requirements.in says"
    code = "\n".join(path.read_text(encoding="utf-8") for folder in OURS for path in (ROOT / folder).rglob("*.py"))
    imported = set(re.findall(r"^ *(?:from (?=\S+ import )|import (?=\S+(?: as \w+)?$))(\w+)", code, re.M))
    pinned, packages = {pin.partition("==")[0] for pin in image}, packages_distributions()
    for module in imported - OURS - sys.stdlib_module_names:
        names = {name.lower().replace("_", "-") for name in packages.get(module, ())}
        assert names & pinned, f"name the package of {module} in compose/requirements.in"


def test_the_page_names_every_variable() -> None:
    variables = set(re.findall(r"\$\{(LIENTHONG_\w+)", _read("docker-compose.yml")))
    assert variables == set(re.findall(r"LIENTHONG_\w+", _read("docs/compose.md"))) - {"LIENTHONG_URL"}
