"""Facts about a run: the machine, its load from other programs, and the versions of the software."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from lienthong.embedded import jars, postgres

PACKAGES = ("fastapi", "uvicorn", "uvloop", "pydantic", "asyncpg", "aiokafka", "msgspec")
SYNCS = 200
BUSY = 0.15  # share of the cores that other things may use before rates and times mislead


def facts(busy_before: float, busy_after: float) -> dict[str, str]:
    """Name → value, printed with the figures. `busy_*` is the load while nothing of ours runs."""
    others = f"{busy_before:.0%} of the cores before, {busy_after:.0%} after"
    return {**dict(_facts()), "busy with other things": others}


def busy(seconds: float = 1.0) -> float:
    """Share of all cores that is busy now."""
    before = _ticks()
    time.sleep(seconds)
    idle, whole = (after - then for after, then in zip(_ticks(), before, strict=True))
    return 1 - idle / max(whole, 1)


def warning(share: float) -> str:
    """What to say of figures while other things use this share of the cores; empty if it is small."""
    if share <= BUSY:
        return ""
    return (
        f"{share:.0%} of the cores were busy with other things: times are longer and rates lower than on a quiet machine; "
        "compare processor time and memory."
    )


def warn_if_busy(console: Console) -> float:
    """Print the warning, if there is one; returns the share of the cores that is busy."""
    share = busy()
    if warning(share):
        console.print(warning(share), style="yellow", highlight=False)
    return share


def processor_seconds(pid: int | None) -> float:
    """Processor time that a process and its running children have used so far."""
    return processor_by_name({"": pid})[""]


def processor_by_name(pids: Mapping[str, int | None]) -> dict[str, float]:
    """The same of many processes, by name; /proc is read once."""
    names = {str(pid): name for name, pid in pids.items()}
    total = dict.fromkeys(pids, 0)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # the process ended meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            name = names.get(stat.parent.name, names.get(fields[1]))
            if name is not None:
                total[name] += int(fields[11]) + int(fields[12])
    return {name: ticks / os.sysconf("SC_CLK_TCK") for name, ticks in total.items()}


def children_seconds() -> float:
    """Processor time of our child processes that have ended: the load and the ceilings."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ticks() -> tuple[int, int]:
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _facts() -> Iterator[tuple[str, str]]:
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    yield "machine", f"{os.cpu_count()} cores ({model.group(1) if model else platform.machine()})"
    yield "memory", f"{int(memory.group(1)) / 2**20:.0f} GiB" if memory else "unknown"
    yield "system", f"{platform.system()} {platform.release()}"
    yield "fsync of 8 KB", f"{_fsync_ms():.2f} ms"
    yield "Python", platform.python_version()
    output = subprocess.run([postgres.program("postgres"), "--version"], capture_output=True, text=True).stdout
    yield "PostgreSQL", output.split()[-1] if output else "unknown"
    yield "Apache Kafka", f"{jars.VERSION} on Java {jars.java()[1]}"
    yield "packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def _fsync_ms() -> float:
    with tempfile.TemporaryFile(dir=Path.cwd()) as file:
        began = time.perf_counter()
        for _ in range(SYNCS):
            file.write(b"x" * 8192)
            file.flush()
            os.fsync(file.fileno())
        return (time.perf_counter() - began) / SYNCS * 1000
