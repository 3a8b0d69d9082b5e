"""For whom a person may act by law: a child of theirs, an organisation that they represent. Invented, drawn from the seed.

The real register is asked by systems (facts: integration.md 5.1); here the access token carries the answer, a
simplification of ours.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Literal, TypedDict

from contracts.identity import check_digit
from contracts.people import population
from services.identity_mock.people import FAMILY_NAMES, Person, Sex, free_number
from shared.sandbox.registry import Sandbox

BORN_FROM, BORN_TO = (
    date(2014, 1, 1),
    date(2021, 12, 31),
)  # under 14 on every day from 2025 to 2027: act through parents
FIRST_SERIAL, SERIALS = 990_000_000, 9_000_000  # region 99: no office has it
TRADES = ("Thương mại", "Xây dựng", "Vận tải", "Nông sản", "Dịch vụ")


class Represented(TypedDict):
    """Claim `represents`: a personal number or a tax code, and the name."""

    kind: Literal["person", "organisation"]
    id: str
    name: str


def represented_by(sandbox: Sandbox, person: Person) -> list[Represented]:
    """Lan has a child, Minh a company, the sandbox's own whom they were given; the others act for themselves alone."""
    return register(sandbox).get(person.hint, [])


def register(sandbox: Sandbox) -> dict[str, list[Represented]]:
    """By persona, for whom each may act: organisations, then children, in the order in which they were said."""
    own = population(sandbox.people)
    child, company = _child(sandbox, "lan"), _company(sandbox)
    taken, found = {child["id"], company["id"]}, {"lan": [child], "minh": [company]}
    organisations: dict[str, Represented] = {}
    for key in sorted(own.organisations):
        organisations[key] = _own_organisation(sandbox, key, own.organisations[key].name, taken)
        taken.add(organisations[key]["id"])
    for hint, person in sorted(own.people.items()):
        found[hint] = [organisations[key] for key in person.represents]
        for place, each in enumerate(person.children):
            found[hint].append(_own_child(sandbox, (hint, place), each.name, taken))
            taken.add(found[hint][-1]["id"])
    return found


def tax_code(serial: int) -> str:
    """Ten digits: two of a region, seven of a serial, a check digit; the first from `serial` on that can be issued.

    serial  9 digits
    source  facts: domain.md section 6; a sum without remainder by 11 is not issued
    """
    digits = f"{serial:09d}"
    check = check_digit(digits)
    return digits + check if check else tax_code(serial + 1)


def _own_organisation(sandbox: Sandbox, key: str, name: str, taken: Collection[str]) -> Represented:
    serial = FIRST_SERIAL + int(sandbox.draw("organisation", key, "serial") * SERIALS)
    while (code := tax_code(serial)) in taken:
        serial += 1
    return {"kind": "organisation", "id": code, "name": name}


def _own_child(sandbox: Sandbox, key: tuple[str, int], name: str, taken: Collection[str]) -> Represented:
    sex: Sex = "female" if sandbox.draw("child", *key, "sex") < 0.5 else "male"
    number = free_number(sandbox, ("child", *key), sex, _birthday(sandbox, *key), taken)
    return {"kind": "person", "id": number, "name": name}


def _birthday(sandbox: Sandbox, *key: object) -> date:
    return BORN_FROM + timedelta(days=int(sandbox.draw("child", *key, "birth") * ((BORN_TO - BORN_FROM).days + 1)))


def _child(sandbox: Sandbox, parent: str) -> Represented:
    number = free_number(sandbox, ("child", parent), "female", _birthday(sandbox, parent), taken=())
    family = FAMILY_NAMES[int(sandbox.draw("child", parent, "family") * len(FAMILY_NAMES))]
    return {"kind": "person", "id": number, "name": f"{family} Gia An"}


def _company(sandbox: Sandbox) -> Represented:
    trade = TRADES[int(sandbox.draw("company", "trade") * len(TRADES))]
    serial = FIRST_SERIAL + int(sandbox.draw("company", "serial") * SERIALS)
    return {"kind": "organisation", "id": tax_code(serial), "name": f"Công ty TNHH {trade} Hư Cấu"}
