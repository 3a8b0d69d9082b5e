"""What the portal shows, and what its doors share: who asks, and the key that makes a request one and the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from msgspec.structs import asdict
from pydantic import BaseModel

from contracts import lifecycle as law
from contracts.catalogue import Place
from services.portal.auth import Citizen
from services.portal.domain import Demand, Dossier, Payment, Supplement
from services.portal.runtime import Portal
from shared.messaging.idempotency import Once
from shared.sandbox.clock import wire
from shared.web.dependencies import Chosen

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
    authorization: Annotated[str | None, Header(description="Bearer access token of identity_mock")] = None,
) -> Citizen:
    """A sandbox named besides, by header or key, must be the token's own."""
    return await portal.tokens.citizen(authorization, chosen)


CitizenDep = Annotated[Citizen, Depends(citizen_of)]
KeyHeader = Annotated[
    str, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="Chosen by you, one per request")
]


def once(citizen: Citizen, route: str, key: str, body: BaseModel) -> Once:
    return Once(citizen.id, route, key, body.model_dump_json().encode())


def json_reply(reply: tuple[int, str]) -> Response:
    return Response(reply[1], reply[0], media_type="application/json")


class StatusView(BaseModel):
    code: int
    slug: str
    name_vi: str
    name_en: str


class PlaceView(BaseModel):
    """Of a commune, or of the province itself (commune null)."""

    province: str
    commune: str | None

    @classmethod
    def of(cls, place: Place | None) -> PlaceView | None:
        return cls(province=place.province, commune=place.commune) if place else None


class ReceiptView(BaseModel):
    """A receipt: phí and lệ phí have their own; numbers have no gaps within a series."""

    kind: str
    series: str
    number: int
    amount_dong: int


class FeeItemView(BaseModel):
    """`kind`: service_fee (phí), registration_fee (lệ phí), tax."""

    kind: str
    name: str
    amount_dong: int


class FeeView(BaseModel):
    """One demand. `status`: due, paid, refund_pending, partly_refunded, refunded; superseded by a correction, waived by
    the office, or lapsed because the dossier ended before it was paid. `paid_by`: online, counter, transfer.
    `refunded_dong` counts every payment for this demand: with one that crossed it, it may be more than the demand.
    """

    demand: int
    amount_dong: int
    moment: str
    items: list[FeeItemView]
    status: str
    waived_because: str | None
    pay_by: str | None
    paid_by: str | None
    reference: str | None
    refunded_dong: int
    receipts: list[ReceiptView]


class SupplementView(BaseModel):
    """A request to hand in what is missing; a second one counts as overdue."""

    number: int
    reason: str
    items: list[str]
    answer_by: str
    answered_at: str | None
    counts_as_overdue: bool


class PaperView(BaseModel):
    """A paper of the dossier. `digitisation`: 0 not, 1 digitised, 2 reused paper, 3 reused result."""

    component: str
    form: str
    digitisation: int
    name: str | None
    media_type: str | None
    size: int | None
    sha256: str | None


class OwnerView(BaseModel):
    kind: str
    id: str
    name: str


class ResultView(BaseModel):
    """`timeliness`: early, on_time, overdue."""

    number: str
    ready_at: str
    on_time: bool
    timeliness: str | None
    returned_at: str | None
    returned_by: str | None


class LimitView(BaseModel):
    """The limit in force at reception; `count` and `pause` say how it is counted."""

    value: float
    unit: str
    count: str | None
    pause: str | None


