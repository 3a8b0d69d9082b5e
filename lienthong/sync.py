"""The client for programs without an event loop: the same names and arguments; every call blocks until its result.

with Country() as country, country.sandbox(seed="spring") as sandbox:
    lan = sandbox.citizen("lan")
    dossier = lan.submit("2.000635", province="37", commune="14464")
    sandbox.clock.advance("1d")
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, Unpack

import anyio.to_thread
import httpx

from lienthong import client
from lienthong.client import citizen, clock, country, faults, payments, province
from lienthong.client.types import Wish

AsyncObject = TypeVar("AsyncObject")
Params = ParamSpec("Params")
Result = TypeVar("Result")


class SyncObject(Generic[AsyncObject]):
    """Blocking version of an object of the client. `there` is the async object; its methods work in any event loop."""

    def __init__(self, background: Background, there: AsyncObject) -> None:
        self._background, self.there = background, there

    def run(self, work: Coroutine[Any, Any, Result], seconds: float | None = None) -> Result:
        """Run a coroutine of `there` and wait for its result. Raises TimeoutError after `seconds`."""
        return self._background.wait(work, seconds)


def waits(
    method: Callable[Concatenate[AsyncObject, Params], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[SyncObject[AsyncObject], Params], Result]:
    """The blocking version of an async method."""

    @wraps(method)
    def blocking(self: SyncObject[AsyncObject], /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        return self.run(method(self.there, *args, **kwargs))

    return blocking


class Country(SyncObject[country.Country]):
    """The running country; open while its `with` block runs."""

    there: client.Country

    def __init__(self, url: str | None = None) -> None:
        self.there = client.Country(url)

    @property
    def url(self) -> str:
        return self.there.url

    @property
    def doors(self) -> dict[str, Any]:
        return self.there.doors

    def __enter__(self) -> Self:
        self._background = Background()
        self._http = country.http_client()
        try:
            self.run(self.there.open(BackgroundHttp(self._background, self._http)))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self.run(self._http.aclose())
        self._background.close()

    provinces = waits(client.Country.provinces)
    communes = waits(client.Country.communes)
    procedures = waits(client.Country.procedures)
    faults = waits(client.Country.faults)
    create_sandbox = waits(client.Country.create_sandbox)
    show_sandbox = waits(client.Country.show_sandbox)
    list_sandboxes = waits(client.Country.list_sandboxes)
    change_sandbox = waits(client.Country.change_sandbox)
    projections = waits(client.Country.projections)
    rebuild_projection = waits(client.Country.rebuild_projection)
    delete_sandbox = waits(client.Country.delete_sandbox)

    def enter(self, sandbox_id: str) -> Sandbox:
        return Sandbox(self._background, self.there.enter(sandbox_id))

    def new_sandbox(self, **wish: Unpack[Wish]) -> Sandbox:
        return Sandbox(self._background, self.run(self.there.new_sandbox(**wish)))

    def stage(
        self, scenario: str | Path, *, seed: str | None = None, name: str | None = None, time_to_live: str | None = None
    ) -> Sandbox:
        work = self.there.stage(scenario, seed=seed, name=name, time_to_live=time_to_live)
        return Sandbox(self._background, self.run(work))

    @contextmanager
    def sandbox(self, *, keep: bool = False, **wish: Unpack[Wish]) -> Iterator[Sandbox]:
        sandbox = self.new_sandbox(**wish)
        try:
            yield sandbox
        finally:
            if not keep:
                self.delete_sandbox(sandbox.id)


class Sandbox(SyncObject[client.Sandbox]):
    def __init__(self, background: Background, there: client.Sandbox) -> None:
        super().__init__(background, there)
        self.id, self.headers, self.codes = there.id, there.headers, there.codes
        self.clock = Clock(background, there.clock)
        self.payments = Payments(background, there.payments)
        self.faults = Faults(background, there.faults)

    def citizen(self, persona: str) -> Citizen:
        return Citizen(self._background, self.there.citizen(persona))

    def province(self, code: str) -> Province:
        return Province(self._background, self.there.province(code))

    show = waits(client.Sandbox.show)
    settle = waits(client.Sandbox.settle)
    script = waits(client.Sandbox.script)
    timeline = waits(client.Sandbox.timeline)
    timeline_of = waits(client.Sandbox.timeline_of)
    events = waits(client.Sandbox.events)
    dossiers = waits(client.Sandbox.dossiers)
    statistics = waits(client.Sandbox.statistics)
    dead_letters = waits(client.Sandbox.dead_letters)
    dead_letter = waits(client.Sandbox.dead_letter)
    redrive = waits(client.Sandbox.redrive)
    people = waits(client.Sandbox.people)
    modes = waits(client.Sandbox.modes)
    set_mode = waits(client.Sandbox.set_mode)
    reset_mode = waits(client.Sandbox.reset_mode)
    wait_for = waits(client.Sandbox.wait_for)
    explain = waits(client.Sandbox.explain)
    news = waits(client.Sandbox.news)


class Clock(SyncObject[clock.Clock]):
    read = waits(clock.Clock.read)
    now = waits(clock.Clock.now)
    set = waits(clock.Clock.set)
    advance = waits(clock.Clock.advance)
    rate = waits(clock.Clock.rate)
    freeze = waits(clock.Clock.freeze)
    resume = waits(clock.Clock.resume)


class Citizen(SyncObject[citizen.Citizen]):
    @property
    def token(self) -> str:
        return self.there.token

    sign_in = waits(citizen.Citizen.sign_in)
    ask = waits(citizen.Citizen.ask)
    who_am_i = waits(citizen.Citizen.who_am_i)
    submit = waits(citizen.Citizen.submit)
    upload = waits(citizen.Citizen.upload)
    supplement = waits(citizen.Citizen.supplement)
    rate = waits(citizen.Citizen.rate)
    dossiers = waits(citizen.Citizen.dossiers)
    dossier = waits(citizen.Citizen.dossier)
    start_payment = waits(citizen.Citizen.start_payment)
    pay = waits(citizen.Citizen.pay)
    withdraw = waits(citizen.Citizen.withdraw)


class Province(SyncObject[province.Province]):
    @property
    def code(self) -> str:
        return self.there.code

    dossiers = waits(province.Province.dossiers)
    inbox = waits(province.Province.inbox)
    register = waits(province.Province.register)
    dossier = waits(province.Province.dossier)
    do = waits(province.Province.do)


class Faults(SyncObject[faults.Faults]):
    rules = waits(faults.Faults.rules)
    on = waits(faults.Faults.on)
    off = waits(faults.Faults.off)


class Payments(SyncObject[payments.Payments]):
    orders = waits(payments.Payments.orders)
    pay = waits(payments.Payments.pay)
    fail = waits(payments.Payments.fail)


class Background:
    """An event loop in a daemon thread; it runs until it is closed or the program ends."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lienthong", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, Result], seconds: float | None = None) -> Result:
        """Run a coroutine in the loop and block until its result. After `seconds` cancels it and raises TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        finally:
            future.cancel()

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the background loop and await it from any loop of asyncio or trio, also that of one test."""
        if threading.current_thread() is self._thread:
            return await work
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True)
        finally:
            future.cancel()

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
