"""What a province shows of a dossier, and what its doors share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from contracts.catalogue import Place
from services.province_gateway.domain import WAIVED, Demand, Dossier
from services.province_gateway.runtime import Gateway
from shared.sandbox.clock import wire


async def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.runtime
    return gateway


GatewayDep = Annotated[Gateway, Depends(gateway_of)]
KeyHeader = Annotated[
    str, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="Chosen by you, one per request")
]


class StatusView(BaseModel):
    code: int
    slug: str
    name_vi: str
    name_en: str


class PlaceView(BaseModel):
    """A desk: of a commune, or of the province itself (commune null)."""

    province: str
    commune: str | None

    @classmethod
    def of(cls, place: Place | None) -> PlaceView | None:
        return cls(province=place.province, commune=place.commune) if place else None


class FeeItemView(BaseModel):
    kind: str
    name: str
    amount_dong: int


class DemandView(BaseModel):
    """A fee asked for; `status` is due, paid, waived or superseded."""

    number: int
    moment: str
    amount_dong: int
    items: list[FeeItemView]
    pay_by: str
    status: str
    paid_by: str | None

    @classmethod
    def of(cls, demand: Demand) -> DemandView:
        return cls(
            number=demand.number,
            moment=demand.moment,
            amount_dong=demand.amount_dong,
            items=[FeeItemView(kind=i.kind, name=i.name, amount_dong=i.amount_dong) for i in demand.items],
            pay_by=wire(demand.pay_by),
            status=_status(demand),
            paid_by=None if demand.paid_by == WAIVED else demand.paid_by,
        )


def _status(demand: Demand) -> str:
    if demand.superseded:
        return "superseded"
    return "waived" if demand.paid_by == WAIVED else "paid" if demand.paid_by else "due"


class SupplementView(BaseModel):
    number: int
    requested_at: str
    answer_by: str
    answered_at: str | None


class LimitView(BaseModel):
    value: float
    unit: str
    count: str
    pause: str


class DossierView(BaseModel):
    """A province's copy of a dossier; `can` is what officials may do now, `planned` what they will do by themselves.

    `needs` names the one fact without which a move of `can` cannot be made.
    """

    code: str
    province: str
    commune: str | None
    procedure: str
    case: str | None
    version: str | None
    channel: str
    applicant: str
    owner: str | None
    reception: PlaceView | None
    help_at: PlaceView | None
    status: StatusView
    submitted_at: str
    received_at: str | None
    handed_over_at: str | None
    started_at: str | None
    limit: LimitView | None
    due_at: str | None
    rescheduled: bool
    supplements: list[SupplementView]
    fee_dong: int | None
    demands: list[DemandView]
    paid: bool
    paid_dong: int
    refunded_dong: int
    papers: int
    withdrawal_asked: bool
    result_number: str | None
    return_by: str | None
    reason: str | None
    rated: int | None
    planned: str | None
    can: list[str]
    needs: dict[str, str]

    @classmethod
    def of(cls, dossier: Dossier, at: datetime) -> DossierView:
        state, demands = dossier.state, [each for each in dossier.demands if not each.superseded]
        same = ("code", "province", "commune", "procedure", "case", "version", "channel", "applicant", "owner")
        more = ("rescheduled", "paid_dong", "refunded_dong", "papers", "result_number", "return_by", "reason", "rated")
        can = dossier.can(at)
        return cls(
            **{name: getattr(dossier, name) for name in (*same, *more, "planned")},
            reception=PlaceView.of(dossier.reception),
            help_at=PlaceView.of(dossier.help_at),
            status=StatusView(code=state.code, slug=state.slug, name_vi=state.name_vi, name_en=state.name_en),
            submitted_at=wire(dossier.submitted_at),
            received_at=written(dossier.received_at),
            handed_over_at=written(dossier.handed_over_at),
            started_at=written(dossier.started_at),
            limit=_limit(dossier),
            due_at=written(dossier.due_at),
            supplements=[
                SupplementView(
                    number=each.number,
                    requested_at=wire(each.requested_at),
                    answer_by=wire(each.answer_by),
                    answered_at=written(each.answered_at),
                )
                for each in dossier.supplements
            ],
            fee_dong=demands[-1].amount_dong if demands else None,
            demands=[DemandView.of(each) for each in dossier.demands],
            paid=bool(demands) and all(each.paid_by not in (None, WAIVED) for each in demands),
            withdrawal_asked=dossier.withdrawal_reason is not None,
            can=can,
            needs={does: fact for does, fact in dossier.to_be_given(at).items() if does in can},
        )


def _limit(dossier: Dossier) -> LimitView | None:
    limit = dossier.limit
    return LimitView(value=limit.value, unit=limit.unit, count=dossier.count, pause=dossier.pause) if limit else None


def written(at: datetime | None) -> str | None:
    return wire(at) if at else None
