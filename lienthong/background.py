"""An event loop in a thread, in which the client runs for programs and tests with another loop or with none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextvars import Context
from typing import Any, Generic, TypeVar

import anyio.to_thread
import httpx

AsyncObject = TypeVar("AsyncObject")
Result = TypeVar("Result")


class SyncObject(Generic[AsyncObject]):
    """Blocking version of an object of the client. `there` is the async object; its methods work in any event loop."""

    def __init__(self, background: Background, there: AsyncObject) -> None:
        self._background, self.there = background, there

    def run(self, work: Coroutine[Any, Any, Result], seconds: float | None = None) -> Result:
        """Run a coroutine of `there` and wait for its result. Raises TimeoutError after `seconds`."""
        return self._background.wait(work, seconds)


class Background:
    """An event loop in a daemon thread; it runs until it is closed or the program ends."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lienthong", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, Result], seconds: float | None = None) -> Result:
        """Run a coroutine in the loop and block until its result. After `seconds` cancels it and raises TimeoutError."""
        future = self._start(work)
        try:
            return future.result(seconds)
        finally:
            future.cancel()

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the background loop and await it from any loop of asyncio or trio, also that of one test."""
        if threading.current_thread() is self._thread:
            return await work
        future = self._start(work)
        try:
            return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True)
        finally:
            future.cancel()

    def _start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start a coroutine in the loop, in an empty context: the caller's may say that this is trio."""
        return Context().run(asyncio.run_coroutine_threadsafe, work, self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BackgroundHttp:
    """An HTTP client that belongs to the background loop and can be used from any loop."""

    def __init__(self, background: Background, http: httpx.AsyncClient) -> None:
        self._background, self._http = background, http

    async def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return await self._background.run(self._http.request(method, url, **options))
