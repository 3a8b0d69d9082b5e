"""The adapter API over HTTP, in the envelopes that systems speak. A reply is 200 with `error_code`, also to what is refused."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, wraps
from typing import Annotated, Any, ParamSpec

import msgspec
from fastapi import Path, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.catalogue import agencies_of
from contracts.faults import adapter
from contracts.legacy import listed, schemas
from contracts.legacy.values import clean, text
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors.connectors import Connector, NotConnected
from services.province_gateway.doors.turns import Busy
from services.province_gateway.legacy import answers, faulty, forms, sessions
from services.province_gateway.legacy.services import SERVICES, Answer
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway
from shared.did_you_mean import no_such
from shared.errors import NotReady, Overloaded, SandboxNotFound
from shared.sandbox.faults import Rule
from shared.sandbox.files import FileNotFound
from shared.storage.database import is_machine_fault
from shared.text import Text
from shared.web.problems import problem_responses
from shared.web.router import Router

P = ParamSpec("P")
BASE = "/legacy"
RAW_BODIES = (
    (re.compile(r"/legacy/.*"), 24 << 20),
    (re.compile(r"/legacy/(login|share)"), 1 << 20),
)
IN_A_THREAD = 64 << 10  # bytes from which a body is read beside the other requests
NO_JSON = "Dữ liệu không phải là một đối tượng JSON"
NO_ARRAY = "Dữ liệu không phải là một mảng JSON"
NO_KEY = "Địa chỉ không thuộc tỉnh nào: khoá trong địa chỉ đã bị thay thế hoặc thu hồi"
BUSY = "Hệ thống đang bận; hãy gửi lại chính yêu cầu này"
NO_FILE = "DuongDan: không có tệp này"
OTHER_AGENCY = "madonvi không thuộc tỉnh đã đăng nhập"
# Of the wrapper of one province: the path of a push → the service, and whether it updates.
PUSHES: dict[str, tuple[str, dict[str, str]]] = {
    "ThemMoi": ("DongBoHoSoMC", {"isUpdating": "False"}),
    "CapNhat": ("DongBoHoSoMC", {"isUpdating": "True"}),
    "DongBoTienTrinh": ("CapNhatTienDoHoSoMC", {}),
    "DongBoTrangThaiHoSoKM": ("DongBoTrangThaiHoSoKM", {}),
}
WRITES = tuple(name for name in SERVICES if not name.startswith(("Lay", "TraCuu")))
STATUSES = ("DongBoTrangThaiHoSo", "DongBoTrangThaiHoSoKM")  # of one dossier: an object
GET_FILE, LOGIN = "getfile", "login"
SLASHES = re.compile(r"/{2,}")
Key = Annotated[str, Path(max_length=64, description="Of the connector, from `lienthong connect`")]
router = Router(prefix=BASE, tags=["adapter"])
Endpoint = Callable[P, Awaitable[Response]]


class PlainPaths:
    """Reads `//legacy/login/` as `/legacy/login`: clients put addresses together from a base URL and a path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := SLASHES.sub("/", scope["path"])).startswith(f"{BASE}/"):
            scope = {**scope, "path": path.rstrip("/"), "raw_path": path.rstrip("/").encode()}
        await self._app(scope, receive, send)


def always_told(endpoint: Endpoint[P]) -> Endpoint[P]:
    """Tells what the machine cannot do now in the form of the API: clients lose what gets a 5xx (integration.md 12.2)."""

    @wraps(endpoint)
    async def told(*args: P.args, **named: P.kwargs) -> Response:
        try:
            return await endpoint(*args, **named)
        except (NotConnected, SandboxNotFound):  # meanwhile
            return _json(answers.refusal(answers.NO_SESSION))
        except Exception as error:
            if not (isinstance(error, Overloaded | NotReady) or is_machine_fault(error)):
                raise
            return _json(answers.refusal(BUSY))

    return told


@router.post("/login", summary="Log in at the adapter API: name and password for a session.", response_class=Response)
@always_told
async def log_in(request: Request, gateway: GatewayDep) -> Response:
    body = await _read(request)
    if not isinstance(body, dict):
        return _json(answers.refusal(NO_JSON))
    entered = await sessions.log_in(gateway, body.get("username"), body.get("password"))
    if entered is None:
        named = await sessions.named(gateway, body.get("username"))
        refusal = answers.refusal(answers.NO_LOGIN)
        return await _answered(gateway, named, LOGIN, {}, answer=refusal) if named else _json(refusal)
    token, connector = entered
    return await _answered(gateway, connector, LOGIN, {}, answer={**answers.answer(), "session": token})


