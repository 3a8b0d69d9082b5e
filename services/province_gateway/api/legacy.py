"""The adapter API over HTTP: a login, and one door for every service. Whatever is asked, the reply is 200 with `error_code`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from fastapi import Request, Response

from contracts.catalogue import PROVINCES, ProcedureNotFound
from contracts.legacy import listed, schemas
from contracts.legacy.values import flag, text
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.legacy import answers, looking, pushing, sessions
from services.province_gateway.runtime import Gateway
from shared.did_you_mean import no_such
from shared.sandbox.clock import BUSINESS_ZONE
from shared.web.router import Router

BASE = "/legacy"
RAW_BODIES = (re.compile(r"/legacy/.*"), 24 << 20)
NO_LOGIN = "Sai tài khoản hoặc mật khẩu"
NO_SESSION = "Phiên làm việc không hợp lệ hoặc đã hết hạn"
NO_JSON = "Dữ liệu không phải là một đối tượng JSON"
OTHER_AGENCY = "madonvi không thuộc tỉnh đã đăng nhập"
Parameters = Mapping[str, Any]
Answer = dict[str, Any]
router = Router(prefix=BASE, tags=["adapter"])


@router.post("/login", summary="Log in at the adapter API: name and password for a session.", response_class=Response)
async def log_in(request: Request, gateway: GatewayDep) -> Response:
    body = await _object(request)
    if body is None:
        return _json(answers.refusal(NO_JSON))
    token = await sessions.log_in(gateway, body.get("username"), body.get("password"))
    return _json({**answers.answer(), "session": token} if token else answers.refusal(NO_LOGIN))


@router.post(
    "/{door}",
    summary="A call of the adapter API: one flat object with session, madonvi, service and its parameters.",
    response_class=Response,
)
async def call(door: str, request: Request, gateway: GatewayDep) -> Response:
    """Both doors that clients know, `share` and `integration`, take every service."""
    body = await _object(request)
    if body is None:
        return _json(answers.refusal(NO_JSON))
    connector = await sessions.connector_of(gateway, body.get("session"))
    if connector is None:
        return _json(answers.refusal(NO_SESSION))
    service = text(body.get("service"), 100)
    if service not in SERVICES:
        return _json(answers.refusal(no_such("service", service, tuple(SERVICES))))
    if not _is_of(text(body.get("madonvi"), 60), connector.province):
        return _json(answers.refusal(OTHER_AGENCY))
    return _json(await SERVICES[service](gateway, connector, body))


def _is_of(agency: str, province: str) -> bool:
    """Whether an agency, in either form of its code (`H42.14464`, `000.00.12.H42`), is one of the province; or none is named."""
    codes = (PROVINCES[province].agency_code,)
    return not agency or agency.split(".")[0] in codes or agency.split(".")[-1] in codes


async def _procedures(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    return answers.answer(listed.procedures(await _today(gateway, connector)))


async def _procedure(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    code, on = text(parameters.get("maTTHC"), 60), await _today(gateway, connector)
    try:
        row = listed.procedure(
            code.split(".000.00.00.")[0], connector.province, gateway.settings.province_gateway_url, on
        )
    except ProcedureNotFound:
        return answers.answer([])  # an object, or rows without a field, would crash a client (integration.md 12.2)
    return answers.answer([{**row, "MATTHC": code}])


async def _services(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    return answers.answer(listed.services(connector.province, await _today(gateway, connector)))


async def _agencies(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    return answers.answer(listed.agencies(connector.province))


async def _fields(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    return answers.answer(listed.fields())


async def _words(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    return answers.answer(
        listed.words(text(parameters["service"]), connector.province, await _today(gateway, connector))
    )


async def _account(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    key = listed.account(text(parameters.get("mstorcmnd"), 40))
    return answers.answer([{"TECHNICALID": key}] if key else [])


async def _dossier(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    found = await looking.pushed(gateway, connector, text(parameters.get("mahoso"), 60))
    return answers.answer([found] if found else [])


async def _push_dossiers(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    findings = schemas.findings("DongBoHoSoMC", _own(parameters))
    elements = parameters.get("data")
    if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
        return answers.refusal("data: phải là một danh sách hồ sơ")
    is_update = bool(flag(parameters.get("isUpdating")))
    outcomes = await pushing.push_dossiers(gateway, connector, elements, findings, is_update=is_update)
    return answers.of_push([text(each.get("MaHoSo"), 60) for each in elements], outcomes)


async def _push_steps(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    findings = schemas.findings("CapNhatTienDoHoSoMC", _own(parameters))
    elements = parameters.get("data")
    if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
        return answers.refusal("data: phải là một danh sách bước xử lý")
    outcomes = await pushing.push_steps(gateway, connector, elements, findings)
    return answers.of_push([text(each.get("MaHoSo"), 60) for each in elements], outcomes)


def _own(parameters: Parameters) -> Parameters:
    """The parameters of the service, without those of the envelope."""
    return {name: value for name, value in parameters.items() if name not in ("session", "madonvi", "service")}


async def _today(gateway: Gateway, connector: Connector) -> Any:
    return (await gateway.sandbox(connector.sandbox_id)).now.astimezone(BUSINESS_ZONE).date()


Service = Callable[[Gateway, Connector, Parameters], Awaitable[Answer]]
SERVICES: Mapping[str, Service] = {
    "LayDanhSachTTHC": _procedures,
    "LayThuTuc": _procedure,
    "LayDVC": _services,
    "LayDanhMucCoQuan": _agencies,
    "LayDanhMucLinhVuc": _fields,
    **{
        name: _words
        for name in schemas.services()
        if name.startswith("LayDanhMuc") and name not in ("LayDanhMucCoQuan", "LayDanhMucLinhVuc")
    },
    "TraCuuHoSo": _dossier,
    "TraCuuTechID": _account,
    "DongBoHoSoMC": _push_dossiers,
    "CapNhatTienDoHoSoMC": _push_steps,
}


async def _object(request: Request) -> dict[str, Any] | None:
    """The body as an object, whatever its content type says; None if it is none."""
    try:
        document = msgspec.json.decode((await request.body()).removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _json(answer: Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
