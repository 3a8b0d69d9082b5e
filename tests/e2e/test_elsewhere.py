"""Servers that somebody else runs: used, shown, never started or stopped by us; and data that is refused with the way out."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lienthong.doctor.machine import look
from lienthong.embedded import Trouble, elsewhere, ports, postgres
from lienthong.embedded.plan import DATABASES, ROLES, SUPERUSER
from lienthong.embedded.stack import Stack
from shared.messaging import kafka
from tests.support.command import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "elsewhere.md"
PASSWORD = "only-invented"
TO_PORTAL = "dossier.to-portal.v1"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker and a database server of somebody else."""
    data = tmp_path_factory.mktemp("theirs")
    with Stack(data, ports.free_base(), parts=["postgres", "kafka"], durable=False) as servers:
        yield servers


def environment(servers: Stack) -> dict[str, str]:
    """As whoever uses them would write it."""
    urls = {f"{name.upper()}_DATABASE_URL": servers.database_url(name) for name in DATABASES}
    return {elsewhere.KAFKA: servers.kafka_bootstrap, **servers.plan.kafka_login, **urls}


def passwords(servers: Stack) -> set[str]:
    names = (SUPERUSER, *DATABASES)
    return {*map(servers.plan.database_password, names), servers.plan.secret("KAFKA_SASL_PASSWORD")}


