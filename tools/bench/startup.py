"""Time from the command until everything is ready: at the first start on a machine, and at later starts."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lienthong.embedded import Trouble, jars, ports
from lienthong.embedded.stack import Stack
from tools.bench.rows import Aim, Row


@contextmanager
def fresh_cache(folder: Path) -> Iterator[None]:
    """A new user cache that has only the downloaded jars, and no files made from them."""
    jars.ensure(print)
    downloaded, before = jars.folder(), os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        shutil.copytree(downloaded / "lib", jars.folder() / "lib")
        yield
    finally:
        os.environ.pop("XDG_CACHE_HOME")
        if before is not None:
            os.environ["XDG_CACHE_HOME"] = before


def measure(data: Path, port_base: int, repeats: int) -> list[Row]:
    """Measure starts in a fresh cache. Afterwards nothing runs, and the data is left in `data`."""
    broker_first = _broker_alone(data.with_name("broker"))
    broker_again = statistics.median(_broker_alone(data.with_name("broker")) for _ in range(repeats))
    for file in (*jars.folder().glob("classes-*"), *jars.folder().glob("bootstrap.checkpoint")):
        file.unlink()
    first = _up_and_down(data, port_base)
    again = statistics.median(_up_and_down(data, port_base) for _ in range(repeats))
    broker = "the broker alone"
    return [
        Row("start-up to ready, first start", first, "s", Aim(times=1.7), broker_first, broker),
        Row("start-up to ready, later starts", again, "s", Aim(times=2.0), broker_again, broker),
    ]


def _up_and_down(data: Path, port_base: int) -> float:
    words = ["--data", str(data)]
    began = time.perf_counter()
    _command("up", "--detach", "--port-base", str(port_base), *words)
    seconds = time.perf_counter() - began
    _command("down", *words)
    return seconds


def _broker_alone(data: Path) -> float:
    stack = Stack(data, ports.free_base(), parts=("kafka",))
    began = time.perf_counter()
    stack.start()
    seconds = time.perf_counter() - began
    stack.stop()
    return seconds


def _command(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "lienthong.cli.main", *words, "--json"], stdout=subprocess.PIPE)
    if done.returncode:
        raise Trouble(str(json.loads(done.stdout).get("trouble", f"`lienthong {words[0]}` failed.")))
