"""The messages of partners, each at an address with the partner's key: INIT, QUERY, GET_BILL; a provincial wrapper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from contracts import payment_platform as platform
from services.payment_mock import bills, orders, partners, store
from services.payment_mock.messages import AnyMessage, GetBill, Init, Query
from services.payment_mock.orders import Reply
from services.payment_mock.partners import Partner
from services.payment_mock.problems import PartnerNotFound
from services.payment_mock.runtime import PaymentRuntime, RuntimeDep
from shared.errors import Refusal
from shared.runtime import in_sandbox
from shared.web import problems
from shared.web.problems import problem_responses
from shared.web.router import Router

JSON, PDF = "application/json", "application/pdf"
WRAPPED = (404, 422)  # what is told in the form of a wrapper: who is not known, and what does not fit


class WrappedRoute(APIRoute):
    """A route that tells also what is wrong with a request in the form of its wrapper; the status stays that of the problem."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_wrapped(request: Request) -> Response:
            try:
                return await handle(request)
            except (Refusal, RequestValidationError, HTTPException) as error:
                problem = await problems.rendered(request, error)
                if problem.status_code not in WRAPPED:
                    raise  # of no message: the same whatever the address
                told = msgspec.json.decode(problem.body)
                told = {"MaLoi": platform.OTHER_ERROR, "MoTaLoi": told["title_vi"], **told}
                kept = {name: value for name, value in problem.headers.items() if not name.startswith("content-")}
                return Response(msgspec.json.encode(_wrapped(told)), problem.status_code, kept, JSON)

        return handle_wrapped


router = Router(prefix="/partner/{key}", tags=["partners"])
wrapper_router = Router(prefix="/partner/{key}", tags=["partners"], route_class=WrappedRoute)


def _or_wrapped(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: with these statuses the body is a problem, in the form of the wrapper or as it is."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in ("error_code", "message")}}
    responses = problem_responses(*statuses)
    for response in responses.values():
        response["content"][JSON] = {"schema": schema}
    return responses


Key = Annotated[str, Path(max_length=64, description="From the registration of the partner")]


async def partner_of(runtime: RuntimeDep, key: Key) -> Partner:
    """The partner with this key; looked up before the body is judged. Raises PartnerNotFound."""
    partner = await partners.with_key(runtime.database, key)
    if partner is None:
        raise PartnerNotFound("Register the partner: PUT /_lab/partners/{MaDoiTac}; use the address that it returns.")
    return partner


PartnerDep = Annotated[Partner, Depends(partner_of)]


@router.post("/init", summary="INIT: start a payment", responses=problem_responses(404, 422, 503))
async def partner_init(message: Init, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.1. The same reference with the same amount gets the same reply."""
    return await orders.open_checkout(runtime, partner, message)


@router.post("/query", summary="QUERY: the status of a payment", responses=problem_responses(404, 422, 503))
async def partner_query(message: Query, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.2. TrangThaiGD: 1 success, 3 pending, 4 failed or expired. MaLoi 00: paid."""
    return await orders.status(runtime, partner, message)


@router.post(
    "/getbill",
    summary="GET_BILL: the receipt of a payment as PDF, or JSON with a MaLoi",
    response_class=Response,
    responses={200: {"content": {PDF: {}, JSON: {}}}, **problem_responses(404, 422, 503)},
)
async def get_bill(message: GetBill, partner: PartnerDep, runtime: RuntimeDep) -> Response:
    """Facts: integration.md 4.2."""
    return _response(await _bill(runtime, partner, message))


@router.post(
    "",
    summary="Every message: INIT, QUERY or GET_BILL, as LoaiBanTin says",
    response_class=Response,
    responses={200: {"content": {PDF: {}, JSON: {}}}, **problem_responses(404, 422, 503)},
)
async def any_message(message: AnyMessage, partner: PartnerDep, runtime: RuntimeDep) -> Response:
    return _response(await _served(runtime, partner, message))


@wrapper_router.post(
    "/wrapped",
    summary="Every message, as one province wraps it: the reply as JSON in a text",
    responses={**problem_responses(503), **_or_wrapped(404, 422)},
)
async def wrapped(message: AnyMessage, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.1. A receipt is not wrapped there: it is not known how.

    What is wrong with a request is told in the same form: `message` has the problem as JSON, with MaLoi and MoTaLoi.
    """
    reply = await _served(runtime, partner, message)
    if isinstance(reply, bytes):
        return {"error_code": "-1", "message": "GET_BILL: hãy gửi tới địa chỉ getbill"}
    return _wrapped(reply)


def _wrapped(reply: Reply) -> Reply:
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
    return Response(msgspec.json.encode(reply), media_type=JSON)
