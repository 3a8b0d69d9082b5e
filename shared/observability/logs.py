"""JSON log lines: service, trace id, sandbox and dossier on each."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.observability import trace_context


def concerns(sandbox_id: str, dossier: str = "") -> None:
    """Add the sandbox and the dossier to all further log lines of this request."""
    structlog.contextvars.bind_contextvars(sandbox=sandbox_id, **({"dossier": dossier} if dossier else {}))


role = "lienthong"  # name of this process; set by `configure_logs`


def configure_logs(service: str) -> None:
    """Write JSON lines to standard output, each with service and trace id, and with sandbox and dossier if known."""

    def add_service_and_trace(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        traceparent = trace_context.current()
        trace = {"trace_id": traceparent[3:35]} if traceparent else {}
        return {"service": service, **trace, **line}

    global role
    role = service
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
    structlog.configure(
        processors=[
            add_service_and_trace,
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
