"""Trouble of the machine is a 503 and nothing is lost; a locked row, a slow client or a huge body stops nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, ConfigDict
from structlog.testing import capture_logs

from shared.messaging.runtime import MessagingRuntime
from shared.storage.database import WAIT_SECONDS
from shared.web import app as web
from shared.web import connection, edge
from shared.web.dependencies import SandboxId
from tests.service.core.parcels import Owner, Parcel, Shelf, a_runtime, a_shelf, mark, opened
from tests.support.country import Country, problem
from tests.support.databases import Databases
from tests.support.listening import a_server

POOL, MANY = 4, 20
WAITING_SQL = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


def an_app(runtime: MessagingRuntime[Parcel]) -> FastAPI:
    """`/fault` raises what a test wants, `/notes` reads a body, `/marks` marks parcel A."""
    app = web.create_app(runtime, "parcels", {})
    app.state.error = None

    @app.get("/fault")
    async def fault() -> None:
        raise app.state.error

    @app.post("/notes")
    async def note(body: Annotated[Note, Body()]) -> None: ...

    @app.post("/marks")
    async def marks(sandbox: SandboxId) -> None:
        async with runtime.unit_of_work(sandbox, codes=["A"]) as request:
            mark(request.work, "A", "x")

    return app


def a_client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1", timeout=60
    )


MACHINE: tuple[Exception, ...] = (
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.TransactionTimeoutError("terminating connection due to transaction timeout"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.SerializationError("could not serialize access"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.InterfaceError("connection is closed"),
    ConnectionRefusedError(111, "Connect call failed"),
    TimeoutError(),
)
OURS = (
    asyncpg.InterfaceError("the server expects 2 arguments"),
    asyncpg.UndefinedTableError("no table"),
    KeyError("x"),
)


@pytest.mark.parametrize("error", MACHINE, ids=repr)
async def test_a_fault_of_the_machine_is_a_503(runtime: MessagingRuntime[Parcel], error: Exception) -> None:
    app = an_app(runtime)
    app.state.error = error
    async with a_client(app) as http:
        answer = await http.get("/fault")
    assert problem(answer, 503, "overloaded")["trace_id"]
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("error", OURS, ids=repr)
async def test_a_fault_of_our_code_stays_a_500(runtime: MessagingRuntime[Parcel], error: Exception) -> None:
    app = an_app(runtime)
    app.state.error = error
    async with a_client(app) as http:
        problem(await http.get("/fault"), 500, "server-fault")


@asynccontextmanager
async def two_shelves(
    url: str, *, lease: timedelta = timedelta(seconds=60)
) -> AsyncIterator[tuple[MessagingRuntime[Parcel], Shelf, Shelf]]:
    """A runtime with few connections, and two of its sandboxes, each with a parcel A."""
    async with opened(a_runtime(url, Owner(), database_pool=POOL, lease=lease)) as runtime:
        shelves = [await a_shelf(runtime) for _ in range(2)]
        for shelf in shelves:
            async with runtime.unit_of_work(shelf.id) as request:
                request.work.save("A", Parcel("A"), lane=0)
        yield runtime, *shelves


@asynccontextmanager
async def locked(url: str, sql: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's transaction holds a row."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute(sql)
            yield holder
    finally:
        await holder.close()


async def until_waiting(holder: asyncpg.Connection) -> None:
    async with asyncio.timeout(30):
        while not await holder.fetchval(WAITING_SQL):
            pass  # each look is a round trip


async def marked(shelf: Shelf) -> None:
    async with shelf.runtime.unit_of_work(shelf.id, codes=["A"]) as request:
        mark(request.work, "A", "x")


ROWS = {
    "a document": ("SELECT FROM parcels WHERE sandbox = '{}' FOR UPDATE", 1),
    "a sandbox": ("SELECT FROM sandboxes WHERE id = '{}' FOR UPDATE", POOL // 2),
}


@pytest.mark.parametrize("row", ROWS)
async def test_a_locked_row_leaves_connections_for_others(database_url: Databases, row: str) -> None:
    url = database_url()
    sql, most = ROWS[row]
    async with two_shelves(url) as (_, one, two):
        async with locked(url, sql.format(one.id)) as holder:
            requests = [asyncio.create_task(marked(one)) for _ in range(MANY)]
            await until_waiting(holder)
            async with asyncio.timeout(30):
                await marked(two)
            assert await holder.fetchval(WAITING_SQL) <= most
        done = await asyncio.gather(*requests, return_exceptions=True)
        failed = [result for result in done if result is not None]
        assert all(isinstance(result, TimeoutError) for result in failed), failed
        assert len(await one.marks()) == MANY - len(failed), "what was not refused is done, once"
        assert await two.marks() == ["x"]


async def test_a_request_that_waits_too_long_for_a_lock_is_refused_and_can_be_repeated(database_url: Databases) -> None:
    url = database_url()
    async with two_shelves(url, lease=timedelta(seconds=0.6)) as (runtime, one, _), a_client(an_app(runtime)) as http:
        headers = {"X-Sandbox": one.id}
        async with locked(url, f"SELECT FROM parcels WHERE sandbox = '{one.id}' FOR UPDATE"):
            answers = await asyncio.gather(*(http.post("/marks", headers=headers) for _ in range(3)))
        assert {answer.status_code for answer in answers} == {503}
        assert all(answer.headers["Retry-After"] for answer in answers)
        assert await one.marks() == []
        assert (await http.post("/marks", headers=headers)).status_code == 200
        assert await one.marks() == ["x"]


async def test_lost_connections_cost_a_503_at_most(database_url: Databases) -> None:
    url = database_url()
    async with two_shelves(url) as (runtime, one, _), a_client(an_app(runtime)) as http:
        killer = await asyncpg.connect(url)
        done = 0
        for _ in range(5):
            requests = [asyncio.create_task(http.post("/marks", headers={"X-Sandbox": one.id})) for _ in range(MANY)]
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            answers = await asyncio.gather(*requests)
            assert {answer.status_code for answer in answers} <= {200, 503}
            done += [answer.status_code for answer in answers].count(200)
        await killer.close()
        assert len(await one.marks()) >= done, "nothing that was acknowledged is lost"


def test_a_wait_ends_before_the_patience_of_our_own_client() -> None:
    assert WAIT_SECONDS < 5


# --- clients


async def received(app: FastAPI, receive: Callable[[], Awaitable[Any]]) -> int:
    """The status of a request whose body comes from `receive`."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"1000")]
    scope = {"type": "http", "method": "POST", "path": "/notes", "raw_path": b"/notes", "query_string": b""}
    await app({**scope, "headers": headers, "scheme": "http", "root_path": ""}, receive, send)
    return int(sent[0]["status"])


