"""What a process says about itself: log lines, trace context (W3C), and the list of every metric with its meaning and unit."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from random import getrandbits  # seeded anew in every forked child; one of our own would repeat itself
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

# No label holds what users choose freely (a sandbox, a code, a path): each is one of a few words that our own code knows.
REQUESTS = Counter(
    "lienthong_requests_total", "HTTP requests answered, by route, method and status", ["route", "method", "status"]
)
REQUEST_SECONDS = Histogram("lienthong_request_seconds", "Time to answer an HTTP request, in seconds", ["route"])
REFUSALS = Counter("lienthong_refusals_total", "Requests refused, by problem type", ["problem"])
JOURNEYS = Counter(
    "lienthong_journeys_total",
    "Things that came to a state, the one they are born into included, by state and the channel they came in through",
    ["service", "state", "channel"],
)
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
LAG = Gauge(
    "lienthong_lag_events",
    "Events of a topic numbered by their source and not applied yet, over the lanes of this worker; NaN: not known",
    ["topic"],
)
# What the database of a service holds, told by each of its processes when it is asked (shared/observability/gauges.py): take the
# greatest, never the sum. Counts stop at 10,000.
QUEUE_DEPTH = Gauge("lienthong_queue_depth", "Events written and not yet given to the broker", ["service"])
PARKED = Gauge("lienthong_parked", "Things parked behind a dead letter", ["service"])
CALLS_OPEN = Gauge(
    "lienthong_calls_in_flight", "Background HTTP calls that have not ended, refused ones included", ["service"]
)
TIMERS_DUE = Gauge(
    "lienthong_timers_due", "Timers due and not fired, frozen sandboxes and parked things aside", ["service"]
)
SANDBOXES = Gauge("lienthong_sandboxes", "Sandboxes that are not deleted", ["service"])
TABLE_BYTES = Gauge(
    "lienthong_table_bytes", "Bytes on disk of a table, its indexes and large values included", ["service", "table"]
)

# Version 00 of W3C Trace Context; ids of nothing but zeros are invalid.
_TRACEPARENT = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")
_joined: ContextVar[tuple[str, str] | None] = ContextVar("joined", default=None)


def child_of(parent: str) -> str:
    """A `traceparent` of a new span below a valid one."""
    return f"{parent[:36]}{getrandbits(64):016x}{parent[52:]}"


def valid(traceparent: str) -> bool:
    return _TRACEPARENT.fullmatch(traceparent) is not None


def new_trace() -> str:
    """A `traceparent` of a span above which there is nothing."""
    return f"00-{getrandbits(128):032x}-{getrandbits(64):016x}-01"


def same_trace(one: str, other: str) -> bool:
    return one[3:35] == other[3:35]


def begin_trace(incoming: str | None) -> str:
    """Continue the caller's trace, or begin one; gives the `traceparent` (W3C Trace Context level 1) of our own span."""
    begin_step(incoming or "", "")
    return _current.get()


def begin_request(incoming: str) -> str:
    """As `begin_trace`, for a request, which may later `join` a journey."""
    _joined.set(None)
    return begin_trace(incoming)


def begin_step(cause: str, home: str) -> str:
    """Begin a step of the journey that `home` began, because of `cause`; gives the `traceparent` that it stands below.

    A cause from another trace has no say: the journey keeps one trace. Without a home, the cause's trace goes on.
    """
    parent = cause if valid(cause) and (not home or same_trace(cause, home)) else home
    _current.set(child_of(parent) if parent else new_trace())
    return parent


def join(home: str) -> None:
    """What this request does from here on belongs to the journey that `home` began."""
    if home and not same_trace(home, traceparent()):
        own = child_of(home)
        _joined.set((home, own))
        _current.set(own)


def joined() -> tuple[str, str] | None:
    """The journey that this request joined, and the request's own span in it; None if it joined none."""
    return _joined.get()


def found_as(own: str, came: str) -> str:
    """The `traceparent` under which a request is found: the caller's trace if it brought one, else that of the journey."""
    journey = _joined.get()
    return own if journey is None or same_trace(came, own) else journey[1]


def traceparent() -> str:
    return _current.get() or begin_trace(None)


def present() -> str:
    """As `traceparent`, but begins nothing: empty where nothing has begun."""
    return _current.get()


def resume(traceparent: str) -> None:
    """Go back to what was `present`, after steps of other journeys."""
    _current.set(traceparent)


def trace_id() -> str:
    return traceparent()[3:35]


def concerns(sandbox: str, dossier: str = "") -> None:
    """Log lines of this request name these from now on."""
    structlog.contextvars.bind_contextvars(sandbox=sandbox, **({"dossier": dossier} if dossier else {}))


role = "lienthong"  # which process this is, once `configure_logs` was told


def configure_logs(service: str) -> None:
    """JSON lines on standard output, each with service, trace id, and sandbox and dossier where known."""

    def name_ourselves(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        trace = {"trace_id": _current.get()[3:35]} if _current.get() else {}
        return {"service": service, **trace, **line}

    global role
    role = service
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
