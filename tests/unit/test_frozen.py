"""The quick `replace` does what the standard library's does."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from services.portal.domain import Dossier
from shared.frozen import replace
from tests.support.factories import CODE, MORNING

HERE = Dossier(CODE, "2.000635", "37", "14464", "037190900123", "Trần Ngọc Lan", 1, MORNING)


@pytest.mark.parametrize("facts", [{}, {"state_code": 2}, {"note": "x", "payments": (), "rating": {"attitude": 2}}])
def test_a_copy_differs_in_what_was_named_alone(facts: dict[str, Any]) -> None:
    before = dataclasses.asdict(HERE)
    changed = replace(HERE, **facts)
    assert changed == dataclasses.replace(HERE, **facts) and changed is not HERE
    assert hash(type(changed)) == hash(Dossier) and msgspec.json.encode(changed) == msgspec.json.encode(
        dataclasses.replace(HERE, **facts)
    )
    assert dataclasses.asdict(HERE) == before


def test_what_it_does_not_have_is_refused_and_a_copy_stays_frozen() -> None:
    with pytest.raises(TypeError, match="has no colour"):
        replace(HERE, colour="red")
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(HERE).note = "x"  # type: ignore[misc]
