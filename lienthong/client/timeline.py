"""The timeline of a dossier: the parts from all services, merged and drawn as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from lienthong.client.types import Entry, Event
from lienthong.shown import shown
from lienthong.texts import day_and_hour, dong, text

if TYPE_CHECKING:
    from rich.table import Table

SERVICES = ("identity", "portal", "payment", "gateway")  # order of entries with the same time
ACTORS = dict(zip(SERVICES, ("identity", "portal", "payment", "province"), strict=True))
NAME_THE_DUE_DATE = ("dossier.received.v1", "dossier.rescheduled.v1")


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


def told(entry: Entry, lang: str) -> str:
    """What happened, in the words that the pages use; of an event also what people look for in it: who, until when, how
    much, why."""
    words, data = entry["text_vi"] if lang == "vi" else entry["text_en"], entry["data"]
    if entry["kind"] != "event":
        return words
    facts = []
    if isinstance(applicant := data.get("applicant"), dict):
        facts += [applicant["name"], data["dossier_code"]]
    if entry.get("event") in NAME_THE_DUE_DATE:
        facts.append(day_and_hour(data["due_at"], lang))
    facts += [dong(data[name], lang) for name in ("fee_dong", "amount_dong") if name in data]
    facts += [data["reason"]] if data.get("reason") else []
    return f"{words}: {', '.join(facts)}" if facts else words


def state_of(entry: Entry, lang: str) -> str:
    """Number and name of the state to which an entry leads; empty if to none."""
    status = entry.get("status")
    return "" if status is None else f"{status} {text(f'state.{status}', lang)}"


def draw(entries: Sequence[Entry], title: str, lang: str) -> Table:
    """A table for the terminal; `lang` is vi or en."""
    from rich.table import Table
    from rich.text import Text

    when, who, what, state = (text(f"timeline.{each}", lang) for each in ("when", "service", "what", "state"))
    table = Table(title=Text(shown(title), style="table.title"), title_justify="left", show_edge=False, pad_edge=False)
    table.add_column(when, no_wrap=True, style="cyan")
    table.add_column(who, no_wrap=True, style="dim")
    table.add_column(what, overflow="fold")
    table.add_column(state, style="bold")
    for entry in entries:
        actor = text(f"lane.{ACTORS[entry['service']]}", lang)
        cells = entry["at"][:16].replace("T", " "), actor, told(entry, lang), state_of(entry, lang)
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
