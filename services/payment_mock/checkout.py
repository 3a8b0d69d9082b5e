"""The checkout for the payer: a page with two buttons, and the payment itself."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ValidationError

from contracts.faults import payment as named
from services.payment_mock import callbacks, faults, store
from services.payment_mock.orders import RuntimeDep
from services.payment_mock.problems import BankDown, OrderAlreadyPaid, OrderExpired, OrderNotFound
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
from shared.web.html_page import HtmlPage
from shared.web.problems import problem_responses

router = APIRouter(prefix="/s/{sandbox}/checkout/{transaction}", tags=["payer"])
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20  # the page's own form has one
PaymentRefusal = OrderAlreadyPaid | OrderExpired | BankDown

PAGE = """<!doctype html>
<html lang="vi">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Thanh toán thử nghiệm</title>
<style>body {{ font: 1rem/1.6 system-ui; max-width: 34rem; margin: 3rem auto }} button {{ font: inherit }}</style>
<h1>Thanh toán thử nghiệm</h1>
<p>Không có tiền thật ở đây. <i lang="en">No real money here.</i></p>
<dl>
<dt>Số tiền</dt><dd>{amount} đ</dd>
<dt>Mã tham chiếu</dt><dd>{reference}</dd>
<dt>Nội dung</dt><dd>{description}</dd>
</dl>
{foot}
</html>
"""
BUTTONS = """<form method="post" action="{action}">
<button name="outcome" value="success">Thanh toán (thành công)</button>
<button name="outcome" value="failed">Thanh toán (thất bại)</button>
</form>"""


class PayRequest(BaseModel):
    outcome: Literal["success", "failed"] = "success"


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
async def show(sandbox_id: PathSandboxId, transaction: Text, runtime: RuntimeDep) -> HTMLResponse:
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await _order(connection, sandbox, transaction)
    return HtmlPage(_page(order, _refusal(order, sandbox)))


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
                    await _record(connection, sandbox, order, body, runtime.secret(sandbox.id), reason)
    if refusal is not None:
        if is_form:
            return HtmlPage(_page(order, refusal), 503 if isinstance(refusal, BankDown) else 409)
        raise refusal
    runtime.callers.wake()
    if not returns:
        return HtmlPage(_page(order, OrderAlreadyPaid()))
    query = {"reference": order.reference, "sandbox": order.sandbox, **({"reason": reason} if reason else {})}
    return RedirectResponse(f"{runtime.payment.return_url}?{urlencode(query)}", 303)


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
    connection: Connection, sandbox: Sandbox, order: Order, body: PayRequest, secret: str, reason: str
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
    await callbacks.add_confirm(connection, paid, secret)
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


def _page(order: Order, refusal: PaymentRefusal | None) -> str:
    if isinstance(refusal, OrderAlreadyPaid):
        foot = '<p>Giao dịch đã được thanh toán. <i lang="en">This order is paid; no money is taken again.</i></p>'
    elif isinstance(refusal, BankDown):
        foot = '<p>Ngân hàng không phản hồi, chưa trừ tiền. <i lang="en">The bank does not reply; no money was taken.</i></p>'
    elif refusal is not None:
        foot = '<p>Giao dịch đã hết hạn. <i lang="en">The time to pay has expired: start again at the portal.</i></p>'
    else:
        foot = BUTTONS.format(action=f"/s/{order.sandbox}/checkout/{order.transaction}/pay")
    amount = f"{order.amount_dong:,}".replace(",", ".")
    return PAGE.format(
        amount=amount, reference=escape(order.reference), description=escape(order.description), foot=foot
    )
