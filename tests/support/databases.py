"""New databases on one real PostgreSQL, which the workers of a test run share."""

import asyncio
import inspect
import re
import threading
import uuid
from collections.abc import Awaitable, Callable

from lienthong.embedded import postgres
from lienthong.embedded.run import Run

Prepare = Callable[[str], Awaitable[None] | None]


class Databases:
    """Creates databases on the server of the test run."""

    def __init__(self, run: Run) -> None:
        self._run, self._server = run, run.stack("database", ["postgres"]).plan

    def __call__(self, prepared_by: Prepare | None = None) -> str:
        """Address of a new database.

        prepared_by  function or coroutine function that gets an address, creates tables there and closes its
                     connections; it runs once per test run, and every further database is a copy
        """
        name = f"db_{uuid.uuid4().hex[:12]}"
        template = f' TEMPLATE "{self._template(prepared_by)}"' if prepared_by else ""
        postgres.psql(self._server, f'CREATE DATABASE "{name}"{template}')
        return self._server.database_url(name)

    def _template(self, prepare: Prepare) -> str:
        name = "t_" + re.sub(r"\W+", "_", f"{prepare.__module__}_{prepare.__qualname__}")[-55:]
        with self._run.locked(name):
            made = self._run.folder / f"{name}.made"
            if not made.exists():
                psql = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'
                postgres.psql(self._server, *psql)
                _call(prepare, self._server.database_url(name))
                made.touch()
        return name


def _call(prepare: Prepare, url: str) -> None:
    """Call a plain or a coroutine function; in its own thread, because the caller may run inside an event loop."""
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
