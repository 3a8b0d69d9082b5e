"""What the portal shows, and what its doors share: who asks, and the key that makes a request one and the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from services.portal.app_state import Portal
from services.portal.citizens import Citizen
from services.portal.domain import Dossier, Payment
from shared.clock import wire
from shared.house import Once

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
    authorization: Annotated[str | None, Header(description="Bearer access token of identity_mock")] = None,
    x_sandbox: Annotated[str | None, Header(description="Must be the token's own sandbox, if sent")] = None,
) -> Citizen:
    return await portal.tokens.citizen(authorization, x_sandbox)


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


class AuthorityView(BaseModel):
    province: str
    commune: str | None


class FeeView(BaseModel):
    amount_dong: int
    status: str  # due | paid | refund_pending | refunded
    reference: str | None


class ResultView(BaseModel):
    number: str
    ready_at: str
    on_time: bool
    returned_at: str | None


class DossierView(BaseModel):
    """The national copy of a dossier, as its citizen sees it."""

    code: str
    procedure: str
    authority: AuthorityView
    status: StatusView
    submitted_at: str
    received_at: str | None
    due_at: str | None
    reason: str | None
    fee: FeeView | None
    withdrawal: str
    result: ResultView | None
    note: str | None
    can: list[str]

    @classmethod
    def of(cls, dossier: Dossier) -> DossierView:
        state = dossier.state
        return cls(
            code=dossier.code,
            procedure=dossier.procedure,
            authority=AuthorityView(province=dossier.province, commune=dossier.commune),
            status=StatusView(code=state.code, slug=state.slug, name_vi=state.name_vi, name_en=state.name_en),
            submitted_at=wire(dossier.submitted_at),
            received_at=_wire(dossier.received_at),
            due_at=_wire(dossier.due_at),
            reason=dossier.reason,
            fee=_fee(dossier),
            withdrawal=dossier.withdrawal,
            result=_result(dossier),
            note=dossier.note,
            can=dossier.can(),
        )


def _fee(dossier: Dossier) -> FeeView | None:
    if dossier.fee_dong is None:
        return None
    shown: Payment | None = dossier.paid or (dossier.payments[-1] if dossier.payments else None)
    status = PAYMENT_WORDS[shown.status] if shown else "due"
    return FeeView(amount_dong=dossier.fee_dong, status=status, reference=shown.reference if shown else None)


def _result(dossier: Dossier) -> ResultView | None:
    if dossier.result_number is None or dossier.ready_at is None:
        return None
    return ResultView(
        number=dossier.result_number,
        ready_at=wire(dossier.ready_at),
        on_time=bool(dossier.on_time),
        returned_at=_wire(dossier.returned_at),
    )


def _wire(at: datetime | None) -> str | None:
    return wire(at) if at else None
