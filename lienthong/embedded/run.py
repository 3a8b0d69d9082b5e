"""Stacks of a test run, shared by all its workers.

The first test that needs a stack starts it. The stack belongs to the process that began the run and ends with it, even
if that process is killed. Other stacks on this machine, their ports and data, are not touched.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lienthong.embedded import Trouble, cache, jars, ports, private
from lienthong.embedded.stack import Notify, Stack, running, silent


@dataclass(frozen=True)
class Run:
    """A test run: its folder in the user's cache, and the pid of the process that began it."""

    folder: Path
    pid: int

    @classmethod
    def begin(cls) -> Run:
        """A run that belongs to this process; nothing is written before a stack is started."""
        return cls(all_runs() / f"{os.getpid()}-{secrets.token_hex(4)}", os.getpid())

    def stack(
        self,
        name: str,
        parts: Sequence[str] = ("postgres", "kafka", "services"),
        *,
        durable: bool = False,
        notify: Notify = silent,
    ) -> Stack:
        """The run's stack of that name, ready. The first caller starts it; later callers get the same stack.

        notify  called before a download, which happens once per user
        raises  Trouble that names the logs, if there are any; later calls raise the same Trouble without a new start
        """
        data, failed = self.folder / name, self.folder / f"{name}.failed"
        with self.locked(name):
            if failed.exists():
                raise Trouble(failed.read_text())
            if running(data):
                stack = Stack.attach(data)
                stack.wait_ready()
                return stack
            forget_earlier_runs()
            try:
                stack = Stack(data, ports.free_base(), parts=parts, life_of=self.pid, durable=durable)
                if "kafka" in parts:
                    jars.java()
                    jars.ensure(notify)
                stack.start()
            except Trouble as trouble:
                failed.write_text(f"{trouble} Logs: {logs}" if (logs := data / "log").exists() else str(trouble))
                raise Trouble(failed.read_text()) from trouble
            return stack

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Lock `name`: only one worker of this run at a time is inside the block."""
        private.folder(self.folder)
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def end(self, *, keep_logs: bool) -> list[Path]:
        """Stop the stacks of this run and delete its files; returns the log folders that are kept.

        Called once, by the process that began it.
        """
        for data in self.folder.glob("*/"):
            if running(data):
                Stack.attach(data).stop()
        logs = sorted(self.folder.glob("*/log")) if keep_logs else []
        for data in {log.parent for log in logs}:
            for each in data.iterdir():
                if each.is_dir() and each.name != "log":
                    shutil.rmtree(each, ignore_errors=True)
        if not logs:
            shutil.rmtree(self.folder, ignore_errors=True)
        return logs


def all_runs() -> Path:
    return cache() / "runs"


def forget_earlier_runs() -> None:
    """Delete the folders of earlier runs that have ended."""
    for folder in all_runs().glob("*/"):
        alive = Path("/proc", folder.name.partition("-")[0]).exists()
        if not alive and not any(running(data) for data in folder.glob("*/")):
            shutil.rmtree(folder, ignore_errors=True)
