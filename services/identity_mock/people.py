"""The people who can sign in: six personas, and the own people of the sandbox. All are invented and drawn from its seed."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, cast

from contracts.catalogue import PROVINCES
from contracts.people import OwnPerson, population
from shared.sandbox.registry import Sandbox

Sex = Literal["female", "male"]

# Common Vietnamese name parts. If a full name is that of a real person, this is a coincidence.
FAMILY_NAMES = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
)
MIDDLE_NAMES: dict[Sex, Sequence[str]] = {
    "female": ("Thị", "Thị Ngọc", "Thị Thanh", "Ngọc", "Thanh", "Thu", "Kim", "Bích", "Mỹ", "Khánh"),
    "male": ("Văn", "Hữu", "Quang", "Công", "Đình", "Xuân", "Quốc", "Thành", "Gia", "Bá"),
}
PLACE_CODES = tuple(sorted(code for province in PROVINCES.values() for code in province.id_prefixes))
BORN_FROM, BORN_TO = date(1958, 1, 1), date(2004, 12, 31)  # adults on every day of the calendar
NAMESPACE = uuid.UUID("6d0f6a58-5c1e-5b0e-9a53-4c54c0de0001")  # of our ids; any constant is possible
RESERVED_SERIALS = 100_000  # serials 900000-999999; this project reserves them for synthetic people


@dataclass(frozen=True)
class Persona:
    """What is the same for a persona with every seed, so that tests can depend on it."""

    hint: str  # value of `login_hint`
    given_name: str
    sex: Sex
    level: Literal[1, 2]  # level of the electronic identity, Decree 69/2024


PERSONAS = (
    Persona("lan", "Lan", "female", 2),
    Persona("minh", "Minh", "male", 2),
    Persona("huong", "Hương", "female", 2),
    Persona("duc", "Đức", "male", 2),
    Persona("hoa", "Hoa", "female", 1),
    Persona("tuan", "Tuấn", "male", 1),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """An invented citizen.

    id         opaque and stable: claim `sub`
    number     personal identification number, 12 digits, serial in the reserved range (facts: domain.md section 6)
    tech_id    claim TechID, by which some clients match accounts
    """

    id: str
    hint: str
    name: str
    sex: Sex
    born_on: date
    number: str
    tech_id: str
    level: Literal[1, 2]
    synthetic: bool = True


def people(sandbox: Sandbox) -> dict[str, Person]:
    """`login_hint` → person: the six personas, then the own people of the sandbox.

    They depend on the seed. The number of an own person also depends on the other own people, because numbers are unique.
    A number contains the year of birth, so an adult and a child never have the same number.
    """
    people = {persona.hint: _person(sandbox, index, persona) for index, persona in enumerate(PERSONAS)}
    for hint, own in sorted(population(sandbox.people).people.items()):
        people[hint] = _own_person(sandbox, hint, own, {person.number for person in people.values()})
    return people


def identity_number(place_code: str, sex: Sex, born_on: date, serial: int) -> str:
    """12 digits: place of registration, century and sex, year of birth, serial. There is no check digit."""
    century_and_sex = (born_on.year // 100 - 19) * 2 + (sex == "female")
    return f"{place_code}{century_and_sex}{born_on.year % 100:02}{serial:06}"


def free_number(sandbox: Sandbox, key: Sequence[object], sex: Sex, born_on: date, taken: Collection[str]) -> str:
    """The number drawn for `key`. If it is taken: the next free serial with the same place and year of birth."""
    place = PLACE_CODES[int(sandbox.draw(*key, "place") * len(PLACE_CODES))]
    serial = int(sandbox.draw(*key, "serial") * RESERVED_SERIALS)
    while (number := identity_number(place, sex, born_on, 9 * RESERVED_SERIALS + serial)) in taken:
        serial = (serial + 1) % RESERVED_SERIALS
    return number


def _own_person(sandbox: Sandbox, hint: str, own: OwnPerson, taken: Collection[str]) -> Person:
    born_on = date.fromisoformat(own.born_on) if own.born_on else _birthday(sandbox, hint)
    sex = cast(Sex, own.sex)
    return Person(
        id=_id(sandbox.seed, hint, "sub"),
        hint=hint,
        name=own.name,
        sex=sex,
        born_on=born_on,
        number=free_number(sandbox, ("person", hint), sex, born_on, taken),
        tech_id=_id(sandbox.seed, hint, "tech"),
        level=cast(Literal[1, 2], own.level),
    )


def _birthday(sandbox: Sandbox, hint: str) -> date:
    return BORN_FROM + timedelta(days=int(sandbox.draw("person", hint, "birth") * ((BORN_TO - BORN_FROM).days + 1)))


def _person(sandbox: Sandbox, index: int, persona: Persona) -> Person:
    def draw(part: str, count: int) -> int:
        return int(sandbox.draw("person", persona.hint, part) * count)

    middle_names = MIDDLE_NAMES[persona.sex]
    name_parts = (
        FAMILY_NAMES[draw("family", len(FAMILY_NAMES))],
        middle_names[draw("middle", len(middle_names))],
        persona.given_name,
    )
    born_on = _birthday(sandbox, persona.hint)
    # Every persona has its own residue modulo 6, so two personas of one sandbox never have the same number.
    serial = 9 * RESERVED_SERIALS + draw("serial", RESERVED_SERIALS // len(PERSONAS)) * len(PERSONAS) + index
    return Person(
        id=_id(sandbox.seed, persona.hint, "sub"),
        hint=persona.hint,
        name=" ".join(name_parts),
        sex=persona.sex,
        born_on=born_on,
        number=identity_number(PLACE_CODES[draw("place", len(PLACE_CODES))], persona.sex, born_on, serial),
        tech_id=_id(sandbox.seed, persona.hint, "tech"),
        level=persona.level,
    )


def _id(*key: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(key)))
