"""The recipes of contracts/README.md: three validators of others compile all our schemas, and accept all examples."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from contracts.schemas import EVENTS, event_types
from tools.docs.asyncapi import document
from tools.docs.generate import REPOSITORY
from tools.fetched import run

PAGE = (EVENTS.parent / "README.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^```(js|java|python)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every schema that we publish: bodies, headers with their examples, and scenario files."""
    folder = tmp_path_factory.mktemp("headers")
    components = document()["components"]
    for name in event_types():
        examples = [example["headers"] for example in components["messages"][name]["examples"]]
        schema = {**components["schemas"][f"{name}.headers"], "examples": examples}
        (folder / f"{name}.json").write_text(json.dumps(schema), encoding="utf-8")
    found = [*EVENTS.glob("*.json"), *folder.glob("*.json"), REPOSITORY / "lienthong/scenarios/scenario.schema.json"]
    assert len(found) == 2 * len(event_types()) + 1
    return sorted(found)


def test_ajv_takes_every_schema(node: Path, schemas: list[Path]) -> None:
    (node / "validate.js").write_text(RECIPES["js"], encoding="utf-8")
    run("node", "validate.js", *schemas, cwd=node)


def test_networknt_takes_every_schema(jars: str, schemas: list[Path], tmp_path: Path) -> None:
    (tmp_path / "Validate.java").write_text(RECIPES["java"], encoding="utf-8")
    run("javac", "-cp", jars, "-d", tmp_path, tmp_path / "Validate.java")
    run("java", "-cp", f"{tmp_path}:{jars}", "Validate", *schemas)


def test_jsonschema_takes_every_schema(schemas: list[Path]) -> None:
    run(sys.executable, "-c", RECIPES["python"], *schemas)
