"""Names of the faults that fire at the public HTTP endpoints of every service."""

from __future__ import annotations

EDGE = "http"
LATENCY = "http-latency"
ERROR = "http-error"
TIMEOUT = "http-timeout"
RESET = "http-reset"
SLOW_BODY = "http-slow-body"
TRUNCATED = "http-truncated-body"
TOO_MANY = "http-too-many-requests"
STALE = "http-stale-answer"
