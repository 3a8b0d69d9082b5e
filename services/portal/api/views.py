"""Views of the portal, and what its endpoints share: the citizen of a request and its idempotency key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Response, Security
from pydantic import BaseModel

from contracts import lifecycle as law
from contracts.views import CopyView, FeeItemView, Moment, PlaceView, View
from services.portal.auth import Citizen
from services.portal.domain import Demand, Dossier, Payment
from services.portal.runtime import Portal
from shared.messaging.idempotency import RequestKey
from shared.web.dependencies import ACCESS_TOKEN, Chosen

PAYMENT_WORDS = {
    "started": "due",
    "failed": "due",
    "paid": "paid",
    "refund_pending": "refund_pending",
    "refunded": "refunded",
}


async def portal_of(request: Request) -> Portal:
    portal: Portal = request.app.state.runtime
    return portal


PortalDep = Annotated[Portal, Depends(portal_of)]


async def citizen_of(
    portal: PortalDep,
    chosen: Chosen,
    authorization: Annotated[str | None, Security(ACCESS_TOKEN)] = None,
) -> Citizen:
    """The citizen of the token. A sandbox named by header or key must be that of the token."""
    return await portal.tokens.citizen(authorization, chosen)


CitizenDep = Annotated[Citizen, Depends(citizen_of)]


def once(citizen: Citizen, route: str, key: str, body: BaseModel) -> RequestKey:
    return RequestKey(citizen.id, route, key, body.model_dump_json().encode())


def json_reply(reply: tuple[int, str]) -> Response:
    return Response(reply[1], reply[0], media_type="application/json")


class ReceiptView(View):
    """A receipt; phí and lệ phí have separate ones. Numbers have no gaps within a series."""

    kind: str
    series: str
    number: int
    amount_dong: int


class FeeView(View):
    """One demand. `status`: due, paid, refund_pending, partly_refunded, refunded; superseded by a correction, waived by
    the office, or lapsed because the dossier ended before it was paid. `paid_by`: online, counter, transfer.
    `refunded_dong` counts every payment for this demand, so it can exceed the demand if it was paid twice.
    """

    demand: int
    amount_dong: int
    moment: str
    items: list[FeeItemView]
    status: str
    waived_because: str | None
    pay_by: Moment | None
    paid_by: str | None
    reference: str | None
    refunded_dong: int
    receipts: list[ReceiptView]


class SupplementView(View):
    """A request to hand in what is missing; a second request counts as overdue."""

    number: int
    reason: str
    items: list[str]
    answer_by: Moment
    answered_at: Moment | None
    counts_as_overdue: bool


class PaperView(View):
    """A paper of the dossier. `digitisation`: 0 not, 1 digitised, 2 reused paper, 3 reused result."""

    component: str
    form: str
    digitisation: int
    name: str | None
    media_type: str | None
    size: int | None
    sha256: str | None


class OwnerView(View):
    kind: str
    id: str
    name: str


class ResultView(View):
    """`timeliness`: early, on_time, overdue."""

    number: str
    ready_at: Moment
    on_time: bool
    timeliness: str | None
    returned_at: Moment | None
    returned_by: str | None


class LimitView(BaseModel):
    """The limit in force at reception; `count` and `pause` say how it is counted."""

    value: float
    unit: str
    count: str | None
    pause: str | None


class DossierView(CopyView):
    """The national copy of a dossier, as its citizen sees it."""

    authority: PlaceView
    filed_under: PlaceView | None
    capacity: str
    owner: OwnerView | None
    limit: LimitView | None
    apologised_at: Moment | None
    supplements: list[SupplementView]
    fee: FeeView | None  # the current demand: the last of `demands`
    demands: list[FeeView]
    withdrawal: str
    result: ResultView | None
    papers: list[PaperView]
    note: str | None
    rating: dict[str, int] | None

    @classmethod
    def of(cls, dossier: Dossier, at: datetime) -> DossierView:
        limit, fees = dossier.limit, [_fee(dossier, demand) for demand in dossier.demands]
        return cls.read(
            dossier,
            authority=PlaceView(province=dossier.province, commune=dossier.commune),
            applicant=dossier.applicant_name,
            status=dossier.state,
            limit=LimitView(value=limit[0], unit=limit[1], count=dossier.count, pause=dossier.pause) if limit else None,
            fee=fees[-1] if fees else None,
            demands=fees,
            paid_dong=sum(payment.amount_dong for payment in dossier.payments if payment.confirmed)
            + sum(demand.amount_dong for demand in dossier.demands if demand.taken),
            refunded_dong=sum(payment.refund_dong for payment in dossier.payments if payment.status == "refunded")
            + sum(demand.returned_dong for demand in dossier.demands),
            result=_result(dossier),
            can=dossier.can(at),
        )


def _fee(dossier: Dossier, demand: Demand) -> FeeView:
    attempts = [payment for payment in dossier.payments if payment.demand == demand.number]
    confirmed = [payment for payment in attempts if payment.confirmed]  # shown before other attempts
    shown: Payment | None = dossier.payment_of(demand.number) or next(reversed(confirmed or attempts), None)
    receipts = demand.receipts or (shown.receipts if shown else ())
    return FeeView(
        demand=demand.number,
        amount_dong=demand.amount_dong,
        moment=demand.moment,
        items=demand.items,
        status=_fee_status(dossier, demand, shown),
        waived_because=demand.waived,
        pay_by=demand.pay_by,
        paid_by=demand.taken or ("online" if confirmed else None),
        reference=shown.reference if shown else None,
        refunded_dong=demand.returned_dong
        + sum(payment.refund_dong for payment in attempts if payment.status == "refunded"),
        receipts=receipts,
    )


def _fee_status(dossier: Dossier, demand: Demand, shown: Payment | None) -> str:
    if demand.taken:
        returned = demand.returned_dong
        return "refunded" if returned == demand.amount_dong else "partly_refunded" if returned else "paid"
    status = PAYMENT_WORDS[shown.status] if shown else "due"
    if shown is not None and status == "refunded" and shown.refund_dong < shown.amount_dong:
        return "partly_refunded"
    if status != "due":
        return status
    if demand.waived:
        return "waived"
    return "superseded" if demand.superseded else "lapsed" if dossier.state in law.ENDED_WITHOUT_RESULT else "due"


def _result(dossier: Dossier) -> ResultView | None:
    if dossier.result_number is None or dossier.ready_at is None:
        return None
    return ResultView(
        number=dossier.result_number,
        ready_at=dossier.ready_at,
        on_time=bool(dossier.on_time),
        timeliness=dossier.timeliness,
        returned_at=dossier.returned_at,
        returned_by=dossier.returned_by,
    )
