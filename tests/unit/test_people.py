"""The personas: the same for the same seed, well-formed, and never a real person's number."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identity import fault_of, person_fault
from contracts.people import MOST_ORGANISATIONS, MOST_PEOPLE, STANDING, Population
from services.identity_mock import register
from services.identity_mock.people import PERSONAS, PLACE_CODES, Person, free_number, identity_number, people
from shared.sandbox.registry import Sandbox

NOW = datetime(2026, 6, 9, tzinfo=UTC)
GIVEN = {"lan": "Lan", "minh": "Minh", "huong": "Hương", "duc": "Đức", "hoa": "Hoa", "tuan": "Tuấn"}


A_CROWD = {  # as many as there may be
    "people": {
        f"p{n}": {
            "name": f"Người Thứ {n}",
            "sex": ("female", "male")[n % 2],
            "represents": [f"o{n % MOST_ORGANISATIONS}"],
            "children": ["Bé Hư Cấu", "Cu Hư Cấu"],
        }
        for n in range(MOST_PEOPLE)
    },
    "organisations": {f"o{n}": {"name": f"Công ty Hư Cấu {n}"} for n in range(MOST_ORGANISATIONS)},
}
NGA = {"name": "Trần Thị Nga", "sex": "female"}


def a_sandbox(seed: str, id: str = "a", **own: Any) -> Sandbox:
    """Own: people and organisations, as whoever makes it says them."""
    document = Population.model_validate(own).document()
    return Sandbox(id, seed, 0, NOW, people=msgspec.json.encode(document).decode())


def test_the_personas_are_the_six_that_tests_rely_on() -> None:
    levels = {persona.hint: persona.level for persona in PERSONAS}
    assert levels == {"lan": 2, "minh": 2, "huong": 2, "duc": 2, "hoa": 1, "tuan": 1}


def test_the_contract_knows_the_six() -> None:
    assert tuple(persona.hint for persona in PERSONAS) == STANDING


@pytest.mark.parametrize("own", [{}, A_CROWD], ids=["alone", "in a crowd"])
def test_the_six_never_change(own: dict[str, Any]) -> None:
    """Pinned: suites and replays that were written down know them."""
    here = a_sandbox("seed-1", **own)
    made = people(here)
    assert {hint: made[hint].number for hint in STANDING} == {
        "lan": "031167949932",
        "minh": "093200935167",
        "huong": "017187944060",
        "duc": "096063933537",
        "hoa": "012169994714",
        "tuan": "036094913061",
    }
    assert (made["lan"].name, made["lan"].born_on) == ("Dương Thị Ngọc Lan", date(1967, 8, 21))
    assert [register.represented_by(here, made[hint]) for hint in ("lan", "minh", "huong")] == [
        [{"kind": "person", "id": "070317959160", "name": "Lý Gia An"}],
        [{"kind": "organisation", "id": "9969214673", "name": "Công ty TNHH Nông sản Hư Cấu"}],
        [],
    ]


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


# --- of a sandbox's own -------------------------------------------------------------------------------------------------
def test_what_was_said_of_a_person_is_so() -> None:
    said = {**NGA, "born_on": "2007-06-01", "level": 1}
    nga = people(a_sandbox("one", people={"nga": said}))["nga"]
    assert (nga.hint, nga.name, nga.sex, nga.born_on, nga.level) == (
        *("nga", "Trần Thị Nga", "female", date(2007, 6, 1), 1),
    )
    assert (nga.number[3:6], nga.synthetic) == ("307", True), "a woman of this century, born in 07"


def test_what_was_left_out_is_drawn_from_the_seed() -> None:
    one, again, two = (people(a_sandbox(seed, people={"nga": NGA}))["nga"] for seed in ("one", "one", "two"))
    assert one == again and one.level == 2
    assert one.number != two.number and one.born_on != two.born_on and one.id != two.id


def test_nobody_changes_because_of_the_order_in_which_people_are_named() -> None:
    backwards = {kind: dict(reversed(said.items())) for kind, said in A_CROWD.items()}
    here, there = a_sandbox("one", **A_CROWD), a_sandbox("one", **backwards)
    assert list(people(here).values()) == list(people(there).values())
    assert register.register(here) == register.register(there)


@given(seed=st.text(max_size=20))
def test_in_a_crowd_nobody_has_the_number_of_another(seed: str) -> None:
    here = a_sandbox(seed, **A_CROWD)
    made = people(here)
    assert set(made) == {*STANDING, *A_CROWD["people"]}
    represented = register.register(here)
    acts_for = {each["id"]: each for person in made.values() for each in represented.get(person.hint, [])}
    for person in made.values():
        assert person_fault(person.number) is None and person.synthetic
        assert int(person.number[3]) % 2 == (person.sex == "female") and person.number[4:6] == f"{person.born_on:%y}"
    assert all(fault_of(each["kind"], each["id"]) is None for each in acts_for.values())
    children = 1 + 2 * MOST_PEOPLE  # with Lan's
    numbers = [*(person.number for person in made.values()), *acts_for]
    assert len(set(numbers)) == len(numbers) == len(made) + children + MOST_ORGANISATIONS + 1
    for ids in ({person.id for person in made.values()}, {person.tech_id for person in made.values()}):
        assert len(ids) == len(made)


def test_a_number_that_somebody_has_is_passed_over() -> None:
    here, key, born_on = a_sandbox("one"), ("person", "nga"), date(1990, 4, 30)
    taken: list[str] = []
    for _ in range(50):
        taken.append(free_number(here, key, "female", born_on, taken))
    assert len(set(taken)) == 50 and all(person_fault(number) is None for number in taken)
    serials = [int(number[6:]) for number in taken]
    assert serials == [900_000 + (serials[0] - 900_000 + step) % 100_000 for step in range(50)]


def test_after_the_last_serial_comes_the_first_of_the_reserved_range() -> None:
    here, key, born_on = a_sandbox("one"), ("person", "nga"), date(1990, 4, 30)
    drawn = free_number(here, key, "female", born_on, ())
    taken = {f"{drawn[:6]}{serial}" for serial in range(int(drawn[6:]), 1_000_000)}
    assert free_number(here, key, "female", born_on, taken) == f"{drawn[:6]}900000"


def test_a_tax_code_that_somebody_has_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "SERIALS", 1)  # everybody draws the same
    found = register.register(a_sandbox("one", **A_CROWD))
    codes = {each["id"] for mine in found.values() for each in mine if each["kind"] == "organisation"}
    assert len(codes) == MOST_ORGANISATIONS + 1
    assert all(fault_of("organisation", code) is None for code in codes)


def test_whom_a_person_represents_comes_in_the_order_in_which_it_was_said() -> None:
    said = {**NGA, "represents": ["b", "a"], "children": ["Lê An", {"name": "Lê Bình"}]}
    here = a_sandbox(
        "one", people={"nga": said}, organisations={"a": {"name": "Công ty A"}, "b": {"name": "Công ty B"}}
    )
    found = register.represented_by(here, people(here)["nga"])
    assert [(each["kind"], each["name"]) for each in found] == [
        ("organisation", "Công ty B"),
        ("organisation", "Công ty A"),
        ("person", "Lê An"),
        ("person", "Lê Bình"),
    ]
    for child in found[2:]:
        assert child["id"][3] in "23" and 14 <= int(child["id"][4:6]) <= 21, "under 14 on every day a sandbox can show"


def test_two_people_may_represent_one_organisation() -> None:
    both = {persona: {**NGA, "represents": ["cty"]} for persona in ("nga", "phong")}
    here = a_sandbox("one", people=both, organisations={"cty": {"name": "Công ty"}})
    one, other = (register.represented_by(here, people(here)[persona]) for persona in both)
    assert one == other and len(one) == 1


def test_a_person_of_one_sandbox_is_nobody_in_another() -> None:
    assert "nga" not in people(a_sandbox("one")) and isinstance(people(a_sandbox("one"))["lan"], Person)
