"""Part of `lienthong status`: how much data the default sandbox has, what grows without limit, and how to delete it."""

from __future__ import annotations

import json
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import fill
from typing import Any

SANDBOX = "default"
PATIENCE = 3.0  # seconds; counting a million events takes 0.5
SHOWN = ("dossiers", "events", "journal", "files", "replies", "dead_letters", "orders")
FOLDERS = ("postgres", "kafka", "log")
# How long each kind of data is kept, and what deletes it.
RETENTION: tuple[dict[str, str], ...] = (
    {
        "what": "dossiers, events, journal, files, replies of a sandbox",
        "kept": "as long as the sandbox; the default sandbox never ends, so it grows with use",
        "emptied_by": "lienthong sandbox delete ID; for the default sandbox: lienthong down, then lienthong reset",
    },
    {
        "what": "numbers of events (table posted)",
        "kept": "for ever, also of deleted sandboxes: about 170 bytes per event",
        "emptied_by": "lienthong down, then lienthong reset",
    },
    {
        "what": "records in Kafka",
        "kept": "7 days, unless the broker is configured otherwise; the event log can send everything again",
        "emptied_by": "time",
    },
    {
        "what": "logs",
        "kept": "the last 16 to 32 MiB of each process",
        "emptied_by": "itself; or lienthong down, then lienthong reset",
    },
)


def facts(urls: dict[str, str], data: Path) -> dict[str, Any]:
    """{"sandbox": {"id", "services": {role: {table: {"rows", "bytes"}}}}, "folders": {name: bytes}, "retention": […]}.

    urls  role → address; a role that does not answer is left out
    """
    with ThreadPoolExecutor(len(urls) or 1) as pool:
        sizes = dict(zip(urls, pool.map(_fetch_sizes, urls.values()), strict=True))
    services = {role: tables for role, tables in sizes.items() if tables is not None}
    folders = {name: size_of(data / name) for name in FOLDERS if (data / name).is_dir()}
    return {"sandbox": {"id": SANDBOX, "services": services}, "folders": folders, "retention": list(RETENTION)}


def _fetch_sizes(url: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # ignores the environment's proxy
    try:
        with direct.open(f"{url}/_lab/sandboxes/{SANDBOX}/sizes", timeout=PATIENCE) as response:
            return json.load(response)
    except (OSError, ValueError):  # the service is down or starting
        return None


def size_of(folder: Path) -> int:
    """Bytes that a folder takes on disk; files deleted meanwhile are not counted."""
    total = 0
    for path, _, names in os.walk(folder, onerror=lambda error: None):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
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


def table(status: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of the sizes by role, from `facts`."""
    services = status["sandbox"]["services"].items()
    rows = [(role, *(_cell(sizes_of.get(name)) for name in SHOWN)) for role, sizes_of in services]
    return ("default sandbox", *SHOWN), rows


def retention(status: dict[str, Any]) -> str:
    """A paragraph per kind of data, from `facts`: how long it is kept, and what deletes it."""
    sentences = (f"{row['what']}: kept {row['kept']}. Deleted by: {row['emptied_by']}." for row in status["retention"])
    return "\n".join(fill(sentence, 100, subsequent_indent="  ") for sentence in sentences)


def _cell(size: dict[str, int] | None) -> str:
    if size is None:
        return ""
    return f"{size['rows']:,} ({readable(size['bytes'])})" if size["rows"] else "0"
