"""Questions that people put to a province at the national portal, and its answers. The questions are invented, and always these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.catalogue import PROVINCES, agency_code
from contracts.legacy.listed import field_code
from contracts.legacy.values import text

Row = dict[str, Any]
SKIP, TO_ANSWER = "0", "1"
QUESTIONS = (
    ("501", "2.000635", "Trần Ngọc Lan", "Tôi muốn cấp bản sao trích lục hộ tịch cho con thì nộp ở đâu?"),
    ("502", "1.001193", "Phạm Văn Minh", "Đăng ký khai sinh quá hạn có phải nộp lệ phí không?"),
    ("503", "1.000656", "Lê Thị Hương", "Ủy quyền cho người khác đăng ký khai tử được không?"),
)


def of_people(province: str, answers: Mapping[str, Row]) -> list[Row]:
    """The questions to a province; those that it has answered are to be skipped."""
    agency = {"MADONVI": agency_code(province), "TENDONVI": f"UBND {PROVINCES[province].name_vi}"}
    return [
        {
            "HOIDAPID": id,
            "MALINHVUC": field_code("civil_status"),
            **agency,
            "NOIDUNG": question,
            "NOIDUNGTRALOI": answers.get(id, {}).get("NOIDUNGTRALOI", ""),
            "TRALOIID": f"9{id}" if id in answers else "",
            "HOVATEN": name,
            "THUDIENTU": "",
            "MATTHCDP": procedure,
            "TRANGTHAI": SKIP if id in answers else TO_ANSWER,
        }
        for id, procedure, name, question in QUESTIONS
    ]


def own(province: str, pushed: Mapping[str, Row]) -> list[Row]:
    """The questions that people put to the province itself, as it pushed them, in the form of the others."""
    (form, *_) = of_people(province, {})
    agency = {"MADONVI": form["MADONVI"], "TENDONVI": form["TENDONVI"], "TRANGTHAI": SKIP}
    return [
        {**dict.fromkeys(form, ""), **agency, **{name: row[name] for name in form if name in row}}
        for row in pushed.values()
    ]


def answered(province: str, answers: Mapping[str, Row], pushed: Mapping[str, Row], asked: str) -> list[Row]:
    """The answer to a question, once for each question of the longest list: a client reads its place in that (12.2).

    pushed  the province's own questions
    asked   HOIDAPID; "" or one that is not known: each question of the portal has its own answer
    """
    rows, others = of_people(province, answers), own(province, pushed)
    found = [row for row in (*rows, *others) if asked and text(row["HOIDAPID"], 40) == asked]
    chosen = found[:1] * max(len(rows), len(others)) or rows
    return [{name: row[name] for name in ("TRALOIID", "NOIDUNGTRALOI")} for row in chosen]


def beside(rows: list[Row]) -> Row:
    """Members that one client reads beside the rows, not in them (integration.md 12.2): of the first question that is open."""
    first = next((row for row in rows if row["TRANGTHAI"] == TO_ANSWER), {**rows[0], "TRANGTHAI": SKIP})
    return {name: first[name] for name in ("TRANGTHAI", "HOVATEN", "THUDIENTU", "MATTHCDP")}
