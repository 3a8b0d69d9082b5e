"""Reads the logs of an embedded stack as one: the services' JSON lines, Kafka's and PostgreSQL's logs, in order of time."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

from lienthong.did_you_mean import nearest
from lienthong.embedded import Trouble
from lienthong.embedded.plan import ROLES
from lienthong.embedded.rotation import older

NAMES = (*(role.name for role in ROLES), "kafka", "postgres", "supervisor", "zygote")
GROUPS = {"portal": ("portal-api", "portal-worker"), "gateway": ("gateway-api", "gateway-worker")}
LEVELS = ("debug", "info", "warning", "error", "critical")
TAIL_BYTES = 2_000  # generous size of one entry: this much per entry is read from the end of a log, before all of it
_WORDS = {"LOG": "info", "WARN": "warning", "FATAL": "critical", "PANIC": "critical", "NOTICE": "info"}
_WORDS |= dict.fromkeys(("STATEMENT", "DETAIL", "HINT", "CONTEXT", "TRACE"), "info")
_WORDS |= {level.upper(): level for level in LEVELS}
# `2026-11-25T01:50:19.226+0000 [thread] WARN Name - …` of Kafka, `2026-11-25 01:50:19.226 UTC [123] portal LOG:  …` of PostgreSQL
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3})(?:\+0000| UTC) (.*)", re.DOTALL)
_LEVEL = re.compile(rf"\b({'|'.join(_WORDS)})\b")
_PYTHON = re.compile(rf"({'|'.join(level.upper() for level in LEVELS)}):")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # time of an entry without a time: it comes first


@dataclass(slots=True)
class Entry:
    """One log entry of a process, with all its lines."""

    log: str
    at: datetime
    level: str
    lines: list[str]
    fields: Mapping[str, Any] = field(default_factory=dict)  # of a JSON line

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def trace(self) -> str:
        return str(self.fields.get("trace_id", ""))

    def as_json(self) -> dict[str, Any]:
        """The entry as `lienthong logs --json` prints it."""
        at = self.at.isoformat(timespec="milliseconds") if self.at > LONG_AGO else None
        facts = {"log": self.log, "at": at, "level": self.level}
        return {**facts, **self.fields} if self.fields else {**facts, "text": self.text}


@dataclass(frozen=True)
class Filter:
    """Which entries to show.

    level    this level and higher
    dossier  entries that name it, and entries of its journey's trace
    """

    level: str = "debug"
    sandbox: str = ""
    dossier: str = ""
    traces: set[str] = field(default_factory=set)

    @property
    def everything(self) -> bool:
        return self == Filter()

    def note(self, entry: Entry) -> None:
        """Remember the trace of an entry that names the dossier."""
        if self.dossier and entry.trace and self.dossier in entry.text:
            self.traces.add(entry.trace)

    def __call__(self, entry: Entry) -> bool:
        return (
            LEVELS.index(entry.level) >= LEVELS.index(self.level)
            and (not self.sandbox or self.sandbox in entry.text)
            and (not self.dossier or self.dossier in entry.text or entry.trace in self.traces)
        )


def log_names(services: Iterable[str]) -> list[str]:
    """Logs of these services; all logs if `services` is empty. Raises Trouble for an unknown name."""
    names: list[str] = []
    for service in services:
        group = GROUPS.get(service, (service,) if service in NAMES else ())
        if not group:
            similar = nearest(service, [*NAMES, *GROUPS])
            hint = f" Did you mean {similar}?" if similar else ""
            raise Trouble(f"There is no log of '{service}'.{hint} There are {', '.join([*NAMES, *GROUPS])}.")
        names += group
    return list(dict.fromkeys(names)) or list(NAMES)


def folder(data: Path) -> Path:
    """Folder of a stack's logs. Raises Trouble if no stack ever ran in `data`."""
    if not (data / "log").is_dir():
        raise Trouble(
            f"There are no logs in {data}: start a stack with `lienthong up`, or name its folder with --data. "
            "For services in containers use `docker compose logs --follow portal-worker`."
        )
    return data / "log"


def last(logs: Path, names: Iterable[str], matches: Filter, count: int) -> list[Entry]:
    """The last `count` entries that match, from all these logs together, the oldest first."""
    if matches.dossier:
        for name in NAMES:
            for entry in entries(name, _text(logs, name, 0)):
                matches.note(entry)
    tails = [_last_of(logs, name, matches, count) for name in names]
    return list(deque(merge(*tails, key=attrgetter("at")), maxlen=count))