def lienthong(*words: str | Path | int, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lienthong.cli.main", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **more}, timeout=PATIENCE)


def rows(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in told["processes"]}


def test_the_page_works_as_it_is_printed_and_their_servers_live_on(servers: Stack, tmp_path: Path) -> None:
    base = ports.free_base()
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if "lienthong demo" in block]
    theirs = environment(servers)
    script = block.replace("broker.example:9092", theirs[elsewhere.KAFKA])
    theirs_at = r"postgresql://lienthong:secret@db\.example:5432/(\w+)"
    script = re.sub(theirs_at, lambda match: servers.database_url(match[1]), script)
    script = script.replace("lienthong up", f"lienthong up --port-base {base}")
    assert "example" not in script
    path = servers.plan.kafka_login | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "LIENTHONG_URL": f"http://127.0.0.1:{base}",
    }
    done = subprocess.run(
        ["bash", "-e"],
        input=script,
        env={**os.environ, **path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^(?:kafka|postgres) .* external ", done.stdout, re.MULTILINE)) == 4, (
        "after up, and in status"
    )
    assert not [password for password in passwords(servers) if password in done.stdout + done.stderr]
    data = tmp_path / ".lienthong"
    assert not (data / "postgres").exists() and not (data / "kafka").exists()
    assert f"Stopped; the data stays in {data}" in done.stdout
    assert servers.status()["ready"], "what is theirs goes on"
    dossiers = postgres.psql(servers.plan, "SELECT datname FROM pg_database")
    assert set(DATABASES) <= set(dossiers)
    assert ports.wait_free(range(base, base + ports.SPAN), 10) == []


def test_nothing_of_theirs_is_ours_to_break_and_no_password_lies_about(
    servers: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in servers.plan.kafka_login.items():
        monkeypatch.setenv(name, value)
    stack = Stack(tmp_path / "data", ports.free_base(), external=elsewhere.named(environment(servers)))
    assert tuple(stack.plan.parts) == ("services",)
    with stack:
        assert look(stack.plan.data).replaced == {"kafka", "postgres"}, "whatever the environment says by now"
        shown = rows(stack.status())
        assert set(shown) == {role.name for role in ROLES} | {"zygote", "kafka", "postgres"}
        for name in ("kafka", "postgres"):
            assert (shown[name]["state"], shown[name]["pid"], shown[name]["ready"]) == ("external", None, True)
        assert shown["postgres"]["door"] == f"postgresql://127.0.0.1:{servers.plan.port('postgres')}"
        with pytest.raises(Trouble, match="payment is on an external server"):
            stack.drop_database("payment")
        with pytest.raises(Trouble):
            stack.restart_kafka()
        plan = stack.plan.data / "plan.json"
        assert servers.database_url("portal") in plan.read_text()
        assert plan.stat().st_mode & 0o077 == 0, "readable for its owner alone"
        logs = "".join(file.read_text() for file in (stack.plan.data / "log").iterdir())
        assert not [password for password in passwords(servers) if password in logs]


def test_a_broker_that_does_not_answer_is_named_until_it_does(tmp_path: Path) -> None:
    base, later = ports.free_base(), Stack(tmp_path / "broker", ports.free_base(), parts=["kafka"])
    words = ["up", "--json", "--data", str(tmp_path / "data"), "--port-base", str(base)]
    up = subprocess.Popen(
        [sys.executable, "-m", "lienthong.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **later.plan.kafka_login, elsewhere.KAFKA: later.kafka_bootstrap},
    )
    assert up.stdout and up.stderr
    wanted = (
        f"kafka for a connection to {later.kafka_bootstrap} ({elsewhere.KAFKA}; if unset, lienthong starts its own)"
    )
    said = []
    for line in up.stderr:
        said.append(line)
        if wanted in line:
            break
    assert wanted in said[-1], said
    with later:
        told = json.loads(up.stdout.readline())
        assert told["ready"] and rows(told)["kafka"]["state"] == "external"
        assert rows(told)["postgres"]["state"] == "running", "the databases are our own here"
        up.send_signal(signal.SIGINT)
        up.communicate()
        assert up.returncode == 0 and later.status()["ready"]


async def test_a_topic_made_otherwise_is_refused_with_the_way_out(servers: Stack, tmp_path: Path) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap, **kafka.options_of(servers.plan.kafka_login))
    await admin.start()
    try:
        await admin.delete_topics([TO_PORTAL])
        while TO_PORTAL in await admin.list_topics():
            pass
        while TO_PORTAL not in await admin.list_topics():
            await admin.create_topics([NewTopic(TO_PORTAL, num_partitions=3, replication_factor=1)])
        up = lienthong("up", "--data", tmp_path, "--port-base", ports.free_base(), **environment(servers))
        assert up.returncode == 1
        wanted = rf"Topic {TO_PORTAL} at 127\.0\.0\.1:\d+ has 3 partitions, and the lanes need 34\. Delete it:"
        assert re.search(wanted, up.stderr), up.stderr
        assert "Traceback" not in up.stderr
    finally:
        await admin.delete_topics([TO_PORTAL])
        await admin.close()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (elsewhere.KAFKA, "broker", "KAFKA_BOOTSTRAP_SERVERS contains 'broker': write host:port"),
        ("PORTAL_DATABASE_URL", "postgresql+asyncpg://x/y", "begins with 'postgresql+asyncpg': write postgresql://"),
        ("PORTAL_DATABASE_URL", "postgresql://db.example:5432", "names no database"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_at_once(variable: str, value: str, sentence: str) -> None:
    up = lienthong("up", **{variable: value})
    assert up.returncode == 1
    assert sentence in up.stderr and "Traceback" not in up.stderr


def test_databases_of_another_postgresql_are_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17\n")
    up = lienthong("up", "--data", tmp_path, "--port-base", ports.free_base())
    assert up.returncode == 1
    assert re.search(
        r"created by PostgreSQL 17; this is 1\d\.\d+, which cannot read them\..*pg_dump.*lienthong reset", up.stderr
    )
    assert (folder / "PG_VERSION").read_text() == "17\n", "nothing is touched"


def test_a_broker_of_a_newer_kafka_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "version").write_text("99.0.0\n")
    up = lienthong("up", "--data", tmp_path, "--port-base", ports.free_base())
    assert up.returncode == 1
    assert (
        "was written by Kafka 99.0.0; this is the older" in up.stderr and f"or delete {tmp_path / 'kafka'}" in up.stderr
    )


def test_several_servers_and_addresses_are_read() -> None:
    found = elsewhere.servers(
        {
            elsewhere.KAFKA: "a.example:9092, [::1]:9093",
            "PORTAL_DATABASE_URL": "postgresql://u:p@db.example/portal",
            "PAYMENT_DATABASE_URL": "postgres://u:p@db.example/payment",
            "IDENTITY_DATABASE_URL": "postgresql:///identity?host=/run/postgresql",
        }
    )
    assert [(server.name, server.shown_as, server.addresses) for server in found] == [
        ("kafka", "a.example:9092,::1:9093", (("a.example", 9092), ("::1", 9093))),
        ("postgres of identity", "postgresql://", ()),
        ("postgres of payment, portal", "postgresql://db.example", (("db.example", 5432),)),
    ]
    theirs = {elsewhere.KAFKA: "b.example:9092", elsewhere.KAFKA_OUTSIDE: "b.example:9094"}
    assert elsewhere.named(theirs) == theirs
    assert elsewhere.named({elsewhere.KAFKA_OUTSIDE: "x"}) == {}, "our own broker has its own"
    with pytest.raises(Trouble, match=r"KAFKA_OUTSIDE_BOOTSTRAP contains 'b\.example': write host:port"):
        elsewhere.named(theirs | {elsewhere.KAFKA_OUTSIDE: "b.example"})
    assert elsewhere.replaced({"PORTAL_DATABASE_URL": "x"}) == set(), "the other databases still need a server here"


def test_how_a_broker_wants_to_be_spoken_to_is_read_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kafka.Access().options() == {"security_protocol": "PLAINTEXT"}
    (tmp_path / "KAFKA_SASL_PASSWORD").write_text(PASSWORD)
    for name, value in {
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_MECHANISM": "SCRAM-SHA-512",
        "SASL_USERNAME": "lan",
    }.items():
        monkeypatch.setenv(f"KAFKA_{name}", value)
    options = kafka.Access(_secrets_dir=tmp_path).options()
    assert isinstance(options.pop("ssl_context"), ssl.SSLContext)
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "lan",
        "sasl_plain_password": PASSWORD,
    }
    ours, theirs = Stack(tmp_path), Stack(tmp_path, external={elsewhere.KAFKA: "broker.example:9092"})
    assert (ours.plan.kafka_outside, theirs.plan.kafka_outside) == ("127.0.0.1:9094", "")
    assert "KAFKA_SECURITY_PROTOCOL" in theirs.plan.child_environment()
    assert "KAFKA_SECURITY_PROTOCOL" not in ours.plan.child_environment(), "our own broker has neither user nor TLS"
