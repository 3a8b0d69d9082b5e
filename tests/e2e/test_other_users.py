"""Another user of the machine on which a stack runs: reads no data, opens no database, reads no topic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer

from lienthong.embedded import Trouble, access, jars, ports, postgres, private
from lienthong.embedded.plan import DATABASES, ROLES
from lienthong.embedded.stack import Stack
from tests.support.command import PATIENCE
from tests.support.stranger import TOPIC

ROOT = Path(__file__).parents[2]
NOBODY, SOMEBODY = 65534, 54321  # the account that PostgreSQL runs under if we are root, and one without a name
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack in a folder that everybody can reach, made with the usual mode."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        for each in (Path(folder), data):
            each.chmod(0o755)
        with Stack(data, ports.free_base(), durable=False) as stack:
            consumer = Consumer({**stack.kafka_client, "group.id": "waits"})
            while TOPIC not in consumer.list_topics(timeout=PATIENCE).topics:
                pass
            consumer.close()
            yield stack


@pytest.fixture(scope="module")
def secrets(stack: Stack) -> list[str]:
    return list(json.loads((stack.plan.data / "secrets.json").read_text()).values())


def shared_memory(postgres: int | None) -> set[Path]:
    """The files of PostgreSQL outside its folder that are mapped into its memory."""
    lines = Path(f"/proc/{postgres}/maps").read_text().splitlines()
    return {Path(line.split()[-1]) for line in lines if "/dev/shm/" in line}  # noqa: S108


def stranger(uid: int, stack: Stack) -> dict[str, Any]:
    data = stack.plan.data
    asked = {
        "paths": [str(path) for path in [data, *data.rglob("*")] if not path.is_socket()],
        "socket": str(data / "control.sock"),
        "pids": [pid for pid in stack.pids().values() if pid],
        "postgres": stack.plan.port("postgres"),
        "kafka": [stack.plan.port(name) for name in ("kafka", "kafka-outside", "kafka-controller")],
        "shared memory": [str(file) for file in shared_memory(stack.pids()["postgres"])],
    }
    words = [sys.executable, "-m", "tests.support.stranger", str(uid)]
    done = subprocess.run(words, input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@only_root
@pytest.mark.parametrize("uid", [NOBODY, SOMEBODY])
def test_another_user_reads_no_data_opens_no_database_and_no_topic(stack: Stack, secrets: list[str], uid: int) -> None:
    seen = stranger(uid, stack)
    assert seen["found"] == {}
    assert "kafka.Kafka" in seen["seen"], "command lines are open to everybody"
    assert not [secret for secret in secrets if secret in seen["seen"]]


def test_everything_in_the_folder_is_for_its_owner_only(stack: Stack) -> None:
    data = stack.plan.data
    listing = subprocess.run(["find", data, "-perm", "/077", "!", "-type", "l"], capture_output=True, text=True)
    assert listing.stdout == ""


def test_no_secret_is_in_a_log_a_status_or_the_list_of_addresses(stack: Stack, secrets: list[str]) -> None:
    text = "".join(file.read_text() for file in (stack.plan.data / "log").iterdir())
    text += json.dumps(stack.status()) + httpx.get(f"{stack.urls['portal-api']}/_lab/doors", timeout=60).text
    words = [sys.executable, "-m", "lienthong.cli.main", "status", "--data", str(stack.plan.data)]
    status = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert "sign in with the files in" in status.stdout
    assert not [secret for secret in secrets if secret in text + status.stdout + status.stderr]


def test_a_service_owns_its_database_and_opens_no_other(stack: Stack) -> None:
    for name in DATABASES:
        attributes = "rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication"
        sql = f"SELECT {attributes} FROM pg_roles WHERE rolname = current_user"
        assert postgres.psql(stack.plan, sql, database=name, role=name) == ["f|f|f|f|f"]
        others = [other for other in (*DATABASES, "postgres", "template1") if other != name]
        for other in others:
            with pytest.raises(Trouble, match="no pg_hba"):
                postgres.psql(stack.plan, "SELECT 1", database=other, role=name)
    owners = postgres.psql(stack.plan, "SELECT datname || ':' || pg_get_userbyid(datdba) FROM pg_database")
    assert {f"{name}:{name}" for name in DATABASES} <= set(owners)


def test_a_process_gets_the_secrets_of_its_service_only(stack: Stack) -> None:
    """From `/proc` only the owner could read them; they are not even there, because they come through a pipe."""
    for role in ROLES:
        urls = [name for name in stack.plan.environment(role) if name.endswith("_DATABASE_URL")]
        assert urls == [f"{role.database.upper()}_DATABASE_URL"]
    drawn = private.drawn(stack.plan.data)
    for pid in filter(None, stack.pids().values()):
        environment = Path(f"/proc/{pid}/environ").read_text()
        assert not [name for name, secret in drawn.items() if secret in environment]


def test_the_owner_signs_in_with_the_files_that_status_names(stack: Stack) -> None:
    folder = access.folder(stack.plan.data)
    lines = (folder / "librdkafka.properties").read_text().splitlines()
    consumer = Consumer({**dict(line.split("=", 1) for line in lines), "group.id": "owner"})
    assert TOPIC in consumer.list_topics(timeout=10).topics
    consumer.close()
    words = [postgres.program("psql"), "-h", "127.0.0.1", "-p", str(stack.plan.port("postgres")), "-U", "portal"]
    environment = {**os.environ, "PGPASSFILE": str(folder / "pgpass")}
    psql = subprocess.run([*words, "-Atc", "SELECT owner FROM schema_version"], env=environment, capture_output=True)
    assert psql.stdout == b"portal\n", psql.stderr
    java = [jars.java()[0], "-cp", ":".join(jars.ensure(print)), "kafka.admin.ConfigCommand"]
    words = ["--bootstrap-server", stack.kafka_bootstrap, "--command-config", str(folder / "kafka.properties")]
    words += ["--describe", "--entity-type", "topics", "--entity-name", TOPIC]
    configured = subprocess.run([*java, *words], capture_output=True, text=True, timeout=PATIENCE)
    assert f"configs for topic {TOPIC}" in configured.stdout, configured.stderr


def test_databases_of_an_older_version_or_with_lost_secrets_are_closed_and_kept(tmp_path: Path) -> None:
    """Older: trust, and everything owned by the superuser."""
    stack = Stack(tmp_path, ports.free_base(), parts=["postgres"])
    with stack:
        postgres.psql(stack.plan, "ALTER DATABASE portal OWNER TO lienthong")
        postgres.psql(stack.plan, "CREATE TABLE kept AS SELECT 7 AS number", database="portal")
    (tmp_path / "postgres" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
    stack.plan.data.chmod(0o755)
    before = stack.database_url("portal")
    (tmp_path / "secrets.json").unlink()
    with stack:
        assert stack.database_url("portal") != before
        sql = "SELECT number, pg_get_userbyid(relowner) FROM kept, pg_class WHERE relname = 'kept'"
        assert postgres.psql(stack.plan, sql, database="portal", role="portal") == ["7|portal"]
        assert "trust" not in (tmp_path / "postgres" / "pg_hba.conf").read_text()
        assert tmp_path.stat().st_mode & 0o077 == 0


def test_a_folder_with_other_files_keeps_its_mode_and_ours_in_it_are_closed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    tmp_path.chmod(0o755)
    with Stack(tmp_path, ports.free_base(), parts=["postgres"], durable=False):
        assert tmp_path.stat().st_mode & 0o777 == 0o755
        ours = [path for path in tmp_path.iterdir() if path.name != "mine.txt"]
        assert [path for path in ours if path.lstat().st_mode & 0o077] == []
