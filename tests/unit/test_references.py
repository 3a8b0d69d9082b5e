"""A payment's reference carries the dossier's code and the attempt, in the platform's twenty letters and digits."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.catalogue import COMMUNES, PROVINCES, agency_code
from services.portal import codes as portal
from services.province_gateway import codes as province

AGENCIES = st.one_of(
    st.sampled_from(list(PROVINCES)).map(agency_code),
    st.sampled_from(list(COMMUNES.values())).map(lambda commune: agency_code(commune.province, commune.code)),
)
DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31)).map(lambda day: f"{day:%Y%m%d}")
LIVES = st.integers(1, 10)
CODES = st.one_of(
    st.builds(portal.dossier_code, AGENCIES, DAYS, st.integers(1, 999_999), LIVES),
    st.builds(province.dossier_code, AGENCIES, DAYS, st.integers(1, 99_999), LIVES),
)
ATTEMPTS = st.integers(0, 99)


@given(CODES, ATTEMPTS)
@example("H99.99999-99999999-9999999", 99)
@example("H99.99999-999999-9999999", 99)
def test_a_reference_fits_the_platform_and_leads_back_to_its_dossier(code: str, attempt: int) -> None:
    reference = portal.reference_of(code, attempt)
    assert re.fullmatch("[0-9A-Z]{1,20}", reference)
    assert portal.code_of(reference) == code


@given(CODES, CODES, ATTEMPTS, ATTEMPTS)
def test_no_two_attempts_share_a_reference(one: str, other: str, first: int, second: int) -> None:
    same = portal.reference_of(one, first) == portal.reference_of(other, second)
    assert same == ((one, first) == (other, second))


@given(st.text(max_size=30))
@example("DVC")
@example("DVC" + "Z" * 20)
@example("DVC" + "0" * 20)
@example("DVC-1")
@example("DVC１２３")
def test_any_other_text_leads_nowhere_or_to_a_code_that_leads_back(text: str) -> None:
    code = portal.code_of(text)
    assert code is None or portal.code_of(portal.reference_of(code, 0)) == code


@pytest.mark.parametrize("value", [1, 9_999, 99_999])
def test_the_two_formats_of_a_code_are_told_apart(value: int) -> None:
    long, short = (runtime.dossier_code("H42.14464", "20260609", value, 1) for runtime in (portal, province))
    assert (long, short) == (f"H42.14464-20260609-{value:07d}", f"H42.14464-260609-{value:04d}")
    assert portal.code_of(portal.reference_of(long, 3)) == long
    assert portal.code_of(portal.reference_of(short, 3)) == short
