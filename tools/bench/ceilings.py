"""Ceilings: what this machine reaches without our code: an empty FastAPI endpoint, single-row commits, plain aiokafka
and httpx.

Each runs in a separate process, as the measured service does: `python -m tools.bench.ceilings NAME …`, one JSON object
on stdout.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import httpx
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import BaseModel

from lienthong.embedded import ports
from services.province_gateway.doors.webhook import PARALLEL
from shared.messaging.kafka import access

DATABASE = "BENCH_DATABASE_URL"
CONNECTIONS = 16
SAMPLE = 2000  # real records, sent repeatedly
READING_SECONDS = 1.0
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


def measured(name: str, *arguments: object, secrets: Mapping[str, str]) -> float:
    """Measure one ceiling in a separate process; returns operations per second.

    secrets  variables that sign in to the servers: not arguments, because everybody can read a command line
    """
    words = [sys.executable, "-m", "tools.bench.ceilings", name, *map(str, arguments)]
    result: dict[str, float] = json.loads(
        subprocess.run(words, env={**os.environ, **secrets}, stdout=subprocess.PIPE, check=True).stdout
    )
    return result["per_second"]


@contextmanager
def empty_endpoint(port: int) -> Iterator[tuple[str, int]]:
    """Run a FastAPI server with an empty endpoint; yields its address and its pid."""
    words = [sys.executable, "-m", "tools.bench.ceilings", "endpoint", str(port)]
    with subprocess.Popen(words) as process:
        try:
            while ports.is_free(port):
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}", process.pid
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
    """Single-row inserts, each in its own transaction, over 16 connections."""
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


async def produce(servers: str, topic: str, count: int, target: str) -> float:
    """Send the records of a real topic to another topic: acks=all, idempotent, each to the same partition."""
    async with _open(servers, topic) as reader:
        sample = [record async for record in _records(reader, SAMPLE)]
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, enable_idempotence=True, acks="all", max_batch_size=256 * 1024, **access()
    )
    await producer.start()
    waiting: deque[Any] = deque()
    began = time.perf_counter()
    for turn in range(count):
        record = sample[turn % len(sample)]
        sent = await producer.send(
            target, record.value, key=record.key, partition=record.partition, headers=list(record.headers)
        )
        waiting.append(sent)
        if len(waiting) > IN_FLIGHT:
            await waiting.popleft()
    await asyncio.gather(*waiting)
    seconds = time.perf_counter() - began
    await producer.stop()
    return count / seconds


async def consume(servers: str, topic: str, count: int) -> float:
    """Read the first `count` records of a real topic without processing them, again and again for a second."""
    seen, began = 0, 0.0
    async with _open(servers, topic) as reader:
        while not began or time.perf_counter() < began + READING_SECONDS:
            began = began or time.perf_counter()
            async for _ in _records(reader, count):
                seen += 1
        return seen / (time.perf_counter() - began)


async def post(url: str, count: int, body: str) -> float:
    """POST a body to a receiver, over as many connections as a webhook receiver gets."""
    turns = iter(range(count))
    async with httpx.AsyncClient(headers={"Content-Type": "application/cloudevents+json"}, timeout=60) as http:

        async def client() -> None:
            for _ in turns:
                (await http.post(url, content=body)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(PARALLEL)))
        return count / (time.perf_counter() - began)


@asynccontextmanager
async def _open(servers: str, topic: str) -> AsyncIterator[Any]:
    async with AIOKafkaConsumer(  # all partitions, because it has no group
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False, **access()
    ) as reader:
        yield reader


async def _records(reader: Any, limit: int) -> AsyncIterator[Any]:
    """The first records of the assigned partitions, at most `limit`."""
    await reader.seek_to_beginning()
    left = min(limit, sum((await reader.end_offsets(reader.assignment())).values()))
    while left > 0:
        for records in (await reader.getmany(timeout_ms=1000, max_records=BATCH)).values():
            for record in records[:left]:
                yield record
            left -= len(records)


def main() -> None:
    name, *words = sys.argv[1:]
    if name == "endpoint":
        _serve(int(words[0]))
        return
    if name == "commits":
        per_second = uvloop.run(commits(os.environ[DATABASE], int(words[0])))
    elif name == "produce":
        per_second = uvloop.run(produce(words[0], words[1], int(words[2]), words[3]))
    elif name == "post":
        per_second = uvloop.run(post(words[0], int(words[1]), words[2]))
    else:
        per_second = uvloop.run(consume(words[0], words[1], int(words[2])))
    print(json.dumps({"per_second": per_second}))


if __name__ == "__main__":
    main()
