"""What a province's own merchant was paid for a dossier, as the payment platform tells it."""

from __future__ import annotations

from msgspec import Struct

from contracts import lifecycle as law
from contracts.catalogue import agency_code
from contracts.modes import LEGACY
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.doors.legacy_tables import PAID
from services.province_gateway.moves import official, receipts
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway
from services.province_gateway.work import Work

# A merchant calls a dossier as its province does.
CODE_SQL = """
SELECT d.code, d.body FROM dossiers d WHERE d.sandbox = $1 AND d.province <> '' AND d.code = coalesce(
  (SELECT code FROM legacy_dossiers WHERE sandbox = $1 AND theirs = $2 ORDER BY province LIMIT 1), $2)"""
UNMET_SQL = """
SELECT m.transaction, m.dossier, m.amount_dong, m.partner, m.reference, d.body FROM merchant_payments m
JOIN dossiers d ON d.sandbox = m.sandbox AND d.code = $2 AND d.province <> ''
WHERE m.sandbox = $1 AND NOT m.met AND m.dossier = ANY(ARRAY(
  SELECT $2 UNION SELECT theirs FROM legacy_dossiers WHERE sandbox = $1 AND code = $2)) ORDER BY m.transaction"""
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
    code = rows[0]["code"] if rows else payment.dossier
    agency = _agency(gateway.documents.decode(rows[0]["body"])) if rows else code
    async with gateway.unit_of_work(sandbox_id, codes=[code] if rows else [], series=[agency]) as request:
        if await request.fetch(KNOWN_SQL, sandbox_id, payment.transaction):
            return
        if rows:
            await request.lock_counters(*receipts.receipt_series(agency, request.now))
        row = (payment.transaction, payment.dossier, payment.amount_dong, payment.partner, payment.reference)
        request.work.insert(
            PAID, (sandbox_id, *row, bool(rows) and _meets(gateway, request.work, code, payment.amount_dong))
        )


async def meet(gateway: Gateway, sandbox_id: str, code: str) -> None:
    """Let what was paid before it was demanded meet the demand of a dossier."""
    rows = await gateway.database.fetch(UNMET_SQL, sandbox_id, code)
    if not rows:
        return
    agency = _agency(gateway.documents.decode(rows[0]["body"]))
    async with gateway.unit_of_work(sandbox_id, codes=[code], series=[agency]) as request:
        await request.lock_counters(*receipts.receipt_series(agency, request.now))
        for row in await request.fetch(UNMET_SQL, sandbox_id, code):
            if _meets(gateway, request.work, code, row["amount_dong"]):
                facts = (row["transaction"], row["dossier"], row["amount_dong"], row["partner"], row["reference"])
                request.work.insert(PAID, (sandbox_id, *facts, True))
                return


def _meets(gateway: Gateway, work: Work, code: str, amount_dong: int) -> bool:
    """Whether a payment has met the demand of a dossier, which is now paid."""
    dossier = work.find(code)
    if dossier is None or dossier.owing is None or dossier.owing.amount_dong != amount_dong:
        return False
    mode = mode_of(work.sandbox, dossier.province)
    if mode.is_external and mode.via != LEGACY:
        return False
    official.perform(work, code, Instruction(law.TAKE_PAYMENT, method="transfer"), gateway.rules)
    return True


def _agency(dossier: Dossier) -> str:
    return agency_code(dossier.province, dossier.commune)