def _last_of(logs: Path, name: str, matches: Filter, count: int) -> list[Entry]:
    file = logs / f"{name}.log"
    size = file.stat().st_size if file.exists() else 0
    begin = max(size - count * TAIL_BYTES, 0) if matches.everything else 0
    tail = deque(filter(matches, entries(name, _text(logs, name, begin))), maxlen=count) if begin else deque[Entry]()
    if len(tail) < count:
        tail = deque(filter(matches, entries(name, _text(logs, name, 0))), maxlen=count)
    return list(tail)


def _text(logs: Path, name: str, begin: int) -> Iterator[str]:
    """Lines of a log from byte `begin` on, without the incomplete first line; from 0: its older part as well."""
    current = logs / f"{name}.log"
    for file in [current] if begin else [older(current), current]:
        with suppress(FileNotFoundError), file.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(begin)
            yield from islice(lines, 1 if begin else 0, None)


def entries(log: str, lines: Iterable[str]) -> Iterator[Entry]:
    """Entries of one log. An entry without a time gets the time before it; an indented line belongs to the entry before it."""
    open_entry: Entry | None = None
    for raw in lines:
        line = raw.rstrip("\n")
        at = open_entry.at if open_entry else LONG_AGO
        if open_entry is not None and _goes_on(open_entry, line):
            open_entry.lines.append(line)
            continue
        if open_entry is not None:
            yield open_entry
        open_entry = _begin(log, line, at)
    if open_entry is not None:
        yield open_entry


def _goes_on(entry: Entry, line: str) -> bool:
    in_traceback = entry.lines[-1].startswith(("Traceback", " ")) and not entry.fields
    return line[:1] in ("", " ", "\t") or (in_traceback and not line.startswith("{") and not _STAMPED.match(line))


def _begin(log: str, line: str, before: datetime) -> Entry:
    if line.startswith("{"):
        try:
            fields = json.loads(line)
            at = datetime.fromisoformat(fields["real_at"])
            level = fields["level"] if fields["level"] in LEVELS else "info"
            return Entry(log, at, level, [line], fields)
        except (ValueError, KeyError, TypeError):
            pass
    if stamped := _STAMPED.match(line):
        word = _LEVEL.search(stamped[2])
        at = datetime.fromisoformat(stamped[1]).replace(tzinfo=UTC)
        return Entry(log, at, _WORDS[word[1]] if word else "info", [line])
    if python := _PYTHON.match(line):
        return Entry(log, before, _WORDS[python[1]], [line])
    return Entry(log, before, "error" if line.startswith("Traceback") else "info", [line])


class Follower:
    """Reads what is written to the logs from now on."""

    def __init__(self, logs: Path, names: Iterable[str], matches: Filter) -> None:
        self._matches = matches
        self._files = {name: logs / f"{name}.log" for name in names}
        self._read = {name: file.stat().st_size if file.exists() else 0 for name, file in self._files.items()}
        self._times = dict.fromkeys(self._files, datetime.now(UTC))

    def more(self) -> list[Entry]:
        """Complete entries written since the last call, in order of time. A log that became shorter is read from its start."""
        new = []
        for name, file in self._files.items():
            lines = self._lines(name, file)
            for entry in entries(name, lines):
                if entry.at == LONG_AGO:
                    entry.at = self._times[name]
                self._times[name] = entry.at
                self._matches.note(entry)
                new.append(entry)
        return sorted(filter(self._matches, new), key=attrgetter("at"))

    def _lines(self, name: str, file: Path) -> list[str]:
        rest: list[str] = []
        if (file.stat().st_size if file.exists() else 0) < self._read[name]:  # it was moved aside: its end is there
            rest, self._read[name] = _from(older(file), self._read[name])[0], 0
        lines, self._read[name] = _from(file, self._read[name])
        return rest + lines


def _from(file: Path, begin: int) -> tuple[list[str], int]:
    """The complete lines of a file after byte `begin`, and where they end."""
    if not file.exists():
        return [], begin
    with file.open("rb") as source:
        source.seek(begin)
        whole, end, _ = source.read().rpartition(b"\n")
    return whole.decode(errors="replace").splitlines() if end else [], begin + len(whole) + len(end)
