"""The document of a province's mode: what it may say, where it is wrong, and which one is in force."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.catalogue import ProvinceNotFound, current_province
from contracts.modes import BY_DEFAULT, Mode, in_force, province_fault
from shared.did_you_mean import no_such


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"mode": "manual"}, {"mode": "manual"}),
        ({"mode": "external", "via": "pull"}, {"mode": "external", "via": "pull", "gate": "strict"}),
        (
            {"mode": "external", "via": "webhook", "url": "http://127.0.0.1:9000/in", "gate": "lenient"},
            {
                "mode": "external",
                "via": "webhook",
                "url": "http://127.0.0.1:9000/in",
                "content_mode": "structured",
                "gate": "lenient",
            },
        ),
        ({"mode": "manual", "tempo": None, "decisions": None}, {"mode": "manual"}),
        ({"mode": "simulated"}, {"mode": "simulated", "tempo": "working_clock"}),
        ({"mode": "simulated", "tempo": "at_once"}, {"mode": "simulated", "tempo": "at_once"}),
        (
            {"mode": "simulated", "tempo": "scripted", "decisions": {"reception": "refuse"}},
            {"mode": "simulated", "tempo": "scripted", "decisions": {"reception": "refuse"}},
        ),
        (
            {"mode": "simulated", "tempo": "scripted", "decisions": {}},
            {"mode": "simulated", "tempo": "scripted", "decisions": {}},
        ),
    ],
    ids=str,
)
def test_a_document_is_kept_with_every_choice_and_nothing_else(said: dict[str, Any], kept: dict[str, Any]) -> None:
    assert Mode.model_validate(said).document() == kept


@pytest.mark.parametrize(
    ("said", "where", "hint"),
    [
        ({}, "mode", "required"),
        ({"mode": "manuel"}, "mode", "did you mean manual?"),
        ({"mode": "Simulated"}, "mode", "did you mean simulated?"),
        ({"mode": "xyz"}, "mode", "there are simulated, manual, external"),
        ({"mode": "external"}, "via", "name the door of your connector: kafka, webhook, pull"),
        ({"mode": "external", "via": "pul"}, "via", "did you mean pull?"),
        ({"mode": "external", "via": "webhook"}, "url", "give the address"),
        ({"mode": "external", "via": "pull", "content_mode": "binary"}, "content_mode", "leave it out"),
        (
            {"mode": "external", "via": "webhook", "url": "http://a.test", "content_mode": "x"},
            "content_mode",
            "there are structured, binary",
        ),
        ({"mode": "external", "via": "pull", "url": "http://a.test"}, "url", "leave it out"),
        ({"mode": "external", "via": "webhook", "url": "ftp://a.test"}, "url", "must be an address"),
        ({"mode": "external", "via": "webhook", "url": "http://a:b@c.test"}, "url", "no user name"),
        ({"mode": "external", "via": "webhook", "url": "http://[a"}, "url", "is no address"),
        ({"mode": "external", "via": "pull", "gate": "open"}, "gate", "there are strict, lenient"),
        ({"mode": "external", "via": "pull", "tempo": "at_once"}, "tempo", "in external mode no officer"),
        ({"mode": "manual", "via": "pull"}, "via", "leave it out"),
        ({"mode": "simulated", "gate": "strict"}, "gate", "leave it out"),
        ({"mode": 1}, "mode", "string"),
        ({"mode": "simulated", "tempo": "atonce"}, "tempo", "did you mean at_once?"),
        ({"mode": "simulated", "tempo": ""}, "tempo", "there are working_clock, at_once, scripted"),
        ({"mode": "manual", "tempo": "at_once"}, "tempo", "leave it out"),
        ({"mode": "manual", "decisions": {}}, "decisions", "leave it out"),
        ({"mode": "simulated", "decisions": {}}, "decisions", "choose the tempo scripted"),
        ({"mode": "simulated", "tempo": "at_once", "decisions": {}}, "decisions", "choose the tempo scripted"),
        ({"mode": "simulated", "tempo": "scripted"}, "decisions", "add the decisions of the officers"),
        ({"mode": "simulated", "pace": "at_once"}, "pace", "not permitted"),
    ],
    ids=str,
)
def test_what_a_document_cannot_say_is_named(said: dict[str, Any], where: str, hint: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Mode.model_validate(said)
    (error,) = refusal.value.errors()
    assert error["loc"] == (where,) and hint in error["msg"]


@pytest.mark.parametrize(
    ("decisions", "where"),
    [
        ({"reception": "maybe"}, ("reception",)),
        ({"steps": [{"does": "fly"}]}, ("steps", 0, "does")),
        ({"steps": [{"does": "finish", "at": "in_procesing"}]}, ("steps", 0, "at")),
        ({"steps": [{"does": "stop"}, {"does": "finish", "at": "received"}]}, ("steps", 1, "at")),
        ({"steps": [{"does": "request_supplement", "items": ["x" * 500] * 40}]}, ()),
    ],
    ids=lambda value: str(value)[:50],
)
def test_decisions_are_checked_like_those_on_one_dossier(decisions: dict[str, Any], where: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refusal:
        Mode.model_validate({"mode": "simulated", "tempo": "scripted", "decisions": decisions})
    assert [error["loc"] for error in refusal.value.errors()] == [("decisions", *where)]


def test_a_province_acts_by_its_own_document_then_by_that_of_all_others_then_by_default() -> None:
    manual, fast = {"mode": "manual"}, {"mode": "simulated", "tempo": "at_once"}
    assert in_force({}, "37") == (BY_DEFAULT, None)
    assert in_force({"*": fast, "37": manual}, "37") == (manual, "37")
    assert in_force({"*": fast, "37": manual}, "01") == (fast, "*")


@pytest.mark.parametrize(
    ("province", "hint"),
    [
        ("Ninh Binh", "Ninh Bình has the code 37"),
        ("đa năng", "Đà Nẵng has the code 48"),
        ("99", "there are 01, 04"),
        ("", "there are 01"),
    ],
)
def test_a_province_that_is_none_is_told_what_there_is(province: str, hint: str) -> None:
    assert hint in str(province_fault(province))


def test_a_province_and_all_others_can_have_a_mode() -> None:
    assert province_fault("37") is None and province_fault("*") is None


def test_a_word_far_from_all_others_is_not_guessed() -> None:
    assert no_such("mode", "manul", ("simulated", "manual")) == (
        "'manul' is no mode: did you mean manual? There are simulated, manual"
    )
    assert no_such("mode", "zzz", ("simulated", "manual")) == "'zzz' is no mode: there are simulated, manual"


def test_the_code_of_an_agency_is_answered_with_that_of_its_province() -> None:
    assert province_fault("H42") == "'H42' belongs to Ninh Bình, which has the code 37"
    with pytest.raises(ProvinceNotFound, match="use 37"):
        current_province("H42")
