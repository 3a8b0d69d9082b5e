"""What the machine gives for the bare thing: an empty FastAPI door, single-row commits, plain aiokafka.

Each runs as a process of its own, as the thing beside which it is put: `python -m tools.bench.ceilings NAME …`,
one JSON object on stdout.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import BaseModel

from lienthong.embedded import ports

CONNECTIONS = 16
SAMPLE = 2000  # real records, sent again and again
IN_FLIGHT = 5000
BATCH = 500
PARTITIONS = 34  # one per province


class Authority(BaseModel):
    province: str
    commune: str | None = None


class Submission(BaseModel):
    procedure: str
    authority: Authority
    note: str | None = None


def measured(name: str, *arguments: object) -> float:
    """One ceiling, in its own process: things per second."""
    words = [sys.executable, "-m", "tools.bench.ceilings", name, *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return found["per_second"]


@contextmanager
def door(port: int) -> Iterator[str]:
    """An empty FastAPI door, listening; gives its address."""
    words = [sys.executable, "-m", "tools.bench.ceilings", "door", str(port)]
    with subprocess.Popen(words) as process:
        try:
            while ports.is_free(port):
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _serve(port: int) -> None:
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/api/v1/dossiers")
    async def submit(body: Submission) -> Submission:
        return body

    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, loop="uvloop")


async def commits(url: str, count: int) -> float:
    """Single-row inserts, each its own transaction, over 16 connections."""
    pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    await pool.execute("CREATE TABLE IF NOT EXISTS raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)")
    turns, body = iter(range(count)), "x" * 1000

    async def client() -> None:
        async with pool.acquire() as connection:
            for _ in turns:
                await connection.execute("INSERT INTO raw (body) VALUES ($1)", body)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    seconds = time.perf_counter() - began
    await pool.close()
    return count / seconds


async def produce(servers: str, topic: str, count: int, into: str) -> float:
    """The records of a real topic, sent into another: acks=all, idempotent, partition by partition as they were."""
    sample = [record async for record in _records(servers, topic, SAMPLE)]
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, enable_idempotence=True, acks="all", max_batch_size=256 * 1024
    )
    await producer.start()
    waiting: deque[Any] = deque()
    began = time.perf_counter()
    for turn in range(count):
        record = sample[turn % len(sample)]
        sent = await producer.send(
            into, record.value, key=record.key, partition=record.partition, headers=list(record.headers)
        )
        waiting.append(sent)
        if len(waiting) > IN_FLIGHT:
            await waiting.popleft()
    await asyncio.gather(*waiting)
    seconds = time.perf_counter() - began
    await producer.stop()
    return count / seconds


async def consume(servers: str, topic: str, count: int) -> float:
    """Records of a real topic read and thrown away."""
    began = 0.0
    seen = 0
    async for _ in _records(servers, topic, count):
        began = began or time.perf_counter()
        seen += 1
    return seen / (time.perf_counter() - began)


async def _records(servers: str, topic: str, most: int) -> Any:
    reader = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False)
    await reader.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        there = sum((await reader.end_offsets(partitions)).values())
        left = min(most, there)
        while left > 0:
            for found in (await reader.getmany(timeout_ms=1000, max_records=BATCH)).values():
                for record in found[:left]:
                    yield record
                left -= len(found)
    finally:
        await reader.stop()


def main() -> None:
    name, *words = sys.argv[1:]
    if name == "door":
        _serve(int(words[0]))
        return
    if name == "commits":
        found = uvloop.run(commits(words[0], int(words[1])))
    elif name == "produce":
        found = uvloop.run(produce(words[0], words[1], int(words[2]), words[3]))
    else:
        found = uvloop.run(consume(words[0], words[1], int(words[2])))
    print(json.dumps({"per_second": found}))


if __name__ == "__main__":
    main()
