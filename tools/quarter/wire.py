"""Cheap requests: keep-alive connections of the bench, and each request again until it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from lienthong.embedded import Trouble
from tools.bench.load import Connection, open_connections, request

PAUSE_SECONDS = 0.2  # before a request that was not acknowledged is repeated
PATIENCE = 120.0  # seconds until it is given up


class Refused(Trouble):
    """The service refused a request: status and problem."""

    def __init__(self, asked: str, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        errors = f" {problem['errors']}" if problem.get("errors") else ""
        super().__init__(
            f"{asked} was refused: {status} {problem.get('type')}: {problem.get('detail')}{errors}", problem
        )


class Wire:
    """Connections to one service. `repeated`: requests without a reply, or with a 5xx."""

    def __init__(self, url: str, clients: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._free: list[Connection] = []
        self._gate = asyncio.Semaphore(clients)
        self.repeated = 0

    async def send(
        self, method: str, path: str, body: object = None, *, took: list[float] | None = None, **headers: str
    ) -> Any:
        """The JSON of the reply. Raises Refused; Trouble if nothing acknowledges it in PATIENCE seconds.

        took     gets the seconds from the sending until the reply
        headers  names with `_` for `-`
        """
        message = request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        try:
            async with self._gate, asyncio.timeout(PATIENCE):
                began = time.perf_counter()
                status, content = await self._acknowledged(message)
        except TimeoutError as error:
            raise Trouble(
                f"Nothing acknowledged {method} {path} within {PATIENCE:g} s: the stack has failed, or the machine is too busy."
            ) from error
        if status >= 400:
            raise Refused(f"{method} {path}", status, json.loads(content))
        if took is not None:
            took.append(time.perf_counter() - began)
        return json.loads(content) if content else None

    async def _acknowledged(self, message: bytes) -> tuple[int, bytes]:
        """Status and body of the first reply that is no 5xx."""
        while True:
            with suppress(OSError):
                connection = await self._connection()
                status, content = await connection.send(message)
                self._free.append(connection)
                if status < 500:
                    return status, content
            self.repeated += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _connection(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                return connection
        return (await open_connections(self._host, self._port, 1))[0]

    def close(self) -> None:
        while self._free:
            self._free.pop().close()
