"""W3C Trace Context: the trace of the running step, and the journey (the trace of a whole dossier) that it belongs to."""

from __future__ import annotations

import re
from contextvars import ContextVar
from random import (
    getrandbits,  # the global generator gets a new seed in every forked child; an own instance would repeat its ids
)

# Version 00 of W3C Trace Context; an id of only zeros is invalid.
_TRACEPARENT = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")
_joined: ContextVar[tuple[str, str] | None] = ContextVar("joined", default=None)


def child_of(parent: str) -> str:
    """The `traceparent` of a new span whose parent is `parent`, which must be valid."""
    return f"{parent[:36]}{getrandbits(64):016x}{parent[52:]}"


def valid(traceparent: str) -> bool:
    return _TRACEPARENT.fullmatch(traceparent) is not None


def new_trace() -> str:
    """The `traceparent` of a new span without a parent."""
    return f"00-{getrandbits(128):032x}-{getrandbits(64):016x}-01"


def same_trace(one: str, other: str) -> bool:
    return one[3:35] == other[3:35]


def begin_trace(incoming: str | None) -> str:
    """Continue the caller's trace, or begin a new one. Returns the `traceparent` (level 1) of our own span."""
    begin_step(incoming or "", "")
    return _current.get()


def begin_request(incoming: str) -> str:
    """Like `begin_trace`, for a request, which can later `join` a journey."""
    _joined.set(None)
    return begin_trace(incoming)


def begin_step(cause: str, home: str) -> str:
    """Begin a step of the journey that began with the span `home`. Returns the `traceparent` of its parent span.

    The parent is `cause` if it belongs to the trace of `home`, otherwise `home`: a journey has one trace. Without `home`
    the step continues the trace of `cause`.
    """
    parent = cause if valid(cause) and (not home or same_trace(cause, home)) else home
    _current.set(child_of(parent) if parent else new_trace())
    return parent


def join(home: str) -> None:
    """Record the next steps of this request in the trace of `home`, the first span of a dossier's journey."""
    if home and not same_trace(home, traceparent()):
        own = child_of(home)
        _joined.set((home, own))
        _current.set(own)


def joined() -> tuple[str, str] | None:
    """`home` of the journey that this request joined, and the request's own span in it; None if it joined none."""
    return _joined.get()


def response_traceparent(own: str, incoming: str) -> str:
    """The `traceparent` for the response: in the caller's trace if it sent one, otherwise in the trace of the journey."""
    journey = _joined.get()
    return own if journey is None or same_trace(incoming, own) else journey[1]


def traceparent() -> str:
    return _current.get() or begin_trace(None)


def current() -> str:
    """Like `traceparent`, but does not begin a trace: empty if there is none."""
    return _current.get()


def resume(traceparent: str) -> None:
    """Return to an earlier `current()`, after steps of other journeys."""

    _current.set(traceparent)


def trace_id() -> str:
    return traceparent()[3:35]
