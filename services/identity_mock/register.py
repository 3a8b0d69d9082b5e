"""For whom a person may act by law: a child of theirs, an organisation that they represent. Invented, drawn from the seed.

The real register is asked by systems (facts: integration.md 5.1); here the access token carries the answer, a
simplification of ours.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, TypedDict

from contracts.identity import check_digit
from services.identity_mock.people import FAMILY_NAMES, PLACE_CODES, RESERVED_SERIALS, Person, identity_number
from shared.sandboxes import Sandbox

BORN_FROM, BORN_TO = (
    date(2014, 1, 1),
    date(2021, 12, 31),
)  # under 14 on every day from 2025 to 2027: act through parents
TRADES = ("Thương mại", "Xây dựng", "Vận tải", "Nông sản", "Dịch vụ")


class Represented(TypedDict):
    """Claim `represents`: a personal number or a tax code, and the name."""

    kind: Literal["person", "organisation"]
    id: str
    name: str


def represented_by(sandbox: Sandbox, person: Person) -> list[Represented]:
    """Lan has a child, Minh a company; the others act for nobody but themselves."""
    if person.hint == "lan":
        return [_child(sandbox, person)]
    return [_company(sandbox)] if person.hint == "minh" else []


def tax_code(serial: int) -> str:
    """Ten digits: two of a region, seven of a serial, a check digit; the first from `serial` on that can be issued.

    serial  9 digits
    source  facts: domain.md section 6; a sum without remainder by 11 is not issued
    """
    digits = f"{serial:09d}"
    check = check_digit(digits)
    return digits + check if check else tax_code(serial + 1)


def _child(sandbox: Sandbox, parent: Person) -> Represented:
    def draw(what: str, count: int) -> int:
        return int(sandbox.draw("child", parent.hint, what) * count)

    born_on = BORN_FROM + timedelta(days=draw("birth", (BORN_TO - BORN_FROM).days + 1))
    number = identity_number(
        PLACE_CODES[draw("place", len(PLACE_CODES))],
        "female",
        born_on,
        9 * RESERVED_SERIALS + draw("serial", RESERVED_SERIALS),
    )
    return {"kind": "person", "id": number, "name": f"{FAMILY_NAMES[draw('family', len(FAMILY_NAMES))]} Gia An"}


def _company(sandbox: Sandbox) -> Represented:
    trade = TRADES[int(sandbox.draw("company", "trade") * len(TRADES))]
    serial = 990_000_000 + int(sandbox.draw("company", "serial") * 9_000_000)  # region 99: no office has it
    return {"kind": "organisation", "id": tax_code(serial), "name": f"Công ty TNHH {trade} Hư Cấu"}
