"""Payments: a citizen starts one, the platform confirms it (fact sheet integration 4.2)."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import Header, Query, Response
from fastapi.responses import RedirectResponse
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
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["payments"])
log = structlog.get_logger()


class PaymentRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount_dong: Annotated[int, Field(ge=0, lt=10**12, strict=True)]  # 0 fits no fee: the refusal says which


class PaymentView(BaseModel):
    """A payment attempt; the citizen pays at `checkout_url`."""

    reference: str
    amount_dong: int
    checkout_url: str
    status: str


class Confirm(platform.Signed):
    """CONFIRM exactly as the platform sends it: the checksum covers every character; unknown members are allowed."""

    model_config = ConfigDict(extra="allow")
    LoaiBanTin: Exact
    MaLoi: Exact
    MaDoiTac: Exact
    MaThamChieu: Exact
    SoTien: platform.Amount
    MaTienTe: Exact
    MaGiaoDich: Annotated[Exact, Field(min_length=1, max_length=64)]
    MaNganHang: Exact
    ThoiGianGD: Exact
    ThongTinGiaoDich: Exact
    MaXacThuc: Exact


@router.post(
    "/dossiers/{code}/payments",
    summary="Start a payment of the fee that is due.",
    status_code=201,
    responses=problem_responses(401, 403, 404, 409, 422, 502, 503),
)
async def begin_payment(
    code: Text, body: PaymentRequest, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> PaymentView:
    """Stores the attempt, then calls the platform. Both can be repeated with the same key."""
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
    # The platform is called outside the transaction; if it does not reply, a repeated request completes the call.
    dossier = await queries.dossier(portal, citizen, code)
    payment_attempt = dossier.payment(view.reference)
    assert payment_attempt is not None  # stored in the transaction of the reply
    url = await portal.platform.begin(citizen.sandbox, dossier, payment_attempt, payment_attempt.started_at)
    view = _view(payment_attempt, checkout_url=url)
    await portal.store_reply(citizen.sandbox, key, (201, view.model_dump_json()))
    return view


def _view(payment: Payment, *, checkout_url: str) -> PaymentView:
    amount, status = payment.amount_dong, payment.status
    return PaymentView(reference=payment.reference, amount_dong=amount, checkout_url=checkout_url, status=status)


@router.post(
    "/payment-platform/confirm",
    summary="CONFIRM of the platform; it is authenticated only by its checksum.",
    responses=problem_responses(404, 422),
)
async def confirm(body: Confirm, sandbox: SandboxId, portal: PortalDep) -> dict[str, Any]:
    code = code_of(body.MaThamChieu)
    if not body.is_authentic(platform.CONFIRM, portal.platform.secret(sandbox)):
        refusal: str | None = "MaXacThuc does not fit the message in this sandbox"
    elif body.LoaiBanTin != "CONFIRM":  # the reply to QUERY has the same checksum, also for unpaid orders
        refusal = "LoaiBanTin must be CONFIRM"
    elif body.MaDoiTac != platform.PARTNER or body.MaTienTe != platform.CURRENCY:
        refusal = f"MaDoiTac must be {platform.PARTNER} and MaTienTe {platform.CURRENCY}"
    elif code is None:
        refusal = "MaThamChieu is not one of ours"
    else:
        paid = body.MaLoi == platform.OK
        async with portal.unit_of_work(sandbox, codes=[code]) as request:
            await request.lock_counters(*commands.receipt_series(code, request.now))
            refusal = commands.confirm_payment(
                request.work, code, body.MaThamChieu, int(body.SoTien), body.MaGiaoDich, paid=paid
            )
    if refusal:
        log.warning("confirmation_refused", reference=body.MaThamChieu, reason=refusal, sandbox=sandbox)
    return {
        "MaLoi": platform.OTHER_ERROR if refusal else platform.OK,
        "MoTaLoi": refusal or "",
        "MaDoiTac": body.MaDoiTac,
        "MaThamChieu": body.MaThamChieu,
        "ThoiGianGD": body.ThoiGianGD,
        "MaXacThuc": body.MaXacThuc,
    }


@router.get(
    "/payments/return",
    summary="The address to which the platform redirects the browser after a payment; a browser goes on to the dossier.",
    response_model=dict[str, str],
    responses={303: {"description": "To the page of the dossier, for a browser"}, **problem_responses(404)},
)
async def payment_return(
    portal: PortalDep,
    reference: Annotated[str, Query(max_length=40)],
    sandbox: Annotated[str, Query(max_length=40)] = "default",
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response | dict[str, str]:
    """Returns only the status, because references can be guessed. CONFIRM decides, not this request."""
    await known_sandbox(portal, sandbox)
    code = code_of(reference)
    if code and "text/html" in accept:
        return RedirectResponse(f"/s/{sandbox}/dossiers/{code}", 303)
    dossier = await portal.documents.find(portal.database, sandbox, code) if code else None
    payment = dossier.payment(reference) if dossier else None
    return {"reference": reference, "status": payment.status if payment else "unknown"}
