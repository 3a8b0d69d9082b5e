"""The messages of partners, each at an address with the partner's key: INIT, QUERY, GET_BILL; a provincial wrapper."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import Path, Response

from contracts import payment_platform as platform
from services.payment_mock import bills, orders, partners, store
from services.payment_mock.messages import GetBill, Init, Query
from services.payment_mock.orders import Reply
from services.payment_mock.partners import Partner
from services.payment_mock.problems import PartnerNotFound
from services.payment_mock.runtime import PaymentRuntime, RuntimeDep
from shared.runtime import in_sandbox
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/partner/{key}", tags=["partners"])
PDF = "application/pdf"


Key = Annotated[str, Path(max_length=64, description="From the registration of the partner")]


async def partner_of(runtime: PaymentRuntime, key: str) -> Partner:
    """The partner with this key. Raises PartnerNotFound."""
    partner = await partners.with_key(runtime.database, key)
    if partner is None:
        raise PartnerNotFound("Register the partner: PUT /_lab/partners/{MaDoiTac}; use the address that it returns.")
    return partner


@router.post("/init", summary="INIT: start a payment", responses=problem_responses(404, 422, 503))
async def partner_init(message: Init, key: Key, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.1. The same reference with the same amount gets the same reply."""
    return await orders.open_checkout(runtime, await partner_of(runtime, key), message)


@router.post("/query", summary="QUERY: the status of a payment", responses=problem_responses(404, 422, 503))
async def partner_query(message: Query, key: Key, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.2. TrangThaiGD: 1 success, 3 pending, 4 failed or expired. MaLoi 00: paid."""
    return await orders.status(runtime, await partner_of(runtime, key), message)


@router.post(
    "/getbill",
    summary="GET_BILL: the receipt of a payment as PDF, or JSON with a MaLoi",
    response_class=Response,
    responses={200: {"content": {PDF: {}, "application/json": {}}}, **problem_responses(404, 422, 503)},
)
async def get_bill(message: GetBill, key: Key, runtime: RuntimeDep) -> Response:
    """Facts: integration.md 4.2."""
    return _response(await _bill(runtime, await partner_of(runtime, key), message))


@router.post(
    "",
    summary="Every message: INIT, QUERY or GET_BILL, as LoaiBanTin says",
    response_class=Response,
    responses={200: {"content": {PDF: {}, "application/json": {}}}, **problem_responses(404, 422, 503)},
)
async def any_message(message: Init | Query | GetBill, key: Key, runtime: RuntimeDep) -> Response:
    return _response(await _served(runtime, await partner_of(runtime, key), message))


@router.post(
    "/wrapped",
    summary="Every message, as one province wraps it: the reply as JSON in a text",
    responses=problem_responses(404, 422, 503),
)
async def wrapped(message: Init | Query | GetBill, key: Key, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.1. A receipt is not wrapped there: it is not known how."""
    reply = await _served(runtime, await partner_of(runtime, key), message)
    if isinstance(reply, bytes):
        return {"error_code": "-1", "message": "GET_BILL: hãy gửi tới địa chỉ getbill"}
    is_done = reply["MaLoi"] == platform.OK
    return {"error_code": "0" if is_done else reply["MaLoi"], "message": msgspec.json.encode(reply).decode()}


async def _served(runtime: PaymentRuntime, partner: Partner, message: Init | Query | GetBill) -> Reply | bytes:
    if isinstance(message, Init):
        return await orders.open_checkout(runtime, partner, message)
    if isinstance(message, GetBill):
        return await _bill(runtime, partner, message)
    return await orders.status(runtime, partner, message)


async def _bill(runtime: PaymentRuntime, partner: Partner, message: GetBill) -> Reply | bytes:
    """The receipt of a paid order as PDF."""
    if refusal := await orders.not_from_partner(runtime, partner, message, platform.QUERY, message.MaThamChieu):
        return refusal
    async with in_sandbox(runtime, partner.sandbox) as (connection, _):
        order = await store.order_by_reference(connection, partner.sandbox, partner.code, message.MaThamChieu)
    if order is None:
        return orders.refused(message, "unknown-reference")
    if order.state != "paid":
        return orders.refused(message, "not-paid")
    return await asyncio.to_thread(bills.render, order)


def _response(reply: Reply | bytes) -> Response:
    if isinstance(reply, bytes):
        return Response(reply, media_type=PDF)
    return Response(msgspec.json.encode(reply), media_type="application/json")
