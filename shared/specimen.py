"""A paper of an office: a PDF of one page, created on request, with the same bytes for the same facts.

It is marked as a specimen across the page, has no emblem, seal or signature, and does not look like a real form. A page
takes 50 ms and 28 KB; the first one of a process takes 0.5 s and 45 MB more, because it loads the libraries (measured
on one core of two). Call `render` in a thread, never in an event handler.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared.sandbox.clock import BUSINESS_ZONE

if TYPE_CHECKING:
    from fpdf import FPDF

FONTS = Path(__file__).parent / "fonts"
FAMILY = "Be Vietnam Pro"
LEFT, WIDTH = 22.0, 166.0  # mm on A4
LABEL = 52.0  # mm: the column of labels
RED, GREY, PALE, BLACK = (170, 20, 30), (110, 110, 110), (236, 236, 236), (20, 20, 20)
SPECIMEN = "BẢN DIỄN TẬP · SPECIMEN"
WARNING = (
    "Tài liệu giả lập của hệ thống Liên Thông để diễn tập và kiểm thử. "
    "Người, cơ quan và hồ sơ trong tài liệu là hư cấu. Không có giá trị pháp lý. / "
    "Made by the Liên Thông simulator for practice and tests. Everything in it is invented. It has no legal value."
)


@dataclass(frozen=True)
class Sheet:
    """The contents of the page. Times are sandbox time, aware.

    number   below the agency: `Số: 17/TLHT`
    lines    label and value
    code     of the dossier, also as QR code
    """

    agency: str
    number: str
    heading: str
    subheading: str
    lines: Sequence[tuple[str, str]]
    code: str
    at: datetime


def render(sheet: Sheet) -> bytes:
    """The page as PDF 1.x with embedded fonts; text that is too long is cut and ends in `…`."""
    # Imported here because most processes create no page, and the library with its fonts takes 45 MB.
    from fpdf import FPDF
    from fpdf.enums import XPos, YPos

    page = FPDF(format="A4")
    page.set_creation_date(sheet.at.astimezone(BUSINESS_ZONE))
    page.set_title(f"{SPECIMEN}: {_short(sheet.number, 64)}")
    page.set_author(SPECIMEN)
    page.set_lang("vi-VN")
    page.set_auto_page_break(False)
    page.add_font(FAMILY, "", FONTS / "BeVietnamPro-Regular.ttf")
    page.add_font(FAMILY, "B", FONTS / "BeVietnamPro-Bold.ttf")
    page.add_page()
    page.set_margins(LEFT, 20, 210 - LEFT - WIDTH)

    def line(text: str, size: float, style: str = "", color: tuple[int, int, int] = BLACK, align: str = "C") -> None:
        page.set_font(FAMILY, style, size)
        page.set_text_color(*color)
        page.set_x(LEFT)
        page.multi_cell(WIDTH, size * 0.55, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    _across_the_page(page)
    page.set_y(20)
    line(SPECIMEN, 15, "B", RED)
    line(WARNING, 8, "", RED)
    page.set_y(page.get_y() + 14)
    line(_short(sheet.agency, 120), 12, "B")
    line(f"Số: {_short(sheet.number, 64)}", 10, "", GREY)
    page.set_y(page.get_y() + 10)
    line(_short(sheet.heading, 120), 16, "B")
    line(_short(sheet.subheading, 240), 12)
    page.set_y(page.get_y() + 12)
    for label, value in sheet.lines:
        top = page.get_y()
        page.set_font(FAMILY, "", 10)
        page.set_text_color(*GREY)
        page.set_xy(LEFT, top)
        page.cell(LABEL, 8, label)
        page.set_font(FAMILY, "B", 11)
        page.set_text_color(*BLACK)
        page.set_xy(LEFT + LABEL, top)
        page.multi_cell(WIDTH - LABEL, 8, _short(value, 160), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    _code(page, sheet.code, top=page.get_y() + 14)
    return bytes(page.output())


def _across_the_page(page: FPDF) -> None:
    page.set_text_color(*PALE)
    page.set_font(FAMILY, "B", 34)
    for height in (110, 190, 270):
        with page.rotation(32, x=LEFT, y=height):
            page.text(LEFT, height, SPECIMEN)


def _code(page: FPDF, code: str, *, top: float) -> None:
    """A QR code that contains only the dossier code, no address."""
    import segno

    matrix = segno.make(code, error="m", micro=False).matrix
    module = 32.0 / len(matrix)  # mm
    page.set_fill_color(*BLACK)
    for row, modules in enumerate(matrix):
        for column, dark in enumerate(modules):
            if dark:
                page.rect(LEFT + column * module, top + row * module, module, module, style="F")
    page.set_font(FAMILY, "", 9)
    page.set_text_color(*GREY)
    page.text(LEFT + 38, top + 16, f"Mã QR chứa mã hồ sơ {code}")


def _short(text: str, limit: int) -> str:
    words = unicodedata.normalize("NFC", text).split()
    text = "".join(letter for letter in " ".join(words) if letter.isprintable())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def day(at: datetime) -> str:
    return at.astimezone(BUSINESS_ZONE).strftime("%H:%M ngày %d/%m/%Y")
