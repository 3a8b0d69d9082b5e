"""How much the default sandbox holds, what grows without end, and how to empty it: a part of `lienthong status`."""

from __future__ import annotations

import json
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

SANDBOX = "default"
PATIENCE = 3.0  # seconds; a million events are counted in half of one
SHOWN = ("dossiers", "events", "journal", "files", "replies", "dead_letters", "orders")
FOLDERS = ("postgres", "kafka", "log")
# What is kept how long, and what empties it.
RETENTION: tuple[dict[str, str], ...] = (
    {
        "what": "dossiers, events, journal, files, replies of a sandbox",
        "kept": "as long as the sandbox; the default one has no end, so it grows with use",
        "emptied_by": "lienthong sandbox delete ID; the default one: lienthong down, then lienthong reset",
    },
    {
        "what": "numbers of events (table posted)",
        "kept": "for ever, deleted sandboxes' too: about 170 bytes an event",
        "emptied_by": "lienthong down, then lienthong reset",
    },
    {
        "what": "records in Kafka",
        "kept": "7 days, unless its broker is told otherwise; the event log can send everything again",
        "emptied_by": "time",
    },
    {"what": "logs", "kept": "for ever", "emptied_by": "lienthong down, then lienthong reset"},
)


def facts(doors: dict[str, str], data: Path) -> dict[str, Any]:
    """{"sandbox": {"id", "services": {role: {table: {"rows", "bytes"}}}}, "folders": {name: bytes}, "retention": […]}.

    doors  role → address; a role that does not answer is left out
    """
    with ThreadPoolExecutor(len(doors) or 1) as pool:
        found = dict(zip(doors, pool.map(_ask, doors.values()), strict=True))
    services = {role: tables for role, tables in found.items() if tables is not None}
    folders = {name: size_of(data / name) for name in FOLDERS if (data / name).is_dir()}
    return {"sandbox": {"id": SANDBOX, "services": services}, "folders": folders, "retention": list(RETENTION)}


def _ask(url: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names
    try:
        with direct.open(f"{url}/_lab/sandboxes/{SANDBOX}/sizes", timeout=PATIENCE) as answer:
            return json.load(answer)
    except (OSError, ValueError):  # it is down, or starting
        return None


def size_of(folder: Path) -> int:
    """Bytes that a folder takes on disk; what goes away meanwhile is not counted."""
    total = 0
    for place, _, names in os.walk(folder, onerror=lambda error: None):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue
    return total


def readable(size: float) -> str:
    """`12 KB`, `3.4 MB`: powers of 1,000."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("bytes", "KB") or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def tables(found: dict[str, Any]) -> list[Table]:
    """What `facts` found, for people: sizes by role, then what is kept how long."""
    from rich.table import Table

    sizes = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("default sandbox", *SHOWN):
        sizes.add_column(heading, overflow="fold")
    for role, held in found["sandbox"]["services"].items():
        sizes.add_row(role, *(_cell(held.get(name)) for name in SHOWN))
    kept = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("kept", "how long", "emptied by"):
        kept.add_column(heading, overflow="fold")
    for row in found["retention"]:
        kept.add_row(row["what"], row["kept"], row["emptied_by"])
    return [sizes, kept]


def _cell(held: dict[str, int] | None) -> str:
    if held is None:
        return ""
    return f"{held['rows']:,} ({readable(held['bytes'])})" if held["rows"] else "0"
