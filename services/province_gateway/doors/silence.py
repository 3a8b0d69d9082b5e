"""What a connector has not done yet: deliveries that it has not acknowledged, dossiers on which it must act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contracts.catalogue import PROVINCES, province_of
from contracts.modes import EXTERNAL, LEGACY, WEBHOOK, in_force
from services.province_gateway.domain import Dossier
from services.province_gateway.doors import conductor
from services.province_gateway.doors.attempts import CALLS_WAIT_FOR
from services.province_gateway.doors.legacy_tables import EVENT_SQL
from services.province_gateway.doors.verdicts import READABLE_SQL
from services.province_gateway.officers.behaviour import is_officers_turn
from services.province_gateway.officers.modes import mode_of
from shared.messaging.runtime import MessagingRuntime
from shared.sandbox import registry
from shared.sandbox.registry import Sandbox
from shared.storage.page import LARGEST, Page

# Whether reverse calls are told is $3; if not, they wait apart.
WAITING_SQL = f"""
SELECT count(*) FILTER (WHERE told) AS waiting, min(real_at) FILTER (WHERE told) AS since,
  count(given_up_at) FILTER (WHERE told) AS given_up, count(*) FILTER (WHERE NOT told) AS apart,
  (SELECT error FROM attempts WHERE sandbox = $1 AND province = $2 ORDER BY real_at DESC LIMIT 1) AS error
FROM (SELECT *, ($3::bool OR {EVENT_SQL}) AS told FROM deliveries d
  WHERE sandbox = $1 AND province = $2 AND acknowledged_at IS NULL) d"""
SIGNING_SQL = "SELECT EXISTS (SELECT FROM connectors WHERE sandbox = $1 AND province = $2 AND secret <> '')"
LAST_SQL = f"""
SELECT outcome, document FROM verdicts v WHERE sandbox = $1 AND province = $2 AND {READABLE_SQL}
ORDER BY number DESC LIMIT 1"""
KEPT_SQL = "SELECT DISTINCT dossier FROM kept_deliveries WHERE sandbox = $1 AND province = $2"
OF_DOSSIER_SQL = f"""
SELECT count(*) FILTER (WHERE acknowledged_at IS NULL AND (is_event OR $3::bool)) AS waiting,
  count(*) FILTER (WHERE acknowledged_at IS NULL AND NOT (is_event OR $3::bool)) AS apart,
  min(real_at) FILTER (WHERE acknowledged_at IS NULL AND (is_event OR $3::bool)) AS since,
  max(real_at) FILTER (WHERE is_event) AS told_at,
  (array_agg(type ORDER BY number DESC) FILTER (WHERE is_event))[1] AS told,
  (SELECT max(v.real_at) FROM verdicts v WHERE v.sandbox = $1 AND v.dossier = $2
    AND v.outcome IN ('accepted', 'accepted_with_deviations')) AS answered_at,
  (SELECT v.document FROM verdicts v WHERE v.sandbox = $1 AND v.dossier = $2
    ORDER BY v.number DESC LIMIT 1) AS verdict
