"""A service as its own process: how it ends, and what it writes to its log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx

from lienthong.embedded import ports
from tests.support.country import SECRET
from tests.support.databases import Databases

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60  # s


def payment_mock(database: str) -> tuple[subprocess.Popen[str], str]:
    """The process and its address."""
    url = f"http://127.0.0.1:{ports.free_base()}"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "PAYMENT_URL": url,
        "PAYMENT_DATABASE_URL": database,
        "PAYMENT_PARTNER_SECRET": SECRET,
        "SERVICE_SECRET": SECRET,
    }
    command = [sys.executable, "-P", "-m", "services.payment_mock.app"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True), url


async def test_a_process_gets_ready_and_ends_cleanly(database_url: Databases) -> None:
    process, url = payment_mock(database_url())
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=url, trust_env=False) as client:
            while not await is_ready(client):
                assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
    output, errors = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert process.returncode == -signal.SIGTERM, "uvicorn ends its work, then dies of the signal as a shell expects"
    assert "Traceback" not in output + errors


async def is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_database_of_another_version_ends_the_process_with_its_sentence(database_url: Databases) -> None:
    database = database_url()
    connection = await asyncpg.connect(database)
    await connection.execute(
        "CREATE TABLE schema_version (version int PRIMARY KEY); INSERT INTO schema_version VALUES (0)"
    )
    await connection.close()
    process, _ = payment_mock(database)
    output, errors = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert process.returncode == 1
    assert "schema 0" in errors.splitlines()[-1] and "lienthong reset" in errors.splitlines()[-1]
    (line,) = [json.loads(line) for line in output.splitlines() if "cannot_start" in line]
    assert (line["service"], line["level"]) == ("payment", "critical")
    assert "Traceback" not in output + errors
