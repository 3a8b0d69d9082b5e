"""Old codes and new: what each means on a day, and what cannot be told."""

from collections import Counter
from datetime import date

import pytest

from contracts.catalogue import (
    COMMUNES,
    MERGER,
    OLD_PROVINCES,
    PROVINCES,
    CommuneNotFound,
    Place,
    ProvinceNotFound,
    ResolvedPlace,
    UnitSplit,
    UnitUnknown,
    current_province,
    old_communes,
    predecessors,
    resolve_unit,
)
from contracts.catalogue.rows import rows
from contracts.problems import CONTRACT_PROBLEMS

SUMMER = date(2026, 6, 9)
ONLY_OLD = sorted(set(old_communes()) - set(COMMUNES))


def test_63_provinces_became_34_and_two_sources_agree_which() -> None:
    assert len(OLD_PROVINCES) == 63
    assert {old.became for old in OLD_PROVINCES.values()} == set(PROVINCES)
    for old in old_communes().values():
        successors = {COMMUNES[code].province for code, _ in old.became}
        assert successors == {OLD_PROVINCES[old.province].became}


def test_every_commune_of_today_was_made_of_old_ones_except_five_island_districts() -> None:
    assert len(old_communes()) == 10_035
    islands = set(COMMUNES) - set(predecessors())
    assert {COMMUNES[code].unit_type for code in islands} == {"special_zone"} and len(islands) == 5
    parts = Counter(share for old in old_communes().values() for _, share in old.became)
    assert parts["split_default"] == sum(len(old.became) > 1 for old in old_communes().values()) == 441


def test_a_code_of_today_means_today_s_unit() -> None:
    assert resolve_unit("37", "14464", SUMMER) == ResolvedPlace("37", "14464", None)
    assert resolve_unit("79", None, SUMMER) == ResolvedPlace("79", None, None)
    for commune in COMMUNES.values():
        assert resolve_unit(commune.province, commune.code, SUMMER).was is None


@pytest.mark.parametrize("code", [code for code in OLD_PROVINCES if code not in PROVINCES])
def test_an_old_province_is_understood_as_its_successor(code: str) -> None:
    here = resolve_unit(code, None, SUMMER)
    assert (here.province, here.was) == (OLD_PROVINCES[code].became, Place(code, None))


def test_an_old_commune_with_one_successor_is_answered_with_the_new_code() -> None:
    translated = 0
    for code in ONLY_OLD:
        old = old_communes()[code]
        if len(old.became) == 1:
            here = resolve_unit(old.province, code, SUMMER)
            assert here.commune is not None and here.commune == old.became[0][0]
            assert here.province == COMMUNES[here.commune].province
            assert here.was == Place(old.province, code)
            translated += 1
    assert translated == 6417


def test_a_divided_commune_is_refused_with_its_successors() -> None:
    divided = [code for code in ONLY_OLD if len(old_communes()[code].became) > 1]
    assert len(divided) == 302
    for code in divided:
        with pytest.raises(UnitSplit) as refused:
            resolve_unit(OLD_PROVINCES[old_communes()[code].province].became, code, SUMMER)
        successors = refused.value.facts["successors"]
        assert [each["code"] for each in successors] == [part for part, _ in old_communes()[code].became]  # type: ignore[attr-defined]
        assert all(each["name_vi"] for each in successors)  # type: ignore[attr-defined]


def test_an_old_province_or_an_old_day_makes_the_commune_s_code_an_old_one() -> None:
    """Today's communes reuse old codes: with an old province beside it, the old reading is the only one that fits."""
    reused = next(
        old
        for code, old in old_communes().items()
        if code in COMMUNES and len(old.became) > 1 and old.province not in PROVINCES
    )
    successor = OLD_PROVINCES[reused.province].became
    assert resolve_unit(successor, reused.code, SUMMER) == ResolvedPlace(successor, reused.code, None)
    for province, day in ((reused.province, SUMMER), (successor, date(2025, 6, 30))):
        with pytest.raises(UnitSplit):
            resolve_unit(province, reused.code, day)
    assert resolve_unit(successor, reused.code, MERGER).commune == reused.code


def test_a_special_zone_without_a_past_is_understood_beside_an_old_province() -> None:
    assert resolve_unit("77", "26732", SUMMER) == ResolvedPlace("79", "26732", Place("77", "26732"))


@pytest.mark.parametrize(
    ("province", "commune", "refusal"),
    [("99", None, ProvinceNotFound), ("99", "14464", ProvinceNotFound), ("37", "99999", CommuneNotFound)],
)
def test_what_never_was_a_unit_is_unknown(province: str, commune: str | None, refusal: type[UnitUnknown]) -> None:
    with pytest.raises(refusal) as refused:
        resolve_unit(province, commune, SUMMER)
    assert isinstance(refused.value, UnitUnknown)


def test_a_refused_code_gets_a_sentence_that_is_true() -> None:
    """There were units before those of 30 June 2025; that we do not know them does not mean that they never were."""
    for province, commune in (("28", None), ("37", "99999")):  # Hà Tây, until 2008
        with pytest.raises(
            UnitUnknown, match=r"On 30 June 2025 none had it either.*the code of the successor"
        ) as refused:
            resolve_unit(province, commune, SUMMER)
        assert CONTRACT_PROBLEMS[type(refused.value)].title.startswith("No current ")
    with pytest.raises(ProvinceNotFound, match="became a part of Ninh Bình on 1 July 2025: use 37") as old:
        current_province("35")
    assert old.value.facts == {"province": "35", "became": "37"}


def test_the_mapping_is_that_of_the_law() -> None:
    """Once split by a namesake elsewhere; and a fourth successor that a clause names."""
    assert [code for code, _ in old_communes()["06079"].became] == ["06079"]
    assert len(old_communes()["09013"].became) == 4 and ("09817", "split") in old_communes()["09013"].became
    assert dict(old_communes()["00118"].became) == {"00118": "split_default", "00097": "split"}


def test_a_province_s_type_is_dated() -> None:
    facts = {row["province_code"]: row for row in rows("provinces.csv")}
    for code, province in PROVINCES.items():
        assert province.unit_type_on(date(2025, 7, 1)) == facts[code]["unit_type_2025_07"]
        assert province.unit_type_on(date(2026, 10, 31)) == facts[code]["unit_type_2026_10"] == province.unit_type
    assert Counter(province.unit_type_on(SUMMER) for province in PROVINCES.values())["province"] == 28
    assert PROVINCES["75"].unit_type_on(date(2026, 9, 30)) == "province"
    assert PROVINCES["75"].unit_type_on(date(2026, 10, 1)) == "centrally_run_city"
