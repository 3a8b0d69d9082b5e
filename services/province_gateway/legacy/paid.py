"""What a province was paid for a dossier as a partner of the payment platform, which tells it."""

from __future__ import annotations

from msgspec import Struct

from services.province_gateway import arrival, commands
from services.province_gateway.domain import DossierNotFound, Prepayment
from services.province_gateway.doors.legacy_tables import PAID
from services.province_gateway.runtime import Gateway
from services.province_gateway.work import write_down
from shared.sentences import Sentence

# The dossier that is called so: a partner has the name of its province for it. What two provinces call so is nobody's.
OF_NAME = """coalesce((SELECT code FROM dossiers WHERE sandbox = $1 AND code = {0} AND province <> ''),
  (SELECT min(code) FROM legacy_dossiers WHERE sandbox = $1 AND theirs = {0} HAVING count(DISTINCT code) = 1))"""
CODE_SQL = f"SELECT code FROM dossiers WHERE sandbox = $1 AND province <> '' AND code = {OF_NAME.format('$2')}"
UNNOTED_SQL = f"""
SELECT transaction, dossier, amount_dong, partner, reference FROM partner_payments p
WHERE sandbox = $1 AND NOT is_noted AND coalesce({OF_NAME.format("p.dossier")}, dossier) = $2
  AND dossier IN (SELECT $2 UNION ALL SELECT theirs FROM legacy_dossiers WHERE sandbox = $1 AND code = $2)
ORDER BY transaction"""


class Payment(Struct, frozen=True):
    """One order that was paid. dossier: as INIT calls it; transaction: MaGiaoDich; reference: MaThamChieu."""

    transaction: str
    dossier: str
    amount_dong: int
    partner: str
    reference: str

    def noted(self, demanded_dong: int | None) -> Sentence:
        """What is written down at its dossier, of which `demanded_dong` are demanded now."""
        en = (
            f"The province was paid {self.amount_dong} dong at the payment platform, as the partner {self.partner} "
            f"({self.transaction})"
        )
        vi = (
            f"Tỉnh đã thu {self.amount_dong} đ trên nền tảng thanh toán, với tư cách đối tác {self.partner} "
            f"({self.transaction})"
        )
        if demanded_dong in (None, self.amount_dong):
            return Sentence(en, vi)
        return Sentence(
            f"{en}; {demanded_dong} dong are demanded, which it does not meet: only the same amount does",
            f"{vi}; khoản phải nộp là {demanded_dong} đ nên chưa được đáp ứng: phải đúng số tiền",
        )


async def take(gateway: Gateway, sandbox_id: str, payment: Payment) -> None:
    """Keep the payment; it meets the open demand of its dossier if that is of this amount, or one that comes later."""
    async with gateway.unit_of_work(sandbox_id) as request:
        request.work.insert(PAID, (sandbox_id, *_row(payment), False))
    code = await gateway.database.pool.fetchval(CODE_SQL, sandbox_id, payment.dossier)
    if code is None and arrival.province_in(payment.dossier):  # perhaps it is on its way, or will be registered
        await arrival.expect(gateway, sandbox_id, payment.dossier)
        code = payment.dossier
    if code is not None:
        await note(gateway, sandbox_id, code)


async def note(gateway: Gateway, sandbox_id: str, code: str) -> None:
    """Note at a dossier what was paid for it, also under the names that its province has for it.

    Called after each payment, and after each registration over the adapter API: the later one of them sees the other.
    """
    if not await gateway.database.fetch(UNNOTED_SQL, sandbox_id, code):
        return
    async with gateway.unit_of_work(sandbox_id, codes=[code]) as request:
        payments = [Payment(**row) for row in await request.fetch(UNNOTED_SQL, sandbox_id, code)]
        prepaid = [Prepayment(each.transaction, each.amount_dong) for each in payments]
        commands.note_prepayments(request.work, code, prepaid)
        demand = request.work.load(code, DossierNotFound).owing
        for each in payments:
            facts = {"transaction": each.transaction, "amount_dong": each.amount_dong, "partner": each.partner}
            text = each.noted(demand.amount_dong if demand else None)
            write_down(request.work, code, "partner_paid", text, **facts, reference=each.reference)
            request.work.insert(PAID, (sandbox_id, *_row(each), True))


def _row(payment: Payment) -> tuple[str, str, int, str, str]:
    return payment.transaction, payment.dossier, payment.amount_dong, payment.partner, payment.reference
