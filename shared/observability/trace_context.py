"""W3C Trace Context: which journey the running step belongs to."""

from __future__ import annotations

import re
from contextvars import ContextVar
from random import getrandbits  # seeded anew in every forked child; one of our own would repeat itself

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
