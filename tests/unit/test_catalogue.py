import re
from collections import Counter
from unicodedata import is_normalized

import pytest

from contracts.catalogue import COMMUNES, DATA, PROCEDURES, PROVINCES, agency_code, communes_of


def test_the_country_is_whole() -> None:
    assert len(PROVINCES) == 34
    assert len(COMMUNES) == 3321
    assert len(PROCEDURES) == 111
    assert Counter(commune.unit_type for commune in COMMUNES.values()) == {
        "ward": 687,
        "commune": 2621,
        "special_zone": 13,
    }


def test_a_lane_is_the_index_of_the_province_in_code_order() -> None:
    assert list(PROVINCES) == sorted(PROVINCES)
    assert [province.lane for province in PROVINCES.values()] == list(range(34))
    assert PROVINCES["37"].lane == 14


def test_every_commune_lies_in_a_province_and_every_province_has_communes() -> None:
    assert {commune.province for commune in COMMUNES.values()} == set(PROVINCES)
    assert sum(len(communes_of(province)) for province in PROVINCES) == len(COMMUNES)
    assert COMMUNES["14464"] in communes_of("37")
    assert communes_of("99") == ()


def test_codes_are_texts_with_their_zeros() -> None:
    assert all(re.fullmatch("[0-9]{2}", code) for code in PROVINCES)
    assert all(re.fullmatch("[0-9]{5}", code) for code in COMMUNES)
    assert all(re.fullmatch(r"[0-9]\.[0-9]{6}", code) for code in PROCEDURES)
    assert len({province.agency_code for province in PROVINCES.values()}) == 34


def test_identity_prefixes_cover_the_63_provinces_before_the_merger_once() -> None:
    prefixes = [prefix for province in PROVINCES.values() for prefix in province.id_prefixes]
    assert len(prefixes) == len(set(prefixes)) == 63


def test_a_procedure_is_offered_when_somebody_handles_it_and_limit_and_fee_are_known() -> None:
    offered = [procedure for procedure in PROCEDURES.values() if procedure.offered]
    assert len(offered) == 69
    assert {procedure.level for procedure in offered} == {"commune", "province"}
    assert all(procedure.working_days is not None and procedure.working_days > 0 for procedure in offered)
    assert all(procedure.fee_online_dong is not None and procedure.fee_online_dong >= 0 for procedure in offered)
    assert 0.5 in {procedure.working_days for procedure in offered}


def test_a_procedure_without_a_code_gets_one_that_cannot_be_taken_for_real() -> None:
    provisional = {code for code, procedure in PROCEDURES.items() if procedure.provisional_code}
    assert len(provisional) == 12
    assert provisional == {code for code in PROCEDURES if code.startswith("0.")}
    assert not any(PROCEDURES[code].verified for code in provisional)


def test_only_what_was_read_in_a_source_is_called_verified() -> None:
    assert sum(procedure.verified for procedure in PROCEDURES.values()) == 34


def test_full_process_procedures_ask_for_level_two() -> None:
    assert {procedure.identity_level for procedure in PROCEDURES.values()} == {1, 2}
    assert PROCEDURES["2.000635"].identity_level == 2
    assert PROCEDURES["1.000894"].identity_level == 1


def test_an_agency_is_named_by_province_and_commune() -> None:
    assert agency_code("37", None) == "H42"
    assert agency_code("37", "14464") == "H42.14464"
    with pytest.raises(KeyError):
        agency_code("99")


def test_nobody_can_change_the_catalogue() -> None:
    with pytest.raises(TypeError):
        PROVINCES["99"] = PROVINCES["37"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        PROVINCES["37"].lane = 0  # type: ignore[misc]


def test_the_data_is_kept_in_one_form_of_vietnamese() -> None:
    for path in DATA.glob("*.csv"):
        assert is_normalized("NFC", path.read_text(encoding="utf-8")), path.name
