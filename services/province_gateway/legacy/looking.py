"""What the adapter API says of a dossier: what was pushed of it, and where it stands."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from contracts.legacy import objects
from contracts.legacy.objects import Names
from services.province_gateway.domain import Dossier, DossierNotFound
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.legacy_tables import SEEN_SQL
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway

SHOWN_SQL = """
SELECT d.body, d.code, l.theirs, l.object,
  EXISTS (SELECT FROM partner_payments m WHERE m.sandbox = d.sandbox AND m.dossier IN (d.code, l.theirs))
    AS has_paid_partner
FROM dossiers d LEFT JOIN legacy_dossiers l
  ON l.sandbox = d.sandbox AND l.code = d.code AND l.province = d.province"""
ORDER_SQL = "ORDER BY (l.theirs = d.code), l.pushed_at LIMIT 1"  # the province's own code, if it has one
BY_THEIRS_SQL = f"""
{SHOWN_SQL} WHERE d.sandbox = $1 AND d.province = $2
  AND d.code = coalesce((SELECT code FROM legacy_dossiers WHERE sandbox = $1 AND province = $2 AND theirs = $3), $3)"""
OURS_SQL = f"""
{SHOWN_SQL} WHERE d.sandbox = $1 AND d.code = $2 AND d.province <> '' {ORDER_SQL}"""

THEIRS_SQL = f"""
{SHOWN_SQL} WHERE d.sandbox = $1 AND l.theirs = $2 AND d.province <> '' {ORDER_SQL}"""


class Views(Struct, frozen=True):
    """Two views of one dossier; `code`: in the network.

    theirs     its code at the province
    events     what the network has, as the adapter API shows it
    pushed     what the province pushed; empty if it never did
    differs    field → (as the network has it, as it was pushed)
    only       fields that say something only as they were pushed
    lost       member of the dossier that the adapter API cannot say → the field that has a part of it; "": none
    """

    theirs: str
    events: dict[str, Any]
    pushed: dict[str, Any]
    differs: dict[str, tuple[Any, Any]]
    only: list[str]
    lost: dict[str, str]
    code: str


async def shown(gateway: Gateway, connector: Connector, theirs: str) -> dict[str, Any] | None:
    """A dossier of the province as TraCuuHoSo shows it: what was pushed, and what the network knows better."""
    rows = await gateway.database.fetch(BY_THEIRS_SQL, connector.sandbox_id, connector.province, theirs)
    if not rows:
        return None
    if not mode_of(await gateway.sandbox(connector.sandbox_id), connector.province).url:
        await gateway.database.pool.execute(SEEN_SQL, connector.sandbox_id, connector.province, rows[0]["code"])
    views = _views(gateway, rows[0])
    return objects.looked_up(views.events, views.pushed)


async def both(gateway: Gateway, sandbox_id: str, code: str) -> Views:
    """code: in the network, or as its province calls it. Raises DossierNotFound."""
    rows = await gateway.database.fetch(OURS_SQL, sandbox_id, code)
    rows = rows or await gateway.database.fetch(THEIRS_SQL, sandbox_id, code)
    if not rows:
        raise DossierNotFound(code)
    return _views(gateway, rows[0])


def _views(gateway: Gateway, row: Any) -> Views:
    dossier: Dossier = gateway.documents.decode(row["body"])
    theirs = row["theirs"] or row["code"]
    names = Names(dossier.applicant, dossier.owner)
    shown = objects.object_of(dossier, names, theirs, has_paid_partner=row["has_paid_partner"])
    pushed: dict[str, Any] = msgspec.json.decode(row["object"] or "{}")
    differs = {field: (ours, said) for field, ours, said in objects.differences(shown, pushed)}
    return Views(
        theirs, shown, pushed, differs, [*objects.only_pushed(shown, pushed)], dict(objects.lost(dossier)), dossier.code
    )
