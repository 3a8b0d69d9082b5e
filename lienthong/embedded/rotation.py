"""Keeps the logs of a running stack short: beyond `MOST_BYTES`, a log moves into `NAME.log.1`, and starts again."""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

MOST_BYTES = 16 * 1024 * 1024  # two files of each of the ten logs: 320 MB at most
EVERY = 2.0  # seconds between two looks


async def keep_short(logs: Path) -> None:
    """Look at the logs until cancelled."""
    while True:
        await asyncio.sleep(EVERY)
        with contextlib.suppress(OSError):  # a full disk: the next look may have room for the copy
            await asyncio.to_thread(rotate_long, logs)


def rotate_long(logs: Path) -> None:
    for log in logs.glob("*.log"):
        if log.stat().st_size > MOST_BYTES:
            rotate(log)


def rotate(log: Path) -> None:
    """Copy a log aside and empty it. Its writers append, so they go on at its start; they need not open it again."""
    with log.open("rb") as source, os.fdopen(_private(older(log)), "wb") as copy:
        while source.tell() < os.fstat(source.fileno()).st_size:  # what came while we copied
            shutil.copyfileobj(source, copy)
            copy.flush()
        os.truncate(log, 0)


def older(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")


def _private(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
