"""One supervised child process: prepared, started, watched through its pidfd, restarted with backoff."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from lienthong.embedded import Trouble
from lienthong.embedded.processes import Preparation

BACKOFF_FIRST, BACKOFF_MOST = 0.1, 5.0  # seconds before a child that ended starts again, doubling
LONG_RUN = 10.0  # a child that ran this many seconds starts again with the first backoff


def note(line: str) -> None:
    """Write a line into the log of the supervisor. Where it is on a full disk, the line is lost, and nothing else."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


class Part(ABC):
    """A child process of the supervisor: PostgreSQL, Kafka, or the process that forks the services.

    Subclasses define how it is prepared and started, and how the supervisor knows that it is ready.
    """

    name: str
    piped = False  # True: its standard input and output are pipes to us; False: output goes to its log
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
        """Create what the child needs before it starts."""

    @abstractmethod
    def command(self) -> list[str]:
        """Program and arguments."""

    @abstractmethod
    def before_exec(self) -> Preparation:
        """Function that the child calls between fork and exec."""

    def environment(self) -> Mapping[str, str] | None:
        return None

    async def accompany(self) -> None:
        """Task that runs while the child runs, and sets `ready`."""

    def ended(self, *, cleanly: bool) -> None:
        """Called each time the child has ended."""

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    async def keep(self) -> None:
        """Restart the child whenever it ends, until cancelled. A Trouble ends it and is kept in `trouble`.

        An error of the system, such as a full disk, ends only the first start; later it passes, and the child starts again.
        """
        delay = 0.0
        try:
            while True:
                await self._wanted.wait()
                began = time.monotonic()
                try:
                    await self.prepare()
                    if not self._wanted.is_set():
                        continue
                    await self._run_once()
                except OSError as error:
                    if self.last_exit is None:
                        raise
                    note(f"{self.name} cannot start: {error}")
                if self._wanted.is_set():
                    ran = time.monotonic() - began
                    delay = BACKOFF_FIRST if ran > LONG_RUN else min(max(delay * 2, BACKOFF_FIRST), BACKOFF_MOST)
                    self.state = "backoff"
                    self.restarts += 1
                    await asyncio.sleep(delay)
        except (Trouble, OSError) as trouble:
            self.state, self.trouble = "failed", str(trouble)

    async def _run_once(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(  # noqa: ASYNC220  from the main thread: the kernel kills the child when the forking thread ends
                self.command(),
                stdin=subprocess.PIPE if self.piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.piped else log,
                stderr=log,
                preexec_fn=self.before_exec(),
                env=self.environment(),
                cwd="/",
            )
        self.state = "running"
        self._ended.clear()
        companion = asyncio.create_task(self.accompany())
        await _exit_of(self.child.pid)
        code = self.child.wait()
        companion.cancel()
        self.ready, self.child = False, None
        self.last_exit = f"exit status {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        self.state = "backoff" if self._wanted.is_set() else "stopped"
        self.ended(cleanly=code in (0, 143))  # 143: a JVM ended by SIGTERM
        self._ended.set()

    async def stop(self, first: signal.Signals | None = None) -> None:
        """Stop the child and keep it stopped: each signal in turn, the next one if the child has not ended in time."""
        self._wanted.clear()
        for number, patience in ((first, 5.0), *self.stop_signals) if first else self.stop_signals:
            if self.child is None:
                break
            os.kill(self.child.pid, number)
            os.kill(self.child.pid, signal.SIGCONT)  # a frozen process cannot handle signals
            try:
                async with asyncio.timeout(patience):
                    await self._ended.wait()
            except TimeoutError:
                continue
        self.state = "stopped"

    def start(self) -> None:
        """Start a stopped child again."""
        self.state = "starting"
        self._wanted.set()

    async def restart(self, first: signal.Signals, between: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stop the child, await `between`, start it again. Counts as a restart."""
        await self.stop(first)
        if between:
            await between()
        self.restarts += 1
        self.start()


async def _exit_of(pid: int) -> None:
    """Wait for the end of a child, without a thread and without reaping it."""
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
    """Wait until another process has ended; returns at once if it already has."""
    try:
        await _exit_of(pid)
    except ProcessLookupError:
        return
