"""Spans: off and free unless an endpoint is set; on, each with the ids that were carried on, its kind, name and links."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.observability import logs, spans, trace_context
from shared.observability.trace_context import begin_request, child_of, join
from shared.settings import Settings
from tests.support.otlp import Receiver, Span, receiver

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HOME = "00-11111111111111111111111111111111-2222222222222222-01"


def settings(**variables: Any) -> Settings:
    return Settings(**variables)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `Settings()` needs to be made."""
    monkeypatch.setenv("SERVICE_SECRET", "an invented secret")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Tracing is on, and this is where it goes; what was told is there after `told`."""
    logs.begin()
    with receiver() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        spans.start(settings(), "portal-api")
        yield found
        spans.stop()


def told(seen: Receiver) -> list[Span]:
    spans.stop()
    assert not spans.on
    return seen.spans()


def a_scope(
    method: str = "GET", path: str = "/api/v1/dossiers/A", route: str | None = "/api/v1/dossiers/{code}"
) -> Any:
    class Route:
        path = route

    scope = {"type": "http", "method": method, "path": path, "scheme": "http", "http_version": "1.1"}
    return {**scope, "server": ("127.0.0.1", 8000), **({"route": Route()} if route else {})}


def test_without_an_endpoint_the_sdk_is_not_even_imported() -> None:
    code = (
        "import sys, services.portal.app, services.province_gateway.worker, services.payment_mock.app\n"
        "from shared.observability import spans\n"
        "from services.portal.settings import Settings\n"
        "spans.start(Settings(), 'portal-api')\n"
        "print(spans.on, [name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    without = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    secrets = dict.fromkeys(("PAYMENT_PARTNER_SECRET", "SERVICE_SECRET"), "an invented secret")
    environment = {**without, "PYTHONPATH": os.getcwd(), **secrets}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False []"


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
    ],
)
def test_an_endpoint_switches_it_on(variables: dict[str, str], on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    spans.start(settings(), "portal-api")
    assert spans.on is on
    spans.stop()
    assert spans.on is False


@pytest.mark.parametrize(("named", "service"), [("", "payment"), ("mine", "mine")])
def test_a_service_is_its_role_unless_it_is_named(named: str, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as seen:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", seen.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", named)
        spans.start(settings(), "payment")
        spans.request(a_scope(), 200, begin_request(""), "", 0.1)
        assert [span.service for span in told(seen)] == [service]


def test_a_request_is_a_server_span_below_its_caller(seen: Receiver) -> None:
    own = begin_request(CALLER)
    logs.concerns("s1", "A")
    spans.request(a_scope("POST"), 201, own, CALLER, 0.25)
    (span,) = told(seen)
    assert (span.kind, span.name, span.failed) == ("server", "POST /api/v1/dossiers/{code}", False)
    assert (span.trace, span.id, span.parent) == (CALLER[3:35], own[36:52], CALLER[36:52])
    assert span.ended - span.begun == 250_000_000 and abs(span.ended - time.time_ns()) < 60e9
    assert span.facts == {
        "http.request.method": "POST",
        "http.route": "/api/v1/dossiers/{code}",
        "http.response.status_code": 201,
        "url.scheme": "http",
        "url.path": "/api/v1/dossiers/A",
        "server.address": "127.0.0.1",
        "server.port": 8000,
        "network.protocol.version": "1.1",
        "lienthong.sandbox": "s1",
        "lienthong.dossier": "A",
    }


def test_a_request_that_joins_a_journey_is_told_in_its_trace(seen: Receiver) -> None:
    own = begin_request("")
    join(HOME)
    spans.request(a_scope("POST"), 201, own, "", 0.1)
    (span,) = told(seen)
    assert (span.trace, span.parent, span.kind) == (HOME[3:35], HOME[36:52], "server")
    assert span.id == trace_context.traceparent()[36:52]


def test_a_request_with_a_trace_of_its_own_is_told_in_both_linked(seen: Receiver) -> None:
    own = begin_request(CALLER)
    join(HOME)
    spans.request(a_scope("POST"), 201, own, CALLER, 0.1)
    server, inside = sorted(told(seen), key=lambda span: span.kind, reverse=True)
    assert (server.kind, server.trace, server.id, server.links) == ("server", CALLER[3:35], own[36:52], (HOME[3:35],))
    assert (inside.kind, inside.trace, inside.parent, inside.links) == (
        *("internal", HOME[3:35], HOME[36:52], (CALLER[3:35],)),
    )


@pytest.mark.parametrize(("status", "error"), [(200, None), (404, None), (500, "500")])
def test_only_a_fault_of_ours_fails_a_request(seen: Receiver, status: int, error: str | None) -> None:
    spans.request(a_scope(), status, begin_request(""), "", 0.1)
    (span,) = told(seen)
    assert (span.failed, span.facts.get("error.type")) == (error is not None, error)


def test_an_address_and_a_method_that_nobody_knows_get_no_name_of_their_own(seen: Receiver) -> None:
    spans.request(a_scope("BREW", "/pot", route=None), 405, begin_request(""), "", 0.1)
    (span,) = told(seen)
    assert (span.name, span.facts["http.request.method"]) == ("HTTP", "_OTHER")
    assert "http.route" not in span.facts


def test_questions_of_the_machinery_leave_no_span(seen: Receiver) -> None:
    for path in ("/_lab/lanes", "/_lab/sandboxes/s1/pending", "/readyz", "/healthz", "/metrics"):
        spans.request(a_scope("GET", path), 200, begin_request(""), "", 0.1)
        spans.call("GET", f"http://127.0.0.1:1{path}?x=1", child_of(HOME), HOME, 0.1, "s1", 200, "")
    spans.request(a_scope("POST", "/_lab/sandboxes", "/_lab/sandboxes"), 201, begin_request(""), "", 0.1)
    assert [span.name for span in told(seen)] == ["POST /_lab/sandboxes"]


@pytest.mark.parametrize(
    ("status", "error", "facts"),
    [
        (200, "", {"http.response.status_code": 200}),
        (404, "", {"http.response.status_code": 404, "error.type": "404"}),
        (0, "ConnectError", {"error.type": "ConnectError"}),
    ],
)
def test_a_call_is_a_client_span(seen: Receiver, status: int, error: str, facts: dict[str, Any]) -> None:
    own = child_of(HOME)
    spans.call("POST", "http://127.0.0.1:8003/init?token=secret", own, HOME, 0.1, "s1", status, error)
    (span,) = told(seen)
    assert (span.kind, span.name, span.trace, span.id, span.parent) == (
        *("client", "POST", HOME[3:35], own[36:52], HOME[36:52]),
    )
    assert span.failed is ("error.type" in facts)
    assert span.facts == {
        "http.request.method": "POST",
        "url.full": "http://127.0.0.1:8003/init",
        "server.address": "127.0.0.1",
        "server.port": 8003,
        "lienthong.sandbox": "s1",
        **facts,
    }


@dataclass
class Happening:
    """An event or a timer, as far as a span shows it."""

    source: str = "portal"
    sandbox: str = "s1"
    subject: str = "A"
    lane: int = 0
    offset: int = 0
    id: str = "1-2"
    type: str = "dossier.submitted.v1"
    kind: str = "reception"


def test_a_sent_event_has_a_span_of_its_own_that_its_reader_goes_on_from(seen: Receiver) -> None:
    row = {"lane": 3, "id": "1-2", "type": "a.b.v1", "sandbox": "s1", "subject": "A", "traceparent": HOME}
    void = {**row, "id": None, "type": None, "traceparent": None}
    messages = [(3, b"A", b"{}", [("ce_id", b"1-2"), ("traceparent", (each or "").encode())]) for each in (HOME, None)]
    own = spans.stamp([row, void], messages)
    assert messages[0][3][-1] == ("traceparent", own[0].encode()) and own[0][:36] == HOME[:36]
    assert messages[1][3][-1] == ("traceparent", b"") and own[1] == ""
    spans.sent("t.v1", "portal", [row, void], own, [40, 41], time.time_ns())
    (span,) = told(seen)
    assert (span.kind, span.name, span.id, span.parent) == ("producer", "send t.v1", own[0][36:52], HOME[36:52])
    assert span.facts == {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": "t.v1",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 40,
        "messaging.message.id": "1-2",
        "cloudevents.event_id": "1-2",
        "cloudevents.event_type": "a.b.v1",
        "cloudevents.event_source": "/portal/s1",
        "lienthong.sandbox": "s1",
        "lienthong.dossier": "A",
    }


def test_an_applied_event_is_a_consumer_span_and_a_dead_letter_a_failed_one(seen: Receiver) -> None:
    steps = []
    for cause, wrong in ((child_of(HOME), ""), (CALLER, "NotToday")):
        steps.append((Happening(), spans.step(trace_context.begin_step(cause, HOME), cause, wrong)))
    begun = time.time_ns()
    spans.applied("t.v1", "gateway-reader", steps, begun)
    fine, dead = told(seen)
    assert (fine.kind, fine.name, fine.parent, fine.links) == ("consumer", "process t.v1", steps[0][1][1][36:52], ())
    assert (fine.begun, fine.facts["messaging.consumer.group.name"]) == (begun, "gateway-reader")
    assert (dead.trace, dead.parent, dead.links) == (HOME[3:35], HOME[36:52], (CALLER[3:35],))
    assert (fine.failed, dead.failed, dead.facts["error.type"]) == (False, True, "NotToday")


def test_what_is_tried_again_by_hand_has_no_topic(seen: Receiver) -> None:
    spans.applied("", "gateway-reader", [(Happening(), spans.step(trace_context.begin_step(HOME, HOME), HOME))], 1)
    (span,) = told(seen)
    assert span.name == "process" and "messaging.destination.name" not in span.facts


def test_a_timer_belongs_to_its_journey_and_is_linked_to_who_turned_the_clock(seen: Receiver) -> None:
    steps = [(Happening(), spans.step(trace_context.begin_step(CALLER, HOME), CALLER))]
    spans.fired(steps, time.time_ns())
    (span,) = told(seen)
    assert (span.kind, span.name, span.trace, span.links) == (
        *("internal", "timer reception", HOME[3:35], (CALLER[3:35],)),
    )


@dataclass
class Call:
    sandbox: str = "s1"
    kind: str = "refund"
    attempts: int = 2


def test_a_background_call_tells_each_try(seen: Receiver) -> None:
    spans.attempted(Call(), child_of(HOME), HOME, 0.1, "Unreachable")
    (span,) = told(seen)
    assert (span.kind, span.name, span.failed) == ("internal", "call refund", True)
    assert span.facts == {
        "lienthong.sandbox": "s1",
        "lienthong.call": "refund",
        "lienthong.attempt": 2,
        "error.type": "Unreachable",
    }


def test_a_caller_that_does_not_sample_gets_no_spans(seen: Receiver) -> None:
    unsampled = CALLER[:-2] + "00"
    spans.request(a_scope(), 200, begin_request(unsampled), unsampled, 0.1)
    assert told(seen) == []


def test_a_batch_of_five_hundred_events_is_told_whole(seen: Receiver) -> None:
    steps = [(Happening(id=str(n)), spans.step(trace_context.begin_step(HOME, HOME), HOME)) for n in range(3_000)]
    for at in range(0, 3_000, 500):
        spans.applied("t.v1", "gateway-reader", steps[at : at + 500], time.time_ns())
    assert len(told(seen)) == 3_000


def test_an_endpoint_that_never_answers_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = set(threading.enumerate())
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{mute.getsockname()[1]}")
        spans.start(settings(), "portal-api")
        spans.request(a_scope(), 200, begin_request(""), "", 0.1)
        begun = time.monotonic()
        spans.stop()
        assert time.monotonic() - begun < 10
    assert all(thread.daemon for thread in set(threading.enumerate()) - earlier), "the interpreter would wait for them"
