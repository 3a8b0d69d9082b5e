"""What the payer sees: a page with two buttons, and what happens behind them."""

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
from shared.observability import trace_context
from shared.problem_types import pointer_of
from shared.runtime import in_sandbox
from shared.sandbox import journal
from shared.sandbox.clock import wire
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection
from shared.text import Text
from shared.web.dependencies import Chosen
from shared.web.problems import problem_responses

router = APIRouter(prefix="/s/{sandbox}/checkout/{transaction}", tags=["payer"])
FORM = "application/x-www-form-urlencoded"
Obstacle = OrderAlreadyPaid | OrderExpired | BankDown

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


async def agreed_sandbox(sandbox: Text, chosen: Chosen) -> str:
    if chosen not in (None, sandbox):
        raise SandboxMismatch(f"This address belongs to sandbox '{sandbox}'; leave X-Sandbox out.")
    return sandbox


PathSandbox = Annotated[str, Depends(agreed_sandbox)]


@router.get(
    "",
    summary="The page",
    response_class=HTMLResponse,
    responses={200: {"content": {"text/html": {}}}, **problem_responses(403, 404, 422, 503)},
)
async def show(sandbox: PathSandbox, transaction: Text, runtime: RuntimeDep) -> HTMLResponse:
    async with in_sandbox(runtime, sandbox) as (connection, here):
        order = await _order(connection, here, transaction)
    return HTMLResponse(_page(order, _obstacle(order, here)))


@router.post(
    "/pay",
    summary="Pay, or fail to",
    response_class=Response,
    status_code=303,
    openapi_extra={
        "requestBody": {
            "content": {media: {"schema": PayRequest.model_json_schema()} for media in ("application/json", FORM)}
        }
    },
    responses={303: {"description": "To the partner's return address"}, **problem_responses(403, 404, 409, 422, 503)},
)
async def pay(sandbox: PathSandbox, transaction: Text, runtime: RuntimeDep, request: Request) -> Response:
    """A failed attempt may be repeated; a paid order takes nothing again. CONFIRM tells the partner of success only."""
    is_form = request.headers.get("content-type", "").startswith(FORM)
    wish = _wish(await request.body(), is_form=is_form)
    async with in_sandbox(runtime, sandbox) as (connection, here):
        order = await _order(connection, here, transaction)
        trace_context.join(order.traceparent)
        obstacle, reason, returns = _obstacle(order, here), "", True
        if obstacle is None:
            rule = await faults.at_the_button(connection, here, order, wish.outcome)
            match rule.fault if rule else "":
                case named.CANCELLED | named.ONLY_RETURN:
                    pass
                case named.BANK_DOWN:
                    obstacle = BankDown("Nothing was taken; try again later.", reference=order.reference)
                case named.TIMED_OUT:
                    order = replace(order, expires_at=here.now)
                    await store.expire_order(connection, order)
                    obstacle = _obstacle(order, here)
                case fault:
                    returns = fault != named.NO_RETURN
                    if fault == named.DECLINED and rule is not None:
                        wish, reason = PayRequest(outcome="failed"), str(rule.settings["reason"])
                    await _record(connection, here, order, wish, runtime.secret(here.id), reason)
    if obstacle is not None:
        if is_form:
            return HTMLResponse(_page(order, obstacle), 503 if isinstance(obstacle, BankDown) else 409)
        raise obstacle
    runtime.callers.wake()
    if not returns:
        return HTMLResponse(_page(order, OrderAlreadyPaid()))
    back = urlencode({"reference": order.reference, "sandbox": order.sandbox, **({"reason": reason} if reason else {})})
    return RedirectResponse(f"{runtime.payment.return_url}?{back}", 303)


async def _order(connection: Connection, here: Sandbox, transaction: str) -> Order:
    order = await store.order_by_transaction(connection, here.id, transaction)
    if order is None:
        raise OrderNotFound("Use the UrlThanhToan that INIT gave, in its own sandbox.", transaction=transaction)
    return order


def _obstacle(order: Order, here: Sandbox) -> Obstacle | None:
    if order.paid_at is not None:
        detail = "Nothing was taken again. Look at the dossier, or ask with QUERY."
        return OrderAlreadyPaid(detail, reference=order.reference, paid_at=wire(order.paid_at))
    if order.has_expired(here.now):
        detail = "Start a new payment at the portal."
        return OrderExpired(detail, reference=order.reference, expired_at=wire(order.expires_at), now=wire(here.now))
    return None


async def _record(
    connection: Connection, here: Sandbox, order: Order, wish: PayRequest, secret: str, reason: str
) -> None:
    if wish.outcome == "failed":
        await store.save_order(connection, replace(order, state="failed"))
        why_vi, why_en = named.REASONS.get(reason, ("", ""))
        texts = (
            f"Thanh toán thất bại{': ' * bool(why_vi)}{why_vi}",
            f"The payment failed{': ' * bool(why_en)}{why_en}",
        )
        facts = {"reference": order.reference, **({"reason": reason} if reason else {})}
        await journal.note(connection, here.id, order.subject, here.now, "payment_failed", *texts, **facts)
        return
    paid = replace(order, state="paid", paid_at=here.now)
    await store.save_order(connection, paid)
    await callbacks.add_confirm(connection, paid, secret)
    texts = (f"Đã thanh toán {order.amount_dong} đ", f"{order.amount_dong} dong paid")
    facts = {"reference": order.reference, "transaction": order.transaction}
    await journal.note(connection, here.id, order.subject, here.now, "paid", *texts, **facts)


def _wish(body: bytes, *, is_form: bool) -> PayRequest:
    try:
        if is_form:
            return PayRequest.model_validate(dict(parse_qsl(body.decode(errors="replace"))))
        return PayRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise BodyDoesNotFit(*((pointer_of(item["loc"]), item["msg"]) for item in error.errors())) from error


def _page(order: Order, obstacle: Obstacle | None) -> str:
    if isinstance(obstacle, OrderAlreadyPaid):
        foot = '<p>Giao dịch đã được thanh toán. <i lang="en">This order is paid; nothing is taken again.</i></p>'
    elif isinstance(obstacle, BankDown):
        foot = '<p>Ngân hàng không phản hồi, chưa trừ tiền. <i lang="en">The bank does not answer; nothing was taken.</i></p>'
    elif obstacle is not None:
        foot = '<p>Giao dịch đã hết hạn. <i lang="en">The time to pay is over: start again at the portal.</i></p>'
    else:
        foot = BUTTONS.format(action=f"/s/{order.sandbox}/checkout/{order.transaction}/pay")
    amount = f"{order.amount_dong:,}".replace(",", ".")
    return PAGE.format(
        amount=amount, reference=escape(order.reference), description=escape(order.description), foot=foot
    )
