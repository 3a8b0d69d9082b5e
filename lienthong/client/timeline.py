"""The timeline of a dossier: the parts from all services, merged and drawn as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from lienthong.client.types import Entry, Event
from lienthong.shown import shown

if TYPE_CHECKING:
    from rich.table import Table

SERVICES = ("identity", "portal", "payment", "gateway")  # order of entries with the same time
HEADINGS = {
    "en": ("when", "service", "what", "state"),
    "vi": ("thời điểm", "hệ thống", "việc", "trạng thái"),
}


class StatusChange(TypedDict):
    status: int
    event: Event
    at: str
    real_at: str


def merged(parts: Iterable[Sequence[Entry]]) -> list[Entry]:
    """All parts merged: in order of sandbox time, then real time, then SERVICES."""

    def sort_key(entry: Entry) -> tuple[datetime, datetime, int]:
        at, real_at = datetime.fromisoformat(entry["at"]), datetime.fromisoformat(entry["real_at"])
        return at, real_at, SERVICES.index(entry["service"])

    return sorted((entry for part in parts for entry in part), key=sort_key)


def draw(entries: Sequence[Entry], title: str, lang: str) -> Table:
    """A table for the terminal; `lang` is vi or en."""
    from rich.table import Table
    from rich.text import Text

    when, who, what, state = HEADINGS[lang]
    table = Table(title=Text(shown(title), style="table.title"), title_justify="left", show_edge=False, pad_edge=False)
    table.add_column(when, no_wrap=True, style="cyan")
    table.add_column(who, no_wrap=True, style="dim")
    table.add_column(what, overflow="fold")
    table.add_column(state, justify="right", style="bold")
    for entry in entries:
        text, status = entry["text_vi"] if lang == "vi" else entry["text_en"], entry.get("status")
        cells = entry["at"][:16].replace("T", " "), entry["service"], text, "" if status is None else str(status)
        table.add_row(*(Text(shown(cell)) for cell in cells))  # as text: markup of rich in it would be run
    return table


def status_changes(entries: Sequence[Entry]) -> list[StatusChange]:
    """The states of a dossier in order, each with the event that caused it."""
    changes: list[StatusChange] = []
    for entry in entries:
        status, event = entry.get("status"), entry.get("event")
        if status is not None and event and (not changes or changes[-1]["status"] != status):
            changes.append({"status": status, "event": event, "at": entry["at"], "real_at": entry["real_at"]})
    return changes
