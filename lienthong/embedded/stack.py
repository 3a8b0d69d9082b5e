"""The face of a stack for the command, for tests and for the proof harness.

The stack itself lives in a process of its own (`supervisor.py`); a `Stack` only speaks to it, so it works from any
thread of any program, and the program's end, even by kill -9, ends the stack too (unless it was detached).
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lienthong.embedded import Trouble, elsewhere, jars, ports, postgres
from lienthong.embedded.door import ask
from lienthong.embedded.plan import DATABASES, ROLES, Plan
from lienthong.embedded.processes import refuse_other_platforms

PATIENCE = 60.0  # seconds a start may take
DEATHS = 6  # of a role that was never ready: about six seconds of trying
Say = Callable[[str], None]
Status = dict[str, Any]


def silent(_: str) -> None:
    return


class Stack:
    """PostgreSQL, Kafka and the services of one data folder.

    data_dir           made if missing; holds everything the stack writes
    port_base          None: the documented ports (8000 …, 9092, 5432); N: nine ports from N (`ports.free_base()`)
    extra_env          further variables for the services
    pythonpath_prefix  folders searched before ours: a `sitecustomize.py` there can replace functions
    parts              what to run, of `postgres`, `kafka`, `services`
    life_of            pid of the process with whose end the stack ends too; default: ours
    detached           it outlives us
    durable            False: PostgreSQL without fsync, for throw-away data
    external           servers that run elsewhere and are only used, by their variables (`elsewhere.named`)
    """

    def __init__(
        self,
        data_dir: Path | str,
        port_base: int | None = None,
        *,
        extra_env: Mapping[str, str] | None = None,
        pythonpath_prefix: Sequence[str | Path] = (),
        parts: Sequence[str] = ("postgres", "kafka", "services"),
        life_of: int | None = None,
        detached: bool = False,
        durable: bool = True,
        external: Mapping[str, str] | None = None,
    ) -> None:
        external = dict(external or {})
        self.plan = Plan(
            data=Path(data_dir).absolute(),
            port_base=port_base,
            parts=tuple(part for part in parts if part not in elsewhere.replaced(external)),
            extra_env=dict(extra_env or {}),
            pythonpath_prefix=tuple(map(str, pythonpath_prefix)),
            life_of=None if detached else life_of or os.getpid(),
            durable=durable,
            external=external,
        )
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def attach(cls, data_dir: Path | str) -> Self:
        """The stack that runs in a folder. Raises Trouble if none does."""
        data = Path(data_dir).absolute()
        if not running(data):
            raise Trouble(
                f"No stack is running in {data}: start one with `lienthong up`, or name its folder with --data."
            )
        stack = cls(data)
        stack.plan = Plan.from_json((data / "plan.json").read_text())
        return stack

    # -- where things are

    @property
    def urls(self) -> dict[str, str]:
        """Address of every role's HTTP door, by role."""
        return {role.name: self.plan.url(role.name) for role in ROLES}

    @property
    def kafka_bootstrap(self) -> str:
        return self.plan.kafka_bootstrap

    @property
    def environment(self) -> dict[str, str]:
        """What every service finds in its environment."""
        return self.plan.environment()

    def database_url(self, name: str) -> str:
        """`postgresql://…` of `portal`, `province_gateway`, `identity` or `payment`."""
        return self.plan.database_url(name)

    # -- its life

    def start(self, say: Say = silent, *, patience: float = PATIENCE) -> float:
        """Start everything and wait until it is ready; returns the seconds that took, fetching aside.

        say     told one sentence at a time: what is fetched, what is waited for
        raises  Trouble: port taken, folder in use, no Java, not ready in time. Nothing runs then.
        """
        refuse_other_platforms()
        if "kafka" in self.plan.parts:
            jars.java()
            jars.ensure(say)
        began = time.monotonic()
        self._claim_folder(say)
        self._spawn()
        try:
            self.wait_ready(say, patience=patience)
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - began

    def stop(self) -> None:
        """Stop the services, then broker and database; returns when all are gone."""
        with contextlib.suppress(ConnectionError):
            ask(self.plan.data, "stop")
        while running(self.plan.data):
            time.sleep(0.02)
        if self._process:
            self._process.wait()
            self._process = None

    def wait_ready(self, say: Say = silent, *, patience: float = PATIENCE) -> None:
        """Wait until every role's `/readyz` says 200. Raises Trouble that names who waits for what, and the log.

        patience  seconds without any news; for servers elsewhere it waits as long as it takes, as the services do
        """
        end, due, told, heard = 0.0, time.monotonic() + 1.5, "", set[str]()
        while True:
            status = self._status_or_trouble()
            if status.get("ready"):
                return
            late = [process for process in status.get("processes", []) if not process["ready"]]
            for process in late:
                if process["restarts"] >= DEATHS:
                    raise Trouble(
                        f"{process['name']} keeps ending ({process['last_exit']}){_last_words(process['log'])}"
                    )
            waits = _waits(late)
            if waits not in heard or any(process["state"] == "external" for process in late):
                heard.add(waits)
                end = time.monotonic() + patience
            if time.monotonic() > end:
                raise Trouble(f"Not ready after {patience:.0f} s. {waits}. The logs are in {self.plan.data / 'log'}.")
            if time.monotonic() > due and waits != told:
                say(waits)
                due, told = time.monotonic() + 1.5, waits
            time.sleep(0.03)

    def wait_until(self, holds: Callable[[Status], bool], *, patience: float = 30.0) -> Status:
        """The first status for which `holds` is true. Raises Trouble with the last status after `patience` seconds."""
        end = time.monotonic() + patience
        while not holds(status := self.status()):
            if time.monotonic() > end:
                raise Trouble(f"The stack did not get there within {patience:.0f} s; it is: {status}")
            time.sleep(0.03)
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- looking at it, and breaking it

    def status(self) -> Status:
        """{"pid", "data", "ready", "stopping", "trouble", "processes": [{"name", "pid", "state", "restarts",
        "last_exit", "ready", "waiting_for", "door", "log"}]}; raises ConnectionError if it does not run."""
        return ask(self.plan.data, "status")

    def pids(self) -> dict[str, int | None]:
        """Pid of every process by name, the supervisor's included; None while it is down."""
        status = self.status()
        return {"supervisor": status["pid"], **{process["name"]: process["pid"] for process in status["processes"]}}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a role, `kafka`, `postgres` or `zygote`; returns the pid it had. The dead are restarted."""
        return int(ask(self.plan.data, "kill", name=name, signal=int(number))["pid"])

    def hold(self, role: str) -> None:
        """Stop a role and keep it stopped; returns when its process is gone."""
        ask(self.plan.data, "hold", name=role)
        self.wait_until(lambda status: process(status, role)["state"] == "held")

    def release(self, role: str) -> None:
        """Let a held role run again."""
        ask(self.plan.data, "release", name=role)

    def restart_kafka(self, *, wipe: bool = False, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the broker (SIGKILL: a crash), forget its data if asked, start it; returns when it accepts again."""
        ask(self.plan.data, "restart-kafka", wipe=wipe, signal=int(number))
        self.wait_until(lambda status: bool(process(status, "kafka")["ready"]))

    def drop_database(self, name: str) -> None:
        """Delete one service's database under its feet, make it anew and empty, and restart the roles that use it."""
        if name not in DATABASES:
            raise Trouble(f"There is no database {name!r}; there are {', '.join(DATABASES)}.")
        if f"{name.upper()}_DATABASE_URL" in self.plan.external:
            raise Trouble(f"The database {name} is elsewhere: whoever runs it may delete it.")
        postgres.recreate_database(self.plan, name)
        for role in ROLES:
            if role.database == name:
                with contextlib.suppress(Trouble):  # it is down already, and will start on the new database
                    self.kill(role.name, signal.SIGKILL)

    # -- starting, in detail

    def _claim_folder(self, say: Say) -> None:
        data = self.plan.data
        (data / "log").mkdir(parents=True, exist_ok=True)
        holder = lock_pid(data)
        if running(data):
            raise Trouble(
                f"A stack is already running in {data} (pid {holder}): see `lienthong status`, stop it with "
                "`lienthong down`, or choose another folder with --data and another --port-base."
            )
        if holder:
            say(
                f"Process {holder} left its lock in {data}: "
                "that stack ended without cleaning up, so the lock is replaced."
            )
            ports.wait_free(self.plan.ports().values(), 5.0)  # what it left may still be ending
        ports.refuse_taken(self.plan.ports())

    def _spawn(self) -> None:
        with self.plan.log("supervisor").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lienthong.embedded.supervisor"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C reaches the command, which stops us in order
                env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
                cwd="/",
            )
        assert self._process.stdin
        self._process.stdin.write(self.plan.to_json().encode())
        self._process.stdin.close()

    def _status_or_trouble(self) -> Status:
        try:
            status = self.status()
        except ConnectionError:
            if self._process is not None and self._process.poll() is not None:
                raise Trouble(f"The stack ended while starting{_last_words(self.plan.log('supervisor'))}") from None
            return {}
        if status["trouble"]:
            raise Trouble(status["trouble"])
        return status


