"""The exported OpenAPI documents are honest about refusals (that they are the code's own: test_events.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.web.problems import MEDIA_TYPE
from tests.support import yaml_files
from tools.docs.generate import REPOSITORY, SERVICES

DOCUMENTS: dict[str, dict[str, Any]] = {
    service: yaml_files.read(REPOSITORY / f"contracts/openapi/{service}.yaml") for service in SERVICES
}
# RFC 6749 gives these a form of their own.
# A rejected message gets its verdict.
VERDICTS = {(f"/api/v1/provinces/{{province}}/{name}", "422") for name in ("events", "check")}
OAUTH = {("identity_mock", path, status) for path in ("/token", "/s/{sandbox}/token") for status in ("400", "401")}
# Told in the form of the wrapper of one province, too.
WRAPPED = {("/partner/{key}/wrapped", status) for status in ("404", "422")}


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
            elsewhere = (service, path, status) in OAUTH or (path, status) in VERDICTS | WRAPPED
            if status[0] in "45" and not elsewhere:
                assert response == {"$ref": f"#/components/responses/Problem{status}"}, (method, path)
    for response in DOCUMENTS[service]["components"]["responses"].values():
        assert response["content"] == {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


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
        if {"x-sandbox", "sandbox"} & names:
            assert "404" in operation["responses"], (method, path)


@pytest.mark.parametrize("service", SERVICES)
def test_credentials_are_security_schemes_and_their_refusals_are_documented(service: str) -> None:
    schemes = DOCUMENTS[service]["components"]["securitySchemes"]
    for path, method, operation in operations(service):
        names = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
        assert not names & {"authorization", "x-api-key", "x-service-secret"}, (method, path)
        for alternative in operation.get("security", []):
            assert set(alternative) <= set(schemes)
            if alternative:
                assert {"401", "403"} <= set(operation["responses"]), (method, path)
        if "ServiceSecret" in str(operation.get("security")):
            assert all("ServiceSecret" in alternative for alternative in operation["security"]), (method, path)


def test_what_belongs_to_a_citizen_needs_the_access_token() -> None:
    needing = {
        path
        for path, _, operation in operations("portal")
        if operation.get("security") and all("AccessToken" in each for each in operation["security"])
    }
    assert {"/api/v1/dossiers", "/api/v1/dossiers/{code}", "/api/v1/papers"} <= needing
    assert not {path for path in needing if not path.startswith(("/api/v1/dossiers", "/api/v1/papers"))}


@pytest.mark.parametrize("service", SERVICES)
def test_operations_have_names_of_their_own_and_members_no_titles(service: str) -> None:
    named = [operation["operationId"] for _, _, operation in operations(service)]
    odd = [name for name in named if "__" in name and service != "identity_mock"]  # which has every route twice
    assert not odd, "two routes have functions of one name, and clients get these names"
    assert len(set(named)) == len(named)

    def titles(part: Any, is_map: bool = False) -> Iterator[str]:
        for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
            if key == "title" and isinstance(value, str) and not is_map:
                yield value
            yield from titles(value, not is_map and key in ("properties", "schemas"))

    assert list(titles(DOCUMENTS[service]["components"]["schemas"], is_map=True)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_texts_with_a_form_have_it_in_the_document(service: str) -> None:
    for path, method, operation in operations(service):
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "page_token":
                assert "pattern" in str(parameter["schema"]), (method, path)
    schemas = DOCUMENTS[service]["components"]["schemas"]
    forms = {"by": "pattern", "time_to_live": "pattern", "to": "format", "start": "format", "event": "enum"}
    for name in {"Advance", "SetClock", "NewSandbox", "ChangedSandbox", "WaitFor"} & set(schemas):
        for member, form in forms.items():
            described = schemas[name]["properties"].get(member)
            assert described is None or form in str(described), (name, member)


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
