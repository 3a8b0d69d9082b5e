"""A dossier in HTTP responses of a province, and the dependency that its endpoints share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel

from contracts.dossier import WAIVED, Demand
from contracts.views import CopyView, FeeItemView, Moment, View
from services.province_gateway.domain import Dossier
from services.province_gateway.runtime import Gateway


async def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.runtime
    return gateway


GatewayDep = Annotated[Gateway, Depends(gateway_of)]


class DemandView(View):
    """A demanded fee; `status` is due, paid, waived or superseded."""

    number: int
    moment: str
    amount_dong: int
    items: list[FeeItemView]
    pay_by: Moment
    status: str
    paid_by: str | None

    @classmethod
    def of(cls, demand: Demand) -> DemandView:
        return cls(
            number=demand.number,
            moment=demand.moment,
            amount_dong=demand.amount_dong,
            items=demand.items,
            pay_by=demand.pay_by,
            status=_status(demand),
            paid_by=None if demand.paid_by == WAIVED else demand.paid_by,
        )


def _status(demand: Demand) -> str:
    if demand.superseded:
        return "superseded"
    return "waived" if demand.paid_by == WAIVED else "paid" if demand.paid_by else "due"


class SupplementView(View):
    number: int
    requested_at: Moment
    answer_by: Moment
    answered_at: Moment | None


class LimitView(BaseModel):
    value: float
    unit: str
    count: str
    pause: str


class PrepaymentView(View):
    """What the province was paid as a partner of the payment platform; `transaction`: MaGiaoDich."""

    transaction: str
    amount_dong: int


class DossierView(CopyView):
    """A province's copy of a dossier.

    `can`: the moves that officials may make now; `needs`: the name of a fact that a move in `can` needs;
    `planned`: the next action of simulated officers; `prepaid`: payments that have met no demand, as none had their amount.
    """

    province: str
    commune: str | None
    owner: str | None
    started_at: Moment | None
    limit: LimitView | None
    rescheduled: bool
    supplements: list[SupplementView]
    fee_dong: int | None
    demands: list[DemandView]
    paid: bool
    prepaid: list[PrepaymentView]
    papers: int
    withdrawal_asked: bool
    result_number: str | None
    rated: int | None
    planned: str | None
    needs: dict[str, str]

    @classmethod
    def of(cls, dossier: Dossier, at: datetime) -> DossierView:
        demands, can = [demand for demand in dossier.demands if not demand.superseded], dossier.can(at)
        return cls.read(
            dossier,
            status=dossier.state,
            limit=_limit(dossier),
            fee_dong=demands[-1].amount_dong if demands else None,
            demands=[DemandView.of(demand) for demand in dossier.demands],
            paid=bool(demands) and all(demand.paid_by not in (None, WAIVED) for demand in demands),
            withdrawal_asked=dossier.withdrawal_reason is not None,
            can=can,
            needs={does: fact for does, fact in dossier.missing_facts(at).items() if does in can},
        )


def _limit(dossier: Dossier) -> LimitView | None:
    limit = dossier.limit
    return LimitView(value=limit.value, unit=limit.unit, count=dossier.count, pause=dossier.pause) if limit else None
