"""A receiver that cannot be called is named in plain words: what was refused, where, and what mends it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.test_webhook_door import Door, self_signed
from tests.support.connector import Connector
from tests.support.country import Sandbox, pointers, problem
from tests.support.receiver import Received, Writer, receiving, status

NO_PORT = "http://127.0.0.1:1/"
LIBRARY = ("connection attempts", "SSL:", "Errno", "_ssl", "bytearray", "disconnected", "gaierror")


async def no_http(received: Received, writer: Writer) -> None:
    writer.write(b"220 mail.test ESMTP\r\n")
    await writer.drain()


async def hang_up(received: Received, writer: Writer) -> None:
    writer.close()


@pytest.fixture
async def door(sandbox: Sandbox) -> AsyncIterator[Door]:
    async with receiving() as receiver:
        yield Door(Connector(sandbox), receiver)


async def error_of(door: Door, url: str = "") -> str:
    """What is noted of the first attempt to send."""
    door.receiver.url = url or door.receiver.url
    await (await door.connect()).hears(law.DOSSIER_SUBMITTED)
    await door.send()
    (error,) = await door.errors()
    assert not [word for word in LIBRARY if word in error], "a library's own sentence"
    return error


async def test_a_port_at_which_nobody_listens(door: Door) -> None:
    error = await error_of(door, NO_PORT)
    assert error == "cannot be reached: nobody listens on 127.0.0.1:1; start the program there, or correct the address"
    (report,) = (await door.gateway.pending(door.sandbox.id))["connectors"]
    assert f"its receiver {error}" in report["text"], "settle says it, too"


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "a" * 70 + ".test"])
async def test_a_name_that_is_not_known(door: Door, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def getaddrinfo(name: Any, *args: Any, **options: Any) -> Any:
        if name == "nobody.invalid":  # as a name server says it; the test needs none
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await resolve(name, *args, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    error = await error_of(door, f"http://{host}/")
    assert error == f"cannot be reached: the name {host} is not known here; correct the address"


async def test_a_certificate_that_is_not_trusted(door: Door, tmp_path: Path) -> None:
    async with receiving(self_signed(tmp_path, "localhost")) as receiver:
        error = await error_of(door, receiver.url)
    assert error.startswith("cannot be reached: the certificate of localhost:") and "SSL_CERT_FILE" in error


async def test_https_at_a_port_that_speaks_http(door: Door) -> None:
    async def bad_request(reader: asyncio.StreamReader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with await asyncio.start_server(bad_request, "127.0.0.1", 0) as server:
        error = await error_of(door, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert "does not speak TLS as https needs it; call it by http" in error


@pytest.mark.parametrize("answer", [no_http, hang_up], ids=lambda answer: answer.__name__)
async def test_a_program_that_is_no_web_server(door: Door, answer: Any) -> None:
    door.receiver.answers = [answer]
    assert await error_of(door) == (
        "broke the connection, or does not answer in HTTP: look at the program, and at its address"
    )


@pytest.mark.parametrize("body", [b"\x1f\x8b\x08\x00", b"\xed\xa0\x80", b"\x00"], ids=["gzip", "surrogate", "NUL"])
async def test_whatever_a_receiver_answers_is_kept_as_text(door: Door, body: bytes) -> None:
    door.receiver.answers = [status(500, body, "Content-Encoding: gzip")]
    assert await error_of(door) == "answers 500"
    assert (await door.listed())[0]["log"][0]["head"]


@pytest.mark.parametrize("url", ["http://xn--/", "http://\u200b/"])
async def test_what_is_no_address_is_refused_before_anything_changes(door: Door, url: str) -> None:
    path = f"/_lab/sandboxes/{door.sandbox.id}/modes/37"
    refused = await door.country.ask("portal", "PUT", path, json={"mode": "external", "via": "webhook", "url": url})
    assert pointers(refused) == ["/url"]
    row = (await door.country.ask("portal", "GET", f"/_lab/sandboxes/{door.sandbox.id}")).json()
    headers = {"X-API-Key": row["api_key"]}
    checked = f"{door.connector.path}/connector/receiver"
    assert pointers(await door.country.ask("gateway", "POST", checked, json={"url": url}, headers=headers)) == ["/url"]


@pytest.mark.parametrize("via", ["webhook", "legacy"])
async def test_an_address_that_may_not_be_called_is_refused_wherever_a_mode_is_set(door: Door, via: str) -> None:
    mode = {"mode": "external", "via": via, "url": "http://192.0.2.1/events"}
    for province in ("37", "*"):
        path = f"/_lab/sandboxes/{door.sandbox.id}/modes/{province}"
        refused = problem(await door.country.ask("portal", "PUT", path, json=mode), 409, "receiver-not-allowed")
        assert refused["host"] == "192.0.2.1" and "WEBHOOK_ALLOWED_HOSTS" in refused["detail"]
    new = await door.country.ask("portal", "POST", "/_lab/sandboxes", json={"modes": {"37": mode}})
    problem(new, 409, "receiver-not-allowed")
    modes = await door.country.ask("portal", "GET", f"/_lab/sandboxes/{door.sandbox.id}/modes")
    assert {row["mode"] for row in modes.json()} == {"simulated"}
    async with door.country.silent("gateway", "/_lab/receivers"):
        answer = await door.country.ask("portal", "PUT", path, json={**mode, "url": NO_PORT})
        assert problem(answer, 503, "not-ready")["waits_for"] == ["gateway"]
