"""The slips that an office writes: forms 01 to 05 of TT 03/2025, each as a PDF of one page.

Names and occasions of the forms are from the fact sheet (domain.md, glossary); their layout is ours, unverified.
"""

from __future__ import annotations

from datetime import datetime

from contracts import lifecycle as law
from contracts.catalogue import COMMUNES, PROVINCES, procedure_of
from services.province_gateway.domain import Dossier
from shared import specimen
from shared.specimen import Sheet, day

HEADINGS = {
    "01": "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ",
    "02": "PHIẾU YÊU CẦU BỔ SUNG, HOÀN THIỆN HỒ SƠ",
    "03": "PHIẾU TỪ CHỐI TIẾP NHẬN, GIẢI QUYẾT HỒ SƠ",
    "04": "PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ",
    "05": "PHIẾU DỪNG GIẢI QUYẾT HỒ SƠ",
}


def of(dossier: Dossier) -> list[str]:
    """The forms for which this dossier has an occasion."""
    occasions = {
        "01": dossier.received_at is not None,
        "02": bool(dossier.supplements),
        "03": dossier.state == law.REFUSED,
        "04": dossier.rescheduled,
        "05": dossier.state in (law.STOPPED, law.WITHDRAWN),
    }
    return [form for form, is_there in occasions.items() if is_there]


def render(dossier: Dossier, form: str) -> bytes:
    """Call it in a thread: see `shared.specimen`."""
    place = PROVINCES[dossier.province].name_vi
    if dossier.commune:
        place = f"{COMMUNES[dossier.commune].name_vi}, {place}"
    return specimen.render(
        Sheet(
            agency=f"UBND {place}",
            number=f"{dossier.code}/{form}",
            heading=HEADINGS[form],
            subheading=procedure_of(dossier.procedure, dossier.version).name_vi,
            lines=_lines(dossier, form),
            code=dossier.code,
            at=dossier.received_at or dossier.submitted_at,
        )
    )


def _lines(dossier: Dossier, form: str) -> list[tuple[str, str]]:
    def at(label: str, moment: datetime | None) -> list[tuple[str, str]]:
        return [(label, day(moment))] if moment else []

    lines = [("Mã hồ sơ", dossier.code), ("Người nộp hồ sơ", dossier.applicant)]
    lines += at("Ngày nộp", dossier.submitted_at) + at("Ngày tiếp nhận", dossier.received_at)
    if form in ("01", "04"):
        lines += at("Ngày hẹn trả", dossier.due_at)
    if form == "02":
        last = dossier.supplements[-1]
        lines += at("Ngày yêu cầu", last.requested_at) + at("Hạn bổ sung", last.answer_by)
    if form in ("03", "05") and dossier.reason:
        lines.append(("Lý do", dossier.reason))
    return lines
