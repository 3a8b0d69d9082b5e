"""A call between services arrives as one of httpx would, and ends as one would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from shared import http, http_connections

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"


class Peer:
    """Answers every request with the same bytes, and then closes the connection if it is told so."""

    def __init__(self, answer: bytes, *, closes: bool = False) -> None:
        self.answer, self.closes = answer, closes
        self.requests: list[tuple[str, dict[str, str], bytes]] = []  # first line, headers, body
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            first, *lines = head.decode().splitlines()[:-1]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((first, headers, body))
            writer.write(self.answer)
            if self.closes:
                break
        writer.close()


@asynccontextmanager
async def opened(peer: Peer) -> AsyncIterator[str]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def text_of(peer: Peer) -> str:
    async with opened(peer) as url, http.Client({}) as client:
        return (await http.call(client, "GET", f"{url}/x")).text


async def test_a_call_arrives_as_one_of_httpx() -> None:
    peer, body = Peer(PLAIN), {"họ tên": "Nguyễn Thị Lan", "số": 1}
    async with opened(peer) as url, http.Client({}, {"X-Service-Secret": "s"}) as client:
        await http.call(client, "POST", f"{url}/hồ sơ?mã=1", sandbox_id="here", body=body)
        await client.request("POST", f"{url}/hồ sơ?mã=1", json=body, headers={"X-Sandbox": "here"})
    (first, headers, content), (line_of_httpx, headers_of_httpx, content_of_httpx) = peer.requests
    assert (first, content) == (line_of_httpx, content_of_httpx)
    for name in ("host", "content-type", "content-length", "x-sandbox", "x-service-secret"):
        assert headers[name] == headers_of_httpx[name]
    assert headers["traceparent"]


async def test_a_connection_is_used_again_and_a_second_one_opened_only_beside_it() -> None:
    peer = Peer(PLAIN)
    async with opened(peer) as url, http.Client({}) as client:
        for _ in range(3):
            await http.call(client, "GET", url)
        assert peer.connections == 1
        await asyncio.gather(*(http.call(client, "GET", url) for _ in range(2)))
        assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN,
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
    ],
)
async def test_a_response_ends_where_its_server_says(answer: bytes) -> None:
    assert await text_of(Peer(answer, closes=True)) == "ok"


async def test_a_connection_that_its_server_closes_is_not_used_again() -> None:
    peer = Peer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", closes=True)
    async with opened(peer) as url, http.Client({}) as client:
        for _ in range(3):
            await http.call(client, "GET", url)
    assert peer.connections == 3


@pytest.mark.parametrize("answer", [b"", HALF, b"no HTTP"])
async def test_half_a_response_is_none(answer: bytes) -> None:
    with pytest.raises(http.Unreachable, match="RemoteProtocolError"):
        await text_of(Peer(answer, closes=True))


async def test_silence_ends_a_call_and_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "READ_SECONDS", 0.01)
    peer = Peer(HALF)
    async with opened(peer) as url, http.Client({}) as client:
        with pytest.raises(http.Unreachable, match="ReadTimeout"):
            await http.call(client, "GET", url)
        peer.answer = PLAIN
        assert (await http.call(client, "GET", url)).text == "ok"
    assert peer.connections == 2


async def test_a_connection_that_ends_before_the_request_is_sent_is_an_error_at_once() -> None:
    peer = Peer(PLAIN)
    async with opened(peer) as url:
        connection = await http_connections._open("127.0.0.1", int(url.rpartition(":")[2]))
        connection.connection_lost(None)
        with pytest.raises(httpx.RemoteProtocolError, match="before the request was sent"):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
        connection.close()


async def test_a_body_that_is_not_encoded_as_it_says_is_an_error() -> None:
    with pytest.raises(http.Unreachable, match="RemoteProtocolError"):
        await text_of(Peer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"))


async def test_a_header_cannot_begin_another() -> None:
    async with opened(Peer(PLAIN)) as url, http.Client({}) as client:
        with pytest.raises(http.Unreachable, match="LocalProtocolError"):
            await http.call(client, "GET", url, sandbox_id="a\r\nX-Service-Secret: b")
        assert isinstance(await client.get(url), httpx.Response)