@router.post("/share", summary="A call of the adapter API, at the address for lists.", response_class=Response)
@router.post(
    "/integration",
    summary="A call of the adapter API: one flat object with session, madonvi, service and its parameters.",
    response_class=Response,
)
@always_told
async def call(request: Request, gateway: GatewayDep) -> Response:
    """Both addresses take every service."""
    body = await _read(request)
    if not isinstance(body, dict):
        return _json(answers.refusal(NO_JSON))
    connector = await sessions.connector_of(gateway, body.get("session"))
    if connector is None:
        return _json(answers.refusal(answers.NO_SESSION))
    service = text(body.get("service"), 100)
    return await _answered(gateway, connector, service, body, text(body.get("madonvi"), 60))


@router.get(
    "/{key}/KetNoiMotCuaQuocGia/{service}",
    summary="A reading service as one province wraps it: the parameters in the query, the result as JSON in a text.",
    response_class=Response,
)
@always_told
async def wrapped(key: Key, service: str, request: Request, gateway: GatewayDep) -> Response:
    connector = await sessions.connector_with(gateway, key)
    if connector is None:
        return await _refused(gateway, key, NO_KEY)
    return await _answered(
        gateway, connector, service, clean(dict(request.query_params)), form=FORMS.get(service, _in_a_text)
    )


@router.get(
    "/forms/{code}",
    summary="The file of a form that LayThuTuc names.",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}, **problem_responses(404)},
)
async def form(code: Text) -> Response:
    content = await asyncio.to_thread(forms.render, code)
    if content is None:
        raise FileNotFound("LayThuTuc names the forms of a procedure: GIAYTO[].URL.", code=code)
    return Response(content, media_type="application/pdf")


@router.post(
    "/{key}/KetNoiMotCuaQuocGia/{service}",
    summary="A push as one province wraps it: a bare array, without a session.",
    response_class=Response,
)
@always_told
async def wrapped_push(key: Key, service: str, request: Request, gateway: GatewayDep) -> Response:
    if service == GET_FILE:
        return await _file(gateway, key, await _read(request))
    if service not in PUSHES:
        return await _refused(gateway, key, no_such("push", service, (*PUSHES, GET_FILE)).vi)
    pushed, parameters = PUSHES[service]
    return await _pushed(gateway, key, pushed, await _read(request), parameters)


@router.post(
    "/{key}/api/SynsTTHCC/{service}",
    summary="A push as another province wraps it: a bare array, MaDinhDanhDV and isUpdating in the query.",
    response_class=Response,
)
@always_told
async def wrapped_in_query(key: Key, service: str, request: Request, gateway: GatewayDep) -> Response:
    if service not in WRITES:
        return await _refused(gateway, key, no_such("push", service, WRITES).vi)
    query = clean(dict(request.query_params))
    return await _pushed(gateway, key, service, await _read(request), query, query.get("MaDinhDanhDV", ""))


async def _file(gateway: Gateway, key: str, body: Any) -> Response:
    """A file as one text in base64. Only one that this API has named: an address of the caller is never followed."""
    if await sessions.connector_with(gateway, key) is None:
        return await _refused(gateway, key, NO_FILE)
    named = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    address = text(named.get("duongdan"), 2000)  # one library begins names in lower case
    content = await asyncio.to_thread(forms.render, address.rpartition(listed.FORM_PATH)[2])
    if not content:
        return await _refused(gateway, key, NO_FILE)
    return Response(msgspec.json.encode(base64.b64encode(content).decode()), media_type="application/json")


async def _refused(gateway: Gateway, key: str, message: str) -> Response:
    """A refusal in the form of the wrappers, where the code is always a text; of an unknown key, whatever was wrong with it."""
    connector = await sessions.connector_with(gateway, key)
    return _json(_without_result(answers.refusal(message if connector else NO_KEY)))


