"""What may replace the body of an event that could not be applied."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.corrections import IDENTITY, misfits
from contracts.schemas import event_types, schema
from shared.sentences import Sentence

TYPES = [name for name in event_types() if "dossier_code" in schema(name)["properties"]]


def example(event_type: str) -> dict[str, Any]:
    return dict(schema(event_type)["examples"][0])


@pytest.mark.parametrize("event_type", TYPES)
def test_every_example_can_stand_in_its_own_place_and_for_a_body_that_says_nothing(event_type: str) -> None:
    body = example(event_type)
    for original in (body, {}, [], None, "no JSON", {**body, "province": 37}):
        assert misfits(event_type, body["dossier_code"], original, body) == []


@pytest.mark.parametrize("event_type", TYPES)
def test_what_identifies_an_event_stays(event_type: str) -> None:
    body = example(event_type)
    assert [place for place, _ in misfits(event_type, "H01-20260609-0000001", {}, body)] == ["/dossier_code"]
    for name in set(IDENTITY) & set(body):
        ((place, detail),) = misfits(event_type, body["dossier_code"], body, {**body, name: _another(body[name])})
        assert place == f"/{name}" and isinstance(detail, Sentence)


def _another(value: str) -> str:
    """Another value of the same form."""
    return value[:-1] + ("1" if value[-1] != "1" else "2")


def test_every_error_is_in_two_languages_and_nothing_is_told_twice() -> None:
    found = misfits("dossier.received.v1", "H01-20260609-0000001", {}, {"dossier_code": 5, "province": "x"})
    assert len({place for place, _ in found}) == len(found) == 7
    assert all(isinstance(detail, Sentence) and detail.vi for _, detail in found)


@pytest.mark.parametrize("body", [[], "x", None])
def test_a_body_that_is_no_object_does_not_fit(body: Any) -> None:
    assert [place for place, _ in misfits("dossier.received.v1", "X", {}, body)] == [""]
