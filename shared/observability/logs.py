"""JSON log lines: service, trace id, sandbox and dossier on each."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.observability.trace_context import _current


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
