"""What a push says, as the events of our network: one message for a new dossier, one for each lawful move to a status."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, time
from functools import cache
from typing import Any

from msgspec import Struct

from contracts import identity, lifecycle
from contracts.catalogue import (
    COMMUNES,
    MERGER,
    Place,
    ProcedureNotFound,
    agency_code,
    communes_of,
    procedure_to_show,
    province_of,
)
from contracts.catalogue.search import folded
from contracts.gate.examples import REASONS, example
from contracts.gate.known import Known
from contracts.gate.law_rules import LEAST_REASON
from contracts.gate.rules import Finding
from contracts.gate.texts import is_filler
from contracts.legacy import personal, rules
from contracts.legacy.values import number, text, time_of
from contracts.lifecycle import LIFECYCLE, Move, State
from shared.sandbox.clock import BUSINESS_ZONE, wire

Object = Mapping[str, Any]
OF_STATUS = {  # status → the field of a dossier with the time at which it was reached
    lifecycle.SUBMITTED.code: "NgayNopHoSo",
    lifecycle.RECEIVED.code: "NgayTiepNhan",
    lifecycle.REFUSED.code: "NgayTuChoi",
    lifecycle.RESULT_READY.code: "NgayKetThucXuLy",
    lifecycle.RESULT_RETURNED.code: "NgayTra",
}
FIRST_DAY = datetime.combine(MERGER, time(), BUSINESS_ZONE)  # before it our catalogue has no procedures
CHANNELS = {"1": "direct", "2": "online", "3": "public_postal"}
RETURNS = {"0": "direct", "1": "public_postal"}
PROCEDURE = re.compile(r"([0-9]\.[0-9]{6})(\.000\.00\.00\.[HG][0-9]{2})?")  # the second part: a local variant
CODE = re.compile(r"([HG][0-9]{2}(?:\.[0-9]{1,5})?)-[0-9]{6}-[0-9]{4,7}")
NAMELESS = "Người nộp hồ sơ"


class Said(Struct, frozen=True):
    """What a push says about a dossier that is known: its status, and how it came there.

    pointer  of the part of the request that says it
    status   0: none that there is
    times    status → when it was reached, as far as the push says so
    """

    pointer: str
    status: int
    times: dict[int, datetime]
    reason: str = ""
    officer: str = ""
    due_at: datetime | None = None

    @property
    def target(self) -> State | None:
        try:
            return LIFECYCLE.state(self.status)
        except KeyError:
            return None


def of_dossier(dossier: Object, pointer: str) -> Said:
    """What an element of DongBoHoSoMC says of its dossier."""
    times = {status: at for status, field in OF_STATUS.items() if (at := time_of(dossier.get(field)))}
    status = number(dossier.get("TrangThaiHoSo"))
    return Said(
        pointer, lifecycle.RECEIVED.code if status is None else status, times, due_at=time_of(dossier.get("NgayHenTra"))
    )


def of_step(step: Object, pointer: str) -> Said:
    """What a step of CapNhatTienDoHoSoMC says; its status is 4 where it is missing (integration.md 1.7)."""
    status, at = number(step.get("TrangThai")), time_of(step.get("ThoiDiemXuLy"))
    status = lifecycle.IN_PROCESSING.code if status is None else status
    due = time_of(step.get("NgayKetThucTheoQuyDinh"))
    return Said(
        pointer,
        status,
        {status: at} if at else {},
        _meant(step.get("NoiDungXuLy")),
        _meant(step.get("NguoiXuLy"), 120),
        due,
    )


def of_status(status: Object, pointer: str) -> Said:
    """What DongBoTrangThaiHoSo says: 2 accepted, 5 to be supplemented; 11 in one variant refused (integration.md 1.8)."""
    code, at = number(status.get("TrangThai")), time_of(status.get("NgayXuLy"))
    code = lifecycle.REFUSED.code if code == 11 else code or 0
    return Said(pointer, code, {code: at} if at else {}, _meant(status.get("NoiDung")))


def moved(known: Known, move: Move, said: Said, now: datetime) -> tuple[dict[str, Any], list[Finding]]:
    """The message that says a move, with the facts of the push, and what had to be mended in them."""
    at, findings = _when(known, move, said, now)
    event = example(known, move.event, at)
    assert event is not None  # `known` is given, and `at` lies between its last event and now
    data = event["data"]
    if said.due_at is not None and move.does == lifecycle.RECEIVE:
        if said.due_at > at:
            data["due_at"] = wire(said.due_at)
        else:
            findings = [
                *findings,
                rules.MOVED.at(f"{said.pointer}/NgayHenTra", wire(said.due_at), expected=data.get("due_at")),
            ]
    if move.event in REASONS and len(said.reason) >= LEAST_REASON:
        data["reason"] = said.reason
    if "officer" in data and said.officer:
        data["officer"] = said.officer
    if lifecycle.ANSWER_OR_PAPERS in known.unmet(move, at):
        data["at_desk"] = True
    return {**event, "id": _id(known.code, move.event, at, len(known.supplements), len(known.demands))}, findings


def _when(known: Known, move: Move, said: Said, now: datetime) -> tuple[datetime, list[Finding]]:
    """When a move happened: as the push says of its status, else as early as can be, the last one now."""
    meant = said.times.get(move.then.code)
    if meant is None:
        return (known.latest if move.then.code != said.status else now), []
    if known.latest <= meant <= now:
        return meant, []
    taken = min(max(meant, known.latest), now)
    field = OF_STATUS.get(move.then.code, "ThoiDiemXuLy")
    return taken, [rules.MOVED.at(f"{said.pointer}/{field}", wire(meant), expected=wire(taken))]


def place_of(dossier: Object, province: str, pointer: str, now: datetime) -> tuple[Place, list[Finding]]:
    """The agency that decides: by the code of the dossier, else by the name of the agency, else one of the province."""
    code = CODE.fullmatch(text(dossier.get("MaHoSo")))
    agency = code[1] if code else ""
    _, _, commune = agency.partition(".")
    if agency and province_of(agency) == province and (not commune or _is_of(commune, province)):
        place = Place(province, commune or None)
    else:
        place = Place(province, _named(province, text(dossier.get("DonViXuLy"))))
    level = _level(dossier, now)
    if level in ("province", "ministry"):
        return Place(province, None), []
    if level == "commune" and place.commune is None:
        first = communes_of(province)[0]
        wanted = agency_code(province, first.code)
        return Place(province, first.code), [
            rules.PLACE_GUESSED.at(f"{pointer}/DonViXuLy", dossier.get("DonViXuLy"), expected=wanted)
        ]
    return place, []


def fits(code: str, place: Place) -> bool:
    """Whether a code can be that of a dossier of this agency in our network."""
    match = CODE.fullmatch(code)
    return match is not None and match[1] == agency_code(place.province, place.commune)


def registered(
    dossier: Object, place: Place, code: str, pointer: str, now: datetime, files: Mapping[int, Object]
) -> tuple[dict[str, Any], list[Finding]]:
    """The message that a dossier was handed in at a counter of this agency, under this code, and what had to be mended.

    files  number of a paper → hash, size and type of its file, as far as it could be fetched
    """
    findings: list[Finding] = []
    procedure = PROCEDURE.fullmatch(text(dossier.get("MaTTHC")))
    meant = time_of(dossier.get("NgayNopHoSo")) or time_of(dossier.get("NgayTiepNhan")) or now
    at = min(meant, now) if meant >= FIRST_DAY else now
    if at != meant:
        field = "NgayNopHoSo" if time_of(dossier.get("NgayNopHoSo")) else "NgayTiepNhan"
        findings.append(rules.MOVED.at(f"{pointer}/{field}", wire(meant), expected=wire(at)))
    if text(dossier.get("MaHoSo")) != code:
        findings.append(rules.FOREIGN_CODE.at(f"{pointer}/MaHoSo", dossier.get("MaHoSo"), expected=code))
    where = {"province": place.province, "commune": place.commune}
    data: dict[str, Any] = {
        "dossier_code": code,
        "province": place.province,
        "procedure": procedure[1] if procedure else text(dossier.get("MaTTHC"), 60),
        "authority": where,
        "applicant": _applicant(dossier, place.province, pointer, findings),
        "channel": _channel(dossier, pointer, findings),
        "reception": where,
        "registered_at": wire(at),
        "officer": f"Bộ phận Một cửa {agency_code(place.province, place.commune)}",
        "return_by": RETURNS.get(text(dossier.get("HinhThuc")), "direct"),
    }
    if note := _meant(dossier.get("TrichYeuHoSo"), 1000):
        data["note"] = note
    if papers := _papers(dossier, files):
        data["papers"] = papers
    return {
        "specversion": "1.0",
        "id": _id(code, lifecycle.DOSSIER_REGISTERED),
        "source": f"/provinces/{place.province}",
        "type": lifecycle.DOSSIER_REGISTERED,
        "subject": code,
        "time": wire(at),
        "datacontenttype": "application/json",
        "data": data,
    }, findings


def _applicant(dossier: Object, province: str, pointer: str, findings: list[Finding]) -> dict[str, str]:
    name = _meant(dossier.get("ChuHoSo"), 120)
    if not name:
        findings.append(rules.NO_NAME.at(f"{pointer}/ChuHoSo"))
    if number(dossier.get("LoaiDoiTuong")) in (2, 3, 4):
        findings.append(rules.ORGANISATION.at(f"{pointer}/LoaiDoiTuong", dossier.get("LoaiDoiTuong")))
    given = [_number_of(each) for each in _objects(dossier.get("DinhDanhCHS"))]
    given.append(text(dossier.get("SoGiayToChuHoSo"), 40))
    invented = next((each for each in given if identity.person_fault(each) is None), "")
    if not invented:
        sent = next(filter(None, given), "")
        invented = _invented(text(dossier.get("MaHoSo")), province)
        where = "DinhDanhCHS" if dossier.get("DinhDanhCHS") else "SoGiayToChuHoSo"
        findings.append(rules.NO_PERSON.at(f"{pointer}/{where}", f"{sent[:3]}…" if sent else None, expected=invented))
    return {"id": invented, "name": name or NAMELESS}


def of_nobody(pushed: Object) -> Any:
    """What was pushed, without what could be of somebody real; an owner with such a number is left out."""
    owners = [each for each in _objects(pushed.get("DinhDanhCHS")) if identity.person_fault(_number_of(each)) is None]
    return personal.of_nobody({**pushed, "DinhDanhCHS": owners} if "DinhDanhCHS" in pushed else {**pushed})


def _number_of(owner: Object) -> str:
    return text(owner.get("SoDinhDanh"), 40)


def _channel(dossier: Object, pointer: str, findings: list[Finding]) -> str:
    channel = CHANNELS.get(text(dossier.get("KenhThucHien")), "direct")
    if channel == "online":
        findings.append(rules.ONLINE.at(f"{pointer}/KenhThucHien", dossier.get("KenhThucHien")))
        return "direct"
    return channel


def _papers(dossier: Object, files: Mapping[int, Object]) -> list[dict[str, Any]]:
    """The papers that were not taken away again; `files`: what is known of the file of each, by its number."""
    sent = dossier.get("TaiLieuNop")
    papers = [
        {"component": "other", "form": "electronic", "digitisation": int(text(each.get("DuocSoHoa")) == "1")}
        | ({"name": name} if (name := _meant(each.get("TenTepDinhKem"), 120)) else {})
        | dict(files.get(n, {}))
        for n, each in enumerate(sent if isinstance(sent, list) else [])
        if isinstance(each, dict) and text(each.get("IsDeleted")).lower() not in ("true", "1")
    ]
    return papers[:50]


def _meant(value: Any, most: int = 2000) -> str:
    """A text that says something, in NFC and without control characters; "" for a word that only fills a field."""
    said = "".join(
        char for char in unicodedata.normalize("NFC", text(value, most)) if char.isprintable() or char == "\n"
    )
    return "" if is_filler(said) else str(personal.of_nobody(said))


def _invented(code: str, province: str) -> str:
    """A number of nobody, always the same for one code: its serial is in the range of invented people."""
    digits = int(hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=8).hexdigest(), 16) % 10**7
    return f"0{province}1{digits // 10**5:02d}9{digits % 10**5:05d}"


def _level(dossier: Object, now: datetime) -> str:
    procedure = PROCEDURE.fullmatch(text(dossier.get("MaTTHC")))
    try:
        return procedure_to_show(procedure[1], now.astimezone(BUSINESS_ZONE).date()).level if procedure else ""
    except ProcedureNotFound:
        return ""


def _is_of(commune: str, province: str) -> bool:
    return commune in COMMUNES and COMMUNES[commune].province == province


def _named(province: str, agency: str) -> str | None:
    """The commune whose name an agency's name contains; None if none or several are meant."""
    name = f" {folded(agency)} "
    codes = [code for code, commune in _folded_names(province) if f" {commune} " in name]
    return codes[0] if len(codes) == 1 else None


@cache
def _folded_names(province: str) -> tuple[tuple[str, str], ...]:
    return tuple((each.code, folded(each.name_vi)) for each in communes_of(province))


def _objects(value: Any) -> list[Object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _id(*parts: object) -> str:
    """Equal for equal pushes, so that a repeated one is a duplicate."""
    written = "\x1f".join(wire(part) if isinstance(part, datetime) else str(part) for part in parts)
    return f"adapter-{hashlib.blake2b(written.encode(), digest_size=12).hexdigest()}"
