import inspect
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from unicodedata import is_normalized, normalize

import pytest

from contracts import catalogue
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import (
    COMMUNES,
    DATA,
    LIFE_EVENTS,
    PROCEDURES,
    PROVINCES,
    CaseNotFound,
    Procedure,
    ProcedureNotFound,
    ProcedureNotYetInForce,
    ProcedureWithdrawn,
    agency_code,
    communes_of,
    procedure_at,
    procedure_of,
    procedure_to_show,
    search,
    versions_of,
)
from contracts.catalogue.procedures import CHANNELS
from contracts.catalogue.rows import MARKS, rows
from contracts.catalogue.versions import VERSIONS
from services.portal.problems import PROBLEMS
from shared.errors import Refusal
from shared.storage.page import LARGEST, USUAL

SUMMER = date(2026, 6, 9)
MARKED = ("fees", "papers", "payer_groups", "life_events", "procedure_cases", "procedure_versions", "unit_types")


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


def test_every_procedure_can_be_filed_as_long_as_no_end_is_known() -> None:
    ended = {code for code, procedure in PROCEDURES.items() if not procedure.offered}
    assert ended == {"2.002621", "2.002622"}
    assert {procedure.level for procedure in PROCEDURES.values()} == {"commune", "province", "any_level", "ministry"}
    only_on_paper = {code for code, procedure in PROCEDURES.items() if "online" not in procedure.channels}
    assert only_on_paper == {code for code, found in PROCEDURES.items() if found.service_level == "direct"}
    assert all({"direct", "public_postal"} <= set(procedure.channels) for procedure in PROCEDURES.values())


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


@pytest.mark.parametrize("name", MARKED)
def test_every_row_of_ours_bears_a_mark_and_says_where_it_comes_from(name: str) -> None:
    for row in rows(f"{name}.csv"):
        assert row["mark"] in MARKS
        assert name == "papers" or row["source"] or not row.get("limit_value", "there")


def test_a_limit_is_what_the_facts_say_and_unverified_where_they_say_nothing() -> None:
    def limit(code: str) -> tuple[float, str, bool]:
        case = PROCEDURES[code].case()
        return case.limit.value, case.limit.unit, case.limit_verified

    assert limit("2.000635") == (1, Unit.SAME_DAY, True)
    assert limit("1.004222") == (7, Unit.WORKING_DAY, True)
    assert limit("1.010041") == (0.5, Unit.WORKING_DAY, False)
    assert limit("1.012812") == (30, Unit.DAY, True)
    assert limit("2.001159") == (0, Unit.IMMEDIATE, False)
    assert limit("2.001283") == (10, Unit.WORKING_DAY, False), "nobody knows it: a default of ours"
    verified = {code for code, found in PROCEDURES.items() if found.case().limit_verified}
    assert verified <= {code for code, found in PROCEDURES.items() if found.verified}


def test_a_note_of_more_time_is_a_case_of_its_own() -> None:
    marriage = PROCEDURES["1.000894"]
    assert [case.code for case in marriage.cases] == ["1.000894.01", "1.000894.02"]
    verification = marriage.case("1.000894.02")
    assert (verification.limit, verification.limit_verified) == (Limit(5, Unit.WORKING_DAY), True)
    assert marriage.case(None) is marriage.case() is marriage.cases[0]
    assert verification.limit_for("online") == verification.limit_for("direct") == verification.limit
    with pytest.raises(CaseNotFound) as refused:
        marriage.case("1.000894.03")
    assert refused.value.facts["cases"] == ["1.000894.01", "1.000894.02"]


def test_every_case_can_be_compared_and_has_papers() -> None:
    for procedure in PROCEDURES.values():
        assert 0 <= procedure.working_days <= 25
        for case in procedure.cases:
            assert case.code.startswith(f"{procedure.code}.")
            assert case.components and len({paper.code for paper in case.components}) == len(case.components)
            assert all(paper.forms and not paper.verified for paper in case.components), "no list of papers was read"
            assert (
                any(not paper.required and "ủy quyền" in paper.name_vi for paper in case.components) is case.on_behalf
            )
    codes = [case.code for procedure in PROCEDURES.values() for case in procedure.cases]
    assert len(codes) == len(set(codes))


def test_papers_say_their_form_and_whether_they_must_come() -> None:
    form, certificate, identity, authorisation = PROCEDURES["1.001193"].case().components
    assert (form.eform, form.required, form.forms) == (True, True, ("electronic", "original"))
    assert (certificate.required, identity.required, authorisation.required) == (False, False, False)
    (copies,) = (paper for paper in PROCEDURES["1.004884"].case().components if "Bản sao" in paper.name_vi)
    assert copies.forms == ("copy", "electronic")


def test_the_rows_beside_the_facts_speak_of_procedures_that_exist() -> None:
    named = {row["procedure"] for name in ("procedure_cases", "procedure_versions") for row in rows(f"{name}.csv")}
    assert named <= set(PROCEDURES)
    assert {code for event in LIFE_EVENTS.values() for code in event.procedures} == set(PROCEDURES)
    assert all(procedure.life_events for procedure in PROCEDURES.values())


