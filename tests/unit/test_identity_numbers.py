"""Numbers of people and organisations: valid in form, and only those kept for invented ones."""

from __future__ import annotations

import pytest

from contracts.identity import check_digit, fault_of, organisation_fault, person_fault
from services.identity_mock.people import people
from services.identity_mock.register import represented_by, tax_code
from shared.sandbox.registry import Sandbox
from tests.support.factories import MORNING


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("037190900123", None),
        ("03719090012", "12 digits (Law 26/2023 art. 12)"),
        ("0371909001234", "12 digits"),
        ("997190900123", None),  # registered abroad: the law says 12 digits
        ("000190900123", None),
        ("٠٣٧١٩٠٩٠٠١٢٣", "12 digits"),
        ("037190100123", "could belong to a real person"),
    ],
)
def test_a_personal_number_is_of_an_invented_person(number: str, why: str | None) -> None:
    fault = person_fault(number)
    assert fault is None if why is None else why in str(fault)


def test_the_check_digit_is_the_one_of_the_fact_sheet() -> None:
    assert check_digit("010004751") == "6"  # sum 158, remainder 4


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("0100047516", "could belong to a real organisation"),
        ("0100047517", "wrong check digit"),
        ("010004751", "not a tax code"),
    ],
)
def test_a_tax_code_is_of_an_invented_organisation(code: str, why: str) -> None:
    assert why in str(organisation_fault(code))


@pytest.mark.parametrize("serial", range(990_000_000, 990_000_200))
def test_every_tax_code_that_is_made_here_can_be_issued(serial: int) -> None:
    code = tax_code(serial)
    assert organisation_fault(code) is organisation_fault(f"{code}-001") is None


@pytest.mark.parametrize("seed", [f"seed-{number}" for number in range(50)])
def test_everybody_of_a_sandbox_has_a_number_that_is_taken(seed: str) -> None:
    here = Sandbox("s1", seed, 0, MORNING)
    for person in people(here).values():
        assert person_fault(person.number) is None
        for each in represented_by(here, person):
            assert fault_of(each["kind"], each["id"]) is None
