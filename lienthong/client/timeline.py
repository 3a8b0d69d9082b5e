"""The story of a dossier: the parts that each service tells, merged and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypedDict

from rich.table import Table

from lienthong.client.types import Entry

SERVICES = ("identity", "portal", "payment", "gateway")  # entries of one moment are told in this order
HEADINGS = {
    "en": ("when", "who tells", "what", "state"),
    "vi": ("thời điểm", "hệ thống", "việc", "trạng thái"),
}


class StatusChange(TypedDict):
    status: int
    event: str
    at: str
    real_at: str


def merged(parts: Iterable[Sequence[Entry]]) -> list[Entry]:
    """All parts as one story: by sandbox time, then real time, then the order of SERVICES."""

    def place(entry: Entry) -> tuple[datetime, datetime, int]:
        at, real_at = datetime.fromisoformat(entry["at"]), datetime.fromisoformat(entry["real_at"])
        return at, real_at, SERVICES.index(entry["service"])

    return sorted((entry for part in parts for entry in part), key=place)


def draw(entries: Sequence[Entry], title: str, lang: str) -> Table:
    """A table for the terminal; `lang` is vi or en."""
    when, who, what, state = HEADINGS[lang]
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    table.add_column(when, no_wrap=True, style="cyan")
    table.add_column(who, no_wrap=True, style="dim")
    table.add_column(what, overflow="fold")
    table.add_column(state, justify="right", style="bold")
    for entry in entries:
        said, status = entry["text_vi"] if lang == "vi" else entry["text_en"], entry.get("status")
        table.add_row(entry["at"][:16].replace("T", " "), entry["service"], said, "" if status is None else str(status))
    return table


def status_changes(entries: Sequence[Entry]) -> list[StatusChange]:
    """The states a dossier went through, each with the event that brought it there."""
    changes: list[StatusChange] = []
    for entry in entries:
        status, event = entry.get("status"), entry.get("event")
        if status is not None and event and (not changes or changes[-1]["status"] != status):
            changes.append({"status": status, "event": event, "at": entry["at"], "real_at": entry["real_at"]})
    return changes
