"""What a province was paid for a dossier as a partner of the payment platform, which tells it."""

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
from shared.errors import Refusal

# A partner calls a dossier as its province does. What two provinces call so is nobody's.
CODE_SQL = """
SELECT d.code, d.body FROM dossiers d WHERE d.sandbox = $1 AND d.province <> '' AND d.code = coalesce(
  (SELECT code FROM dossiers WHERE sandbox = $1 AND code = $2 AND province <> ''),
  (SELECT min(code) FROM legacy_dossiers WHERE sandbox = $1 AND theirs = $2 HAVING count(DISTINCT code) = 1))"""
UNMET_SQL = """
SELECT m.transaction, m.dossier, m.amount_dong, m.partner, m.reference FROM partner_payments m
WHERE m.sandbox = $1 AND NOT m.met AND m.dossier = ANY($2) ORDER BY m.transaction"""
NAMES_SQL = "SELECT theirs FROM legacy_dossiers WHERE sandbox = $1 AND code = $2"
KNOWN_SQL = "SELECT FROM partner_payments WHERE sandbox = $1 AND transaction = $2"


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
    async with gateway.unit_of_work(sandbox_id, series=[payment.transaction]) as request:
        if not await request.fetch(KNOWN_SQL, sandbox_id, payment.transaction):
            request.work.insert(PAID, (sandbox_id, *_row(payment), False))
    rows = await gateway.database.fetch(CODE_SQL, sandbox_id, payment.dossier)
    if rows:
        await meet(gateway, sandbox_id, rows[0]["code"])


async def meet(gateway: Gateway, sandbox_id: str, code: str) -> None:
    """Let what was paid, perhaps before it was demanded, meet the open demand of a dossier.

    Called after each payment and after each demand: whichever is committed last sees the other.
    """
    names = [code, *(row["theirs"] for row in await gateway.database.fetch(NAMES_SQL, sandbox_id, code))]
    unmet = await gateway.database.fetch(UNMET_SQL, sandbox_id, names)
    rows = [row for name in names for row in await gateway.database.fetch(CODE_SQL, sandbox_id, name)] if unmet else []
    bodies = {row["body"] for row in rows if row["code"] == code}
    if not bodies:
        return
    dossier: Dossier = gateway.documents.decode(bodies.pop())
    agency = agency_code(dossier.province, dossier.commune)
    async with gateway.unit_of_work(sandbox_id, codes=[code], series=[agency]) as request:
        await request.lock_counters(*receipts.receipt_series(agency, request.now))
        for row in await request.fetch(UNMET_SQL, sandbox_id, names):
            if _meets(gateway, request.work, code, row["amount_dong"]):
                payment = Payment(
                    row["dossier"], row["amount_dong"], row["partner"], row["reference"], row["transaction"]
                )
                request.work.insert(PAID, (sandbox_id, *_row(payment), True))
                return


def _row(payment: Payment) -> tuple[str, str, int, str, str]:
    return payment.transaction, payment.dossier, payment.amount_dong, payment.partner, payment.reference


def _meets(gateway: Gateway, work: Work, code: str, amount_dong: int) -> bool:
    """Whether a payment has met the demand of a dossier, which is now paid."""
    dossier = work.find(code)
    if dossier is None or dossier.owing is None or dossier.owing.amount_dong != amount_dong:
        return False
    mode = mode_of(work.sandbox, dossier.province)
    if mode.is_external and mode.via != LEGACY:
        return False
    layer: Work = work.layer()
    try:
        official.perform(layer, code, Instruction(law.TAKE_PAYMENT, method="transfer"), gateway.rules)
    except Refusal:  # it has ended meanwhile: the payment is kept
        return False
    layer.merge()
    return True
