"""Reverse calls on request: as deliveries of their own, with the attempts, the retries and the resending of all others."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from contracts.catalogue import PROVINCES
from contracts.faults import connectors as named
from contracts.legacy import played
from contracts.legacy.listed import FORM_PATH
from contracts.legacy.played import PLAYS, About
from contracts.legacy.reverse import PLAYED, Call
from services.province_gateway.domain import Dossier, DossierNotFound
from services.province_gateway.doors.connectors import Connector, NotConnected
from services.province_gateway.doors.deliveries import DELIVER, KEEP
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway
from shared.did_you_mean import no_such
from shared.errors import BodyDoesNotFit
from shared.runtime import in_sandbox
from shared.sandbox.faults import has_rule

DOSSIER_SQL = """
SELECT d.body, coalesce((SELECT theirs FROM legacy_dossiers l WHERE l.sandbox = $1 AND l.province = $2 AND l.code = d.code
  LIMIT 1), d.code) AS theirs FROM dossiers d WHERE d.sandbox = $1 AND d.province = $2 AND d.code = $3"""
OWN_SQL = "SELECT secret FROM connectors WHERE sandbox = $1 AND province = $2"
ROW = "(SELECT {} , 1 AS ordinal) new"
AMOUNT_DONG = 50_000  # where the dossier has never owed anything


async def play(
    gateway: Gateway, connector: Connector, name: str, code: str, changes: Mapping[str, Any]
) -> tuple[str, Call]:
    """Put a reverse call about a dossier to the deliveries of its province; returns the id of that, and the call.

    changes  members in place of ours
    raises   BodyDoesNotFit, DossierNotFound, NotConnected
    """
    if name not in PLAYS:
        raise BodyDoesNotFit(("/call", no_such("call", name, tuple(PLAYS))))
    place = (connector.sandbox_id, connector.province)
    rows = await gateway.database.fetch(DOSSIER_SQL, *place, code)
    if not rows:
        raise DossierNotFound(code)
    dossier: Dossier = gateway.documents.decode(rows[0]["body"])
    async with in_sandbox(gateway, connector.sandbox_id) as (connection, sandbox):
        mode = mode_of(sandbox, connector.province)
        if not mode.hears_calls:
            detail = "Connect it over the adapter API, with the address that it listens at: --via legacy --url URL."
            raise NotConnected(detail, province=connector.province)
        for consumer in gateway.consumers.values():
            await consumer.positions.lock(connection, [PROVINCES[connector.province].lane])
        about = About(
            code=rows[0]["theirs"],
            procedure=dossier.procedure,
            name=dossier.applicant,
            amount_dong=_amount(dossier),
            now=sandbox.now,
            files=f"{gateway.settings.province_gateway_url}{FORM_PATH}",
            secret=await connection.fetchval(OWN_SQL, *place) or "",
        )
        call = played.play(name, about, changes)
        clause = KEEP if has_rule(sandbox, named.DELIVERY) else DELIVER
        values = ", ".join(
            f"${n}::{column.rpartition(' ')[2]} AS {column.partition(' ')[0]}"
            for n, column in enumerate(clause.columns.split(", "), 1)
        )
        body = msgspec.json.encode({"path": call.path, "body": call.body}).decode()
        id = secrets.token_hex(12)
        row = (*place, code, id, "/portal", f"{PLAYED}{name}", sandbox.now, 0, "", body)
        await connection.execute(clause.sql.format(rows=ROW.format(values)), *row)
    gateway.ring(*place)
    return id, call


def _amount(dossier: Dossier) -> int:
    """What is owed, or was at last."""
    demands = [demand.amount_dong for demand in dossier.demands if not demand.superseded and demand.amount_dong]
    return dossier.owing.amount_dong if dossier.owing else (demands or [AMOUNT_DONG])[-1]
