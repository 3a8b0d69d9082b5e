"""Stored documents: short, and readable whether their members were written or left out."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace

from services.portal.domain import Dossier as NationalCopy
from services.province_gateway.domain import Dossier as ProvinceCopy
from services.province_gateway.domain import Instruction, Script
from shared.storage.value import Value

NATIONAL = NationalCopy(
    *(
        "H42-20260609-0000001",
        "2.000635",
        "37",
        None,
        "037190900123",
        "Trần Ngọc Lan",
        1,
        datetime(2026, 6, 9, tzinfo=UTC),
    )
)
PROVINCIAL = ProvinceCopy(
    "H42-260609-0001", "37", None, "2.000635", 1, datetime(2026, 6, 9, tzinfo=UTC), applicant="Trần Ngọc Lan"
)
NEW = {"code", "procedure", "province", "commune", "state_code", "submitted_at"}


@pytest.mark.parametrize("new", [NATIONAL, PROVINCIAL], ids=["portal", "province"])
def test_a_new_dossier_is_written_without_what_is_not_known_yet(new: Value) -> None:
    written = msgspec.json.decode(msgspec.json.encode(new))
    assert written.keys() >= NEW and len(written) <= 8
    assert msgspec.json.decode(msgspec.json.encode(new), type=type(new)) == new


@pytest.mark.parametrize("new", [NATIONAL, PROVINCIAL], ids=["portal", "province"])
def test_a_document_with_all_its_members_says_the_same(new: Value) -> None:
    """As they were written before; and as a member may be whose default has no one form, such as a text."""
    whole = {name: getattr(new, name) for name in new.__struct_fields__}
    assert msgspec.json.decode(msgspec.json.encode(whole), type=type(new)) == new


def test_what_differs_from_its_default_is_written() -> None:
    script = Script(steps=(Instruction("stop", after_days=2),))
    text = msgspec.json.encode(replace(PROVINCIAL, script=script, rated=0))
    found = msgspec.json.decode(text, type=ProvinceCopy)
    assert found.script == script and found.rated == 0


def test_it_never_changes() -> None:
    with pytest.raises(AttributeError):
        NATIONAL.note = "x"  # type: ignore[misc]
