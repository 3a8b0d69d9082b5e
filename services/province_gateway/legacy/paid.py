"""What a province's own merchant was paid for a dossier, as the payment platform tells it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from contracts import lifecycle as law
from contracts.catalogue import agency_code
from contracts.modes import LEGACY
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.doors.legacy_tables import PAID
from services.province_gateway.moves import official, receipts
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway
from shared.runtime import has_effect

# A merchant calls a dossier as its province does.
CODE_SQL = """
SELECT d.code, d.body FROM dossiers d WHERE d.sandbox = $1 AND d.province <> '' AND d.code = coalesce(
  (SELECT code FROM legacy_dossiers WHERE sandbox = $1 AND theirs = $2 ORDER BY province LIMIT 1), $2)"""
KNOWN_SQL = "SELECT FROM merchant_payments WHERE sandbox = $1 AND transaction = $2"


class Payment(Struct, frozen=True):
    """One order that was paid. dossier: as INIT calls it; transaction: MaGiaoDich; reference: MaThamChieu."""

    dossier: str
    amount_dong: int
    partner: str
    reference: str
    transaction: str


async def take(gateway: Gateway, sandbox_id: str, payment: Payment) -> None:
    """Keep the payment; it meets the open demand of its dossier if that is of this amount.

    Where a connector speaks events, it says itself that the fee is paid.
    """
    rows = await gateway.database.fetch(CODE_SQL, sandbox_id, payment.dossier)
    dossier: Dossier | None = gateway.documents.decode(rows[0]["body"]) if rows else None
    code = rows[0]["code"] if rows else payment.dossier
    agency = agency_code(dossier.province, dossier.commune) if dossier else ""
    async with gateway.unit_of_work(sandbox_id, codes=[code] if dossier else [], series=[agency or code]) as request:
        if await request.fetch(KNOWN_SQL, sandbox_id, payment.transaction) or not has_effect.get():
            return
        if dossier is not None:
            await request.lock_counters(*receipts.receipt_series(agency, request.now))
        request.work.insert(PAID, (sandbox_id, payment.transaction, code, *msgspec.structs.astuple(payment)[1:4]))
        here = request.work.find(code) if dossier is not None else None
        if here is None or here.owing is None or here.owing.amount_dong != payment.amount_dong:
            return
        mode = mode_of(request.work.sandbox, here.province)
        if mode.is_external and mode.via != LEGACY:
            return
        official.perform(request.work, code, Instruction(law.TAKE_PAYMENT, method="transfer"), gateway.rules)
