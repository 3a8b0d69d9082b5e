"""The exported OpenAPI documents are honest about refusals (that they are the code's own: test_events.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from shared.web.problems import MEDIA_TYPE
from tools.docs.generate import REPOSITORY, SERVICES

DOCUMENTS: dict[str, dict[str, Any]] = {
    service: yaml.safe_load((REPOSITORY / f"contracts/openapi/{service}.yaml").read_text(encoding="utf-8"))
    for service in SERVICES
}
OAUTH = {("identity_mock", path) for path in ("/token", "/s/{sandbox}/token")}  # RFC 6749 gives it a form of its own


def operations(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in DOCUMENTS[service]["paths"].items():
        for method, operation in found.items():
            yield path, method, operation


@pytest.mark.parametrize("service", SERVICES)
def test_every_refusal_in_a_document_is_a_problem(service: str) -> None:
    schemas = DOCUMENTS[service]["components"]["schemas"]
    assert "Problem" in schemas and not {"HTTPValidationError", "ValidationError"} & set(schemas)
    for path, method, operation in operations(service):
        for status, response in operation["responses"].items():
            if status[0] in "45" and (service, path) not in OAUTH:
                content = response["content"]
                assert content == {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}, (method, path)


@pytest.mark.parametrize("service", SERVICES)
def test_whoever_can_be_sent_something_wrong_says_how_it_refuses(service: str) -> None:
    for path, method, operation in operations(service):
        takes = operation.get("parameters") or operation.get("requestBody")
        refuses = [status for status in operation["responses"] if status[0] == "4"]
        assert refuses or not takes, (method, path)


@pytest.mark.parametrize("service", SERVICES)
def test_a_door_into_a_sandbox_can_say_that_there_is_none(service: str) -> None:
    for path, method, operation in operations(service):
        names = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
        if {"x-sandbox", "sandbox"} & names and "authorization" not in names:
            assert "404" in operation["responses"], (method, path)


@pytest.mark.parametrize("service", SERVICES)
def test_a_door_that_needs_a_token_says_401_and_403(service: str) -> None:
    for path, method, operation in operations(service):
        if "authorization" in {parameter["name"].lower() for parameter in operation.get("parameters", [])}:
            assert {"401", "403"} <= set(operation["responses"]), (method, path)


@pytest.mark.parametrize("service", SERVICES)
def test_every_list_comes_in_pages(service: str) -> None:
    lists = 0
    for path, method, operation in operations(service):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if method == "get" and content.get("schema", {}).get("type") == "array":
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert {"page_size", "page_token"} <= names, path
            lists += 1
    assert lists, "each service tells at least its part of a timeline"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_summary_and_is_openapi_3_1(service: str) -> None:
    assert DOCUMENTS[service]["openapi"].startswith("3.1")
    for path, method, operation in operations(service):
        assert operation["summary"] and operation["tags"], (method, path)
