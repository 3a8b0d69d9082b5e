"""What every house does around its decisions: sandboxes, kept replies, sweeping, starting, and telling how it is."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import asyncpg
import httpx
import prometheus_client
import pytest
import structlog

from shared.errors import KeyReused, NotReady, SandboxNotFound
from shared.http import Unreachable
from shared.messaging.idempotency import RequestKey
from shared.messaging.runtime import MessagingRuntime, Reply
from shared.observability import logs, metrics
from shared.sandbox.clock import per_day
from shared.storage.database import SCHEMA_VERSION, OldSchema
from shared.web import app as web
from shared.web import dependencies
from tests.service.core.parcels import MARKED, OWNER, SENT, Owner, Parcel, Shelf, Work, a_house, a_shelf, broken, opened
from tests.service.frozen import FrozenSandbox
from tests.support.databases import Databases
from tests.support.factories import hear

KEY = RequestKey("lan", "POST /parcels", "k1", b"body")


async def test_a_decision_without_a_lock_cannot_tell(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    with pytest.raises(LookupError, match="not loaded in this transaction"):
        await runtime.decide(shelf.id, lambda work: work.publish("parcel.answered.v1", "A", {}))


async def test_a_refused_decision_leaves_nothing(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    def decide(work: Work) -> None:
        work.save("A", Parcel("A"), lane=0)
        work.publish("parcel.answered.v1", "A", {})
        raise SandboxNotFound("changed its mind")

    with pytest.raises(SandboxNotFound):
        await runtime.decide(shelf.id, decide)
    assert [await shelf.rows(table) for table in ("parcels", "events", "queue")] == [[], [], []]


async def test_a_kept_reply_is_given_again_and_counts_once(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
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


async def test_a_sandbox_it_never_heard_of_is_pulled_from_its_owner(own_runtime: MessagingRuntime[Parcel]) -> None:
    owner: Owner = own_runtime.mounts[OWNER].handler  # type: ignore[attr-defined]
    moments = dict.fromkeys(("base_at", "base_real", "created_at"), "2026-06-09T01:00:00+00:00")
    sandbox = FrozenSandbox(own_runtime)
    owner.silent = True
    with pytest.raises(NotReady):
        await own_runtime.decide(sandbox.id, lambda work: None)
    with pytest.raises(Unreachable):
        await own_runtime.sandbox(sandbox.id)
    owner.silent = False
    with pytest.raises(SandboxNotFound):
        await own_runtime.decide(sandbox.id, lambda work: None)
    owner.rows[sandbox.id] = {**sandbox._row, "version": 1, **moments}
    assert (await own_runtime.sandbox(sandbox.id)).now == sandbox.now
    owner.silent = True
    assert await own_runtime.decide(sandbox.id, lambda work: work.now) == sandbox.now


async def test_an_older_row_of_a_sandbox_changes_nothing(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await shelf.sandbox.tell(name="second")
    await runtime.take_over({**shelf.sandbox._row, "version": 1, "name": "late", **_moments()})
    assert await runtime.database.fetch("SELECT name FROM sandboxes WHERE id = $1", shelf.id) == [("second",)]


def _moments() -> dict[str, str]:
    return dict.fromkeys(("base_at", "base_real", "created_at"), "2026-06-09T01:00:00+00:00")


async def test_a_deleted_sandbox_is_swept_but_for_its_numbers(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, neighbour = await a_shelf(own_runtime), await a_shelf(own_runtime)
    for each in (shelf, neighbour):
        broken.add("2")
        await hear(own_runtime, each.said(SENT, "1"), each.said(MARKED, "2"), each.said(MARKED, "3"))
        await own_runtime.decide(each.id, lambda work: work.publish("parcel.answered.v1", "A", {}), codes=["A"])
    tables = [table.name for table in own_runtime.metadata.sorted_tables if "sandbox" in table.c]
    kept = {table: await neighbour.rows(table, "count(*)") for table in tables}
    assert kept["parcels"] == kept["events"] == kept["queue"] == kept["parked"] == [(1,)]
    await shelf.sandbox.tell(deleted=True)
    sweep = asyncio.create_task(own_runtime.sweep())
    async with asyncio.timeout(20):
        while not await own_runtime.database.fetch("SELECT FROM sandboxes WHERE id = $1 AND swept", shelf.id):
            pass
    sweep.cancel()
    left = {table for table in tables if await shelf.rows(table)}
    assert left == {"queue"}, "what waits for a number is sent as a void"
    assert {table: await neighbour.rows(table, "count(*)") for table in tables} == kept


async def test_a_database_of_another_version_ends_the_process_with_a_sentence(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_house(url, Owner())):
        pass
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE schema_version SET version = 0")
    await connection.close()
    runtime, reasons = a_house(url, Owner()), list[str]()
    runtime.give_up = reasons.append
    async with runtime.opened():
        with pytest.raises(OldSchema):
            await runtime.when_ready()
        assert "database" in runtime.waits_for
    assert len(reasons) == 1
    assert f"schema 0, this software needs {SCHEMA_VERSION}" in reasons[0] and "lienthong reset" in reasons[0]


@pytest.fixture
async def door(runtime: MessagingRuntime[Parcel]) -> httpx.AsyncClient:
    app = web.create_app(runtime, "parcels", {})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://door.test"
    )


async def test_readiness_names_what_is_waited_for(runtime: MessagingRuntime[Parcel], door: httpx.AsyncClient) -> None:
    assert (await door.get("/healthz")).json() == {"status": "running", "service": "receiver"}
    assert (await door.get("/readyz")).json()["status"] == "ready"
    runtime.waits_for |= {"broker", "database"}
    try:
        answer = await door.get("/readyz")
        assert (answer.status_code, answer.json()["waits_for"]) == (503, ["broker", "database"])
        assert answer.json()["detail"] == "Waiting for broker, database."
        assert (await door.get("/healthz")).status_code == 200
        with pytest.raises(NotReady):
            await runtime.decide("default", lambda work: None)
    finally:
        runtime.waits_for.clear()


async def test_metrics_show_every_name_of_the_one_list_with_its_help(door: httpx.AsyncClient) -> None:
    shown = (await door.get("/metrics")).text
    listed = [each for each in vars(metrics).values() if isinstance(each, prometheus_client.metrics.MetricWrapperBase)]
    assert len(listed) >= 15
    for metric in listed:
        (family, *_) = metric.describe()
        assert family.name.startswith("lienthong_") and len(family.documentation) > 10, family
        assert f"# HELP {family.name}" in shown, family.name
    ours = {line.split(" ")[2] for line in shown.splitlines() if line.startswith("# TYPE lienthong_")}
    assert {name.removesuffix("_created") for name in ours} <= {
        f"{metric.describe()[0].name}{end}" for metric in listed for end in ("", "_total", "_bucket", "_sum", "_count")
    }


async def test_a_fault_tells_its_trace_id_only_and_is_counted(runtime: MessagingRuntime[Parcel]) -> None:
    app = web.create_app(runtime, "parcels", {})

    @app.get("/fault")
    async def fault() -> None:
        raise ValueError("a secret of the machine")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://door.test"
    ) as door:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        answer = await door.get("/fault", headers={"traceparent": trace})
        assert (answer.status_code, answer.json()["trace_id"]) == (500, trace[3:35])
        assert "secret" not in answer.text
        assert (
            'lienthong_requests_total{method="GET",route="/fault",status="500"} 1.0'
            in (await door.get("/metrics")).text
        )


@contextmanager
def log_lines() -> Iterator[list[dict[str, Any]]]:
    """What a process would write to its log, read again."""
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
        await runtime.decide(sandbox, lambda work: work.load(code, lambda _: NotReady("no such parcel")), codes=[code])

    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with log_lines() as lines:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door.test") as door:
            await door.post("/parcels/A", headers={"traceparent": trace, "X-Sandbox": shelf.id})
        broken.add("1")
        await hear(runtime, shelf.said(SENT, "1"), shelf.said(MARKED, "1"))
        structlog.get_logger().info("elsewhere")
    refused, request, dead = lines[:3]
    for line in (refused, request):
        assert (line["service"], line["trace_id"]) == ("parcels-api", trace[3:35])
        assert (line["sandbox"], line["dossier"]) == (shelf.id, "A")
    assert (refused["event"], request["event"], request["status"]) == ("refused", "request", 503)
    assert (dead["event"], dead["service"], dead["sandbox"], dead["dossier"]) == (
        *("dead_letter", "parcels-api", shelf.id, "A"),
    )
    assert len(dead["trace_id"]) == 32
    assert lines[-1]["service"] == "parcels-api"
