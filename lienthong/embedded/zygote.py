"""Process that imports everything once and then forks every role. This saves seconds and tens of MB of memory.

Started as `python -P -m lienthong.embedded.zygote`. On stdin first a specification, then commands, one JSON object a line:
    {"preload": ["httpcore", …], "roles": {"portal-api": {"target": "module:function", "log": "/…/portal-api.log",
                                                        "environment": {"PORTAL_DATABASE_URL": "…"}}}}
    {"do": "hold" | "release", "role": "portal-api"}        stop a role and keep it stopped; start it again
On stdout, one line at every change: {"role", "pid", "state", "restarts", "last_exit"}, states: running, backoff, held, stopped.
End of stdin or SIGTERM stops all roles (with SIGTERM, after `PATIENCE` with SIGKILL). A role is killed when the zygote
ends, even by kill -9.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NoReturn

PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL
BACKOFF_FIRST, BACKOFF_MOST = 0.1, 5.0  # seconds before a role that ended starts again, doubling
LONG_RUN = 10.0  # a role that ran this many seconds starts again with the first backoff
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_libc = ctypes.CDLL(None)
_WATCHED = (signal.SIGCHLD, signal.SIGTERM)
_UNUSED = ("pygments", "rich", "trio", "watchfiles")  # libraries import them if they are installed; no role uses them


@dataclass
class Role:
    """One forked child and its state."""

    name: str
    target: str
    log: str
    environment: dict[str, str] = field(default_factory=dict)  # its own variables, with secrets: nobody else's
    pid: int = 0
    state: str = "backoff"
    restarts: int = -1  # the first start does not count
    last_exit: str | None = None
    held: bool = False
    started: float = 0.0
    delay: float = 0.0
    due: float = 0.0

    def report(self) -> None:
        facts = {"role": self.name, "pid": self.pid, "state": self.state}
        print(json.dumps({**facts, "restarts": max(self.restarts, 0), "last_exit": self.last_exit}), flush=True)


class Zygote:
    """Forks, watches and restarts roles. Single-threaded, so that a fork copies no lock that another thread holds."""

    def __init__(self, roles: list[Role]) -> None:
        self.roles = roles
        self.stopping = False
        self._inbox = b""
        self._waker, wake = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes `select`
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C of a terminal
        self._fds = (self._waker, wake)

    def run(self) -> None:
        """Keep the roles running until a stop is requested; returns when all have ended."""
        while not self.stopping:
            now = time.monotonic()
            for role in self.roles:
                if not role.pid and not role.held and role.due <= now:
                    self._start(role)
            waiting = [role.due - now for role in self.roles if not role.pid and not role.held]
            self._wait(max(0.0, min(waiting, default=60.0)))
        self._end()

    def _wait(self, seconds: float) -> None:
        readable, _, _ = select.select([self._waker, sys.stdin.fileno()], [], [], seconds)
        if self._waker in readable:
            os.read(self._waker, 4096)
        self._reap()
        if sys.stdin.fileno() in readable:
            self._read_commands()

    def _read_commands(self) -> None:
        received = os.read(sys.stdin.fileno(), 65536)
        self.stopping = self.stopping or not received
        *lines, self._inbox = (self._inbox + received).split(b"\n")
        for command in map(json.loads, lines):
            role = next(role for role in self.roles if role.name == command["role"])
            role.held, role.due, role.delay = command["do"] == "hold", 0.0, 0.0
            if role.held and role.pid:
                os.kill(role.pid, signal.SIGCONT)  # a frozen process cannot end
                os.kill(role.pid, signal.SIGTERM)
            elif role.held:
                role.state = "held"
                role.report()

    def _start(self, role: Role) -> None:
        parent = os.getpid()
        with _signals_blocked():
            role.pid = os.fork()
            if role.pid == 0:
                _become(role, parent, self._fds)
        role.restarts, role.started, role.state = role.restarts + 1, time.monotonic(), "running"
        role.report()

    def _reap(self) -> None:
        for role in self.roles:
            ended, status = os.waitpid(role.pid, os.WNOHANG) if role.pid else (0, 0)
            if not ended:
                continue
            role.last_exit = _exit_text(os.waitstatus_to_exitcode(status))
            ran = time.monotonic() - role.started
            role.delay = BACKOFF_FIRST if ran > LONG_RUN else min(max(role.delay * 2, BACKOFF_FIRST), BACKOFF_MOST)
            role.due = time.monotonic() + role.delay
            role.pid, role.state = 0, "held" if role.held else "stopped" if self.stopping else "backoff"
            role.report()

    def _end(self) -> None:
        deadline = time.monotonic() + PATIENCE
        for role in self.roles:
            if role.pid:
                os.kill(role.pid, signal.SIGTERM)
                os.kill(role.pid, signal.SIGCONT)
        while any(role.pid for role in self.roles):
            left = deadline - time.monotonic()
            if left <= 0:
                for role in self.roles:
                    if role.pid:
                        os.kill(role.pid, signal.SIGKILL)
            select.select([self._waker], [], [], max(left, 0.05))
            with contextlib.suppress(BlockingIOError):
                os.read(self._waker, 4096)
            self._reap()

    def _stop(self, *_: object) -> None:
        self.stopping = True


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block signals, so that none reaches a child that still has the zygote's handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def _become(role: Role, parent: int, fds: tuple[int, ...]) -> NoReturn:
    """Turn a new fork into a role: it ends with its parent, has default signal handlers and its own log."""
    code = 1
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the call above
            os._exit(1)
        _libc.prctl(_PR_SET_NAME, role.name.encode()[:15], 0, 0, 0)
        signal.set_wakeup_fd(-1)
        for number in _WATCHED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a newly started Python
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        for fd in fds:
            os.close(fd)
        _redirect(role.log)
        gc.enable()
        os.environ.update(role.environment)
        module, _, function = role.target.partition(":")
        getattr(import_module(module), function)()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # never returns into the zygote's frames


def _exit_text(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(out)


def _preload(modules: list[str]) -> None:
    """Import what all roles need. If an import fails, the role that needs it reports the error in its own log."""
    gc.disable()
    sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]
    for module in modules:
        try:
            import_module(module)
        except Exception:
            traceback.print_exc()
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        print(
            f"There are threads before the fork ({names}): a module starts one at import; start it later.",
            file=sys.stderr,
        )
    # The collector then writes to no shared page, so none is copied. It does not run before: roles would fill the holes.
    gc.freeze()


def main() -> None:
    """Read the specification, import the modules, fork and watch the roles."""
    with open(0, "rb", buffering=0, closefd=False) as commands:  # unbuffered: the commands are read from the descriptor
        spec: dict[str, Any] = json.loads(commands.readline())
    roles = [Role(name, **facts) for name, facts in spec["roles"].items()]
    _preload([*(role.target.partition(":")[0] for role in roles), *spec.get("preload", [])])
    Zygote(roles).run()


if __name__ == "__main__":
    main()
