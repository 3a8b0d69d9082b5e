"""Connectors under proof: programs of their own decide for two provinces of one sandbox, over Kafka and behind a webhook.

Over Kafka it is examples/connectors/python-kafka; behind the webhook `tools.prove.receiver`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.catalogue import CALENDAR
from lienthong.client import Country, Sandbox
from lienthong.client.connectors import Connector
from lienthong.client.http import NotRunning, Problem
from lienthong.embedded import ports
from lienthong.embedded.processes import with_parent
from lienthong.embedded.stack import Stack
from shared.messaging.kafka import options_of
from tools.prove.background import in_background

PROVINCES = {"37": "kafka", "48": "webhook"}
PROCEDURE = "2.000635"  # with a fee, so that every journey passes between connector and citizen several times
EXAMPLE = Path(__file__).parents[2] / "examples" / "connectors"
LOOK_SECONDS = 0.5
QUIET_LOOKS = 4  # nothing new was said or waits in so many looks: the connectors are done
QUIET_SECONDS = 120.0
Place = tuple[str, str]  # sandbox, province


@dataclass
class Program:
    """One connector and its process, which is started again whenever it has ended by itself."""

    connector: Connector
    via: str
    folder: Path
    port: int
    country_url: str
    process: subprocess.Popen[bytes] | None = None
    is_away: bool = False
    starts: int = 0

    def keep(self, credentials: Mapping[str, Any]) -> None:
        """What it is given at its next start."""
        (self.folder / "connector.json").write_text(json.dumps(credentials), encoding="utf-8")

    def start(self) -> None:
        self.is_away = False
        self.starts += 1
        script = [str(EXAMPLE / "python-kafka" / "connector.py")]
        words = script if self.via == "kafka" else ["-m", "tools.prove.receiver", "connector.json", str(self.port)]
        days_off = " ".join(map(str, CALENDAR.days_off))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                cwd=self.folder,
                env={**os.environ, "LIENTHONG_URL": self.country_url, "DAYS_OFF": days_off, "PYTHONPATH": os.getcwd()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=with_parent(signal.SIGKILL),
            )

    def kill(self) -> int:
        """SIGKILL; it is gone when this returns. Returns its pid."""
        process, self.is_away = self.process, True
        if process is None:
            return 0
        process.kill()
        process.wait()
        return process.pid


@dataclass
class Connectors:
    """The connected provinces of `sandbox` and their programs."""

    sandbox: Sandbox
    programs: dict[str, Program] = field(default_factory=dict)  # by door
    patience: float = QUIET_SECONDS

    @property
    def places(self) -> set[Place]:
        return {(self.sandbox.id, province) for province in PROVINCES}

    async def rows(self) -> dict[str, dict[str, Any]]:
        """What the country knows of each connector, by door."""
        return {row["via"]: dict(row) for row in await self.sandbox.connectors() if row["via"]}

    async def draw_again(self, via: str) -> Mapping[str, Any]:
        """New credentials; those before stay valid or not as the door's page says."""
        program = self.programs[via]
        url = f"http://127.0.0.1:{program.port}/" if via == "webhook" else None
        connector = await self.sandbox.connect(program.connector.province, via, url=url)
        program.connector = connector
        program.keep(connector.credentials)
        return connector.credentials

    async def quiet(self) -> None:
        """Wait until nothing is said and no delivery waits any more.

        Gives up silently, and then for the rest of the run: the checks name what is left.
        """
        last: object = None
        same, end = 0, asyncio.get_running_loop().time() + self.patience
        while same < QUIET_LOOKS and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(NotRunning, Problem):
                now = {
                    via: (row["waiting"], row["verdicts"], row["deliveries"])
                    for via, row in (await self.rows()).items()
                }
                is_still = now == last and not any(waiting for waiting, _, _ in now.values())
                same, last = same + 1 if is_still else 0, now
        if same < QUIET_LOOKS:
            self.patience = 0.0

    async def _keep_running(self) -> None:
        while True:
            for program in self.programs.values():
                if not program.is_away and (program.process is None or program.process.poll() is not None):
                    program.start()
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def connected(country: Country, sandbox: Sandbox, folder: Path) -> AsyncIterator[Connectors]:
    """Connect the provinces, and keep their programs running."""
    connectors = Connectors(sandbox)
    for province, via in PROVINCES.items():
        port, place = ports.free_base(), folder / "connectors" / via
        place.mkdir(parents=True)
        shutil.copy(EXAMPLE / "result.pdf", place.parent)
        url = f"http://127.0.0.1:{port}/" if via == "webhook" else None
        connector = await sandbox.connect(province, via, url=url)
        program = connectors.programs[via] = Program(connector, via, place, port, country.url)
        program.keep(connector.credentials)
        program.start()
    try:
        async with in_background(connectors._keep_running()):
            yield connectors
    finally:
        for program in connectors.programs.values():
            program.kill()


