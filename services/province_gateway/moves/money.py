"""Money between citizen and office: demanded, taken at the desk, waived, given back at the end."""

from __future__ import annotations

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR
from services.province_gateway.domain import (
    WAIVED,
    Dossier,
    DossierNotFound,
    FeeMismatch,
    Instruction,
    Moment,
    RefundTooLarge,
)
from services.province_gateway.moves.context import Act, Rules, desk
from services.province_gateway.moves.receipts import receipts
from services.province_gateway.work import Work, here
from shared.sandbox.clock import wire

PAY_BY = Limit(30, Unit.DAY)  # to pay what is demanded; a default of ours, unverified
MOMENTS: dict[str, Moment] = {
    law.SUBMITTED.slug: "at_reception",
    law.RECEIVED.slug: "at_reception",
    law.IN_PROCESSING.slug: "obligation",
    law.SUPPLEMENT.slug: "at_supplement",
    law.RESULT_READY.slug: "at_result",
}


def demand_catalogue_fee(work: Work, code: str, rules: Rules) -> None:
    """What the catalogue asks for this case, province, channel and payer; nothing if that is nothing or nobody knows."""
    dossier = work.load(code, DossierNotFound)
    if items := dossier.catalogue_fee(here(work, code)):
        after, move = dossier.after(law.DEMAND_FEE)
        instruction = Instruction(law.DEMAND_FEE, fee=items)
        demand_fee(Act(work, dossier, after, move.event, here(work, code), instruction, rules))


def demand_fee(act: Act) -> None:
    """Money asked for; a corrected demand takes the place of the open one, a tax notice may come in the middle."""
    before, owing = act.before, act.before.owing
    moment = MOMENTS.get(before.state.slug, "at_reception")
    if owing or before.state == law.FINANCIAL_OBLIGATION:
        moment = before.demands[-1].moment  # it corrects that demand, or adds to it
    items = act.instruction.fee or (owing.items if owing else before.catalogue_fee(act.at))
    owes = act.after.with_demand(moment, items, CALENDAR.due(act.at, PAY_BY))
    demand = owes.demands[-1]
    if owes.state == law.FINANCIAL_OBLIGATION != before.state:
        owes = replace(owes, paused_at=act.at)
    act.tell(
        owes,
        fee_dong=demand.amount_dong,
        demanded_at=wire(act.at),
        demand=demand.number,
        replaces=owing.number if owing else None,
        moment=demand.moment,
        items=[{"kind": item.kind, "name": item.name, "amount_dong": item.amount_dong} for item in demand.items],
        pay_by=wire(demand.pay_by),
        notice_number=act.instruction.notice_number,
    )


def take_payment(act: Act) -> None:
    """Money at the counter or by transfer, with its receipts."""
    demand = act.before.owing
    assert demand is not None  # needs: OPEN_DEMAND
    if act.instruction.amount_dong not in (None, demand.amount_dong):
        raise FeeMismatch(
            f"Take exactly {demand.amount_dong} đồng.",
            fee_dong=demand.amount_dong,
            offered_dong=act.instruction.amount_dong,
        )
    paid = replace(
        act.after.paid(demand, act.instruction.method, act.at), paid_dong=act.before.paid_dong + demand.amount_dong
    )
    act.tell(
        paid,
        demand=demand.number,
        amount_dong=demand.amount_dong,
        method=act.instruction.method,
        receipts=receipts(act.work, paid, demand.items, act.at),
        paid_at=wire(act.at),
        officer=desk(paid),
    )


def waive_fee(act: Act) -> None:
    """What was demanded is not asked for any longer; what was paid online for it meanwhile, the portal gives back."""
    demand = act.before.owing
    assert demand is not None  # needs: OPEN_DEMAND
    waived = act.after.paid(demand, WAIVED, act.at)
    act.tell(
        waived,
        demand=demand.number,
        amount_dong=demand.amount_dong,
        reason=act.reason("Người nộp thuộc đối tượng được miễn"),
        waived_at=wire(act.at),
        officer=desk(waived),
    )


def give_back(act: Act, ended: Dossier, otherwise: int | None) -> tuple[Dossier, dict[str, int | None]]:
    """The dossier at its end without a result, and what the event says of its money.

    What the office took itself is given back first, at once and there; the rest is the portal's to give back, and
    whatever came beyond what the office knew.

    otherwise  what goes back if the official said nothing; None: all
    raises     RefundTooLarge
    """
    before, asked = act.before, otherwise if act.instruction.refund_dong is None else act.instruction.refund_dong
    if asked is not None and asked > before.held_dong:
        detail = f"Give back at most {before.held_dong} đồng, or leave the amount out."
        raise RefundTooLarge(detail, code=before.code, refund_dong=asked, held_dong=before.held_dong)
    returned = before.taken_dong if asked is None else min(asked, before.taken_dong)
    facts = {
        "refund_dong": None if asked is None else asked - returned,
        "paid_dong": None if asked is None else before.paid_dong,
        "returned_dong": returned or None,
    }
    return replace(ended, refunded_dong=before.refunded_dong + returned), facts
