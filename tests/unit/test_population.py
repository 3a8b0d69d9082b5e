"""People and organisations of a sandbox's own, as whoever makes it says them: what is kept, and what is refused and where."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from contracts.people import MOST_CHILDREN, MOST_ORGANISATIONS, MOST_PEOPLE, STANDING, Population, personas, population

NGA = {"name": "Trần Thị Nga", "sex": "female"}
COMPANY = {"name": "Công ty TNHH Hư Cấu"}
KEPT = {"name": "Trần Thị Nga", "sex": "female", "level": 2, "represents": [], "children": []}
SCHEMA = jsonschema_rs.Draft202012Validator(Population.model_json_schema())


def wrong(said: dict[str, Any]) -> list[tuple[str, str]]:
    """Where and why."""
    with pytest.raises(ValidationError) as refusal:
        Population.model_validate(said)
    return [("/".join(map(str, error["loc"])), error["msg"]) for error in refusal.value.errors()]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, {}),
        ({"people": {}, "organisations": {}}, {}),
        ({"people": {"nga": NGA}}, {"people": {"nga": KEPT}}),
        ({"people": {"nga": {**NGA, "born_on": None}}}, {"people": {"nga": KEPT}}),
        ({"people": {"nga": {**NGA, "born_on": "2008-01-01"}}}, {"people": {"nga": {**KEPT, "born_on": "2008-01-01"}}}),
        ({"organisations": {"cty-1": COMPANY}}, {"organisations": {"cty-1": COMPANY}}),
        (
            {"people": {"n": {**NGA, "represents": ["cty"]}}, "organisations": {"cty": COMPANY}},
            {"people": {"n": {**KEPT, "represents": ["cty"]}}, "organisations": {"cty": COMPANY}},
        ),
        (
            {"people": {"nga": {**NGA, "children": ["Lê An", {"name": "Lê Bình"}]}}},
            {"people": {"nga": {**KEPT, "children": [{"name": "Lê An"}, {"name": "Lê Bình"}]}}},
        ),
    ],
    ids=str,
)
def test_a_document_is_kept_with_every_choice_and_can_be_said_again(said: dict[str, Any], kept: dict[str, Any]) -> None:
    assert Population.model_validate(said).document() == kept
    assert Population.model_validate(kept).document() == kept
    SCHEMA.validate(said)
    SCHEMA.validate(kept)


@pytest.mark.parametrize(
    ("person", "where", "why"),
    [
        ({"name": "Nga"}, "/name", "not a full name"),
        ({"name": " Nga "}, "/name", "not a full name"),
        ({"name": "\u200b \u200b"}, "/name", "contains U+200B"),
        ({"name": "\u00a0 \u00a0"}, "/name", "no visible character"),
        ({"name": "Nga " * 26}, "/name", "at most 100"),
        ({"name": 1}, "/name", "string"),
        ({"sex": "Female"}, "/sex", "did you mean female?"),
        ({"sex": "woman"}, "/sex", "there are female, male"),
        ({"level": 3}, "/level", "less than or equal to 2"),
        ({"level": 0}, "/level", "greater than or equal to 1"),
        ({"level": True}, "/level", "integer"),
        ({"level": "2"}, "/level", "integer"),
        ({"born_on": "2008-01-02"}, "/born_on", "only adults"),
        ({"born_on": "1899-12-31"}, "/born_on", "only adults"),
        ({"born_on": "2001-02-29"}, "/born_on", "not a day such as"),
        ({"born_on": "19900430"}, "/born_on", "not a day such as"),
        ({"born_on": "1990-W18-1"}, "/born_on", "not a day such as"),
        ({"born_on": 7425}, "/born_on", "string"),
        ({"represents": ["cyt"]}, "/represents/0", "did you mean cty?"),
        ({"represents": ["cty", "zzz"]}, "/represents/1", "there are cty"),
        ({"represents": ["cty", "cty"]}, "/represents/1", "appears twice"),
        ({"represents": "cty"}, "/represents", "list"),
        ({"children": ["An"]}, "/children/0", "not a full name"),
        ({"children": [{"name": "An"}]}, "/children/0/name", "not a full name"),
        ({"children": [{}]}, "/children/0/name", "required"),
        ({"children": [{"name": "Lê An", "age": 3}]}, "/children/0/age", "not permitted"),
        ({"children": [3]}, "/children/0", "dictionary"),
        ({"children": ["Lê An"] * (MOST_CHILDREN + 1)}, "/children", "at most 5"),
        ({"nmae": "Nga"}, "/nmae", "not permitted"),
    ],
    ids=str,
)
def test_what_a_person_cannot_be_is_pointed_at(person: dict[str, Any], where: str, why: str) -> None:
    ((place, sentence),) = wrong({"people": {"nga": {**NGA, **person}}, "organisations": {"cty": COMPANY}})
    assert place == f"people/nga{where}" and why in sentence


@pytest.mark.parametrize("missing", ["name", "sex"])
def test_a_person_has_a_name_and_a_sex(missing: str) -> None:
    said = {name: value for name, value in NGA.items() if name != missing}
    assert wrong({"people": {"nga": said}}) == [(f"people/nga/{missing}", "Field required")]


@pytest.mark.parametrize("persona", ["", "Nga", "1a", "-a", "nga_1", "ngà", "a" * 41, "a b", "a\n", "a\x00"])
def test_a_word_that_is_none_is_pointed_at(persona: str) -> None:
    ((place, sentence),) = wrong({"people": {persona: NGA}})
    assert place == f"people/{persona}" and "is not a valid persona" in sentence
    ((place, sentence),) = wrong({"organisations": {persona: COMPANY}})
    assert place == f"organisations/{persona}" and "is not a valid key" in sentence


@pytest.mark.parametrize("persona", STANDING)
def test_nobody_takes_the_place_of_one_of_the_six(persona: str) -> None:
    ((place, sentence),) = wrong({"people": {persona: NGA}})
    assert place == f"people/{persona}" and "exists in every sandbox" in sentence
    assert not SCHEMA.is_valid({"people": {persona: NGA}})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = {"people": {"nga": {**NGA, "represents": ["x"]}, "lan": NGA, "Ba": NGA}}
    assert [place for place, _ in wrong(said)] == ["people/nga/represents/0", "people/lan", "people/Ba"]


def test_who_represents_a_broken_organisation_is_not_blamed() -> None:
    said = {"people": {"nga": {**NGA, "represents": ["cty"]}}, "organisations": {"cty": {}}}
    assert [place for place, _ in wrong(said)] == ["organisations/cty/name"]


@pytest.mark.parametrize(
    ("kind", "one", "most"), [("people", NGA, MOST_PEOPLE), ("organisations", COMPANY, MOST_ORGANISATIONS)]
)
def test_there_is_room_for_so_many(kind: str, one: dict[str, Any], most: int) -> None:
    assert len(Population.model_validate({kind: {f"x{n}": one for n in range(most)}}).document()[kind]) == most
    ((place, sentence),) = wrong({kind: {f"x{n}": one for n in range(most + 1)}})
    assert place == kind and f"at most {most}" in sentence


@pytest.mark.parametrize("said", [None, [], "nga", {"nga": None}, {"nga": "Trần Thị Nga"}], ids=str)
def test_people_are_a_map_of_people(said: Any) -> None:
    (place, _) = wrong({"people": said})[0]
    assert place.startswith("people") and not SCHEMA.is_valid({"people": said})


def test_everybody_who_can_sign_in_is_known_by_the_row_alone() -> None:
    assert personas("{}") == STANDING and population("{}").document() == {}
    row = Population.model_validate({"people": {"phong": NGA, "nga": NGA}}).model_dump_json()
    assert personas(row) == (*STANDING, "nga", "phong")
