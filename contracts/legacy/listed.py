"""What the reading services of the adapter API list: the catalogue in their members."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from math import ceil
from typing import Any

from contracts.calendar.worktime import Unit
from contracts.catalogue import (
    CHANNELS,
    FIELDS,
    PROCEDURES,
    PROVINCES,
    Case,
    Channel,
    Place,
    Procedure,
    agency_code,
    communes_of,
    fee_of,
    procedure_to_show,
)
from contracts.identity import fault_of

Row = dict[str, Any]
BRANCH = "G00"  # MANGANH: the real one names a ministry
FORM_PATH = "/legacy/forms/"  # of the gateway, and the code of a paper
KENH = {"direct": "1", "online": "2", "public_postal": "3"}
UNITS = {
    Unit.WORKING_DAY: "Ngày làm việc",
    Unit.DAY: "Ngày",
    Unit.HOUR: "Giờ làm việc",
    Unit.SAME_DAY: "Ngày làm việc",
    Unit.IMMEDIATE: "Giờ làm việc",
}
HOURS = 8  # of an office day
LEVELS = {"ministry": ("0",), "province": ("1",), "commune": ("3",), "any_level": ("1", "3")}  # codes of CAPTHUCHIEN
CAPDONVI = {"province": "1", "commune": "3"}
MUCDO = {"full": "4", "partial": "3", "direct": "2"}  # the four levels of online service that clients know
STEPS = (
    "Nộp hồ sơ tại Bộ phận Một cửa hoặc trực tuyến",
    "Kiểm tra, tiếp nhận hồ sơ",
    "Giải quyết hồ sơ",
    "Trả kết quả",
)
ACCOUNTS = uuid.UUID("5b1f4c52-6d0e-4b53-9a55-2a1a27f2f0c1")  # namespace of the account keys (TechID); ours
# Dictionaries of a few entries, by service: code → name. Their members MA and TEN are a guess.
KINDS = {"1": "TTHC được luật giao quy định chi tiết", "2": "TTHC không được luật giao quy định chi tiết"}
WORDS: Mapping[str, Mapping[str, str]] = {
    "LayDanhMucGioiTinh": {"1": "Nam", "2": "Nữ", "3": "Khác"},
    "LayDanhMucQuocGia": {"VN": "Việt Nam"},
    "LayDanhMucDanToc": {
        "01": "Kinh",
        "02": "Tày",
        "03": "Thái",
        "04": "Hoa",
        "05": "Khmer",
        "06": "Mường",
        "07": "Nùng",
    },
    "LayDanhMucTonGiao": {"00": "Không", "01": "Phật giáo", "02": "Công giáo"},
    "LayDanhMucTinhTrangHonNhan": {"1": "Chưa kết hôn", "2": "Đang có vợ/chồng", "3": "Đã ly hôn", "4": "Góa"},
    "LayDanhMucDoiTuong": {"1": "Công dân", "2": "Doanh nghiệp", "3": "Cơ quan nhà nước", "4": "Tổ chức khác"},
    "LayDanhMucCapThucHien": {"0": "Cấp Bộ", "1": "Cấp Tỉnh", "3": "Cấp Xã"},  # 2: districts, which ended
    "LayDanhMucQuanHuyen": {},  # the districts ended on 1 July 2025
    "LayDanhMucNhomThuTuc": {str(n): name for n, name in enumerate((FIELDS[code] for code in sorted(FIELDS)), 1)},
    "LayDanhMucLoaiThuTuc": KINDS,
    "LayDanhMucCanCuPhapLy": {"118/2025/NĐ-CP": "Nghị định 118/2025/NĐ-CP"},
}

LEVEL_NAMES = WORDS["LayDanhMucCapThucHien"]


def procedures(on: date) -> list[Row]:
    """LayDanhSachTTHC: those in force."""
    return [{"MATTHC": each.code, "TENTTHC": each.name_vi} for each in _in_force(on)]


def procedure(code: str, province: str, address: str, on: date) -> Row:
    """The one row of LayThuTuc. Raises ProcedureNotFound.

    address  of the gateway, for the files of forms
    """
    shown = procedure_to_show(code, on)
    field = {"MALINHVUC": field_code(shown.field_en), "TENLINHVUC": shown.field_vi}
    agency = {"MADONVI": agency_code(province), "TENDONVI": f"UBND {PROVINCES[province].name_vi}"}
    return {
        "ID": code.replace(".", ""),
        "MATTHC": code,
        "TENTTHC": shown.name_vi,
        "MACOQUANCONGBO": agency["MADONVI"],
        "LOAITTHC": KINDS["1"],
        "MOTADOITUONGTHUCHIEN": "",
        "DIACHITIEPNHAN": f"Bộ phận Một cửa {PROVINCES[province].name_vi}",
        "QUYETDINH": "",
        "YEUCAU": "",
        "TUKHOA": "",
        "IDQUYETDINHCONGBO": "",
        "TRANGTHAI": "1",
        "MOTACOQUANTHUCHIEN": shown.authority,
        "MOTACOQUANTHAMQUYEN": shown.authority,
        "MOTA": "",
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": each, "TENCAP": LEVEL_NAMES[each]} for each in LEVELS[shown.level]],
        "LINHVUCTHUCHIEN": [field],
        "TRINHTUTHUCHIEN": [{"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": step} for step in STEPS]}],
        "CACHTHUCTHUCHIEN": [
            {"KENH": KENH[channel], "THOIGIAN": _limits(shown, channel, province, on)}
            for channel in CHANNELS
            if channel in shown.channels
        ],
        "DOITUONGTHUCHIEN": [{"TENDOITUONG": "Công dân Việt Nam"}],
        "THANHPHANHOSO": [
            {
                "TRUONGHOP": case.name_vi,
                "GIAYTO": [
                    {
                        "MAGIAYTO": paper.code,
                        "TENGIAYTO": paper.name_vi,
                        "TENMAUDON": paper.name_vi if paper.eform else "",
                        "URL": f"{address}{FORM_PATH}{paper.code}" if paper.eform else "",
                    }
                    for paper in case.components
                ],
            }
            for case in shown.cases
        ],
        "KETQUATHUCHIEN": [{"MAKETQUA": result_code(code), "TENKETQUA": f"Kết quả: {shown.name_vi}"}],
        "CANCUPHAPLY": [],
        "TTHCLIENQUAN": [],
        "TTHCLIENTHONG": [],
        "COQUANTHUCHIEN": [agency],
        "COQUANCOTHAMQUYEN": [agency],
        "COQUANDUOCUYQUYEN": [],
        "COQUANPHOIHOP": [],
    }


def decision(id: str) -> list[Row]:
    """LayQDCB: invented, as the decisions that published our procedures are not in the catalogue."""
    return [
        {"ID": id, "SOQUYETDINH": f"{id}/QĐ-DT", "TENQUYETDINH": "Quyết định công bố thủ tục hành chính (diễn tập)"}
    ]


def result_code(procedure: str) -> str:
    """A code of a result, in the form of the real ones (`KQ.G15.000031`): from the procedure, ours."""
    return f"KQ.G00.{procedure.replace('.', '')[-6:]}"


def services(province: str, on: date) -> Row:
    """LayDVC: procedures that are offered online."""
    rows = [
        {
            "MADVC": f"{each.code}.01",
            "TENDVC": each.name_vi,
            "MATTHC": each.code,
            "TENTTHC": each.name_vi,
            "TENCOQUANBANHANH": f"UBND {PROVINCES[province].name_vi}",
            "TENLINHVUC": each.field_vi,
            "APDUNGDVC": [{"MACOQUANTHUCHIEN": agency_code(province), "MUCDO": MUCDO[each.service_level]}],
        }
        for each in _in_force(on)
        if "online" in each.channels
    ]
    return {"data": rows}


def agencies(province: str) -> list[Row]:
    """LayDanhMucCoQuan: the province and its communes."""
    units = [(Place(province, None), PROVINCES[province].name_vi)]
    units += [(Place(province, each.code), each.name_vi) for each in communes_of(province)]
    return [
        {
            "MADONVI": agency_code(place.province, place.commune),
            "TENDONVI": f"UBND {name}",
            "CAPDONVI": CAPDONVI["commune" if place.commune else "province"],
        }
        for place, name in units
    ]


def field_code(field: str) -> str:
    """A code of a field in the form of the real ones (`G15-TP110`): ours, of no ministry."""
    return f"{BRANCH}-DT{sorted(FIELDS).index(field) + 1:03}"


def fields() -> list[Row]:
    """LayDanhMucLinhVuc. The codes are ours: those of the real list are not public."""
    return [
        {"MALINHVUC": field_code(code), "TENLINHVUC": name, "MANGANH": BRANCH} for code, name in sorted(FIELDS.items())
    ]


def words(service: str, province: str, on: date) -> list[Row]:
    """The dictionaries of codes and names. Raises KeyError for another service."""
    return [{"MA": code, "TEN": name} for code, name in _WORDS[service](province, on)]


def account(number: str) -> str | None:
    """The account key (TechID) of a person or an organisation that is invented; None for another number."""
    if fault_of("person", number) is not None and fault_of("organisation", number) is not None:
        return None
    return str(uuid.uuid5(ACCOUNTS, number))


def _in_force(on: date) -> list[Procedure]:
    shown = (procedure_to_show(code, on) for code in PROCEDURES)
    return [each for each in shown if each.in_force(on)]


def _limits(shown: Procedure, channel: Channel, province: str, on: date) -> list[Row]:
    return [
        _limit(shown, case, channel, province, on, f"{shown.code}.{KENH[channel]}{n}")
        for n, case in enumerate(shown.cases, 1)
    ]


def _limit(shown: Procedure, case: Case, channel: Channel, province: str, on: date, fees: str) -> Row:
    """fees: how the codes of its fees begin. One client keeps fees by their codes, so no two may have the same."""
    limit = case.limit_for(channel)
    value, unit = limit.value, UNITS[limit.unit]
    if value != int(value):  # half a day, in whole hours
        value, unit = ceil(value * HOURS), UNITS[Unit.HOUR]
    fee = fee_of(shown, case, province=province, channel=channel, payer_group="ordinary", on=on)
    return {
        "THOIGIANGIAIQUYET": f"{value:g}",
        "DONVITINH": unit,
        "MOTA": case.name_vi,
        "PHILEPHI": [
            {
                "MAPHILEPHI": f"{fees}{n:02}",
                "SOTIEN": str(item.amount_dong or 0),
                "DONVI": "VNĐ",
                "MOTA": item.name_vi,
                "TENTEP": "",
                "URL": "",  # of a file; one client reads it without a check
            }
            for n, item in enumerate(fee.items, 1)
        ],
    }


def _fixed(service: str) -> Callable[[str, date], Iterator[tuple[str, str]]]:
    return lambda province, on: iter(WORDS[service].items())


_WORDS: dict[str, Callable[[str, date], Iterator[tuple[str, str]]]] = {
    service: _fixed(service) for service in WORDS
} | {
    "LayDanhMucTinhThanh": lambda province, on: ((each.code, each.name_vi) for each in PROVINCES.values()),
    "LayDanhMucThuTucThuocLoai": lambda province, on: ((each.code, each.name_vi) for each in _in_force(on)),
    "LayDanhMucPhuongXa": lambda province, on: ((each.code, each.name_vi) for each in communes_of(province)),
    "LayDanhMucLePhi": lambda province, on: (
        (each.code, f"Phí, lệ phí: {each.name_vi}") for each in _in_force(on) if each.fee_online_dong
    ),
}
