"""Exports the spans of a journey: one per request, per call, per event sent or applied, and per timer.

Without an OTLP endpoint this is off and costs almost nothing: the OpenTelemetry SDK is not imported (its small API comes
with FastAPI), and callers only check `if spans.on`, which takes 8 ns. `trace_context` draws and propagates the ids in any
case, and the logs show them.
A span is exported when it has ended, with the ids that were propagated before. Names follow the OpenTelemetry semantic
conventions.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from shared.observability import logs, trace_context
from shared.observability.paths import masked
from shared.settings import Settings

if TYPE_CHECKING:  # at run time it is imported only if spans are on
    from shared.observability.otlp import Exporter

log = structlog.get_logger()
on = False
_exporter: Exporter | None = None
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))
# Programs call these paths very often, up to 300 times a second while a clock is advanced; they belong to no journey.
_QUIET = ("/_lab/", "/healthz", "/readyz", "/metrics")

# traceparent of the step, of its parent, of its cause in another trace (or ""), and the kind of error (or "")
Step = tuple[str, str, str, str]


def start(settings: Settings, role: str) -> None:
    """Switch the export on if the settings name an endpoint; called once per process, after the fork."""
    global on, _exporter
    if settings.otel_sdk_disabled or not (settings.otlp_endpoint or settings.otlp_traces_endpoint):
        return
    from shared.observability.otlp import Exporter

    _exporter = Exporter(settings.otel_service_name or role, role)
    on = True


def stop() -> None:
    """Export the remaining spans, for at most two seconds, and switch the export off."""
    global on, _exporter
    on = False
    if _exporter is not None:
        _exporter.close()
        _exporter = None


def request(scope: Mapping[str, Any], status: int, own: str, incoming: str, seconds: float) -> None:
    """The span of a finished request.

    If the caller has its own trace and the request also joined a journey, there is one span in each trace, with links.
    """
    method, path = scope["method"], scope["path"]
    if quiet(method, path):
        return
    route = getattr(scope.get("route"), "path", "")
    known = method if method in METHODS else "_OTHER"
    name = f"{known if known == method else 'HTTP'} {route}".rstrip()
    host, port = scope.get("server") or ("", 0)
    facts = _known(
        {
            "http.request.method": known,
            "http.route": route,
            "http.response.status_code": status,
            "url.scheme": scope.get("scheme", "http"),
            "url.path": masked(path),
            "server.address": host,
            "server.port": port or 0,
            "network.protocol.version": scope.get("http_version", ""),
            **_log_context(),
        }
    )
    times = _ago(seconds)
    error = str(status) if status >= 500 else ""
    parent = incoming if trace_context.same_trace(incoming, own) else ""
    journey = trace_context.joined()
    if journey is None:
        _export("server", name, own, parent, times, facts, error=error)
    elif not parent:
        _export("server", name, journey[1], journey[0], times, facts, error=error)
    else:
        _export("server", name, own, parent, times, facts, link=journey[1], error=error)
        _export("internal", name, journey[1], journey[0], times, facts, link=own, error=error)


def call(
    method: str, url: str, own: str, parent: str, seconds: float, sandbox_id: str, status: int, error: str
) -> None:
    """The span of a call to a peer.

    status  0: no reply
    """
    address = urlsplit(url)
    if quiet(method, address.path):
        return
    facts: dict[str, str | int] = {
        "http.request.method": method,
        "http.response.status_code": status,
        "url.full": url.partition("?")[0],
        "server.address": address.hostname or "",
        "server.port": address.port or 80,
        "lienthong.sandbox": sandbox_id,
    }
    error = error or (str(status) if status >= 400 else "")
    _export("client", method, own, parent, _ago(seconds), _known(facts), error=error)


def quiet(method: str, path: str) -> bool:
    """Whether this is a frequent technical request that gets no span."""
    return method == "GET" and path.startswith(_QUIET)


def step(parent: str, cause: str, error: str = "") -> Step:
    """The current step, with its parent and its cause."""
    return (
        trace_context.traceparent(),
        parent,
        "" if cause == parent or not trace_context.valid(cause) else cause,
        error,
    )


def stamp(rows: Sequence[Any], messages: Iterable[Any]) -> list[str]:
    """Write a new `traceparent` into each message: a child of the one that its event row has. Returns them in order."""
    own = []
    for row, (*_, headers) in zip(rows, messages, strict=True):
        parent = row["traceparent"] or ""
        own.append(trace_context.child_of(parent) if trace_context.valid(parent) else "")
        headers[-1] = (headers[-1][0], own[-1].encode())
    return own


def sent(topic: str, source: str, rows: Sequence[Any], own: Sequence[str], offsets: Sequence[int], begun: int) -> None:
    """The spans of events that the broker acknowledged."""
    times = (begun, time.time_ns())
    for row, span, offset in zip(rows, own, offsets, strict=True):
        if span:
            facts = {
                **_message("send", topic, row["lane"], offset, row["id"], row["type"]),
                "cloudevents.event_source": f"/{source}/{row['sandbox']}",
                "lienthong.sandbox": row["sandbox"],
                "lienthong.dossier": row["subject"],
            }
            _export("producer", f"send {topic}", span, row["traceparent"], times, facts)


def applied(topic: str, group: str, steps: Iterable[tuple[Any, Step]], begun: int) -> None:
    """The spans of events that were applied, or became dead letters, in one transaction. Each lasts as long as it."""
    times = (begun, time.time_ns())
    for event, (own, parent, link, error) in steps:
        facts = {
            **_message("process", topic, event.lane, event.offset, event.id, event.type),
            "messaging.consumer.group.name": group,
            "cloudevents.event_source": f"/{event.source}/{event.sandbox}",
            "lienthong.sandbox": event.sandbox,
            "lienthong.dossier": event.subject,
        }
        _export("consumer", f"process {topic}".rstrip(), own, parent, times, facts, link=link, error=error)


def fired(steps: Iterable[tuple[Any, Step]], begun: int) -> None:
    """The spans of timers that fired in one transaction."""
    times = (begun, time.time_ns())
    for timer, (own, parent, link, error) in steps:
        facts = {"lienthong.sandbox": timer.sandbox, "lienthong.dossier": timer.subject, "lienthong.timer": timer.kind}
        _export("internal", f"timer {timer.kind}", own, parent, times, facts, link=link, error=error)


def attempted(call: Any, own: str, parent: str, seconds: float, error: str) -> None:
    """The span of one attempt of a background call. The HTTP call itself is its child span."""
    facts = {"lienthong.sandbox": call.sandbox, "lienthong.call": call.kind, "lienthong.attempt": call.attempts}
    _export("internal", f"call {call.kind}", own, parent, _ago(seconds), facts, error=error)


def _message(does: str, topic: str, lane: int, offset: int, id: str, type: str) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": does,
        "messaging.operation.name": does,
        **({"messaging.destination.name": topic} if topic else {}),  # unknown when a dead letter is redriven
        "messaging.destination.partition.id": str(lane),
        "messaging.kafka.offset": offset,
        "messaging.message.id": id,
        "cloudevents.event_id": id,
        "cloudevents.event_type": type,
    }


def _log_context() -> dict[str, str]:
    return {f"lienthong.{name}": fact for name, fact in logs.about().items()}


def _known(facts: Mapping[str, str | int]) -> dict[str, str | int]:
    return {name: fact for name, fact in facts.items() if fact not in ("", 0)}


def _ago(seconds: float) -> tuple[int, int]:
    ended = time.time_ns()
    return ended - int(seconds * 1e9), ended


def _export(
    kind: str,
    name: str,
    own: str,
    parent: str,
    times: tuple[int, int],
    facts: Mapping[str, str | int],
    *,
    link: str = "",
    error: str = "",
) -> None:
    if _exporter is not None:
        _exporter.export(kind, name, own, parent, times, facts, link, error)