class DossierView(BaseModel):
    """The national copy of a dossier, as its citizen sees it."""

    code: str
    procedure: str
    case: str | None
    version: str | None
    channel: str
    authority: PlaceView
    reception: PlaceView | None
    help_at: PlaceView | None
    filed_under: PlaceView | None
    applicant: str
    capacity: str
    owner: OwnerView | None
    status: StatusView
    submitted_at: str
    received_at: str | None
    handed_over_at: str | None
    limit: LimitView | None
    due_at: str | None
    apologised_at: str | None
    reason: str | None
    supplements: list[SupplementView]
    fee: FeeView | None  # the demand that stands: the last of `demands`
    demands: list[FeeView]
    paid_dong: int
    refunded_dong: int
    withdrawal: str
    result: ResultView | None
    return_by: str | None
    papers: list[PaperView]
    note: str | None
    rating: dict[str, int] | None
    can: list[str]

    @classmethod
    def of(cls, dossier: Dossier, at: datetime) -> DossierView:
        state, limit = dossier.state, dossier.limit
        fees = [_fee(dossier, demand) for demand in dossier.demands]
        same = ("code", "procedure", "case", "version", "channel", "capacity", "reason", "withdrawal", "return_by")
        times = ("received_at", "handed_over_at", "due_at", "apologised_at")
        return cls(
            **{name: getattr(dossier, name) for name in (*same, "note", "rating")},
            **{name: _wire(getattr(dossier, name)) for name in times},
            authority=PlaceView(province=dossier.province, commune=dossier.commune),
            reception=PlaceView.of(dossier.reception),
            help_at=PlaceView.of(dossier.help_at),
            filed_under=PlaceView.of(dossier.filed_under),
            applicant=dossier.applicant_name,
            owner=OwnerView(**asdict(dossier.owner)) if dossier.owner else None,
            status=StatusView(code=state.code, slug=state.slug, name_vi=state.name_vi, name_en=state.name_en),
            submitted_at=wire(dossier.submitted_at),
            limit=LimitView(value=limit[0], unit=limit[1], count=dossier.count, pause=dossier.pause) if limit else None,
            supplements=[_supplement(each) for each in dossier.supplements],
            fee=fees[-1] if fees else None,
            demands=fees,
            paid_dong=sum(each.amount_dong for each in dossier.payments if each.confirmed)
            + sum(each.amount_dong for each in dossier.demands if each.taken),
            refunded_dong=sum(each.refund_dong for each in dossier.payments if each.status == "refunded")
            + sum(each.returned_dong for each in dossier.demands),
            result=_result(dossier),
            papers=[PaperView(**asdict(paper)) for paper in dossier.papers],
            can=dossier.can(at),
        )


def _supplement(asked: Supplement) -> SupplementView:
    return SupplementView(
        number=asked.number,
        reason=asked.reason,
        items=list(asked.items),
        answer_by=wire(asked.answer_by),
        answered_at=_wire(asked.answered_at),
        counts_as_overdue=asked.counts_as_overdue,
    )


def _fee(dossier: Dossier, demand: Demand) -> FeeView:
    tries = [payment for payment in dossier.payments if payment.demand == demand.number]
    confirmed = [payment for payment in tries if payment.confirmed]  # money that moved comes before an attempt
    shown: Payment | None = dossier.payment_of(demand.number) or next(reversed(confirmed or tries), None)
    receipts = demand.receipts or (shown.receipts if shown else ())
    return FeeView(
        demand=demand.number,
        amount_dong=demand.amount_dong,
        moment=demand.moment,
        items=[FeeItemView(**asdict(item)) for item in demand.items],
        status=_fee_status(dossier, demand, shown),
        waived_because=demand.waived,
        pay_by=_wire(demand.pay_by),
        paid_by=demand.taken or ("online" if confirmed else None),
        reference=shown.reference if shown else None,
        refunded_dong=demand.returned_dong + sum(each.refund_dong for each in tries if each.status == "refunded"),
        receipts=[ReceiptView(**asdict(receipt)) for receipt in receipts],
    )


def _fee_status(dossier: Dossier, demand: Demand, shown: Payment | None) -> str:
    if demand.taken:
        back = demand.returned_dong
        return "refunded" if back == demand.amount_dong else "partly_refunded" if back else "paid"
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
        ready_at=wire(dossier.ready_at),
        on_time=bool(dossier.on_time),
        timeliness=dossier.timeliness,
        returned_at=_wire(dossier.returned_at),
        returned_by=dossier.returned_by,
    )


def _wire(at: datetime | None) -> str | None:
    return wire(at) if at else None
