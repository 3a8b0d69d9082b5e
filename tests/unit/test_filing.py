"""What a filing says besides the minimum is the same in both events that begin a dossier."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contracts import lifecycle as law
from contracts.catalogue import Place
from contracts.filing import Filing
from contracts.models import BY_TYPE
from contracts.schemas import schema

EXAMPLES = [(event, example) for event in law.BEGUN_BY for example in schema(event)["examples"]]
AS_USUAL = (None, "ordinary", "self")  # not said in an event


@pytest.mark.parametrize(("event", "example"), EXAMPLES)
def test_a_filing_says_in_an_event_what_was_read_from_one(event: str, example: dict[str, Any]) -> None:
    filing = Filing.of(BY_TYPE[event].model_validate(example))
    said = {name: example[name] for name in Filing.__struct_fields__ if example.get(name) not in AS_USUAL}
    assert msgspec.json.decode(msgspec.json.encode(filing.facts())) == said


@pytest.mark.parametrize("event", law.BEGUN_BY)
def test_every_part_of_a_filing_has_its_rule_in_the_schema(event: str) -> None:
    assert set(Filing.__struct_fields__) <= schema(event)["properties"].keys()


def test_a_place_without_a_commune_is_the_provinces_own() -> None:
    example = {**schema(law.DOSSIER_REGISTERED)["examples"][0], "reception": {"province": "37", "commune": None}}
    filing = Filing.of(BY_TYPE[law.DOSSIER_REGISTERED].model_validate(example))
    assert filing.reception == Place("37", None)


def test_a_particular_at_its_usual_value_is_left_out_also_when_it_was_sent() -> None:
    sent = msgspec.json.decode(b'{"payer_group": "ordinary", "capacity": "self", "note": "x"}')  # equal, not identical
    assert Filing(**sent).facts() == {"note": "x"}