class Judged(NamedTuple):
    """A stored verdict. `offset`: of the record on the outbox; None over HTTP."""

    number: int
    offset: int | None
    outcome: str
    id: str


@dataclass
class Said:
    """What connectors said and got, as it is stored.

    records   offsets that the broker has on the outbox of each place over Kafka
    verdicts  place → verdicts in the gateway's database
    answered  place → offset of the outbox and outcome of each record on the verdicts topic
    replies   place → outcome and message id of each answer that the program over HTTP has noted
    """

    records: dict[Place, list[int]] = field(default_factory=dict)
    verdicts: dict[Place, list[Judged]] = field(default_factory=dict)
    answered: dict[Place, set[tuple[int, str]]] = field(default_factory=dict)
    replies: dict[Place, Counter[tuple[str, str]]] = field(default_factory=dict)


VERDICTS_SQL = """
SELECT province, number, outbox_offset, outcome, message_id FROM verdicts WHERE sandbox = $1 ORDER BY province, number"""
REPLY = re.compile(r"^([a-z_]+): (\S+) of (\S+)$", re.MULTILINE)  # as `tools.prove.receiver` prints it


async def read_said(stack: Stack, connectors: Connectors, rows: list[Any]) -> Said:
    """rows: of VERDICTS_SQL."""
    said = Said(verdicts={place: [] for place in connectors.places})
    for row in rows:
        verdict = Judged(row["number"], row["outbox_offset"], row["outcome"], row["message_id"])
        said.verdicts.setdefault((connectors.sandbox.id, row["province"]), []).append(verdict)
    program = connectors.programs["kafka"]
    place, names = (connectors.sandbox.id, program.connector.province), program.connector.credentials["kafka"]
    said.records[place] = [record.offset for record in await _records(stack, names["outbox"])]
    said.answered[place] = {
        (int(dict(record.headers)[OFFSET_HEADER]), json.loads(record.value)["outcome"])
        for record in await _records(stack, names["verdicts"])
    }
    program = connectors.programs["webhook"]
    log = (program.folder / "log").read_text(encoding="utf-8")
    said.replies[connectors.sandbox.id, program.connector.province] = Counter(
        (outcome, f"{code}/{type}") for outcome, type, code in REPLY.findall(log)
    )
    return said


OFFSET_HEADER = "outbox-offset"


async def _records(stack: Stack, topic: str) -> list[Any]:
    """Every record of a topic with one partition."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=stack.kafka_bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **options_of(stack.plan.kafka_login),
    )
    await reader.start()
    try:
        partition = TopicPartition(topic, 0)
        reader.assign([partition])
        end = (await reader.end_offsets([partition]))[partition]
        records: list[Any] = []
        while await reader.position(partition) < end:
            for found in (await reader.getmany(timeout_ms=1000)).values():
                records += found
        return records
    finally:
        await reader.stop()
