"""Cheap requests: keep-alive connections of the bench, and each request again until it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

from tools.bench.load import Connection, open_connections, request

PAUSE_SECONDS = 0.2  # before a request that was not acknowledged is repeated
PATIENCE = 120.0  # seconds until it is given up


class Refused(Exception):
    """The service refused: status and problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        super().__init__(f"{status} {problem.get('type')}: {problem.get('detail')} {problem.get('errors', '')}")


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
        """The JSON of the reply. Raises Refused; TimeoutError if nothing acknowledges it in PATIENCE seconds.

        took     gets the seconds from the sending until the reply
        headers  names with `_` for `-`
        """
        message = request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        async with self._gate, asyncio.timeout(PATIENCE):
            began = time.perf_counter()
            while True:
                try:
                    connection = await self._connection()
                    status, content = await connection.send(message)
                    self._free.append(connection)
                except OSError:
                    status, content = 599, b""
                if status < 400:
                    if took is not None:
                        took.append(time.perf_counter() - began)
                    return json.loads(content) if content else None
                if status < 500:
                    raise Refused(status, json.loads(content))
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
