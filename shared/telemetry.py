"""What a process says about itself: log lines, trace context (W3C), and the list of every metric with its meaning and unit."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "lienthong_requests_total", "HTTP requests answered, by route, method and status", ["route", "method", "status"]
)
REQUEST_SECONDS = Histogram("lienthong_request_seconds", "Time to answer an HTTP request, in seconds", ["route"])
REFUSALS = Counter("lienthong_refusals_total", "Requests refused, by problem type", ["problem"])
EVENTS_TOLD = Counter("lienthong_events_told_total", "Events written to the event log, by type", ["type"])
EVENTS_POSTED = Counter(
    "lienthong_events_posted_total", "Events acknowledged by the broker, repeats included", ["source"]
)
EVENTS_APPLIED = Counter("lienthong_events_applied_total", "Events applied in effect, by type", ["type"])
EVENTS_SKIPPED = Counter("lienthong_events_skipped_total", "Records read and not applied, by reason", ["reason"])
GAPS = Counter(
    "lienthong_gaps_total", "Times a reader found numbers missing in a lane and asked for replay", ["source"]
)
FORGETS = Counter("lienthong_broker_forgets_total", "Times the broker had forgotten what it acknowledged", ["source"])
EPOCHS = Counter("lienthong_epochs_total", "Times an event log began a new life", ["source"])
REPLAYS = Counter("lienthong_replays_total", "Lanes sent again at the request of a reader", ["source"])
DEAD_LETTERS = Counter("lienthong_dead_letters_total", "Events put aside as dead letters, by reason", ["reason"])
ORPHANS = Counter("lienthong_orphans_total", "Events about something nobody here knows", ["type"])
BATCH_RETRIES = Counter("lienthong_batch_retries_total", "Batches tried again after a fault of the machine", ["part"])
LEASES_TAKEN = Counter("lienthong_leases_taken_total", "Lanes taken over by this worker", ["part"])
TIMERS_FIRED = Counter("lienthong_timers_fired_total", "Timers fired, by kind", ["kind"])
CALLS_MADE = Counter("lienthong_calls_total", "Background HTTP calls made, by kind and outcome", ["kind", "outcome"])
QUEUE_DEPTH = Gauge("lienthong_queue_depth", "Events written and not yet given to the broker", ["source"])
PARKED = Gauge("lienthong_parked", "Things parked behind a dead letter", ["service"])
READER_LAG = Gauge(
    "lienthong_reader_lag", "Records in the broker that the reader has not read yet, over its lanes", ["service"]
)

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def begin_trace(incoming: str | None) -> str:
    """Continue the caller's trace, or begin one; gives the `traceparent` (W3C Trace Context level 1) of our own span."""
    match = _TRACEPARENT.fullmatch(incoming or "")
    trace = match.group(1) if match and match.group(1) != "0" * 32 else os.urandom(16).hex()
    traceparent = f"00-{trace}-{os.urandom(8).hex()}-01"
    _current.set(traceparent)
    return traceparent


def traceparent() -> str:
    return _current.get() or begin_trace(None)


def trace_id() -> str:
    return traceparent()[3:35]


def concerns(sandbox: str, dossier: str = "") -> None:
    """Log lines of this request name these from now on."""
    structlog.contextvars.bind_contextvars(sandbox=sandbox, **({"dossier": dossier} if dossier else {}))


def configure_logs(service: str) -> None:
    """JSON lines on standard output, each with service, trace id, and sandbox and dossier where known."""

    def name_ourselves(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        trace = {"trace_id": _current.get()[3:35]} if _current.get() else {}
        return {"service": service, **trace, **line}

    logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
    structlog.configure(
        processors=[
            name_ourselves,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="real_at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