def process(status: Status, name: str) -> dict[str, Any]:
    """The row of one process in a status."""
    row: dict[str, Any] = next(row for row in status["processes"] if row["name"] == name)
    return row


def lock_pid(data: Path) -> int | None:
    """Pid written in the folder's lock file, whether that process still runs or not."""
    try:
        return int((data / "lock").read_text())
    except (OSError, ValueError):
        return None


def running(data: Path) -> bool:
    """True while a supervisor holds the folder; the kernel drops its lock when it dies, however it dies."""
    try:
        with (data / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def reset(data_dir: Path | str) -> list[str]:
    """Delete what stacks keep in a folder; the user's cache stays. Returns what was deleted; Trouble if one runs."""
    data = Path(data_dir).absolute()
    if running(data):
        raise Trouble(f"A stack is running in {data}: stop it with `lienthong down` first.")
    ours = ("postgres", "postgres.new", "kafka", "log", "secrets.json", "plan.json", "control.sock", "lock")
    gone = [name for name in ours if (data / name).exists()]
    for name in gone:
        if (data / name).is_dir():
            shutil.rmtree(data / name)
        else:
            (data / name).unlink()
    with contextlib.suppress(OSError):  # a folder with anything else in it stays
        data.rmdir()
    return gone


def _waits(late: list[dict[str, Any]]) -> str:
    """`Waiting: kafka for its port to open; portal-api, payment for the broker`."""
    names: dict[str, list[str]] = {}
    for row in late:
        names.setdefault(row["waiting_for"], []).append(row["name"])
    return "Waiting: " + "; ".join(f"{', '.join(who)} for {what}" for what, who in names.items())


def _last_words(log: Path | str) -> str:
    """`: last line of the log; see the log`, to end a sentence with."""
    lines = Path(log).read_text(errors="replace").strip().splitlines() if Path(log).exists() else []
    return f": {lines[-1].strip()} (see {log})" if lines else f"; see {log}"
