"""The result of a dossier as a page: the same bytes for the same facts, readable Vietnamese, a specimen all over."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pypdf
import pytest

from contracts.file_types import PDF, kind_of
from services.province_gateway.result_pdf import Facts, render
from shared import specimen

MORNING = datetime(2026, 6, 9, 1, tzinfo=UTC)
FACTS = Facts(
    dossier_code="H42.14464-20260609-0000001",
    result_number="KQ-H42.14464-20260609-0000001",
    agency="UBND Xã Gia Viễn, tỉnh Ninh Bình",
    procedure="2.000635",
    procedure_name="Cấp bản sao trích lục hộ tịch, bản sao Giấy khai sinh",
    applicant="Nguyễn Thị Lan",
    submitted_at=MORNING,
    ready_at=MORNING + timedelta(days=1, hours=2),
    officer="Bộ phận thụ lý H42.14464",
)


def read(content: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(content), strict=True)


def text_of(content: bytes) -> str:
    (page,) = read(content).pages
    return " ".join(page.extract_text().split())


def test_the_page_says_the_facts_in_vietnamese() -> None:
    text = text_of(render(FACTS))
    for fact in (
        FACTS.dossier_code,
        FACTS.result_number,
        FACTS.agency,
        FACTS.procedure,
        FACTS.procedure_name,
        FACTS.applicant,
        FACTS.officer,
        "08:00 ngày 09/06/2026",
        "10:00 ngày 10/06/2026",
    ):
        assert fact in text, text


def test_every_letter_of_vietnamese_can_be_read_back() -> None:
    marks = ["", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"]
    letters = "".join(vowel + mark for vowel in "aăâeêioôơuưy" for mark in marks)
    (word,) = specimen._short(letters + "đ", 200).split()  # NFC
    assert len(word) == 73
    text = text_of(render(replace(FACTS, applicant=word, officer=word.upper()))).replace(" ", "")
    assert word in text and word.upper() in text


def test_the_page_says_that_it_is_a_specimen() -> None:
    content = render(FACTS)
    text, about = text_of(content), read(content).metadata
    assert "Không có giá trị pháp lý." in text and "It has no legal value." in text
    assert specimen.SPECIMEN in text
    assert about is not None and str(about.title).startswith(specimen.SPECIMEN)


def test_the_same_facts_give_the_same_bytes_in_every_process() -> None:
    here = render(FACTS)
    assert render(FACTS) == here
    program = "import sys; from tests.unit.test_results import *; sys.stdout.buffer.write(render(FACTS))"
    there = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "7", "TZ": "America/New_York", "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        check=True,
    )
    assert there.stdout == here


CHANGES: dict[str, Callable[[Facts], Facts]] = {
    "code": lambda facts: replace(facts, dossier_code="H42-20260609-0000002"),
    "name": lambda facts: replace(facts, applicant="Trần Văn Minh"),
    "time": lambda facts: replace(facts, ready_at=facts.ready_at + timedelta(hours=1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_other_facts_give_other_bytes(change: Callable[[Facts], Facts]) -> None:
    assert render(change(FACTS)) != render(FACTS)


def test_the_date_of_the_file_is_the_sandboxs() -> None:
    about = read(render(FACTS)).metadata
    assert about is not None and about.creation_date == FACTS.ready_at


def test_the_portal_takes_it_for_what_it_is() -> None:
    content = render(FACTS)
    assert kind_of(content) == PDF
    assert len(content) < 60_000  # bytes: two subsets of fonts and a page


@pytest.mark.parametrize("text", ["W" * 5000, "Ệ " * 2000, "a\nb\x00\x1b\ud83d", "😀", "", "**bold** <b>"])
def test_no_text_breaks_the_page(text: str) -> None:
    content = render(replace(FACTS, agency=text, procedure_name=text, applicant=text, officer=text, result_number=text))
    assert len(read(content).pages) == 1
    assert kind_of(content) == PDF


def test_nothing_is_loaded_for_it_before_the_first_page() -> None:
    program = (
        "import sys, services.province_gateway.result_pdf; sys.exit('fpdf' in sys.modules or 'segno' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": ":".join(filter(None, sys.path))}, check=False
    )
    assert done.returncode == 0
