"""The checkout for the payer: a page with two buttons, and the payment itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ValidationError

from contracts.faults import payment as named
from contracts.texts import text
from services.payment_mock import callbacks, faults, store, vietqr
from services.payment_mock.partners import Partner
from services.payment_mock.problems import BankDown, OrderAlreadyPaid, OrderExpired, OrderNotFound
from services.payment_mock.runtime import RuntimeDep
from services.payment_mock.settings import Settings
from services.payment_mock.store import Order
from shared.errors import BodyDoesNotFit, SandboxMismatch
from shared.misfits import misfits
from shared.observability import trace_context
from shared.runtime import in_sandbox
from shared.sandbox import journal
from shared.sandbox.clock import wire
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection
from shared.text import Text
from shared.web.dependencies import Chosen
from shared.web.pages import Templates, Visit, language_of, origin
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/s/{sandbox}/checkout/{transaction}", tags=["payer"])
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20  # the page's own form has one
PaymentRefusal = OrderAlreadyPaid | OrderExpired | BankDown

# Invented banks, by the code that CONFIRM says (MaNganHang).
BANKS = {"NHDT": "Ngân hàng Diễn Tập", "NHTN": "Ngân hàng Thử Nghiệm", "NHHC": "Ngân hàng Hư Cấu"}


def templates_of(settings: Settings) -> Templates:
    return Templates(
        (Path(__file__).parent,), text, pages=re.compile(r"/s/[^/]+/checkout/.*"), home=settings.portal_url
    )


class PayRequest(BaseModel):
    outcome: Literal["success", "failed"] = "success"
    bank: Literal["NHDT", "NHTN", "NHHC"] | None = None  # chosen by the payer; by default that of INIT


async def path_sandbox(sandbox: Text, chosen: Chosen) -> str:
    if chosen not in (None, sandbox):
        raise SandboxMismatch(f"This address belongs to sandbox '{sandbox}'; leave X-Sandbox out.")
    return sandbox


PathSandboxId = Annotated[str, Depends(path_sandbox)]


@router.get(
    "",
    summary="The payment page",
    response_class=HTMLResponse,
    responses={200: {"content": {"text/html": {}}}, **problem_responses(403, 404, 422, 503)},
)
async def show(sandbox_id: PathSandboxId, transaction: Text, runtime: RuntimeDep, request: Request) -> HTMLResponse:
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await _order(connection, sandbox, transaction)
        partner = await runtime.partner_of(connection, order)
    return _page(request, partner, sandbox, order, _refusal(order, sandbox))


@router.get("/qr.svg", include_in_schema=False)
async def qr(sandbox_id: PathSandboxId, transaction: Text, runtime: RuntimeDep) -> Response:
    """Not in the page itself: to draw it costs as much as the rest of a payment, and only a browser looks at it."""
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await _order(connection, sandbox, transaction)
    return Response(vietqr.picture(order.amount_dong, order.reference), media_type="image/svg+xml")


@router.post(
    "/pay",
    summary="Make a payment attempt, with success or failure",
    response_class=Response,
    status_code=303,
    openapi_extra={
        "requestBody": {
            "content": {media: {"schema": PayRequest.model_json_schema()} for media in ("application/json", FORM)}
        }
    },
    responses={
        303: {"description": "Redirect to the return address of the partner"},
        **problem_responses(403, 404, 409, 422, 503),
    },
)
async def pay(sandbox_id: PathSandboxId, transaction: Text, runtime: RuntimeDep, request: Request) -> Response:
    """A failed attempt can be repeated; a paid order cannot be paid again. Only a success is sent to the partner (CONFIRM)."""
    is_form = request.headers.get("content-type", "").startswith(FORM)
    body = _parse(await request.body(), is_form=is_form)
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await _order(connection, sandbox, transaction)
        partner = await runtime.partner_of(connection, order)
        trace_context.join(order.traceparent)
        refusal, reason, returns = _refusal(order, sandbox), "", True
        if refusal is None:
            rule = await faults.checkout_rule(connection, sandbox, order, body.outcome)
            match rule.fault if rule else "":
                case named.CANCELLED | named.ONLY_RETURN:
                    pass
                case named.BANK_DOWN:
                    refusal = BankDown("No money was taken; try again later.", reference=order.reference)
                case named.TIMED_OUT:
                    order = replace(order, expires_at=sandbox.now)
                    await store.expire_order(connection, order)
                    refusal = _refusal(order, sandbox)
                case fault:
                    returns = fault != named.NO_RETURN
                    if fault == named.DECLINED and rule is not None:
                        body, reason = PayRequest(outcome="failed"), str(rule.settings["reason"])
                    order = replace(order, bank=body.bank or order.bank)
                    await _record(connection, sandbox, order, body, partner, reason)
    if refusal is not None:
        if is_form:
            status = 503 if isinstance(refusal, BankDown) else 409
            return _page(request, partner, sandbox, order, refusal, status)
        raise refusal
    runtime.callers.wake()
    back = _back(partner, order, reason)
    if not returns or not back:
        return _page(request, partner, sandbox, order, OrderAlreadyPaid())
    return RedirectResponse(back, 303)


def _back(partner: Partner | None, order: Order, reason: str = "") -> str:
    """The return address of the partner; empty if it has none. What a partner is told there is not public: a guess of ours."""
    address = order.return_url or (partner.return_url if partner else "")
    if partner is None or not address:
        return ""
    query = {"reference": order.reference, "sandbox": order.sandbox, **({"reason": reason} if reason else {})}
    if partner.is_registered:
        query = {"MaThamChieu": order.reference, "MaGiaoDich": order.transaction}
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


async def _order(connection: Connection, sandbox: Sandbox, transaction: str) -> Order:
    order = await store.order_by_transaction(connection, sandbox.id, transaction)
    if order is None:
        raise OrderNotFound(
            "Use the UrlThanhToan from the reply to INIT, in the same sandbox.", transaction=transaction
        )
    return order


def _refusal(order: Order, sandbox: Sandbox) -> PaymentRefusal | None:
    """Why the order cannot be paid now; None if it can."""
    if order.paid_at is not None:
        detail = "No money was taken again. Look at the dossier, or send QUERY."
        return OrderAlreadyPaid(detail, reference=order.reference, paid_at=wire(order.paid_at))
    if order.has_expired(sandbox.now):
        detail = "Start a new payment at the portal."
        return OrderExpired(detail, reference=order.reference, expired_at=wire(order.expires_at), now=wire(sandbox.now))
    return None


async def _record(
    connection: Connection, sandbox: Sandbox, order: Order, body: PayRequest, partner: Partner | None, reason: str
) -> None:
    """Store the result of a payment attempt, with its journal line; after a success also the CONFIRM."""
    if body.outcome == "failed":
        await store.save_order(connection, replace(order, state="failed"))
        why_vi, why_en = named.REASONS.get(reason, ("", ""))
        texts = (
            f"Thanh toán thất bại{': ' * bool(why_vi)}{why_vi}",
            f"The payment failed{': ' * bool(why_en)}{why_en}",
        )
        facts = {"reference": order.reference, **({"reason": reason} if reason else {})}
        await journal.note(connection, sandbox.id, order.subject, sandbox.now, "payment_failed", *texts, **facts)
        return
    paid = replace(order, state="paid", paid_at=sandbox.now)
    await store.save_order(connection, paid)
    if partner is not None:
        await callbacks.add_calls(connection, paid, partner)
    texts = (f"Đã thanh toán {order.amount_dong} đ", f"{order.amount_dong} dong paid")
    facts = {"reference": order.reference, "transaction": order.transaction}
    await journal.note(connection, sandbox.id, order.subject, sandbox.now, "paid", *texts, **facts)


def _parse(body: bytes, *, is_form: bool) -> PayRequest:
    try:
        if is_form:
            return PayRequest.model_validate(_fields(body))
        return PayRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise BodyDoesNotFit(*misfits(error.errors(), PayRequest.model_json_schema)) from error


def _fields(body: bytes) -> dict[str, str]:
    """Raises BodyDoesNotFit for more than a browser sends, or a field that is there twice."""
    try:
        pairs = parse_qsl(body.decode(errors="replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BodyDoesNotFit(("", f"has more than {MOST_FIELDS} fields; send `outcome`")) from None
    if len(fields := dict(pairs)) < len(pairs):
        raise BodyDoesNotFit(("", "has a field twice; send it once"))
    return fields


def _page(
    request: Request,
    partner: Partner | None,
    sandbox: Sandbox,
    order: Order,
    refusal: PaymentRefusal | None,
    status: int = 200,
) -> HTMLResponse:
    """The page of an order; `refusal`: why it cannot be paid now."""
    visit = Visit(language_of(request), sandbox, sandbox.id, f"/s/{order.sandbox}/checkout/{order.transaction}")
    why = {OrderAlreadyPaid: "paid", OrderExpired: "expired", BankDown: "bank_down"}
    templates: Templates = request.app.state.templates
    return templates.render(
        visit,
        "checkout.html",
        status,
        order=order,
        why=why[type(refusal)] if refusal else "",
        banks=BANKS.items(),
        back=(back := _back(partner, order)),
        forms=[origin(back)] if back else [],
    )
