"""A request that offers another protocol, as Java's HTTP client does, is read like any other (RFC 9110 section 7.8)."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.support.listening import a_server

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAA\r\n"
SOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
HEAD = b"POST /token?a=%C3%A1 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SIZED, CHUNKED = (
    b"Content-Length: 5\r\n\r\na=b&c",
    b"Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n3\r\nb&c\r\n0\r\n\r\n",
)
LAST = b"GET /last HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = (await request.body()).decode()
    await PlainTextResponse(f"[{request.method} {request.url.path} {body}]")(scope, receive, send)


@pytest.mark.parametrize("pieces", [1, 7, 1000], ids=["at once", "in pieces", "byte by byte"])
@pytest.mark.parametrize("body", [SIZED, CHUNKED], ids=["sized", "chunked"])
@pytest.mark.parametrize("offer", [OFFER, SOCKET], ids=["h2c", "websocket"])
async def test_the_body_behind_an_offer_arrives_and_so_does_the_next_request(
    offer: bytes, body: bytes, pieces: int
) -> None:
    sent = (HEAD + offer + body) * 2 + LAST
    text = await replies_to(sent, -(-len(sent) // pieces))
    assert text == ["POST /token a=b&c"] * 2 + ["GET /last "]


async def test_any_number_of_offers_may_wait_in_one_line() -> None:
    assert len(await replies_to((HEAD + OFFER + SIZED) * 1200 + LAST, 1 << 20)) == 1201


async def replies_to(sent: bytes, size: int) -> list[str]:
    """What the server replies to `sent`, written in pieces of `size` bytes."""
    async with a_server(echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for begin in range(0, len(sent), size):
            writer.write(sent[begin : begin + size])
            await writer.drain()
        async with asyncio.timeout(30):
            text = (await reader.read()).decode()
        writer.close()
    return [part.split("]")[0] for part in text.split("[")[1:]]
