"""What every runtime does: sandboxes, stored replies, sweeping, starting, health, metrics and logs."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

import asyncpg
import httpx
import prometheus_client
import pytest
import structlog

from shared.errors import KeyReused, NotReady, SandboxNotFound
from shared.http import Unreachable
from shared.messaging.idempotency import RequestKey
from shared.messaging.request import Reply
from shared.messaging.runtime import MessagingRuntime
from shared.observability import logs, metrics
from shared.sandbox.clock import per_day
from shared.storage.database import SCHEMA_VERSION, OldSchema
from shared.web import app as web
from shared.web import dependencies
from tests.service.core.parcels import (
    MARKED,
    OWNER,
    SENT,
    Owner,
    Parcel,
    Shelf,
    Work,
    a_runtime,
    a_shelf,
    broken,
    opened,
)
from tests.service.frozen import FrozenSandbox
from tests.support.databases import Databases
from tests.support.factories import hear

KEY = RequestKey("lan", "POST /parcels", "k1", b"body")


async def test_a_decision_without_a_lock_cannot_publish(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    with pytest.raises(LookupError, match="not loaded in this transaction"):
        async with runtime.unit_of_work(shelf.id) as request:
            request.work.publish("parcel.answered.v1", "A", {})


async def test_a_refused_decision_leaves_nothing(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    with pytest.raises(SandboxNotFound):
        async with runtime.unit_of_work(shelf.id) as request:
            request.work.save("A", Parcel("A"), lane=0)
            request.work.publish("parcel.answered.v1", "A", {})
            raise SandboxNotFound("changed its mind")
    assert [await shelf.rows(table) for table in ("parcels", "events", "queue")] == [[], [], []]


async def test_a_stored_reply_is_repeated_and_draws_one_number(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    drawn: list[int] = []

    async def ask(once: RequestKey) -> Reply:
        async with runtime.unit_of_work(shelf.id, once) as request:
            if request.is_new:
                await request.lock_counters(per_day("H42", request.now))
                request.reply(*decide(request.work))
        return request.answer

    def decide(work: Work) -> tuple[int, str]:
        drawn.append(work.number("H42-20260609"))
        return 201, f'"{drawn[-1]}"'

    replies = [await ask(KEY) for _ in range(3)]
    assert replies == [(201, '"1"')] * 3
    assert drawn == [1]
    with pytest.raises(KeyReused):
        await ask(RequestKey("lan", "POST /parcels", "k1", b"other"))
    others = [
        RequestKey("minh", *_rest(KEY)),
        RequestKey("lan", "POST /else", "k1", b"body"),
        RequestKey("lan", KEY.route, "k2", b"body"),
    ]
    assert [(await ask(other))[1] for other in others] == [
        '"2"',
        '"3"',
        '"4"',
    ]


def _rest(once: RequestKey) -> tuple[str, str, bytes]:
    return once.route, once.key, once.body


async def test_twins_wait_for_each_other_also_when_the_first_is_refused(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    outcomes = iter([True, False, False, False])

    def decide(work: Work) -> tuple[int, str]:
        if next(outcomes):
            raise NotReady("the first of the twins is refused")
        return 200, '"done"'

    async def ask() -> Reply:
        async with runtime.unit_of_work(shelf.id, KEY) as request:
            if request.is_new:
                request.reply(*decide(request.work))
        return request.answer

    answers = await asyncio.gather(*(ask() for _ in range(4)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(NotReady) == 1
    assert [answer for answer in answers if not isinstance(answer, NotReady)] == [(200, '"done"')] * 3


async def test_an_unknown_sandbox_is_fetched_from_its_owner(own_runtime: MessagingRuntime[Parcel]) -> None:
    owner: Owner = own_runtime.mounts[OWNER].handler  # type: ignore[attr-defined]
    moments = dict.fromkeys(("base_at", "base_real", "created_at"), "2026-06-09T01:00:00+00:00")
    sandbox = FrozenSandbox(own_runtime)
    owner.silent = True
    with pytest.raises(NotReady):
        async with own_runtime.unit_of_work(sandbox.id):
            pass
    with pytest.raises(Unreachable):
        await own_runtime.sandbox(sandbox.id)
    owner.silent = False
    with pytest.raises(SandboxNotFound):
        async with own_runtime.unit_of_work(sandbox.id):
            pass
    owner.rows[sandbox.id] = {**sandbox._row, "version": 1, **moments}
    assert (await own_runtime.sandbox(sandbox.id)).now == sandbox.now
    owner.silent = True
    async with own_runtime.unit_of_work(sandbox.id) as request:
        assert request.work.now == sandbox.now


async def test_an_older_row_of_a_sandbox_changes_nothing(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await shelf.sandbox.tell(name="second")
    await runtime.take_over({**shelf.sandbox._row, "version": 1, "name": "late", **_moments()})
    assert await runtime.database.fetch("SELECT name FROM sandboxes WHERE id = $1", shelf.id) == [("second",)]


def _moments() -> dict[str, str]:
    return dict.fromkeys(("base_at", "base_real", "created_at"), "2026-06-09T01:00:00+00:00")


async def test_a_deleted_sandbox_is_swept_except_its_queue(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, other = await a_shelf(own_runtime), await a_shelf(own_runtime)
    for one in (shelf, other):
        broken.add("2")
        await hear(own_runtime, one.event(SENT, "1"), one.event(MARKED, "2"), one.event(MARKED, "3"))
        async with own_runtime.unit_of_work(one.id, codes=["A"]) as request:
            request.work.publish("parcel.answered.v1", "A", {})
    tables = [table.name for table in own_runtime.metadata.sorted_tables if "sandbox" in table.c]
    counts = {table: await other.rows(table, "count(*)") for table in tables}
    assert counts["parcels"] == counts["events"] == counts["queue"] == counts["parked"] == [(1,)]
    await shelf.sandbox.tell(deleted=True)
    sweep = asyncio.create_task(own_runtime.sweep())
    async with asyncio.timeout(20):
        while not await own_runtime.database.fetch("SELECT FROM sandboxes WHERE id = $1 AND swept", shelf.id):
            pass
    sweep.cancel()
    left = {table for table in tables if await shelf.rows(table)}
    assert left == {"queue"}, "what waits for a number is sent as a void"
    assert {table: await other.rows(table, "count(*)") for table in tables} == counts


async def test_a_database_of_another_version_ends_the_process_with_a_sentence(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_runtime(url, Owner())):
        pass
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE schema_version SET version = 0")
    await connection.close()
    runtime, reasons = a_runtime(url, Owner()), list[str]()
    runtime.give_up = reasons.append
    async with runtime.opened():
        with pytest.raises(OldSchema):
            await runtime.when_ready()
        assert "database" in runtime.waits_for
    assert len(reasons) == 1
    assert f"schema 0, this software needs {SCHEMA_VERSION}" in reasons[0] and "lienthong reset" in reasons[0]


@pytest.fixture
async def client(runtime: MessagingRuntime[Parcel]) -> httpx.AsyncClient:
    app = web.create_app(runtime, "parcels", {})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1"
    )


async def test_a_process_ends_although_a_library_swallows_a_cancellation(database_url: Databases) -> None:
    runtime, begun = a_runtime(database_url(), Owner()), asyncio.Event()

    async def deaf() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async with asyncio.timeout(30), runtime.opened(deaf):
        await begun.wait()
    assert begun.is_set()


async def test_readiness_names_what_is_waited_for(runtime: MessagingRuntime[Parcel], client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "running", "service": "receiver"}
    assert (await client.get("/readyz")).json()["status"] == "ready"
    runtime.waits_for |= {"broker", "database"}
    try:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["waits_for"]) == (503, ["broker", "database"])
        assert answer.json()["detail"] == "Waiting for broker, database."
        assert (await client.get("/healthz")).status_code == 200
        with pytest.raises(NotReady):
            async with runtime.unit_of_work("default"):
                pass
    finally:
        runtime.waits_for.clear()


async def test_metrics_show_every_name_of_the_one_list_with_its_help(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/metrics")).text
    listed = [
        metric for metric in vars(metrics).values() if isinstance(metric, prometheus_client.metrics.MetricWrapperBase)
    ]
    assert len(listed) >= 15
    for metric in listed:
        (family, *_) = metric.describe()
        assert family.name.startswith("lienthong_") and len(family.documentation) > 10, family
        assert f"# HELP {family.name}" in shown, family.name
    ours = {line.split(" ")[2] for line in shown.splitlines() if line.startswith("# TYPE lienthong_")}
    assert {name.removesuffix("_created") for name in ours} <= {
        f"{metric.describe()[0].name}{end}" for metric in listed for end in ("", "_total", "_bucket", "_sum", "_count")
    }


async def test_a_fault_shows_only_its_trace_id_and_is_counted(runtime: MessagingRuntime[Parcel]) -> None:
    app = web.create_app(runtime, "parcels", {})

    @app.get("/faulty")
    async def fault() -> None:
        raise ValueError("a secret of the machine")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1"
    ) as client:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        answer = await client.get("/faulty", headers={"traceparent": trace})
        assert (answer.status_code, answer.json()["trace_id"]) == (500, trace[3:35])
        assert "secret" not in answer.text
        assert (
            'lienthong_requests_total{method="GET",route="/faulty",status="500"} 1.0'
            in (await client.get("/metrics")).text
        )


@contextmanager
def log_lines() -> Iterator[list[dict[str, Any]]]:
    """The log entries of the block."""
    before, lines, text = structlog.get_config(), list[dict[str, Any]](), io.StringIO()
    with redirect_stdout(text):
        logs.configure_logs("parcels-api")
        structlog.configure(cache_logger_on_first_use=False)
        try:
            yield lines
        finally:
            structlog.configure(**before)
            lines += [json.loads(line) for line in text.getvalue().splitlines()]


async def test_log_lines_name_service_trace_sandbox_and_dossier(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    app = web.create_app(runtime, "parcels", {})

    @app.post("/parcels/{code}")
    async def post(code: str, sandbox: dependencies.SandboxId) -> None:
        async with runtime.unit_of_work(sandbox, codes=[code]) as request:
            request.work.load(code, lambda _: NotReady("no such parcel"))

    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with log_lines() as lines:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            await client.post("/parcels/A", headers={"traceparent": trace, "X-Sandbox": shelf.id})
        broken.add("1")
        await hear(runtime, shelf.event(SENT, "1"), shelf.event(MARKED, "1"))
        structlog.get_logger().info("elsewhere")
    refused, request, dead = lines[:3]
    for line in (refused, request):
        assert (line["service"], line["trace_id"]) == ("parcels-api", trace[3:35])
        assert (line["sandbox"], line["dossier"]) == (shelf.id, "A")
    assert (refused["event"], request["event"], request["status"]) == ("refused", "request", 503)
    assert (dead["event"], dead["service"]) == ("dead_letter", "parcels-api")
    assert (dead["sandbox"], dead["dossier"]) == (shelf.id, "A")
    assert len(dead["trace_id"]) == 32
    assert lines[-1]["service"] == "parcels-api"
