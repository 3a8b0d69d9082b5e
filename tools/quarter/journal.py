"""The journal of a run: what is acknowledged, on disk before the run goes on, so that an interrupted run resumes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lienthong.embedded import Trouble
from tools.prove.history import Sample

STATE, ENTRIES, STACK = "state.json", "acknowledged.jsonl", "stack"  # in the folder of a run
DRAFT = f"{STATE}.new"
PAYMENT = "payment"


@dataclass
class SlotRow:
    """One slot that is over.

    at        sandbox time
    real_at   seconds of the run at its end
    dossiers  that were handed in
    fired     timers that the clock fired before
    open      dossiers of the provinces that have not ended, at its end
    p50, p99  of the submissions online, in ms; 0 without any
    """

    at: str
    real_at: float
    dossiers: int
    fired: int
    open: int
    p50: float
    p99: float


@dataclass
class State:
    """What a run is of, and how far it is.

    dossiers   of the whole quarter
    weeks      that are run, from its begin
    port_base  of its stack
    planned    dossiers of these weeks
    seconds    that it took so far
    processor  seconds so far, by process
    """

    seed: str
    dossiers: int
    weeks: int
    port_base: int
    planned: int = 0
    sandbox: str = ""
    slots: list[SlotRow] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    seconds: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)
    interruptions: int = 0


@dataclass(frozen=True)
class Intent:
    """A citizen's request, written down before it is sent. `act`: the type of the event that it publishes, or a payment."""

    number: int
    act: str
    count: int
    path: str
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return f"quarter-{self.number:06d}-{self.act}-{self.count}"


class Journal:
    """Codes by number of the dossier, and the acts of citizens."""

    def __init__(self, folder: Path, state: State) -> None:
        self._folder, self.state = folder, state
        self.codes: dict[int, str] = {}
        self.acts: Counter[tuple[int, str]] = Counter()  # acknowledged
        self.payments: dict[int, list[str]] = {}
        self.unfinished: dict[str, Intent] = {}  # by key: sent or not, nobody knows
        self.over: set[int] = set()  # dossiers whose citizens have nothing left to do
        for entry in _entries(folder):
            self._take(entry)
        self._file = (folder / ENTRIES).open("a", buffering=1, encoding="utf-8")
        self._written = self._synced = 0  # entries
        self._syncing = asyncio.Lock()

    @classmethod
    def open(cls, folder: Path, seed: str, dossiers: int, weeks: int, port_base: int) -> Journal:
        """That of the run in this folder, or a new one. Raises Trouble if the folder has another run, or something else."""
        if not (folder / STATE).exists():
            if folder.is_dir() and any(folder.iterdir()):
                raise Trouble(f"{folder} is not empty and has no run of a quarter: name a new folder with --data.")
            folder.mkdir(parents=True, exist_ok=True)
            _save(folder, State(seed, dossiers, weeks, port_base))
        state = _state(folder)
        if (state.seed, state.dossiers, state.weeks) != (seed, dossiers, weeks):
            raise Trouble(
                f"{folder} has another run that is not finished: continue it with --dossiers {state.dossiers} "
                f"--weeks {state.weeks} --seed {shlex.quote(str(state.seed))}, or delete the folder, or name another with --data."
            )
        return cls(folder, state)

    def save(self) -> None:
        """Write the state, after the entries that it presumes."""
        os.fsync(self._file.fileno())
        _save(self._folder, self.state)

    def write(self, *entry: Any) -> None:
        self._take(list(entry))
        self._file.write(json.dumps(entry) + "\n")
        self._written += 1

    async def sync(self) -> None:
        """Return when all entries so far would survive a crash of the machine; many callers share one fsync."""
        until = self._written
        async with self._syncing:
            if self._synced < until:
                written = self._written
                await asyncio.to_thread(os.fsync, self._file.fileno())
                self._synced = written

    def close(self) -> None:
        self._file.close()

    def delete(self) -> None:
        """Delete the run from the disk; the folder stays if it has anything else."""
        for name in (STATE, DRAFT, ENTRIES):
            (self._folder / name).unlink(missing_ok=True)
        shutil.rmtree(self._folder / STACK, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _take(self, entry: list[Any]) -> None:
        kind, number, *rest = entry
        if kind == "code":
            self.codes[number] = rest[0]
        elif kind == "over":
            self.over.add(number)
        elif kind == "intent":
            intent = Intent(number, *rest)
            self.unfinished[intent.key] = intent
        elif self.unfinished.pop(rest[0], None):  # done: key, act, reference, whether it was accepted
            _, act, reference, is_accepted = rest
            if is_accepted and act == PAYMENT:
                self.payments.setdefault(number, []).append(reference)
            elif is_accepted:
                self.acts[number, act] += 1


def acknowledged(folder: Path) -> int:
    """How many dossiers of the run in this folder are acknowledged; 0 without a run. Raises Trouble if it is damaged."""
    if not (folder / STATE).exists():
        return 0
    _state(folder)  # if it is not ours, neither are the entries
    return sum(entry[0] == "code" for entry in _entries(folder))


def _state(folder: Path) -> State:
    """Raises Trouble if the file is not ours, or damaged."""
    file = folder / STATE
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        rows = {"slots": [SlotRow(**each) for each in document["slots"]]}
        return State(**{**document, **rows, "samples": [Sample(**each) for each in document["samples"]]})
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{file} is not the state of a quarter, or is damaged: name a new folder with --data.") from error


def _save(folder: Path, state: State) -> None:
    """The old file stays until the new one is complete, also if the machine fails."""
    draft = folder / DRAFT
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / STATE)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entries(folder: Path) -> Iterator[list[Any]]:
    """Raises Trouble if the file is damaged."""
    file = folder / ENTRIES
    if not file.exists():
        return
    with file.open("rb+") as lines:
        end = 0
        for line in lines:
            if not line.endswith(b"\n"):  # cut off by a crash: it was not acknowledged to us
                break
            end += len(line)
            try:
                entry: list[Any] = json.loads(line)
            except ValueError as error:
                raise Trouble(f"{file} is damaged: name a new folder with --data.") from error
            yield entry
        lines.truncate(end)
