"""The official generator of AsyncAPI makes classes of our events that lose nothing and mix nothing up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.schemas import EVENTS, event_types, schema
from tests.generated.conftest import PROGRAMS
from tools.fetched import run

STRICT = ("--strict", "--noEmitOnError", "--target", "es2022", "--module", "commonjs")


@pytest.fixture(scope="module")
def classes(node: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated classes in `java/contracts` and `ts`, and all examples in examples.json."""
    folder = tmp_path_factory.mktemp("classes")
    run("node", "classes.js", EVENTS.parent / "asyncapi.yaml", folder, cwd=node)
    examples = [
        {"class": "".join(word[0].upper() + word[1:] for word in schema(name)["title"].split()), "body": body}
        for name in event_types()
        for body in schema(name)["examples"]
    ]
    (folder / "examples.json").write_text(json.dumps(examples), encoding="utf-8")
    return folder


def test_java_classes_read_and_write_every_example(classes: Path, jars: str) -> None:
    sources = (*(classes / "java/contracts").glob("*.java"), PROGRAMS / "ReadExamples.java")
    run("javac", "-nowarn", "-cp", jars, "-d", classes / "compiled", *sources)
    run("java", "-cp", f"{classes / 'compiled'}:{jars}", "ReadExamples", classes / "examples.json")


def test_typescript_classes_read_and_write_every_example(classes: Path, node: Path) -> None:
    run("node", node / "node_modules/typescript/bin/tsc", *STRICT, *(classes / "ts").glob("*.ts"))
    run("node", "read_examples.js", classes / "ts", classes / "examples.json", cwd=node)
