"""A loop in a thread of its own: what is asked runs there, and whoever asks waits in their own way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx

Answer = TypeVar("Answer")


class Background:
    """Runs until it is closed; ends with the program in any case."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lienthong", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, Answer], seconds: float | None = None) -> Answer:
        """Block until it is done. Raises TimeoutError after `seconds`; what is not waited for any longer is cancelled."""
        asked = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return asked.result(seconds)
        finally:
            asked.cancel()

    async def meanwhile(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Await it from any loop, also from a loop that lives no longer than one test."""
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Beyond:
    """An HTTP client that lives in the background; may be asked from any loop."""

    def __init__(self, background: Background, http: httpx.AsyncClient) -> None:
        self._background, self._http = background, http

    async def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return await self._background.meanwhile(self._http.request(method, url, **options))
