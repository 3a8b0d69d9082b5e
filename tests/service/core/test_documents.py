"""The OpenAPI documents are complete: every route is asked in all the ways that are refused before it does anything."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from shared.web.problems import MEDIA_TYPE
from tests.support.country import Country

pytestmark = pytest.mark.usefixtures("nobody_waits")

SERVICES = ("portal", "gateway", "identity", "payment")
METHODS = ("get", "post", "put", "patch", "delete")
HOST = "127.0.0.1:8000"
EXAMPLES = {"sandbox": "default", "province": "37", "code": "37", "lane": "0", "letter": "1", "event_type": "x"}
FOREIGN = {"Origin": "https://evil.example"}
KEY = {"X-API-Key": "no-such-key"}
NO_SANDBOX = {"X-Sandbox": "no-such-sandbox"}
NO_TOKEN = {"Authorization": "Bearer none"}
BIG = {"Content-Length": str(1 << 30)}
NO_JSON = {"Content-Type": "application/json"}


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


@pytest.mark.parametrize("service", SERVICES)
async def test_every_refusal_of_every_route_is_in_the_document(country: Country, service: str) -> None:
    """Statuses, media types, headers and bodies; a status that no operation documents for this request is a fault."""
    app = country.apps[service]
    document = app.openapi()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    faults = list[str]()
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
        for path, operations in document["paths"].items():
            address = re.sub(r"\{(\w+)\}", lambda match: EXAMPLES.get(match[1], "x"), path)
            for method, operation in operations.items():
                asked: list[tuple[str, dict[str, str], str]] = [
                    (method, {"Host": "evil.example"}, ""),
                    (method, {"Host": "a b"}, ""),
                    (method, FOREIGN, ""),
                    (method, KEY, ""),
                    (method, NO_TOKEN, ""),
                ]
                if path.startswith(("/api", "/_lab/timeline", "/s/")):
                    asked.append((method, NO_SANDBOX, ""))
                if "requestBody" in operation:
                    asked += [(method, BIG, ""), (method, NO_JSON, "{"), (method, NO_JSON, '{"a":1,"a":2}')]
                if method == "get":
                    asked += [(other, {}, "") for other in METHODS if other not in operations]
                for verb, headers, body in asked:
                    answer = await http.request(verb, address, headers=headers, content=body)
                    if fault := unlike(document, operation, answer):
                        faults.append(f"{verb} {path} {headers} {body}: {fault}")
    assert faults == []


def unlike(document: dict[str, Any], operation: dict[str, Any], answer: httpx.Response) -> str:
    """How an answer differs from the document; empty if it does not."""
    response = operation["responses"].get(str(answer.status_code))
    if response is None:
        return f"{answer.status_code} is not documented: {answer.text[:200]}"
    response = resolved(document, response)
    missing = [name for name in response.get("headers", {}) if name not in answer.headers]
    if missing:
        return f"{answer.status_code} without {missing}"
    content = response.get("content", {})
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if content and media_type not in content:
        return f"{answer.status_code} with {media_type}, not {list(content)}"
    if media_type == MEDIA_TYPE:
        jsonschema.validate(answer.json(), resolved(document, content[MEDIA_TYPE]["schema"]))
    return ""


WRITTEN_OTHERWISE = {"integer": ("+5", " 5", "1_0", "true", ""), "number": ("+5", " 5", "1_0", "nan", "inf", "")}
WRITTEN_OTHERWISE |= {"boolean": ("yes", "on", "1", "0", "True", "t", "")}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_query_value_is_written_as_the_document_says(country: Country, service: str) -> None:
    document = country.apps[service].openapi()
    tried = 0
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            schema = parameter["schema"]
            kinds = {each.get("type") for each in (schema, *schema.get("anyOf", ()))} & set(WRITTEN_OTHERWISE)
            if parameter["in"] != "query" or not kinds:
                continue
            address = re.sub(r"\{(\w+)\}", lambda match: EXAMPLES.get(match[1], "x"), path)
            for text in WRITTEN_OTHERWISE[kinds.pop()]:
                answer = await country.ask(service, "GET", address, params={parameter["name"]: text})
                assert answer.status_code in (401, 422), (address, parameter["name"], text, answer.text)
                tried += 1
    assert tried


@pytest.mark.parametrize("service", SERVICES)
def test_a_number_in_a_body_is_no_text_and_a_text_no_number(country: Country, service: str) -> None:
    """JSON types are strict: whatever type a member has in the document, the model takes no other."""
    app = country.apps[service]
    others: dict[str, tuple[Any, ...]] = {
        "integer": ("1", True, 1.5),
        "number": ("1", True),
        "boolean": ("true", 1, "on", 0),
        "string": (1, True),
    }
    faults = list[str]()
    assert models(app)
    for model in models(app):
        schema = model.model_json_schema(by_alias=True)
        for name, member in schema.get("properties", {}).items():
            kinds = {each.get("type") for each in (member, *member.get("anyOf", ()))}
            for kind, values in others.items():
                if kind not in kinds or "$ref" in str(member):
                    continue
                for value in values:
                    if not fits(kinds, value) and takes(model, name, value):
                        faults.append(f"{model.__name__}.{name} ({sorted(map(str, kinds))}) takes {value!r}")
    assert faults == []


def fits(kinds: set[Any], value: Any) -> bool:
    own = {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]
    return own in kinds or (own == "integer" and "number" in kinds)


def takes(model: Any, name: str, value: Any) -> bool:
    """Whether the model has no error at this member, whatever else is missing."""
    try:
        model.model_validate({name: value})
    except ValueError as error:
        places = {each["loc"][0] for each in error.errors() if each["loc"]}  # type: ignore[attr-defined]
        return name not in places
    return True


def models(app: Any) -> list[Any]:
    """Every model of a body of this application, and the models inside it."""
    found = dict[Any, None]()

    def add(annotation: Any) -> None:
        for inner in getattr(annotation, "__args__", ()):
            add(inner)
        if isinstance(annotation, type) and hasattr(annotation, "model_fields") and annotation not in found:
            found[annotation] = None
            for field in annotation.model_fields.values():
                add(field.annotation)

    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            for parameter in route.dependant.body_params:
                add(parameter.field_info.annotation)
    return list(found)
