"""A dossier of our network as the adapter API shows it, what that loses, and where it differs from what was pushed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from contracts.catalogue import COMMUNES, PROVINCES, procedure_of
from contracts.dossier import AT_THE_OFFICE, WAIVED, DossierFacts
from contracts.legacy.listed import KENH, field_code, result_code
from contracts.legacy.messages import PROCEDURE
from contracts.legacy.values import number, text, time_of, written

Object = dict[str, Any]
NOTHING, ONLINE, GATEWAY, OFFICE = "0", "1", "2", "3"  # DuocThanhToanTrucTuyen (integration.md 1.6)
HINHTHUC = {"direct": "0", "online": "0", "public_postal": "1"}
# Facts of a dossier for which the adapter API has no field: member → how it is called there, if something is near.
LOST: Mapping[str, str] = {
    "capacity": "",
    "payer_group": "",
    "case": "",
    "version": "",
    "reception": "",
    "help_at": "",
    "filed_under": "",
    "handed_over_at": "",
    "verify_by": "",
    "rescheduled": "NgayHenTra",
    "withdrawal_reason": "",
    "refunded_dong": "",
}
USUAL: Mapping[str, Any] = {"capacity": "self", "payer_group": "ordinary", "refunded_dong": 0, "rescheduled": False}


class Names(Struct, frozen=True):
    """What a copy of a dossier knows of people: who applied, and for whom."""

    applicant: str
    owner: str | None = None


def object_of(dossier: DossierFacts, names: Names, code: str, *, has_paid_partner: bool = False) -> Object:
    """The dossier as an element of DongBoHoSoMC.

    code               as its province calls it
    has_paid_partner  its province was paid for it, as a partner of the payment platform
    """
    procedure = procedure_of(dossier.procedure, dossier.version)
    place = COMMUNES[dossier.commune].name_vi if dossier.commune else PROVINCES[dossier.province].name_vi
    return {
        "MaHoSo": code,
        "MaTTHC": dossier.procedure,
        "TenTTHC": procedure.name_vi,
        "MaLinhVuc": field_code(procedure.field_en),
        "TenLinhVuc": procedure.field_vi,
        "KenhThucHien": KENH[dossier.channel],
        "ChuHoSo": names.owner or names.applicant,
        "LoaiDoiTuong": "1",
        "TrichYeuHoSo": procedure.name_vi[:1000],
        "Email": "",
        "SoDienThoai": "",
        "NoiNopHoSo": "1" if dossier.channel == "online" else "2",
        "HoSoCoThanhPhanSoHoa": "0",
        "TaiKhoanDuocXacThucVoiVNeID": "1" if dossier.channel == "online" else "0",
        "NgayNopHoSo": written(dossier.submitted_at),
        "NgayTiepNhan": written(dossier.received_at),
        "NgayHenTra": written(dossier.due_at),
        "NgayKetThucXuLy": written(dossier.ready_at),
        "TrangThaiHoSo": str(dossier.state_code),
        "HinhThuc": HINHTHUC[dossier.return_by or dossier.channel],
        "DonViXuLy": f"UBND {place}",
        "DuocThanhToanTrucTuyen": GATEWAY if has_paid_partner else _paid(dossier),
        "DanhSachLePhi": [
            {"TenPhiLePhi": item.name, "Gia": str(item.amount_dong)}
            for demand in dossier.demands
            if not demand.superseded
            for item in demand.items
        ],
        "DanhSachHoSoBoSung": [
            {
                "HoSoBoSungId": str(each.number),
                "NgayBoSung": written(each.requested_at),
                "NgayTiepNhanBoSung": written(each.answered_at),
                "TrangThaiBoSung": str(each.answered_at is not None),
            }
            for each in dossier.supplements
        ],
        "DanhSachGiayToKetQua": [{"TenGiayTo": dossier.result_number, "MaGiayToKetQua": result_code(dossier.procedure)}]
        if dossier.result_number
        else [],
    }


def _paid(dossier: DossierFacts) -> str:
    """DuocThanhToanTrucTuyen, as far as the dossier itself knows."""
    by = {demand.paid_by for demand in dossier.demands} - {None, WAIVED}
    if by - {*AT_THE_OFFICE}:
        return ONLINE
    return OFFICE if by else NOTHING


def lost(dossier: DossierFacts) -> Iterator[tuple[str, str]]:
    """Facts that the adapter API cannot say: the member, and the field that has a part of it, if one does."""
    for member, field in LOST.items():
        if getattr(dossier, member) not in (None, USUAL.get(member)):
            yield member, field


def differences(shown: Object, pushed: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Field, as the network has it, as the province pushed it. What was not pushed, or is empty, differs in nothing."""
    for field, alike in COMPARED.items():
        said = pushed.get(field)
        if text(said) and not alike(shown[field], said):
            yield field, shown[field], said


def only_pushed(shown: Object, pushed: Mapping[str, Any]) -> Iterator[str]:
    """Fields that say something only as they were pushed: no event of the network can carry it, or none did."""
    for field, said in pushed.items():
        is_simple = not isinstance(said, dict | list)
        says_nothing = not said or (is_simple and text(said) in NOTHING_SAID)
        is_same = said == shown.get(field) or (is_simple and _same_text(shown.get(field), said))
        if field not in COMPARED and not says_nothing and not is_same:
            yield field


def looked_up(shown: Object, pushed: Mapping[str, Any]) -> Object:
    """The dossier as TraCuuHoSo answers: what was pushed, and what the network knows better. Its own form stays its own.

    A field that the network has is as the network has it, unless it was pushed in other words that mean the same.
    """
    differing = {field for field, _, _ in differences(shown, pushed)}
    kept = {
        field: said
        for field, said in pushed.items()
        if field not in shown
        or (field in AS_PUSHED and field not in differing)
        or (field not in COMPARED and isinstance(said, type(shown[field])))
    }
    return {**shown, **kept}


def _same_text(ours: Any, theirs: Any) -> bool:
    return " ".join(text(ours).casefold().split()) == " ".join(text(theirs).casefold().split())


def _same_number(ours: Any, theirs: Any) -> bool:
    return number(ours) == number(theirs)


def _same_second(ours: Any, theirs: Any) -> bool:
    read: list[datetime | None] = [time_of(ours), time_of(theirs)]
    return read[0] == read[1]


def _same_payment(ours: Any, theirs: Any) -> bool:
    """Clients say 0 for what is paid at the office, and 1 for what is paid online anywhere; which of its gateways took money
    only the province knows.
    """
    alike = {NOTHING: (NOTHING, OFFICE), OFFICE: (NOTHING, GATEWAY, OFFICE), GATEWAY: (ONLINE, GATEWAY)}
    return text(theirs) in alike.get(ours, (ours,))


def _same_procedure(ours: Any, theirs: Any) -> bool:
    match = PROCEDURE.fullmatch(text(theirs))
    return match is not None and match[1] == ours


COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "MaTTHC": _same_procedure,
    "KenhThucHien": _same_number,
    "ChuHoSo": _same_text,
    "NgayNopHoSo": _same_second,
    "NgayTiepNhan": _same_second,
    "NgayHenTra": _same_second,
    "NgayKetThucXuLy": _same_second,
    "TrangThaiHoSo": _same_number,
    "HinhThuc": _same_number,
    "DuocThanhToanTrucTuyen": _same_payment,
}
AS_PUSHED = ("MaTTHC", "ChuHoSo", "DuocThanhToanTrucTuyen")  # that can say the same in other words
NOTHING_SAID = ("", "0", "False", "false")
