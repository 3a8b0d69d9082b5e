"""Whether a server answers: one that is frozen accepts connections and says nothing."""

from __future__ import annotations

import asyncio
import socket

import pytest

from lienthong.embedded import probe


async def test_a_server_that_says_nothing_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SERVER_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        place = frozen.getsockname()
        assert not await probe.answers(probe.KAFKA, *place)
    assert not await probe.answers(probe.KAFKA, *place), "nobody listens"


@pytest.mark.parametrize("reply", [b"N", b""], ids=["a byte", "it hangs up"])
async def test_one_that_replies_or_hangs_up_answers(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(probe.POSTGRESQL)) == probe.POSTGRESQL
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        assert await probe.answers(probe.POSTGRESQL, *server.sockets[0].getsockname())
