"""JSON log lines: service, trace id, sandbox and dossier on each."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import structlog

from shared.observability import trace_context

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def begin() -> None:
    """A new request begins: nothing is known about it."""
    _about.set({})


def concerns(sandbox_id: str, dossier: str = "") -> None:
    """Add the sandbox and the dossier to all further log lines of this request."""
    known = _about.get()
    if known.get("sandbox") != sandbox_id or (dossier and known.get("dossier") != dossier):
        _about.set({**known, "sandbox": sandbox_id, **({"dossier": dossier} if dossier else {})})


def about() -> Mapping[str, str]:
    """What this request or step concerns: `sandbox` and `dossier`, as far as they are known."""
    return _about.get()


class _Lines:
    """Standard output, of which nothing that fails is told: a line that a full disk does not take is lost, its task goes on."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stdout.flush()


def prepare() -> None:
    """Let what libraries log become lines, too. The first call counts: before a fork, it spares each role 0.5 MB."""
    logging.basicConfig(level=logging.WARNING, stream=_Lines())


role = "lienthong"  # name of this process; set by `configure_logs`


def configure_logs(service: str) -> None:
    """Write JSON lines to standard output, each with service and trace id, and with sandbox and dossier if known."""

    def add_facts(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        traceparent = trace_context.current()
        trace = {"trace_id": traceparent[3:35]} if traceparent else {}
        return {"service": service, **trace, **_about.get(), **line}

    global role
    role, encode = service, json.JSONEncoder(ensure_ascii=False, default=repr).encode  # made once, not for every line
    prepare()
    structlog.configure(
        processors=[
            add_facts,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="real_at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(lambda line, **_: encode(line)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_Lines()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
