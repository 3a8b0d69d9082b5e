"""The client without a loop: whatever can be awaited can be waited for, from wherever one asks."""

import asyncio
import inspect
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from lienthong import client, sync
from lienthong.background import Background, BackgroundHttp
from lienthong.client import citizen, clock, connectors, faults, payments, province
from lienthong.client.concurrency import gather
from lienthong.client.http import Problem, ServiceClient

PACKAGE = Path(client.__file__).parents[1]
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
        (connectors.Connector, sync.Connector),
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
        return await gather(*(there.json("GET", f"/{n}") for n in range(100)))

    for backend in ("asyncio", "trio"):
        assert anyio.run(many, backend=backend) == [f"/{n}" for n in range(100)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_async_client_runs_on_asyncio_and_on_trio(backend: str) -> None:
    """A country over real sockets: it signs in under a lock, and asks several services at the same time."""

    async def walk(url: str) -> None:
        async with client.Country(url) as country:
            sandbox = country.enter("default")
            assert await sandbox.timeline("H37-20260101-0000001") == []
            with pytest.raises(Problem) as refusal:
                await sandbox.citizen("lan").dossiers()
            assert refusal.value.status == 404

    async def walk_in_the_background(sandbox: client.Sandbox) -> None:
        assert await sandbox.timeline("H37-20260101-0000001") == []

    with a_portal() as url:
        anyio.run(walk, url, backend=backend)
        with sync.Country(url) as country:
            anyio.run(walk_in_the_background, country.enter("default").there, backend=backend)


def test_the_first_error_of_several_requests_is_raised_itself() -> None:
    async def fails(sentence: str) -> None:
        raise ValueError(sentence)

    async def both() -> None:
        await gather(fails("one"), fails("two"))

    with pytest.raises(ValueError, match="one"):
        anyio.run(both)


def test_only_the_background_loop_of_the_client_is_bound_to_asyncio() -> None:
    """And the command, whose loop nobody else runs; the embedded stack is a program of its own."""
    own_loop = {"background.py", "cli", "embedded"}
    bound = {
        file.relative_to(PACKAGE).parts[0]
        for file in PACKAGE.rglob("*.py")
        if "_source" not in file.parts
        and re.search(r"^\s*(import|from) asyncio\b", file.read_text("utf-8"), re.MULTILINE)
    }
    assert bound <= own_loop


@contextmanager
def a_portal() -> Iterator[str]:
    """A server that lists addresses and empty timelines, and knows nothing else."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            doors = dict.fromkeys(("province_gateway", "identity", "payment"), url)
            known = {"/_lab/doors": doors}
            answer = [] if self.path.startswith("/_lab/timeline/") else known.get(self.path)
            body = json.dumps(answer or []).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


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
