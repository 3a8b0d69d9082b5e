"""A verb's blocking requests arrive as those of httpx would, and fail in the same words."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_plus

import httpx
import pytest

from lienthong.cli.blocking import BlockingHttp
from lienthong.client import Country, NotRunning, Problem
from lienthong.client.http import ServiceClient, every_row


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; `/pages` has two pages, `/no` refuses, and `/cut` stops in mid-answer."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        said: Any = {"method": self.command, "target": self.path, "body": body.decode()}
        said |= {name: self.headers.get(name) for name in ("host", "content-type", "x-sandbox")}
        said["from"] = self.client_address[1]
        if self.path.startswith("/pages"):
            said = [self.path]
        content = json.dumps(said).encode()
        self.send_response(404 if self.path == "/no" else 200)
        if self.path == "/pages?page_size=500":
            self.send_header("Link", f'<http://{self.headers["host"]}/>; rel="first", </pages?b=1>; rel="next"')
        self.send_header("Content-Length", str(len(content) + 9 * (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(content)
        if self.path == "/cut":
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/a", {}),
    ("GET", "", {}),
    ("GET", "/a?b=1", {}),
    ("GET", "/a", {"params": {"offered": True, "all": False, "n": 5, "of": "Hà Nội", "none": None, "x": "a b&c=d/e"}}),
    ("GET", "/a", {"params": {"state": ["1", "2"]}}),
    ("GET", "/Hà Nội/%2F/a b/\"'<>|^`{}\\;,+@:$!()*~", {}),
    ("GET", "/a?q=Huế 1%20\"<>'|{}", {}),
    ("GET", "/a#b", {}),
    ("POST", "/a", {"json": {"tên": "Lan", "n": 1.5}, "headers": {"X-Sandbox": "s1"}}),
    ("POST", "/a", {"json": {}}),
    ("POST", "/a", {"json": []}),
    ("POST", "/a", {"json": False}),
    ("POST", "/a", {}),
    ("DELETE", "/a", {}),
    ("PUT", "/a", {"content": b"%PDF", "headers": {"Content-Type": "application/pdf"}}),
    ("PATCH", "/a", {"json": {"a": 1}, "headers": {"Content-Type": "application/merge-patch+json"}}),
    ("POST", "/a", {"data": {"code": "a b+c/=", "scope": "openid profile"}}),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_request_arrives_as_one_of_httpx(echo: str, case: int) -> None:
    method, path, options = CASES[case]
    with httpx.Client(trust_env=False) as http:
        theirs = http.request(method, echo + path, **options).json()
    ours = asyncio.run(BlockingHttp().request(method, echo + path, **options)).json()
    for either in (ours, theirs):
        del either["from"]
        either["target"] = unquote_plus(either["target"])
        if str(either["content-type"]).endswith("json"):
            either["body"] = json.loads(either["body"])
    assert ours == theirs


def test_one_connection_serves_all_requests_of_a_verb(echo: str) -> None:
    http = BlockingHttp()
    ports = {asyncio.run(http.request("GET", f"{echo}/{each}")).json()["from"] for each in "abc"}
    assert len(ports) == 1


async def test_all_pages_are_read_and_a_refusal_is_a_problem(echo: str) -> None:
    service = ServiceClient(BlockingHttp(), echo)
    assert await every_row(service.send, "/pages") == ["/pages?page_size=500", "/pages?b=1"]
    with pytest.raises(Problem, match=r"404.*target: /no") as refusal:
        await service.json("GET", "/no")
    assert refusal.value.status == 404
    assert (await service.json("GET", "/after"))["target"] == "/after"


async def test_an_answer_that_is_cut_off_is_no_answer_and_the_next_one_is_whole(echo: str) -> None:
    service = ServiceClient(BlockingHttp(), echo)
    with pytest.raises(NotRunning, match=f"Nothing answers at {echo}"):
        await service.json("GET", "/cut")
    assert (await service.json("GET", "/after"))["target"] == "/after"


def _silent() -> tuple[socket.socket, str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("blocking", [True, False])
async def test_what_does_not_answer_is_told_from_what_is_not_there(blocking: bool) -> None:
    listener, url = _silent()
    async with httpx.AsyncClient(trust_env=False) as http:
        client: Any = BlockingHttp() if blocking else http
        with pytest.raises(NotRunning, match=f"{url} does not answer in time"):
            await ServiceClient(client, url).send("GET", "/", timeout=0.1)
        listener.close()
        with pytest.raises(NotRunning, match=f"Nothing answers at {url}: start it with"):
            await ServiceClient(client, url).send("GET", "/", timeout=5)


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:x",
        "http://127.0.0.1:99999",
        "http://",
        "http://[::1",
        "http://127.0.0.1:80\x00",
        "http://a\nb",
    ],
)
async def test_an_address_that_is_none_is_named(blocking: bool, url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        client: Any = BlockingHttp() if blocking else http
        with pytest.raises(NotRunning, match="is not a valid address"):
            await Country(url).open(client)
