"""docs/operations.md: every command of ours on it runs, and its symptoms look as it says and go away as it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lienthong.embedded import ports
from lienthong.embedded.stack import Stack, running
from lienthong.sync import Country
from tests.support import yaml_files
from tests.support.command import PATIENCE
from tools.prove.faults import poison

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BROKEN = poison.Poison(
    "an invalid reception for the portal", "province_gateway", "portal", "dossier.received.v1", valid=False
)
FAILS_AGAIN = ("dead", "redrive")  # nobody has repaired the cause
COPY, PROVINCE, COMMUNE = "2.000635", "37", "14464"


class Operator:
    """Types commands in a folder whose stack has a sandbox with a dossier, and one with a dead letter."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.base = folder, ports.free_base()
        self.data = folder / ".lienthong"
        self.url = f"http://127.0.0.1:{self.base}"
        self.names: dict[str, str] = {}
        self.other = ""

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the page; a start uses the test's ports, in the background."""
        if words[0] == "up":
            words = ("up", "--detach", "--port-base", str(self.base))
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LIENTHONG_URL": self.url,
            "LIENTHONG_SANDBOX": self.names.get("ID", ""),
        }
        command = [sys.executable, "-m", "lienthong.cli.main", *words]
        return subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def types(self, *words: str) -> str:
        done = self(*words)
        assert done.returncode == 0, (words, done.stdout[-600:], done.stderr[-600:])
        return done.stdout

    @property
    def stack(self) -> Stack:
        return Stack.attach(self.data)

    def submit(self) -> str:
        with Country(self.url) as country:
            return country.enter(self.names["ID"]).citizen("lan").submit(COPY, PROVINCE, COMMUNE)["code"]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    operator = Operator(tmp_path_factory.mktemp("operations"))
    operator.types("up")
    yield operator
    if running(operator.data):
        operator.stack.stop()


@pytest.fixture(scope="module")
async def dossiers(operator: Operator) -> None:
    for _ in range(2):
        made = operator.types("sandbox", "create", "--start", "2026-06-09T08:00:00+07:00", "--json")
        operator.other, operator.names["ID"] = operator.names.get("ID", ""), json.loads(made)["id"]
        operator.names["CODE"] = operator.submit()
        operator.types("settle")
    await poison.write(
        operator.stack.database_url("province_gateway"), BROKEN, (operator.other, operator.names["CODE"])
    )
    operator("settle", "--sandbox", operator.other)
    (letter,) = json.loads(operator.types("dead", "list", "--sandbox", operator.other, "--json"))
    operator.names["LETTER"] = str(letter["id"])


def commands() -> list[list[str]]:
    """Every command of ours on the page once, in order; what deletes comes last."""
    spans = re.findall(r"`(lienthong [^`\n]+)`", FENCE.sub("", PAGE))
    lines = [line for _, block in FENCE.findall(PAGE) for line in block.splitlines() if line.startswith("lienthong ")]
    found = [shlex.split(line, comments=True)[1:] for line in lines + spans]
    once = [list(words) for words in dict.fromkeys(map(tuple, found))]
    return sorted(once, key=lambda words: "delete" in words)


@pytest.mark.usefixtures("dossiers")
def test_every_command_of_the_page_runs(operator: Operator) -> None:
    assert len(commands()) > 25
    for words in commands():
        names = {**operator.names, **({"ID": operator.other} if words[0] in ("dead", "sandbox", "connect") else {})}
        filled = [names.get(word, word) for word in words]
        if words[0] == "restore" and "--force" not in words:
            operator.types("down")
        elif not running(operator.data):
            operator.types("up")
        done = operator(*filled)
        wanted = 1 if tuple(words[:2]) == FAILS_AGAIN else 0
        assert done.returncode == wanted, (filled, done.stdout[-600:], done.stderr[-600:])


@pytest.mark.usefixtures("dossiers")
def test_a_worker_that_does_not_run_is_named_and_its_work_is_done_later(operator: Operator) -> None:
    operator.types("up")
    operator.stack.hold("gateway-worker")
    code = operator.submit()
    assert "dead or stuck" in operator("explain", code).stdout
    settled = operator("settle")
    assert settled.returncode == 1 and "dead-worker: gateway" in settled.stdout and "unread-events" in settled.stdout
    status = operator("status")
    assert status.returncode == 1 and "waits for its process to start" in status.stdout
    operator.stack.release("gateway-worker")
    operator.types("up")
    operator.types("settle")


@pytest.mark.usefixtures("dossiers")
@pytest.mark.long
def test_a_lost_database_comes_back_with_the_backup_whatever_kafka_has(operator: Operator) -> None:
    operator.types("up")
    code = operator.submit()
    operator.types("settle")
    operator.types("backup", "country.tar")
    operator.stack.drop_database("province_gateway")
    operator.types("up")
    operator("settle")
    assert "has no copy of this dossier" in operator("explain", code).stdout
    later = operator.submit()
    operator("settle")
    operator.types("restore", "country.tar", "--only", "province_gateway", "--force")
    operator.types("up")
    operator.types("settle")
    for each in (code, later):
        assert "has no copy" not in operator.types("explain", each), "what came after the backup was read again"
    operator.stack.restart_kafka(wipe=True, number=signal.SIGKILL)
    operator.types("restore", "country.tar", "--force")
    operator.types("up")
    operator.types("settle")
    assert "has no copy" not in operator.types("explain", code)
    assert "No service in sandbox" in operator("explain", later).stdout
    with Country(operator.url) as country:
        province = country.enter(operator.names["ID"]).province(PROVINCE)
        assert province.dossier(code)["code"] == code
        before = len(country.enter(operator.names["ID"]).timeline(code))
    for _ in range(2):
        assert "dossier.to-province.v1 lane" in operator.types("republish", "portal", "--dossier", code)
        operator.types("settle")
    with Country(operator.url) as country:
        assert len(country.enter(operator.names["ID"]).timeline(code)) == before
        assert country.enter(operator.names["ID"]).dead_letters("gateway") == []


@pytest.mark.usefixtures("dossiers")
def test_new_passwords_are_drawn_when_their_file_is_deleted(operator: Operator) -> None:
    operator.types("down")
    secrets = operator.data / "secrets.json"
    before = secrets.read_text()
    secrets.unlink()
    operator.types("up")
    operator.submit()
    operator.types("settle")
    assert not set(json.loads(secrets.read_text()).values()) & set(json.loads(before).values())


def test_the_containers_that_the_page_names_exist() -> None:
    services = yaml_files.read(ROOT / "docker-compose.yml")["services"]
    (stopped,) = re.findall(r"^docker compose stop (.+)$", PAGE, re.MULTILINE)
    assert set(stopped.split()) == services.keys() - {"secrets", "kafka", "postgres"}
    for name in re.findall(r"docker compose (?:exec -T|up --detach) ([a-z][\w-]+)", PAGE):
        assert name in services
    for variable, name in re.findall(r"\b([A-Z_]+):([a-z-]+)\b", re.findall(r"^for name in (.+); do$", PAGE, re.M)[0]):
        assert f"{variable}_DATABASE_URL" in services[name]["environment"]
