"""The client without a loop: whatever can be awaited can be waited for, from wherever one asks."""

import asyncio
import inspect
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lienthong import client, sync
from lienthong.client import citizen, clock, faults, payments, province
from lienthong.client.http import ServiceClient
from lienthong.sync import Background, BackgroundHttp

OF_THE_LOOP = {"open", "service"}  # of a country: for whoever brings an HTTP client, or speaks to a door


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (client.Country, sync.Country),
        (client.Sandbox, sync.Sandbox),
        (citizen.Citizen, sync.Citizen),
        (province.Province, sync.Province),
        (clock.Clock, sync.Clock),
        (payments.Payments, sync.Payments),
        (faults.Faults, sync.Faults),
    ],
)
def test_every_method_of_the_client_has_its_twin(there: type, here: type) -> None:
    wanted = {name for name, _ in inspect.getmembers(there, callable) if not name.startswith("_")} - OF_THE_LOOP
    assert wanted <= set(dir(here))
    for name in wanted:
        assert not inspect.iscoroutinefunction(getattr(here, name)), name
        ours, theirs = (inspect.signature(getattr(each, name)).parameters for each in (here, there))
        assert list(ours) == list(theirs), name


@pytest.fixture
def door() -> Iterator[tuple[Background, ServiceClient]]:
    """A door whose client lives in the background; it answers with the path it was asked for."""
    background = Background()
    answer = httpx.MockTransport(lambda request: httpx.Response(200, json=request.url.path))
    http = httpx.AsyncClient(transport=answer)
    yield background, ServiceClient(BackgroundHttp(background, http), "http://127.0.0.1")
    background.wait(http.aclose())
    background.close()


def test_a_door_is_spoken_to_from_any_loop_and_from_none(door: tuple[Background, ServiceClient]) -> None:
    background, there = door
    assert background.wait(there.json("GET", "/a")) == "/a"
    assert asyncio.run(there.json("GET", "/b")) == "/b"

    async def many() -> list[Any]:
        return await asyncio.gather(*(there.json("GET", f"/{n}") for n in range(100)))

    assert asyncio.run(many()) == [f"/{n}" for n in range(100)]


def test_what_is_not_waited_for_any_longer_is_cancelled(door: tuple[Background, ServiceClient]) -> None:
    background, _ = door
    ended = threading.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        background.wait(for_ever(), 0.01)
    assert ended.wait(10)
