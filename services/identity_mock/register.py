"""For whom a person may act by law: their children, and organisations that they represent. Invented, drawn from the seed.

Real systems query a register (facts: integration.md 5.1). Here the access token contains the result; this is our
simplification.
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
)  # under 14 on every day from 2025 to 2027, so that a parent acts for the child
FIRST_SERIAL, SERIALS = 990_000_000, 9_000_000  # region 99: no tax office uses it
TRADES = ("Thương mại", "Xây dựng", "Vận tải", "Nông sản", "Dịch vụ")


class Represented(TypedDict):
    """One entry of the claim `represents`. `id` is a personal number or a tax code."""

    kind: Literal["person", "organisation"]
    id: str
    name: str


def represented_by(sandbox: Sandbox, person: Person) -> list[Represented]:
    """For whom `person` may act. Lan has a child, Minh has a company; own people have what the sandbox defines."""
    return register(sandbox).get(person.hint, [])


def register(sandbox: Sandbox) -> dict[str, list[Represented]]:
    """Persona → for whom they may act: organisations, then children, in the order of the sandbox's document."""
    own = population(sandbox.people)
    child, company = _child(sandbox, "lan"), _company(sandbox)
    taken, represented = {child["id"], company["id"]}, {"lan": [child], "minh": [company]}
    organisations: dict[str, Represented] = {}
    for key in sorted(own.organisations):
        organisations[key] = _own_organisation(sandbox, key, own.organisations[key].name, taken)
        taken.add(organisations[key]["id"])
    for hint, person in sorted(own.people.items()):
        represented[hint] = [organisations[key] for key in person.represents]
        for index, each in enumerate(person.children):
            represented[hint].append(_own_child(sandbox, (hint, index), each.name, taken))
            taken.add(represented[hint][-1]["id"])
    return represented


def tax_code(serial: int) -> str:
    """The first tax code from `serial` on that can be issued: 2 digits region, 7 digits serial, 1 check digit.

    serial  the first 9 digits: region and serial
    source  facts: domain.md section 6; a code whose sum is divisible by 11 is not issued
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
