"""One child process that is kept alive: prepared, started, watched by its pidfd, restarted with backoff."""

import asyncio
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from lienthong.embedded import Trouble
from lienthong.embedded.processes import Preparation

BACKOFF_FIRST, BACKOFF_MOST = 0.1, 5.0  # seconds before a dead child starts again, doubling
LONG_LIFE = 10.0  # seconds alive after which the next death counts as the first


class Part(ABC):
    """A child of the supervisor: PostgreSQL, Kafka, or the process that forks the services.

    Subclasses say how it is prepared, started and known to be ready.
    """

    name: str
    talks = False  # True: its standard input and output are pipes to us; False: output goes to its log
    stop_signals: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

    def __init__(self, log: Path) -> None:
        self.log = log
        self.child: subprocess.Popen[bytes] | None = None
        self.state = "starting"
        self.restarts = 0
        self.last_exit: str | None = None
        self.ready = False
        self.trouble: str | None = None
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._wanted.set()
        self._ended.set()

    async def prepare(self) -> None:
        """What must be there before it starts."""

    @abstractmethod
    def command(self) -> list[str]:
        """What is run, with its arguments."""

    @abstractmethod
    def before_exec(self) -> Preparation:
        """What the child does to itself between fork and exec."""

    def environment(self) -> Mapping[str, str] | None:
        return None

    async def accompany(self) -> None:
        """Runs beside the child and sets `ready`."""

    def ended(self, *, cleanly: bool) -> None:
        """Called after each end of the child."""

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    async def keep(self) -> None:
        """Keep the child alive for ever; ends only by cancellation or by a Trouble, which is noted."""
        delay = 0.0
        try:
            while True:
                await self._wanted.wait()
                began = time.monotonic()
                await self.prepare()
                if not self._wanted.is_set():
                    continue
                await self._live_once()
                if self._wanted.is_set():
                    lived = time.monotonic() - began
                    delay = BACKOFF_FIRST if lived > LONG_LIFE else min(max(delay * 2, BACKOFF_FIRST), BACKOFF_MOST)
                    self.state = "backoff"
                    self.restarts += 1
                    await asyncio.sleep(delay)
        except (Trouble, OSError) as trouble:
            self.state, self.trouble = "failed", str(trouble)

    async def _live_once(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(  # noqa: ASYNC220  in the main thread: the kernel ties the child's life to it
                self.command(),
                stdin=subprocess.PIPE if self.talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.talks else log,
                stderr=log,
                preexec_fn=self.before_exec(),
                env=self.environment(),
                cwd="/",
            )
        self.state = "running"
        self._ended.clear()
        beside = asyncio.create_task(self.accompany())
        await _exit_of(self.child.pid)
        code = self.child.wait()
        beside.cancel()
        self.ready, self.child = False, None
        self.last_exit = f"exit status {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        self.state = "backoff" if self._wanted.is_set() else "stopped"
        self.ended(cleanly=code in (0, 143))  # 143: a JVM that obeyed SIGTERM
        self._ended.set()

    async def stop(self, first: signal.Signals | None = None) -> None:
        """End the child, gently first and harder after each patience, and keep it stopped."""
        self._wanted.clear()
        for number, patience in ((first, 5.0), *self.stop_signals) if first else self.stop_signals:
            if self.child is None:
                break
            os.kill(self.child.pid, number)
            os.kill(self.child.pid, signal.SIGCONT)  # a frozen one could not obey
            try:
                async with asyncio.timeout(patience):
                    await self._ended.wait()
            except TimeoutError:
                continue
        self.state = "stopped"

    def start(self) -> None:
        """Let a stopped child run again."""
        self.state = "starting"
        self._wanted.set()

    async def restart(self, first: signal.Signals, between: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stop, do something while nothing runs, start again. Counts as a restart."""
        await self.stop(first)
        if between:
            await between()
        self.restarts += 1
        self.start()


async def _exit_of(pid: int) -> None:
    """Wait for the end of a child without a thread and without reaping it."""
    loop = asyncio.get_running_loop()
    exited = asyncio.Event()
    fd = os.pidfd_open(pid)
    loop.add_reader(fd, exited.set)
    try:
        await exited.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


async def end_of(pid: int) -> None:
    """Wait until some other process is gone; returns at once if it already is."""
    try:
        await _exit_of(pid)
    except ProcessLookupError:
        return