async def test_a_client_that_hangs_up_is_no_fault_of_ours(runtime: MessagingRuntime[Parcel]) -> None:
    pieces = [{"type": "http.request", "body": b'{"text": "', "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return pieces.pop(0)

    app = an_app(runtime)
    with capture_logs() as lines:
        assert await received(app, receive) == 499
    assert not [line for line in lines if line["log_level"] in ("error", "warning")]
    async with a_client(app) as http:
        shown = (await http.get("/metrics")).text
    assert 'lienthong_requests_total{method="POST",route="/notes",status="499"}' in shown
    assert 'route="/notes",status="500"' not in shown


async def test_a_body_that_stops_is_a_408(runtime: MessagingRuntime[Parcel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "PIECE_SECONDS", 0.01)
    pieces = [{"type": "http.request", "body": b'{"text": "', "more_body": True}]

    async def receive() -> Any:
        return pieces.pop(0) if pieces else await asyncio.Event().wait()

    assert await received(an_app(runtime), receive) == 408


WHOLE = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF = {
    "nothing": b"",
    "half a line": b"GET /hea",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "half a head after a whole request": WHOLE + b"GET /healthz HTTP/1.1\r\nHos",
}


@pytest.mark.parametrize("sent", HALF)
async def test_a_connection_without_a_whole_head_ends_with_a_408(
    runtime: MessagingRuntime[Parcel], monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    async with a_server(an_app(runtime)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF[sent])
        async with asyncio.timeout(30):
            text = (await reader.read()).decode()  # until the server closes it
        writer.close()
    answers = text.split("HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == (["200", "408"] if WHOLE in HALF[sent] else ["408"])
    head, _, body = answers[-1].partition("\r\n\r\n")
    assert "connection: close" in head.lower()
    assert json.loads(body)["type"] == "/problems/request-timeout"


# --- huge heads and bodies

ENDLESS = {
    "address": (b"GET /" + b"a" * 1000, b"a" * 1000),
    "headers": (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"a: b\r\n" * 200),
    "one header": (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\na: ", b"a" * 1000),
}


@pytest.mark.parametrize("part", ENDLESS)
async def test_a_head_without_end_is_refused_while_it_is_small(runtime: MessagingRuntime[Parcel], part: str) -> None:
    begin, piece = ENDLESS[part]

    def send(port: int) -> tuple[int, bytes]:
        sent, received = 0, b""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client, contextlib.suppress(OSError):
            client.sendall(begin)
            while not select.select([client], [], [], 0)[0] and sent < 20 << 20:
                client.sendall(piece)
                sent += len(piece)
            while data := client.recv(1 << 16):
                received += data
        return sent, received

    async with a_server(an_app(runtime)) as port:
        sent, received = await asyncio.to_thread(send, port)
    assert sent < 16 << 20, "or what a client sends fills the memory"
    assert received.startswith(b"HTTP/1.1 431 ") and b"/problems/request-head-too-large" in received


async def test_a_422_names_the_first_errors_and_counts_the_rest(country: Country) -> None:
    for parts in ([{}] * 60_000, [[]] * 60_000, [1] * 60_000):
        answer = await country.ask("portal", "POST", "/_lab/sandboxes", json={"faults": parts})
        assert problem(answer, 422, "body-does-not-fit")["more_errors"] == 59_981
    for count, more in ((20, None), (21, 1), (60_000, 59_980)):
        body = {f"x{number}": 1 for number in range(count)}
        answer = await country.ask("portal", "POST", "/_lab/sandboxes", json=body)
        found = problem(answer, 422, "body-does-not-fit")
        assert len(found["errors"]) == 20
        assert found.get("more_errors") == more
        assert more is None or f"{more:,} more" in found["detail"]