async def _pushed(
    gateway: Gateway, key: str, service: str, body: Any, parameters: Mapping[str, Any], agency: str = ""
) -> Response:
    connector = await sessions.connector_with(gateway, key)
    if connector is None:
        return await _refused(gateway, key, NO_KEY)
    if isinstance(body, dict) and isinstance(body.get("data"), dict | list):
        body = body["data"]  # as in the other envelope
    if not isinstance(body, dict | list):
        return await _refused(gateway, key, NO_ARRAY)
    if isinstance(body, dict) and service not in STATUSES:
        body = [body]
    return await _answered(gateway, connector, service, {**parameters, "data": body}, agency, _without_result)


async def _answered(
    gateway: Gateway,
    connector: Connector,
    service: str,
    parameters: Mapping[str, Any],
    agency: str = "",
    form: Callable[[Answer], Answer] = dict,
    answer: Answer | None = None,
) -> Response:
    """Serve a call, or let a fault rule answer in its place; the answer is as the profile of the province has it.

    form    of the answer, in the envelope of the caller
    answer  if it is known: of a login
    """
    rule = await faulty.fired(gateway, connector, service)
    if rule is not None and rule.fault in adapter.UNSERVED:
        answer = faulty.instead(rule)
    elif answer is not None:
        pass
    elif not _is_of(agency, connector.province):
        answer = answers.refusal(OTHER_AGENCY)
    elif service not in SERVICES:
        answer = answers.refusal(no_such("service", service, tuple(SERVICES)).vi)
    else:
        answer = await _served(gateway, connector, service, _named(parameters, service), rule)
    sandbox = await gateway.sandbox(connector.sandbox_id)
    profile = mode_of(sandbox, connector.province).profile
    await asyncio.sleep(profile.seconds(sandbox.now))
    return await faulty.response(rule, form(answers.as_told(answer, profile)))


async def _served(
    gateway: Gateway, connector: Connector, service: str, parameters: Mapping[str, Any], rule: Rule | None
) -> Answer:
    needed = () if service in WRITES else schemas.schema(service).get("required", ())
    if missing := [name for name in needed if not text(parameters.get(name))]:
        return {**answers.refusal(f"Thiếu tham số: {', '.join(missing)}"), "result": []}
    serve = partial(SERVICES[service], gateway, connector, {**parameters, "service": service})
    try:
        if rule is not None and rule.fault == adapter.TWICE:
            await serve()
        return await serve()
    except Busy:
        return answers.refusal(BUSY)


def _in_a_text(answer: Answer) -> Answer:
    """The whole answer as JSON in its message, where it has a result."""
    if "result" not in answer:
        return _without_result(answer)
    return {"error_code": str(answer["error_code"]), "message": msgspec.json.encode(answer).decode()}


def _with_both(answer: Answer) -> Answer:
    """The result in the message, and beside it: a client in a browser reads it there (integration.md 1.10)."""
    return {**_in_a_text(answer), **({"result": answer["result"]} if "result" in answer else {})}


FORMS = {"TraCuuTechID": _with_both}


def _without_result(answer: Answer) -> Answer:
    """The code as a text: clients of these wrappers compare it so (integration.md 1.10)."""
    kept = {name: value for name, value in answer.items() if name != "result"}
    return {**kept, "error_code": str(answer["error_code"])}


def _named(parameters: Mapping[str, Any], service: str) -> dict[str, Any]:
    """The parameters by the names that the service gives them; they are read in any case."""
    names = {name.lower(): name for name in schemas.schema(service)["properties"]}
    named = {names.get(name.lower(), name): value for name, value in parameters.items()}
    return named | {name: parameters[name] for name in names.values() if name in parameters}


def _is_of(agency: str, province: str) -> bool:
    """Whether an agency, as `H42.14464` or `000.00.12.H42`, is one of the province; one that is not named is.

    So is an agency of a province that became a part of it: its systems go on saying what they were called.
    """
    parts = agency.upper().split(".")
    return not agency or not agencies_of(province).isdisjoint((parts[0], parts[-1]))


async def _read(request: Request) -> Any:
    """The body, whatever its content type says; None if it is no JSON."""
    body = await request.body()
    return _parsed(body) if len(body) < IN_A_THREAD else await asyncio.to_thread(_parsed, body)


def _parsed(body: bytes) -> Any:
    try:
        # As tolerant as the clients.
        return clean(json.loads(body.removeprefix(b"\xef\xbb\xbf"), parse_constant=_no_number))
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> None:
    """NaN and Infinity: no JSON, though some libraries write them."""


def _json(answer: Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
