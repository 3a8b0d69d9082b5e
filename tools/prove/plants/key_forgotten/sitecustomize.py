"""Planted bug: a request with a known Idempotency-Key counts as a new one."""

from importlib import import_module
from typing import Any

idempotency: Any = import_module("shared.messaging.idempotency")

KNOWN = "ON CONFLICT DO NOTHING RETURNING 1"
NEW = "ON CONFLICT (sandbox, caller, route, key) DO UPDATE SET body_hash = excluded.body_hash RETURNING 1"
if idempotency.OPEN_SQL.count(KNOWN) != 1:
    raise AssertionError(f"the statement that opens a request has changed: {KNOWN!r} is not in it once")
idempotency.OPEN_SQL = idempotency.OPEN_SQL.replace(KNOWN, NEW)
