"""Money: a citizen begins to pay, the platform confirms (fact sheet integration 4.2)."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from contracts import payment_platform as platform
from services.portal import commands, queries
from services.portal.api.views import CitizenDep, PortalDep, once
from services.portal.codes import code_of
from services.portal.domain import Payment
from shared.runtime import known_sandbox
from shared.text import Exact, Text
from shared.web.dependencies import KeyHeader, SandboxId
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["payments"])
log = structlog.get_logger()


class PaymentRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount_dong: Annotated[int, Field(gt=0, lt=10**12, strict=True)]


class PaymentView(BaseModel):
    """An attempt to pay; `checkout_url` is where the citizen goes."""

    reference: str
    amount_dong: int
    checkout_url: str
    status: str


class Confirm(BaseModel):
    """CONFIRM as the platform sends it, letter by letter, for its checksum covers them; unknown members pass."""

    model_config = ConfigDict(extra="allow")
    LoaiBanTin: Exact
    MaLoi: Exact
    MaDoiTac: Exact
    MaThamChieu: Exact
    SoTien: Annotated[int, Field(ge=0, lt=10**12)]
    MaTienTe: Exact
    MaGiaoDich: Annotated[Exact, Field(min_length=1, max_length=64)]
    MaNganHang: Exact
    ThoiGianGD: Exact
    ThongTinGiaoDich: Exact
    MaXacThuc: Exact


@router.post(
    "/dossiers/{code}/payments",
    summary="Begin to pay the fee that is due.",
    status_code=201,
    responses=problem_responses(401, 403, 404, 409, 422, 502, 503),
)
async def begin_payment(
    code: Text, body: PaymentRequest, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> PaymentView:
    """The attempt is kept first, then the platform is called; both are repeatable with the same key."""

    key = once(citizen, f"POST /dossiers/{code}/payments", idempotency_key, body)
    async with portal.request(citizen, key, codes=[code]) as request:
        if request.is_new:
            payment = commands.start_payment(request.work, citizen, code, body.amount_dong)
            view = _view(payment, checkout_url="")
            request.reply(201, view.model_dump_json())
        else:
            view = PaymentView.model_validate_json(request.answer[1])
    if view.checkout_url:
        return view
    # The platform is called outside the transaction; a request that ended before it answered is completed by a repetition.
    dossier = await queries.dossier(portal, citizen, code)
    started = dossier.payment(view.reference)
    assert started is not None  # stored in the transaction of the reply
    url = await portal.platform.begin(citizen.sandbox, dossier, started, started.started_at)
    view = _view(started, checkout_url=url)
    await portal.store_reply(citizen.sandbox, key, (201, view.model_dump_json()))
    return view


def _view(payment: Payment, *, checkout_url: str) -> PaymentView:
    amount, status = payment.amount_dong, payment.status
    return PaymentView(reference=payment.reference, amount_dong=amount, checkout_url=checkout_url, status=status)


@router.post(
    "/payment-platform/confirm",
    summary="The platform's CONFIRM; its signature is the only guard.",
    responses=problem_responses(404, 422),
)
async def confirm(body: Confirm, sandbox: SandboxId, portal: PortalDep) -> dict[str, Any]:
    message = body.model_dump()
    code = code_of(body.MaThamChieu)
    if not platform.is_authentic(message, platform.CONFIRM, portal.platform.secret(sandbox)):
        refused: str | None = "MaXacThuc does not fit the message in this sandbox"
    elif body.LoaiBanTin != "CONFIRM":  # the answer to QUERY is signed alike, and tells of unpaid orders too
        refused = "LoaiBanTin must be CONFIRM"
    elif body.MaDoiTac != platform.PARTNER or body.MaTienTe != "VND":
        refused = f"MaDoiTac must be {platform.PARTNER} and MaTienTe VND"
    elif code is None:
        refused = "MaThamChieu is not one of ours"
    else:
        refused = await portal.decide(
            sandbox,
            lambda work: commands.confirm_payment(
                work, code, body.MaThamChieu, body.SoTien, body.MaGiaoDich, paid=body.MaLoi == platform.OK
            ),
            codes=[code],
            counters=lambda now: commands.receipt_series(code, now),
        )
    if refused:
        log.warning("confirmation_refused", reference=body.MaThamChieu, reason=refused, sandbox=sandbox)
    return {
        "MaLoi": platform.OTHER_ERROR if refused else platform.OK,
        "MoTaLoi": refused or "",
        "MaDoiTac": body.MaDoiTac,
        "MaThamChieu": body.MaThamChieu,
        "ThoiGianGD": body.ThoiGianGD,
        "MaXacThuc": body.MaXacThuc,
    }


@router.get(
    "/payments/return", summary="Where the platform sends the browser after paying.", responses=problem_responses(404)
)
async def payment_return(
    portal: PortalDep,
    reference: Annotated[str, Query(max_length=40)],
    sandbox: Annotated[str, Query(max_length=40)] = "default",
) -> dict[str, str]:
    """Only how the payment stands: whoever guesses a reference learns no more. CONFIRM, not this visit, decides."""
    await known_sandbox(portal, sandbox)
    code = code_of(reference)
    dossier = await portal.documents.find(portal.database, sandbox, code) if code else None
    payment = dossier.payment(reference) if dossier else None
    return {"reference": reference, "status": payment.status if payment else "unknown"}