def test_versions_follow_one_another_without_a_gap() -> None:
    for code in PROCEDURES:
        known = versions_of(code)
        for earlier, later in pairwise(known):
            assert earlier.valid_to == later.valid_from
        assert known[-1] is PROCEDURES[code]
        assert known[-1].valid_to is None or known[-1].replaced_by in PROCEDURES


def dropped(versions: Sequence[Procedure]) -> set[str]:
    """Codes of cases that one version has and the next has not."""
    codes = [{case.code for case in version.cases} for version in versions]
    return {code for earlier, later in pairwise(codes) for code in earlier - later}


def test_no_version_drops_a_case_of_the_one_before() -> None:
    """A dossier is received under the version of that day, in the case in which it was filed: both must be there."""
    several = [versions for versions in VERSIONS.values() if len(versions) > 1]
    assert several
    assert not {code: gone for code in VERSIONS if (gone := dropped(versions_of(code)))}
    for versions in several:
        for earlier, later in pairwise(versions):
            for case in earlier.cases:
                assert procedure_of(earlier.code, earlier.version).case(case.code) is case, "as it was filed"
                assert procedure_at(later.code, later.valid_from).case(case.code).code == case.code, "as it is received"


def test_a_case_that_were_dropped_would_be_found_and_whoever_names_it_told_what_there_is() -> None:
    marriage = PROCEDURES["1.000894"]
    kept, gone = marriage.cases
    newer = replace(marriage, version="2", cases=(kept,))
    assert dropped((marriage, newer)) == {gone.code}
    assert dropped((newer, marriage)) == set(), "a new case is welcome"
    with pytest.raises(CaseNotFound, match="Name one of the cases, or none for the first case") as refused:
        newer.case(gone.code)
    assert refused.value.facts == {"procedure": marriage.code, "case": gone.code, "cases": [kept.code]}


def test_the_version_of_a_day_is_the_one_in_force() -> None:
    assert procedure_at("1.001776", date(2025, 12, 31)).case().limit == Limit(22, Unit.WORKING_DAY)
    assert procedure_at("1.001776", date(2026, 1, 1)).case().limit == Limit(10, Unit.WORKING_DAY)
    kept = procedure_of("1.001776", "1")
    assert (kept.version, kept.version_verified) == ("1", False)
    assert procedure_of("1.001776", None) is PROCEDURES["1.001776"]
    with pytest.raises(KeyError):
        procedure_of("1.001776", "3")


def test_a_withdrawn_procedure_says_since_when_and_what_replaces_it() -> None:
    last_day = date(2026, 6, 30)
    assert procedure_at("2.002621", last_day).in_force(last_day)
    with pytest.raises(ProcedureWithdrawn) as refused:
        procedure_at("2.002621", last_day + timedelta(days=1))
    assert refused.value.facts["valid_to"] == "2026-07-01"
    replacement = refused.value.facts["replaced_by"]
    assert procedure_at(str(replacement), last_day + timedelta(days=1)).code == "3.000722"
    assert procedure_to_show("2.002621", date(2027, 1, 1)).code == "2.002621", "it can still be looked at"


def test_before_its_first_day_and_without_a_name_there_is_no_procedure() -> None:
    with pytest.raises(ProcedureNotYetInForce) as refused:
        procedure_at("2.000635", date(2025, 6, 30))
    assert refused.value.facts["valid_from"] == "2025-07-01"
    for ask in (procedure_at, procedure_to_show):
        with pytest.raises(ProcedureNotFound):
            ask("9.999999", SUMMER)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("khai sinh", "1.001193"),
        ("KHAI SINH", "1.001193"),
        ("Đăng ký khai sinh", "1.001193"),
        ("dang ky khai tu", "1.000656"),
        ("1.004222", "1.004222"),
        ("marriage", "1.000894"),
        ("the can cuoc", "1.116410"),
        ("ket hon nuoc ngoai", "2.000806"),
        ("sinh khai", "1.001193"),
    ],
)
def test_search_needs_no_diacritics_and_puts_the_best_first(typed: str, first: str) -> None:
    assert search(PROCEDURES.values(), typed)[0].code == first
    assert search(PROCEDURES.values(), normalize("NFD", typed)) == search(PROCEDURES.values(), typed)


def test_search_finds_whole_words_by_their_beginning_in_name_before_field() -> None:
    found = [procedure.code for procedure in search(PROCEDURES.values(), "dat dai")]
    named = [code for code in found if "đất đai" in PROCEDURES[code].name_vi.lower()]
    assert named == found[: len(named)] and len(found) > len(named)
    assert search(PROCEDURES.values(), "arriage") == []
    assert search(PROCEDURES.values(), "khai sinh xyz") == []
    assert search(PROCEDURES.values(), " ,- ") == list(PROCEDURES.values())


def test_every_refusal_of_the_catalogue_has_an_answer_at_the_portal() -> None:
    refusals = {found for found in vars(catalogue).values() if inspect.isclass(found) and issubclass(found, Refusal)}
    assert len(refusals) >= 9
    assert refusals <= set(PROBLEMS)


def test_the_page_about_the_catalogue_names_its_channels_and_the_size_of_a_page() -> None:
    page = (Path(__file__).parents[2] / "docs/catalogue.md").read_text(encoding="utf-8")
    assert f"`page_size` rows ({USUAL} unless said, {LARGEST} at most)" in page
    assert ", ".join(f"`{channel}`" for channel in CHANNELS) in page
