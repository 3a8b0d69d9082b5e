"""Money between citizen and office: demanded, taken at the desk, waived, refunded at the end."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR
from contracts.dossier import MOMENTS, WAIVED
from services.province_gateway.domain import (
    Dossier,
    DossierNotFound,
    FeeMismatch,
    Instruction,
    RefundTooLarge,
)
from services.province_gateway.moves.context import OfficialMove, Rules, desk
from services.province_gateway.moves.receipts import receipts
from services.province_gateway.work import Work, local_time
from shared.sandbox.clock import wire

PREPAID = "prepaid"  # kind of the timer by which a demand is met that was paid before
PAY_BY = Limit(30, Unit.DAY)  # time to pay a demanded fee; our default, unverified


def demand_catalogue_fee(work: Work, code: str, rules: Rules) -> None:
    """Demand the catalogue's fee for this case, province, channel and payer, if it is known and not zero."""
    dossier = work.load(code, DossierNotFound)
    if items := dossier.catalogue_fee(local_time(work, code)):
        at, instruction = local_time(work, code), Instruction(law.DEMAND_FEE, fee=items)
        after, row = dossier.after(law.DEMAND_FEE, at)
        demand_fee(OfficialMove(work, dossier, after, row.event, at, instruction, rules))


def demand_fee(move: OfficialMove) -> None:
    """Demand a fee. A corrected demand supersedes the open one; a tax notice can follow during processing."""
    before, owing = move.before, move.before.owing
    moment = MOMENTS.get(before.state.slug, "at_reception")
    if owing or before.state == law.FINANCIAL_OBLIGATION:
        moment = before.demands[-1].moment  # the new demand corrects that one or adds to it
    items = move.instruction.fee or (owing.items if owing else before.catalogue_fee(move.at))
    pay_by = move.said_time("pay_by", CALENDAR.due(move.at, PAY_BY))
    demanded = move.after.with_demand(moment, items, pay_by)
    demand = demanded.demands[-1]
    if demanded.state == law.FINANCIAL_OBLIGATION != before.state:
        demanded = replace(demanded, paused_at=move.at)
    move.publish(
        demanded,
        fee_dong=demand.amount_dong,
        demanded_at=wire(move.at),
        demand=demand.number,
        replaces=owing.number if owing else None,
        moment=demand.moment,
        items=[{"kind": item.kind, "name": item.name, "amount_dong": item.amount_dong} for item in demand.items],
        pay_by=wire(demand.pay_by),
        notice_number=move.instruction.notice_number,
    )
    await_prepayment(move.work, demanded, move.at)


def await_prepayment(work: Work, dossier: Dossier, at: datetime) -> None:
    """Set the timer that meets the open demand, if its amount was paid before."""
    demand = dossier.owing
    if demand is not None and any(each.amount_dong == demand.amount_dong for each in dossier.prepaid):
        work.timer(dossier.code, PREPAID, at, at_once=True)


def take_payment(move: OfficialMove) -> None:
    """Take the fee at the counter or by transfer, and number its receipts."""
    demand = move.before.owing
    assert demand is not None  # needs: OPEN_DEMAND
    if move.instruction.amount_dong not in (None, demand.amount_dong):
        raise FeeMismatch(
            f"The fee is exactly {demand.amount_dong} đồng.",
            fee_dong=demand.amount_dong,
            offered_dong=move.instruction.amount_dong,
        )
    paid = replace(
        move.after.paid(demand, move.instruction.method, move.at), paid_dong=move.before.paid_dong + demand.amount_dong
    )
    move.publish(
        paid,
        demand=demand.number,
        amount_dong=demand.amount_dong,
        method=move.instruction.method,
        receipts=move.said("receipts", None) or receipts(move.work, paid, demand.items, move.at),
        paid_at=wire(move.at),
        officer=desk(paid),
    )


def waive_fee(move: OfficialMove) -> None:
    """Cancel the open demand. If it was paid online meanwhile, the portal refunds the payment."""
    demand = move.before.owing
    assert demand is not None  # needs: OPEN_DEMAND
    waived = move.after.paid(demand, WAIVED, move.at)
    move.publish(
        waived,
        demand=demand.number,
        amount_dong=demand.amount_dong,
        reason=move.reason("Người nộp thuộc đối tượng được miễn"),
        waived_at=wire(move.at),
        officer=desk(waived),
    )


def refund(move: OfficialMove, ended: Dossier, default: int | None) -> tuple[Dossier, dict[str, int | None]]:
    """The dossier that ended without a result, and the facts about its money for the event.

    The office first refunds at once what it took itself. The portal refunds the rest, and payments that the office did
    not know of.

    default  amount if the instruction names none; None: everything
    raises   RefundTooLarge
    """
    before, amount = move.before, default if move.instruction.refund_dong is None else move.instruction.refund_dong
    if amount is not None and amount > before.held_dong:
        detail = f"Refund at most {before.held_dong} đồng, or leave the amount out."
        raise RefundTooLarge(detail, code=before.code, refund_dong=amount, held_dong=before.held_dong)
    returned = before.taken_dong if amount is None else min(amount, before.taken_dong)
    facts = {
        "refund_dong": None if amount is None else amount - returned,
        "paid_dong": None if amount is None else before.paid_dong,
        "returned_dong": returned or None,
    }
    return replace(ended, refunded_dong=before.refunded_dong + returned), facts
