"""One stack, one database server and one broker per test run, shared by all its workers, gone with the run.

Each is started by the first test that asks for it and belongs to the process that began the run: it ends with that
process, however that ends. Nothing here touches the ports or the data of a stack that somebody works with.
"""

import asyncio
import fcntl
import inspect
import json
import os
import re
import shutil
import threading
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lienthong.embedded import ports, postgres
from lienthong.embedded.plan import ROLES
from lienthong.embedded.stack import Stack, running

ALL_RUNS = Path(__file__).resolve().parents[2] / ".lienthong-test"
Prepare = Callable[[str], Awaitable[None] | None]


def run_pid() -> int:
    """Pid of the process that began this run: a worker's parent, or this one."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def run_folder() -> Path:
    """Folder of everything this run writes."""
    return ALL_RUNS / str(run_pid())


def shared(name: str, parts: Sequence[str], *, durable: bool = True) -> Stack:
    """The run's stack of that name: started by whoever asks first, joined by everybody else."""
    data = run_folder() / name
    with only_one(name):
        if running(data):
            return Stack.attach(data)
        stack = Stack(data, ports.free_base(), parts=parts, life_of=run_pid(), durable=durable)
        stack.start()
        return stack


def elsewhere() -> str | None:
    """Portal of a country that runs already and shall be tested instead of one of our own: LIENTHONG_URL."""
    return os.environ.get("LIENTHONG_URL")


class Elsewhere(Stack):
    """The country at an address, as its `/_lab/doors` tells it: to be spoken to, not to be started, stopped or broken."""

    def __init__(self, url: str) -> None:
        with urllib.request.urlopen(f"{url.rstrip('/')}/_lab/doors", timeout=10) as answer:
            self._doors = json.load(answer)

    @property
    def urls(self) -> dict[str, str]:
        return {role.name: self._doors[role.url_variable.removesuffix("_URL").lower()] for role in ROLES}

    @property
    def kafka_bootstrap(self) -> str:
        return str(self._doors["kafka"])


class Databases:
    """Fresh databases on the run's own server."""

    def __init__(self) -> None:
        self._server = shared("database", ["postgres"], durable=False).plan

    def __call__(self, prepared_by: Prepare | None = None) -> str:
        """Address of a new database.

        prepared_by  function or coroutine function that gets an address and makes tables there, and closes its
                     connections; it runs once per test run, and every further database is a copy
        """
        name = f"db_{uuid.uuid4().hex[:12]}"
        template = f' TEMPLATE "{self._template(prepared_by)}"' if prepared_by else ""
        postgres.psql(self._server, f'CREATE DATABASE "{name}"{template}')
        return self._server.database_url(name)

    def _template(self, prepare: Prepare) -> str:
        name = "t_" + re.sub(r"\W+", "_", f"{prepare.__module__}_{prepare.__qualname__}")[-55:]
        with only_one(name):
            made = run_folder() / f"{name}.made"
            if not made.exists():
                psql = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'
                postgres.psql(self._server, *psql)
                _call(prepare, self._server.database_url(name))
                made.touch()
        return name


def end_run(*, keep_logs: bool) -> None:
    """Stop what this run started; called once, by the process that began it."""
    for data in run_folder().glob("*/"):
        if running(data):
            Stack.attach(data).stop()
    if not keep_logs:
        shutil.rmtree(run_folder(), ignore_errors=True)


def forget_earlier_runs() -> None:
    """Delete what earlier runs kept, unless they are still going on."""
    for run in ALL_RUNS.glob("*/"):
        if not Path("/proc", run.name).exists() and not any(running(data) for data in run.glob("*/")):
            shutil.rmtree(run, ignore_errors=True)


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Only one worker of this run at a time is inside for `name`."""
    run_folder().mkdir(parents=True, exist_ok=True)
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _call(prepare: Prepare, url: str) -> None:
    """Call a plain or a coroutine function; in a thread of its own, as the caller may be inside a loop."""
    failed: list[BaseException] = []

    async def to_the_end(result: Awaitable[None]) -> None:
        await result

    def work() -> None:
        try:
            result = prepare(url)
            if inspect.isawaitable(result):
                asyncio.run(to_the_end(result))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
