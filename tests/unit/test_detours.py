"""A neighbour is called by its one address, and reached where it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared import http
from shared.settings import Settings, host_and_port


@pytest.fixture
async def inside() -> AsyncIterator[str]:
    """Address of a server that answers with the Host and the path it was asked for."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        (host,) = (line for line in lines if line.lower().startswith("host:"))
        body = f"{host.partition(' ')[2]} {lines[0].split()[1]}".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_only_the_connection_goes_elsewhere(inside: str) -> None:
    async with http.Client(http.transports({"http://portal.test:8000": inside})) as client:
        answer = await http.call(client, "GET", "http://portal.test:8000/_lab/doors?a=b")
        assert answer.text == "portal.test:8000 /_lab/doors?a=b"
        with pytest.raises(http.Unreachable):
            await http.call(client, "GET", "http://portal.test:8001/")


async def test_silence_is_told_by_the_address_that_was_called() -> None:
    nobody = {"http://portal.test:8000": "http://127.0.0.1:9"}  # port 9, discard: nobody listens
    async with http.Client(http.transports(nobody)) as client:
        with pytest.raises(http.Unreachable, match=r"portal\.test:8000/x: ConnectError"):
            await http.call(client, "GET", "http://portal.test:8000/x")


def test_a_detour_is_taken_only_where_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_SECRET", "an invented secret")
    assert Settings().detours == {}
    monkeypatch.setenv("IDENTITY_INTERNAL_URL", "http://identity:8002")
    assert Settings().detours == {"http://127.0.0.1:8002": "http://identity:8002"}


@pytest.mark.parametrize("text", ["http://0.0.0.0:8000", "http://0.0.0.0:8000/", "0.0.0.0:8000"])
def test_a_place_to_listen_is_an_address_or_host_and_port(text: str) -> None:
    assert host_and_port(text) == ("0.0.0.0", 8000)  # noqa: S104  only read
