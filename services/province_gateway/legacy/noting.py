"""Pushes that no event can say, each with its verdict: ratings, questions and answers, and what cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contracts.gate import Finding, Verdict
from contracts.legacy import personal
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.legacy_tables import NOTED
from services.province_gateway.doors.speaking import VERDICT, counter_of
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway
from services.province_gateway.work import Work

KEPT_SQL = "SELECT key, row FROM legacy_notes WHERE sandbox = $1 AND province = $2 AND service = $3 ORDER BY key"
Rows = Mapping[str, Mapping[str, Any]]


def note(
    work: Work, connector: Connector, findings: Sequence[Finding], *, dossier: str = "", service: str = ""
) -> bool:
    """Keep a verdict on what a connector said that no event can say; returns whether it is taken.

    The counter of its verdicts must be locked.
    """
    leniency = mode_of(work.sandbox, connector.province).gate
    is_taken = not findings or (leniency == "lenient" and all(finding.tolerable for finding in findings))
    verdict = Verdict(
        "rejected" if not is_taken else "accepted_with_deviations" if findings else "accepted",
        work.now,
        connector.province,
        connector.sandbox_id,
        leniency,
        type=service or None,
        dossier=dossier or None,
        errors=tuple(findings),
    )
    document = msgspec.json.encode(verdict.document()).decode()
    number, place = work.number(counter_of(connector.province)), (connector.sandbox_id, connector.province)
    row = (*place, number, work.now, "legacy", "", "", dossier, verdict.outcome, document, "", None, None, "")
    work.insert(VERDICT, row)
    return is_taken


async def keep(
    gateway: Gateway, connector: Connector, findings: Sequence[Finding], service: str, rows: Rows | None = None
) -> bool:
    """Leave a verdict on a push that concerns no dossier, and keep its rows by their key, in place of earlier ones.

    Returns whether it is taken; of a push that is not, nothing is kept.
    """
    place, counter = (connector.sandbox_id, connector.province), counter_of(connector.province)
    async with gateway.unit_of_work(connector.sandbox_id, series=[counter]) as request:
        await request.lock_counters(counter)
        is_taken = note(request.work, connector, findings, service=service)
        for key, row in (rows or {}).items() if is_taken else ():
            request.work.insert(NOTED, (*place, service, key, msgspec.json.encode(personal.of_nobody(row)).decode()))
    return is_taken


async def kept(gateway: Gateway, connector: Connector, service: str) -> dict[str, dict[str, Any]]:
    rows = await gateway.database.fetch(KEPT_SQL, connector.sandbox_id, connector.province, service)
    return {row["key"]: msgspec.json.decode(row["row"]) for row in rows}
