"""Another user of this machine, who looks for a way in: what it can read, open, sign in to. Run as root, it becomes that user.

    python -m tests.support.stranger UID
    stdin: {"paths": […], "shared memory": […], "socket": "…", "pids": […], "postgres": port, "kafka": [ports]}

Prints one JSON object: {attempt: what came of it}, only attempts that succeeded; and under "seen" all text of /proc.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401  asyncio imports it later, when Python's own files may not be readable
import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

TOPIC = "dossier.to-portal.v1"
ROLES = ("lienthong", "postgres", "nobody", "portal", "province_gateway", "identity", "payment")
GUESSES = (None, "", "lienthong", "postgres", "secret")
SOCKETS = ("/tmp", "/run")  # noqa: S108
SECONDS = 3.0
Attempts = Iterator[tuple[str, Any]]


def files(paths: Iterable[str]) -> Attempts:
    for path in paths:
        with contextlib.suppress(OSError):
            if Path(path).is_dir():
                yield f"list {path}", os.listdir(path)
            else:
                with open(path, "rb", buffering=0) as file:
                    yield f"read {path}", len(file.read(100))


def control(path: str) -> Attempts:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        yield f"control {path}", "connected"


async def databases(port: int) -> list[tuple[str, Any]]:
    opened = []
    hosts = ["127.0.0.1", *(str(file.parent) for folder in SOCKETS for file in _sockets(folder, port))]
    for host in hosts:
        for role in ROLES:
            for password in (*GUESSES, role):
                with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                    where = {"host": host, "port": port, "user": role, "password": password, "timeout": SECONDS}
                    connection = await asyncpg.connect(database="portal", ssl=False, **where)
                    opened.append((f"postgres {host} as {role} with {password!r}", await connection.fetch("SELECT 1")))
                    await connection.close()
    return [(name, len(rows)) for name, rows in opened]


def _sockets(folder: str, port: int) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(Path(folder).rglob(f".s.PGSQL.{port}"))
    return []


async def topics(port: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    sasl = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "lienthong"}
    for how, login in {"no login": {}, "a guess": {**sasl, "sasl_plain_password": "lienthong"}}.items():
        client = {"bootstrap_servers": f"127.0.0.1:{port}", "request_timeout_ms": int(SECONDS * 1000), **login}
        with contextlib.suppress(KafkaError, OSError, TimeoutError, AssertionError):
            async with asyncio.timeout(SECONDS), AIOKafkaConsumer(auto_offset_reset="earliest", **client) as consumer:
                found.append((f"kafka {port}, {how}: topics", sorted(await consumer.topics())))
                consumer.assign([TopicPartition(TOPIC, 0)])
                found.append((f"kafka {port}, {how}: end", await consumer.end_offsets(consumer.assignment())))
        with contextlib.suppress(KafkaError, OSError, TimeoutError, AssertionError):
            async with asyncio.timeout(SECONDS), AIOKafkaProducer(**client) as producer:
                await producer.send_and_wait(TOPIC, b"{}", partition=0)
                found.append((f"kafka {port}, {how}: produce", 1))
    return [(name, str(what)) for name, what in found]


def processes(pids: Iterable[int]) -> Attempts:
    for pid in pids:
        for name in ("environ", "mem", "maps"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
                yield f"/proc {pid} {name}", file.read(10).decode(errors="replace") if name != "mem" else "open"
        for name in ("cwd", "fd/1"):
            with contextlib.suppress(OSError):
                yield f"/proc {pid} {name}", os.readlink(f"/proc/{pid}/{name}")


def seen() -> str:
    """Every command line that this user can read."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(lines)


def main() -> None:
    uid, asked = int(sys.argv[1]), json.load(sys.stdin)
    os.environ["HOME"] = "/nonexistent"
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    found = {**dict(files(asked["paths"])), **dict(control(asked["socket"])), **dict(processes(asked["pids"]))}
    found |= dict(files(asked["shared memory"])) | dict(asyncio.run(databases(asked["postgres"])))
    for port in asked["kafka"]:
        found |= dict(asyncio.run(topics(port)))
    print(json.dumps({"found": found, "seen": seen()}))


if __name__ == "__main__":
    main()
