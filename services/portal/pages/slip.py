"""The slip of reception and appointment (form 01) as a PDF of one page; before the reception, the receipt of the submission.

The wording follows the name of form 01 in the fact sheet (domain.md, glossary); its layout is ours, unverified.
"""

from __future__ import annotations

from contracts.catalogue import procedure_of
from services.portal.domain import Dossier
from shared import specimen
from shared.specimen import Sheet, day


def render(dossier: Dossier, place: str) -> bytes:
    """Call it in a thread: see `shared.specimen`."""
    procedure = procedure_of(dossier.procedure, dossier.version)
    lines = [
        ("Mã hồ sơ", dossier.code),
        ("Người nộp hồ sơ", dossier.applicant_name),
        *([("Chủ hồ sơ", dossier.owner.name)] if dossier.owner else []),
        ("Ngày nộp", day(dossier.submitted_at)),
        *([("Ngày tiếp nhận", day(dossier.received_at))] if dossier.received_at else []),
        *([("Ngày hẹn trả", day(dossier.due_at))] if dossier.due_at else []),
        ("Giấy tờ", f"{len(dossier.papers)}"),
        ("Tình trạng", dossier.state.name_vi),
    ]
    heading = "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ" if dossier.received_at else "XÁC NHẬN NỘP HỒ SƠ TRỰC TUYẾN"
    return specimen.render(
        Sheet(
            agency=f"UBND {place}",
            number=dossier.code,
            heading=heading,
            subheading=procedure.name_vi,
            lines=lines,
            code=dossier.code,
            at=dossier.received_at or dossier.submitted_at,
        )
    )
