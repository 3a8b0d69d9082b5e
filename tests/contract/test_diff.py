"""What a change of a schema breaks, and that none breaks the released version."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from contracts import diff
from contracts.diff import EVENTS, RELEASED, Change, breaking, compare, schemas_at
from tools.docs import generate

TYPE = "dossier.result_ready.v1"
Edit = Callable[[dict[str, Any]], Any]


def changed(edit: Edit) -> list[Change]:
    old = schemas_at(RELEASED)
    new = deepcopy(dict(old))
    edit(new[TYPE])  # type: ignore[arg-type]
    return compare(old, new)


CHANGES: dict[str, tuple[Edit, str, str]] = {
    "a member that is required now": (lambda s: s["required"].append("timeliness"), "/timeliness", "writers"),
    "a member that may be missing": (lambda s: s["required"].remove("officer"), "/officer", "readers"),
    "a new required member": (
        lambda s: (s["properties"].update(seal={"type": "string"}), s["required"].append("seal")),
        "/seal",
        "writers",
    ),
    "a new optional member": (lambda s: s["properties"].update(seal={"type": "string"}), "/seal", "nobody"),
    "a member that is gone": (lambda s: s["properties"].pop("timeliness"), "/timeliness", "readers"),
    "a choice that is gone": (
        lambda s: s["properties"]["timeliness"]["enum"].remove("early"),
        "/timeliness",
        "writers",
    ),
    "a new choice": (lambda s: s["properties"]["timeliness"]["enum"].append("late"), "/timeliness", "readers"),
    "choices where there were none": (
        lambda s: s["properties"]["result_number"].update(enum=["1"]),
        "/result_number",
        "writers",
    ),
    "a stricter limit": (lambda s: s["properties"]["officer"].update(maxLength=50), "/officer", "writers"),
    "a wider limit": (lambda s: s["properties"]["officer"].update(maxLength=500), "/officer", "nobody"),
    "a lower bound that is gone": (lambda s: s["properties"]["officer"].pop("minLength"), "/officer", "nobody"),
    "another pattern": (lambda s: s["properties"]["province"].update(pattern="^[0-9]{3}$"), "/province", "both"),
    "a pattern that is gone": (lambda s: s["properties"]["province"].pop("pattern"), "/province", "readers"),
    "another type": (lambda s: s["properties"]["on_time"].update(type="string"), "/on_time", "both"),
    "a value that may be null": (
        lambda s: s["properties"]["officer"].update(type=["string", "null"]),
        "/officer",
        "readers",
    ),
    "another rule id": (lambda s: s["properties"]["officer"].update({"x-rule": "LT-RDY-900"}), "/officer", "readers"),
    "a better text": (lambda s: s["properties"]["officer"].update(description="Who."), "/officer", "nobody"),
    "no unknown members": (lambda s: s.update(additionalProperties=False), "", "writers"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_named_with_whom_it_breaks(what: str) -> None:
    edit, pointer, whom = CHANGES[what]
    changes = changed(edit)
    assert (TYPE, pointer, whom) in {(change.type, change.pointer, change.breaks) for change in changes}
    assert {change.breaks for change in changes} <= {whom, "nobody", "both"} | (
        {"readers", "writers"} if whom == "both" else set()
    )
    assert all(change.text and change.text_vi for change in changes)


def test_a_change_inside_a_list_and_a_type_that_is_gone_are_named() -> None:
    old = schemas_at(RELEASED)
    new = deepcopy({name: each for name, each in old.items() if name != TYPE})
    new["dossier.fee_demanded.v1"]["properties"]["items"]["items"]["required"].remove("kind")  # type: ignore[index]
    found = {(change.type, change.pointer, change.breaks) for change in compare(old, new)}
    assert found == {(TYPE, "", "both"), ("dossier.fee_demanded.v1", "/items/*/kind", "readers")}


def test_no_event_breaks_those_who_know_its_released_version() -> None:
    assert breaking(compare(schemas_at(RELEASED), schemas_at(EVENTS))) == []


@pytest.mark.parametrize("option", [[], ["--check"]])
def test_make_contracts_refuses_a_planted_breaking_change_and_writes_nothing(
    option: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, schema in schemas_at(EVENTS).items():
        document = deepcopy(dict(schema))
        if name == TYPE:
            document["required"].append("timeliness")
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(generate, "EVENTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["generate", *option])
    monkeypatch.setattr(generate, "drifting", lambda: pytest.fail("nothing is computed"))
    assert generate.main() == 1
    printed = capsys.readouterr().out
    assert f"{TYPE}/timeliness: is required now. This breaks writers." in printed and "contracts/README.md" in printed


@pytest.mark.parametrize("content", [None, "{", '{"a": 1}'])
def test_what_is_no_schema_is_refused_with_a_sentence(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(diff.NoSchemas) as refused:
        schemas_at(tmp_path / "x.json")
    assert "x.json" in refused.value.detail
