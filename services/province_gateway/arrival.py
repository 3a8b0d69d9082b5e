"""Requests about a dossier whose submission is still on its way from the portal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from contracts.catalogue import PROVINCES, dossier_in, province_of
from services.province_gateway import queries
from services.province_gateway.domain import Dossier, DossierNotFound, expected_dossier
from services.province_gateway.runtime import Gateway
from shared.errors import NotReady
from shared.http import Unreachable, call
from shared.sandbox import registry
from shared.sandbox.clock import BUSINESS_ZONE

PATIENCE = 30.0  # seconds: as long as `settle` waits; a busy machine needs more than the usual milliseconds
SOON = 0.2  # seconds until the portal is asked whether it has the dossier
EXPECT_SQL = (
    "INSERT INTO dossiers (sandbox, code, lane, version, body) VALUES ($1, $2, $3, 0, $4::jsonb) ON CONFLICT DO NOTHING"
)
# An expected dossier, which only a script waits for, is in no province.
MISSING_SQL = (
    "SELECT code FROM unnest($3::text[]) t (code) WHERE NOT EXISTS "
    "(SELECT FROM dossiers d WHERE d.sandbox = $1 AND d.code = t.code AND d.province = $2)"
)


async def expect(gateway: Gateway, sandbox_id: str, code: str) -> None:
    """Make sure that a dossier is stored under this code: if it has not arrived, an expected one, without content.

    Under the lock of the lane's position: no batch is being applied meanwhile that could bring it.

    raises  DossierNotFound if this is no dossier code of a province
    """
    province = province_in(code)
    if province is None:
        raise DossierNotFound(code)
    lane = PROVINCES[province].lane
    async with gateway.database.transaction(sandbox_id) as connection:
        for consumer in gateway.consumers.values():
            await consumer.positions.lock(connection, [lane])
        sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
        if sandbox is not None:  # else the unit of work that follows says why
            body = gateway.documents.encode(expected_dossier(code, sandbox.now.astimezone(BUSINESS_ZONE)))
            await connection.execute(EXPECT_SQL, sandbox_id, code, lane, body)


async def arrived(gateway: Gateway, sandbox_id: str, province: str, code: str) -> Dossier:
    """The dossier, once it has arrived from the portal.

    raises  DossierNotFound if the portal has not got it either; NotReady if it takes longer than PATIENCE
    """
    try:
        return await queries.dossier(gateway, sandbox_id, province, code)
    except DossierNotFound:
        await all_arrived(gateway, sandbox_id, province, [code])
    return await queries.dossier(gateway, sandbox_id, province, code)


async def all_arrived(gateway: Gateway, sandbox_id: str, province: str, codes: Iterable[str]) -> None:
    """Wait for those of these dossiers that are on their way from the portal; the others may not exist.

    raises  NotReady if it takes longer than PATIENCE
    """
    loop = asyncio.get_running_loop()
    begun, is_asked, waited = loop.time(), False, 0.0
    codes = [code for code in codes if province_in(code) == province]
    while missing := await _missing(gateway, sandbox_id, province, codes):
        if waited > PATIENCE:
            detail = "The submission is still on its way from the portal: send the same request again."
            raise NotReady(detail, code=missing[0])
        if waited > SOON and not is_asked:
            sent = await asyncio.gather(*(_sent(gateway, sandbox_id, code) for code in missing))
            codes, is_asked = [code for code, is_sent in zip(missing, sent, strict=True) if is_sent], True
        await asyncio.sleep(0.01 if waited < SOON else 0.1)
        waited = loop.time() - begun


async def _missing(gateway: Gateway, sandbox_id: str, province: str, codes: Sequence[str]) -> list[str]:
    """Those of these dossiers that the province has not got."""
    if not codes:
        return []
    rows = await gateway.database.fetch(MISSING_SQL, sandbox_id, province, list(codes))
    return [row["code"] for row in rows]


def province_in(code: str) -> str | None:
    """The province of a well-formed dossier code; None for any other text."""
    return province_of(code) if dossier_in(f"/{code}") == code else None


async def _sent(gateway: Gateway, sandbox_id: str, code: str) -> bool:
    """Whether the portal has the dossier; True if it cannot be asked."""
    url = f"{gateway.settings.portal_url}/_lab/timeline/{code}"
    try:
        response = await call(gateway.internal, "GET", url, sandbox_id=sandbox_id)
    except Unreachable:
        return True
    return response.status_code != 200 or bool(response.json())
