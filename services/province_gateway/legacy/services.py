"""The services of the adapter API by name: what each reads or takes in, whatever envelope it came in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from contracts.catalogue import ProcedureNotFound
from contracts.legacy import listed, questions, rules, schemas
from contracts.legacy.values import flag, text
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.legacy import answers, looking, noting, pushes, pushing
from services.province_gateway.legacy.pushes import Outcome
from services.province_gateway.runtime import Gateway
from shared.sandbox.clock import BUSINESS_ZONE
from shared.sentences import Sentence

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
ENVELOPE = ("session", "madonvi", "service")
MOST = 1000  # elements of one push; the real queue worker takes 100 rows at a time (integration.md 1.4)
NO_LIST = Sentence(
    f"data must be a list of at most {MOST} JSON objects",
    f"data: phải là một danh sách gồm tối đa {MOST} đối tượng JSON",
)
NO_OBJECT = Sentence("data must be a JSON object", "data: phải là một đối tượng JSON")
ANSWER = "DongBoKetQuaHoiDapGuiTuDVCQG"


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


async def _decision(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    id = text(parameters.get("idQDCB"), 40)
    return answers.answer(listed.decision(id) if id else [])


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
    dossier = await looking.shown(gateway, connector, text(parameters.get("mahoso"), 60))
    return answers.answer([dossier] if dossier else [])


async def _push_dossiers(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    findings, elements = schemas.findings("DongBoHoSoMC", _own(parameters)), _elements(parameters)
    if elements is None:
        return await _no_data(gateway, connector, parameters, NO_LIST)
    is_update = bool(flag(parameters.get("isUpdating")))
    outcomes = await pushing.push_dossiers(gateway, connector, elements, findings, is_update=is_update)
    return answers.of_push([text(each.get("MaHoSo"), 60) for each in elements], outcomes)


async def _push_steps(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    findings, elements = schemas.findings("CapNhatTienDoHoSoMC", _own(parameters)), _elements(parameters)
    if elements is None:
        return await _no_data(gateway, connector, parameters, NO_LIST)
    outcomes = await pushing.push_steps(gateway, connector, elements, findings)
    return answers.of_push([text(each.get("MaHoSo"), 60) for each in elements], outcomes)


async def _push_status(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    status = parameters.get("data")
    if isinstance(status, list) and len(status) == 1:
        status = status[0]
    findings = schemas.findings("DongBoTrangThaiHoSo", {**_own(parameters), "data": status})
    if not isinstance(status, dict):
        return await _no_data(gateway, connector, parameters, NO_OBJECT)
    outcome = await pushing.push_status(gateway, connector, status, findings)
    return answers.of_push([text(status.get("MaHoSo"), 60)], [outcome])


async def _note(
    service: str, key: Callable[[Parameters], str], gateway: Gateway, connector: Connector, parameters: Parameters
) -> Answer:
    """What concerns no dossier is kept as it was pushed; the last row with a key counts."""
    rows, findings = _elements(parameters), schemas.findings(service, _own(parameters))
    if rows is None or not all(isinstance(each, dict) for each in parameters["data"]):
        return await _no_data(gateway, connector, parameters, NO_LIST)
    is_taken = await noting.keep(gateway, connector, findings, service, {key(row): row for row in rows})
    return answers.of_push([service], [Outcome(is_taken, tuple(findings))])


async def _no_data(gateway: Gateway, connector: Connector, parameters: Parameters, wanted: Sentence) -> Answer:
    """The refusal of a push that has no data of the right kind; a verdict says so."""
    await noting.keep(gateway, connector, [rules.MISSING.at("/data", expected=wanted)], text(parameters["service"]))
    return answers.refusal(wanted.vi)


async def _questions(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    kept = await noting.kept(gateway, connector, ANSWER)
    rows = questions.of_people(connector.province, kept)
    return {**answers.answer(rows), **questions.beside(rows)}


async def _own_questions(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    """The questions that were put to the province itself, as it pushed them."""
    rows = questions.own(connector.province, await noting.kept(gateway, connector, "DongBoHoiDap"))
    return {**answers.answer(rows), **(questions.beside(rows) if rows else {})}


async def _answers(gateway: Gateway, connector: Connector, parameters: Parameters) -> Answer:
    kept = await noting.kept(gateway, connector, ANSWER)
    own = await noting.kept(gateway, connector, "DongBoHoiDap")
    asked = text(parameters.get("cauhoiid"), 40)
    return answers.answer(questions.answered(connector.province, kept, own, asked))


def _elements(parameters: Parameters) -> Sequence[Parameters] | None:
    """The pushed elements; None if there is no list of them. One that is no object is one without members."""
    elements = parameters.get("data")
    if not isinstance(elements, list) or len(elements) > MOST:
        return None
    return [each if isinstance(each, dict) else {} for each in elements]


def _own(parameters: Parameters) -> Parameters:
    """The parameters of the service, without those of the envelope."""
    return {name: value for name, value in parameters.items() if name not in ENVELOPE}


async def _today(gateway: Gateway, connector: Connector) -> date:
    return (await gateway.sandbox(connector.sandbox_id)).now.astimezone(BUSINESS_ZONE).date()


def _question_of(row: Parameters) -> str:
    """The key of a question; one without a number is kept by what it says."""
    return text(row.get("HOIDAPID"), 40) or pushes.digest(row)


def _rating_of(row: Parameters) -> str:
    """The key of a rating: a month, an agency, a procedure, a question (integration.md 1.9)."""
    return "/".join(text(row.get(name), 200) for name in ("NgayTongHop", "Madonvi", "MaThuTuc", "NoiDung"))


Service = Callable[[Gateway, Connector, Parameters], Awaitable[Answer]]
SERVICES: Mapping[str, Service] = {
    "LayDanhSachTTHC": _procedures,
    "LayThuTuc": _procedure,
    "LayDanhSachTTHCDonVi": _procedures,
    "LayQDCB": _decision,
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
    "DongBoTrangThaiHoSo": _push_status,
    "DongBoTrangThaiHoSoKM": _push_status,
    "DongBoDanhGia": partial(_note, "DongBoDanhGia", _rating_of),
    "DongBoHoiDap": partial(_note, "DongBoHoiDap", _question_of),
    ANSWER: partial(_note, ANSWER, _question_of),
    "LayDanhSachHoiDapGuiTuDVCQG": _questions,
    "LayDanhSachHoiDapBoCoQuan": _own_questions,
    "LayNoiDungTraLoiTheoCauHoi": _answers,
}
