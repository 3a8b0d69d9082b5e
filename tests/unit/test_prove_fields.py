"""The proof compares every field of every event: the list is complete, and its places are members of what is stored."""

from __future__ import annotations

import pytest

from contracts import schemas
from contracts.topics import TOPIC_OF
from tools.prove.fields import FIELDS


def leaves(event_type: str) -> set[str]:
    """Pointers of the fields of an event that have no fields themselves."""
    parts = schemas.parts(schemas.schema(event_type))
    return {pointer for pointer, part in parts if pointer and not part.get("properties") and "items" not in part}


@pytest.mark.parametrize("event_type", sorted(TOPIC_OF))
def test_a_field_of_a_contract_that_nobody_compares_is_found(event_type: str) -> None:
    missing = leaves(event_type) - FIELDS[event_type].keys()
    assert not missing, f"tools/prove/fields.py does not say where {event_type} {sorted(missing)} are kept"


@pytest.mark.parametrize("event_type", sorted(TOPIC_OF))
def test_no_field_is_listed_that_the_contract_does_not_have(event_type: str) -> None:
    assert FIELDS[event_type].keys() <= {pointer for pointer, _ in schemas.parts(schemas.schema(event_type))}


def test_a_field_is_kept_somewhere_or_says_why_not() -> None:
    for event_type, fields in FIELDS.items():
        for pointer, kept in fields.items():
            assert bool(kept.portal or kept.gateway) != bool(kept.why), (event_type, pointer)
