"""The files of the forms that LayThuTuc names: one page each, marked as a specimen."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from contracts.catalogue import MERGER, PROCEDURES, procedure_to_show
from shared import specimen
from shared.sandbox.clock import BUSINESS_ZONE
from shared.specimen import Sheet

OF_CALLS = {
    "sua-doi": "Nội dung sửa đổi chương trình khuyến mại",
    "chung-tu": "Chứng từ nộp thuế",
}  # files of reverse calls
MOST = 200  # pages that are kept
_pages: dict[str, bytes] = {}


def render(code: str) -> bytes | None:
    """The form with the code of a paper; None if there is none. Call it in a thread."""
    name = _forms().get(code)
    if name is None:
        return None
    if code not in _pages:
        if len(_pages) >= MOST:
            _pages.clear()
        _pages[code] = specimen.render(
            Sheet(
                agency="CỔNG DỊCH VỤ CÔNG (DIỄN TẬP)",
                number=code,
                heading="MẪU ĐƠN, TỜ KHAI",
                subheading=name,
                lines=[("Họ và tên", "…"), ("Số định danh", "…"), ("Nơi cư trú", "…"), ("Nội dung đề nghị", "…")],
                code=code,
                at=datetime(MERGER.year, MERGER.month, MERGER.day, tzinfo=BUSINESS_ZONE),
            )
        )
    return _pages[code]


@cache
def _forms() -> dict[str, str]:
    """Code of a paper that is a form, or of a file of a reverse call → its name."""
    shown = (procedure_to_show(code, MERGER) for code in PROCEDURES)
    papers = (paper for each in shown for case in each.cases for paper in case.components if paper.eform)
    return {**OF_CALLS, **{paper.code: paper.name_vi for paper in papers}}
