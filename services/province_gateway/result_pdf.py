"""The result of a dossier as a PDF of one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared import specimen
from shared.specimen import Sheet, day


@dataclass(frozen=True)
class Facts:
    """The contents of the page. Times are sandbox time, aware; shown in business time.

    agency     name of the deciding agency: `UBND Xã Gia Viễn, tỉnh Ninh Bình`
    procedure  code
    """

    dossier_code: str
    result_number: str
    agency: str
    procedure: str
    procedure_name: str
    applicant: str
    submitted_at: datetime
    ready_at: datetime
    officer: str


def render(facts: Facts) -> bytes:
    """Call it in a thread: see `shared.specimen`."""
    return specimen.render(
        Sheet(
            agency=facts.agency,
            number=facts.result_number,
            heading="KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH",
            subheading=facts.procedure_name,
            lines=_lines(facts),
            code=facts.dossier_code,
            at=facts.ready_at,
        )
    )


def _lines(facts: Facts) -> list[tuple[str, str]]:
    return [
        ("Mã hồ sơ", facts.dossier_code),
        ("Thủ tục", facts.procedure),
        ("Người nộp hồ sơ", facts.applicant),
        ("Ngày nộp", day(facts.submitted_at)),
        ("Ngày có kết quả", day(facts.ready_at)),
        ("Người giải quyết", facts.officer),
    ]
