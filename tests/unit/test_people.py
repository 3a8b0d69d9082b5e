"""The personas: the same for the same seed, well-formed, and never a real person's number."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.identity_mock.people import PERSONAS, PLACE_CODES, identity_number, people
from shared.sandboxes import Sandbox

NOW = datetime(2026, 6, 9, tzinfo=UTC)
GIVEN = {"lan": "Lan", "minh": "Minh", "huong": "Hương", "duc": "Đức", "hoa": "Hoa", "tuan": "Tuấn"}


def a_sandbox(seed: str, id: str = "a") -> Sandbox:
    return Sandbox(id, seed, 0, NOW)


def test_the_personas_are_the_six_that_tests_rely_on() -> None:
    levels = {persona.hint: persona.level for persona in PERSONAS}
    assert levels == {"lan": 2, "minh": 2, "huong": 2, "duc": 2, "hoa": 1, "tuan": 1}


def test_people_depend_on_the_seed_alone() -> None:
    later = Sandbox("b", "one", 5.0, NOW.replace(year=2030))
    assert people(a_sandbox("one")) == people(later)
    assert people(a_sandbox("one"))["lan"].number != people(a_sandbox("two"))["lan"].number


@given(seed=st.text(max_size=20))
def test_every_person_is_well_formed_and_synthetic(seed: str) -> None:
    made = people(a_sandbox(seed))
    assert set(made) == set(GIVEN)
    for hint, person in made.items():
        assert person.name.split()[-1] == GIVEN[hint]
        assert len(person.name.split()) in (3, 4)
        assert len(set(person.name.split())) == len(person.name.split())
        assert person.number.isdigit() and len(person.number) == 12
        assert person.number[:3] in PLACE_CODES
        century, sex = divmod(int(person.number[3]), 2)
        assert (1900 + 100 * century) <= person.born_on.year < (2000 + 100 * century)
        assert sex == (person.sex == "female")
        assert person.number[4:6] == f"{person.born_on:%y}"
        assert person.number[6] == "9"
        assert person.synthetic
        assert date(1958, 1, 1) <= person.born_on <= date(2004, 12, 31)
    for ids in ({p.number for p in made.values()}, {p.id for p in made.values()}, {p.tech_id for p in made.values()}):
        assert len(ids) == len(made)


def test_the_place_codes_are_the_63_of_before_the_merger() -> None:
    assert len(PLACE_CODES) == len(set(PLACE_CODES)) == 63


def test_century_and_sex_share_a_digit() -> None:
    digits = [
        identity_number("001", "male", date(1999, 12, 31), 900_000),
        identity_number("001", "female", date(1999, 12, 31), 900_000),
        identity_number("001", "male", date(2000, 1, 1), 900_001),
        identity_number("001", "female", date(2000, 1, 1), 900_001),
    ]
    assert digits == ["001099900000", "001199900000", "001200900001", "001300900001"]
