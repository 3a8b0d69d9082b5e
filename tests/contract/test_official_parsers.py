"""The documents of our interfaces, read by the parsers that everybody else uses.

The two that need Node are fetched once into the user's cache, by a lock file with a checksum for every package.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import Unresolvable

from contracts.schemas import event_types
from contracts.topics import FROM_PROVINCE
from lienthong.pytest_plugin import run_of
from shared.messaging.cloudevents import VOID
from tests.support import yaml_files
from tools.docs.generate import REPOSITORY, SERVICES
from tools.fetched import Missing, NotFetched, node_packages, run

CONTRACTS = REPOSITORY / "contracts"
TOOLS = Path(__file__).parent / "parsers"

Ask = Callable[[str, Path], dict[str, Any]]


@pytest.fixture(scope="module")
def ask(pytestconfig: pytest.Config) -> Ask:
    """`ask("asyncapi.js", file)`: what a parser says of a document."""
    try:
        tools = node_packages(run_of(pytestconfig), TOOLS)
    except Missing as missing:
        pytest.skip(str(missing))
    except NotFetched as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))  # alone on a train is not broken

    def run_tool(tool: str, file: Path) -> dict[str, Any]:
        shutil.copy(TOOLS / tool, tools)
        return dict(json.loads(run("node", tool, file, cwd=tools)))

    return run_tool


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The contracts, to be broken."""
    return Path(shutil.copytree(CONTRACTS, tmp_path / "contracts"))


def break_it(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def errors(found: dict[str, Any]) -> list[str]:
    return [f"{each['pointer']} {each['message']}" for each in found["findings"] if each["severity"] == "error"]


def misfits(file: Path) -> list[str]:
    """What openapi-spec-validator says; a reference that leads nowhere it does not report, it stumbles over it."""
    try:
        return [error.message for error in OpenAPIV31SpecValidator(read(file)).iter_errors()]
    except Unresolvable as error:
        return [f"{error.ref} leads nowhere"]


def read(file: Path) -> dict[str, Any]:
    return dict(yaml_files.read(file))


def test_the_official_parser_takes_the_asyncapi_document_and_finds_every_message(ask: Ask) -> None:
    found = ask("asyncapi.js", CONTRACTS / "asyncapi.yaml")
    assert errors(found) == []
    others = {(each["severity"], each["code"]) for each in found["findings"]}
    assert others <= {("information", "asyncapi-latest-version")}, "3.0 is what most tools read; see docs/elsewhere.md"
    assert found["version"].startswith("3.") and set(found["messages"]) == {
        *event_types(),
        *(f"said.{name}" for name in FROM_PROVINCE),
        *(f"told.{name}" for name in event_types() if name != VOID),
        "verdict.v1",
    }


@pytest.mark.parametrize(
    ("file", "before", "after", "error"),
    [
        ("asyncapi.yaml", "action: send", "action: shout", "/action .* must be equal to one of the allowed values"),
        ("asyncapi.yaml", "./events/dossier.rated.v1.json", "./events/gone.v1.json", "no such file"),
        ("asyncapi.yaml", "'#/servers/local'", "'#/servers/remote'", "servers/remote|servers"),
        ("events/dossier.rated.v1.json", '"type": "object"', '"type": "objekt"', 'Did you mean "object"'),
    ],
    ids=["a word that is none", "a payload that is gone", "a server that is none", "a type inside a payload"],
)
def test_the_official_asyncapi_parser_would_have_found(
    ask: Ask, copy: Path, file: str, before: str, after: str, error: str
) -> None:
    break_it(copy / file, before, after)
    assert re.search(error, "\n".join(errors(ask("asyncapi.js", copy / "asyncapi.yaml"))))


@pytest.mark.parametrize("service", SERVICES)
def test_the_openapi_specification_takes_the_document(service: str) -> None:
    assert misfits(CONTRACTS / "openapi" / f"{service}.yaml") == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_second_parser_takes_the_openapi_document_too(ask: Ask, service: str) -> None:
    file = CONTRACTS / "openapi" / f"{service}.yaml"
    found = ask("openapi.js", file)
    assert found["findings"] == []
    assert found["paths"] == list(read(file)["paths"]) and found["version"].startswith("3.1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\nopenapi: 3.1.0", "\nopenapi: 3.1.0\ninfos: {}"),
        ("schemas/Problem", "schemas/Problems"),
        ("required: true", "required: sometimes"),
    ],
    ids=["a member that is none", "a schema that is none", "a word for a boolean"],
)
def test_both_openapi_parsers_would_have_found(ask: Ask, copy: Path, before: str, after: str) -> None:
    file = copy / "openapi" / "portal.yaml"
    file.write_text("\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    break_it(file, before, after)
    assert misfits(file)
    assert errors(ask("openapi.js", file))