FROM (SELECT *, {EVENT_SQL} AS is_event FROM deliveries d WHERE d.sandbox = $1 AND d.dossier = $2) d
HAVING count(*) > 0"""


UNTOLD: dict[str, Any] = {
    "waiting": 0,
    "since": None,
    "apart": 0,
    "told": "",
    "told_at": None,
    "answered": False,
    "rejected": "",
}


async def report(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> list[dict[str, Any]]:
    """One entry per connected province, for `settle`: `province`, `text`, and whether it is `silent`: it has to act."""
    rows = await runtime.database.fetch("SELECT modes FROM sandboxes WHERE id = $1", sandbox_id)
    if not rows or f'"{EXTERNAL}"' not in rows[0]["modes"]:
        return []
    modes, sandbox = msgspec.json.decode(rows[0]["modes"]), await registry.read(runtime.database, sandbox_id)
    in_modes = {name: in_force(modes, name)[0] for name in PROVINCES}
    external = {name: mode for name, mode in in_modes.items() if mode["mode"] == EXTERNAL}
    return [await _of_province(runtime, sandbox, province, mode) for province, mode in external.items()]


async def _of_province(
    runtime: MessagingRuntime[Dossier], sandbox: Sandbox, province: str, mode: Mapping[str, Any]
) -> dict[str, Any]:
    via = mode.get("via", "")
    hears_calls = mode_of(sandbox, province).hears_calls
    (waiting,) = await runtime.database.fetch(WAITING_SQL, sandbox.id, province, hears_calls)
    last = await runtime.database.fetch(LAST_SQL, sandbox.id, province)
    must_act = await _must_act(runtime, sandbox, province)
    parts = []
    if waiting["waiting"]:
        since = waiting["since"].isoformat(timespec="seconds")
        deliveries = "delivery" if waiting["waiting"] == 1 else "deliveries"
        if mode.get("via") == LEGACY and not mode.get("url"):
            parts.append(
                f"listens nowhere, and has not looked up {waiting['waiting']} {deliveries}: TraCuuHoSo, or connect with --url"
            )
        else:
            parts.append(f"has {waiting['waiting']} {deliveries} it has not acknowledged, the oldest since {since}")
        if via == WEBHOOK and not await runtime.database.pool.fetchval(SIGNING_SQL, sandbox.id, province):
            again = f"`lienthong connect --province {province} --via webhook --url ADDRESS` draws them"
            parts.append(f"nothing is sent, because it has no credentials: {again}")
        elif waiting["error"]:
            parts.append(f"its receiver {waiting['error']}")
        if waiting["given_up"]:
            again = f"`lienthong resend --dossier CODE --province {province}` sends them again"
            parts.append(f"{waiting['given_up']} are not sent any more: {again}")
    elif must_act:
        parts.append(await _next_of(runtime, sandbox, must_act))
    if waiting["apart"]:
        parts.append(f"reverse calls that wait: {waiting['apart']}, for {CALLS_WAIT_FOR}")
    if last and last[0]["outcome"] == "rejected":
        parts.append(f"its last message was rejected: {_rules(last[0]['document'])}")
    is_silent = bool(waiting["waiting"] or must_act)
    text = "; ".join(parts) or "is connected: its connector can speak at any time"
    return {"province": province, "silent": is_silent, "text": f"province {province} {text}"}


async def of_dossier(runtime: MessagingRuntime[Dossier], sandbox_id: str, code: str) -> dict[str, Any] | None:
    """What the connector of a dossier was told and said about it; None if it was told nothing."""
    mode = mode_of(await registry.read(runtime.database, sandbox_id), province_of(code) or "")
    rows = await runtime.database.fetch(OF_DOSSIER_SQL, sandbox_id, code, mode.hears_calls)
    held = await conductor.held_of(runtime.database, sandbox_id, code)
    if not rows:
        return {**UNTOLD, "held": held} if held else None
    row = rows[0]
    verdict = msgspec.json.decode(row["verdict"]) if row["verdict"] else None
    return {
        "held": held,
        "waiting": row["waiting"],
        "since": _real(row["since"]),
        "apart": row["apart"],
        "told": row["told"] or "",
        "told_at": _real(row["told_at"]),
        "answered": None not in (row["answered_at"], row["told_at"]) and row["answered_at"] > row["told_at"],
        "rejected": _rules(row["verdict"]) if verdict and verdict["outcome"] == "rejected" else "",
    }


async def _must_act(runtime: MessagingRuntime[Dossier], sandbox: Sandbox, province: str) -> list[str]:
    """The open dossiers of a province on which officers would act now, the oldest first."""
    condition = "province = $2 AND open"
    page = await runtime.documents.page(
        runtime.database, sandbox.id, [condition], [province], Page(LARGEST), oldest_first=True
    )
    kept = await runtime.database.fetch(KEPT_SQL, sandbox.id, province)
    untold = {row["dossier"] for row in kept}  # a fault rule keeps back what it would act on
    return [
        dossier.code for dossier in page.rows if dossier.code not in untold and is_officers_turn(dossier, sandbox.now)
    ]


async def _next_of(runtime: MessagingRuntime[Dossier], sandbox: Sandbox, codes: Sequence[str]) -> str:
    """A phrase about the dossiers that wait for the connector."""
    row = await of_dossier(runtime, sandbox.id, codes[0])
    more = f", and {len(codes) - 1} more" if len(codes) > 1 else ""
    if row is None or row["answered"]:
        return f"must act on {codes[0]}{more}"
    return f"was told {row['told']} of {codes[0]} at {row['told_at']} and has not answered{more}"


def _rules(document: str) -> str:
    errors = msgspec.json.decode(document)["errors"]
    return ", ".join(f"{error['rule']} ({error['title']})" for error in errors[:3]) or "?"


def _real(at: Any) -> str | None:
    return None if at is None else str(at.isoformat(timespec="seconds"))
