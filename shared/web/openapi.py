"""The OpenAPI document of a service: what FastAPI knows of the routes, and what every layer around them may answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from shared.web import problems
from shared.web.dependencies import SANDBOX_HEADER, SANDBOX_KEY, chosen_sandbox

OPTIONAL = {SANDBOX_KEY.scheme_name, "Client"}  # credentials without which an operation also works
ALIVE = ("/healthz", "/metrics")  # answer whatever the database does
# What `shared.web.guard` and `shared.web.edge` answer before a route is asked, and Starlette for another method.
EVERYWHERE = (400, 405, 421)
TO_CHANGES = (403,)  # a page of another origin
TO_BODIES = (408, 413, 422)
TEXT = {"schema": {"type": "string"}}
_ABOUT_SANDBOX = "Id of the sandbox of this request"
_OPTIONAL_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}], "description": _ABOUT_SANDBOX}
# What `chosen_sandbox` reads by itself.
SANDBOX_PARAMETER = {
    "name": SANDBOX_HEADER.lower(),
    "in": "header",
    "required": False,
    "schema": _OPTIONAL_TEXT,
    "description": _ABOUT_SANDBOX,
}
AFTER_PARAMETERS = ("requestBody", "callbacks", "responses")  # of an operation, in FastAPI's order
HEADERS = {401: "WWW-Authenticate", 405: "Allow", 503: "Retry-After"}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. The facts of the refusal are additional members.",
    "required": ["type", "title", "title_vi", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "title_vi": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                    "detail_vi": {"type": "string"},
                },
            },
        },
        "more_errors": {"type": "integer", "description": "How many more errors there are than `errors` names."},
    },
}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the responses, credentials and names that ours needs."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(title=app.title, version=app.version, summary=app.summary or None, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    _name_operations(document["paths"])
    _name_sandbox(app, document)
    statuses = set[int]()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
            statuses |= {int(status) for status in _shorten(operation["responses"])}
    components["responses"] = {f"Problem{status}": _problem(status) for status in sorted(statuses)}
    app.openapi_schema = _without_titles(document)
    return app.openapi_schema


def _name_sandbox(app: FastAPI, document: dict[str, Any]) -> None:
    """Describe X-Sandbox and X-API-Key at every operation that asks for the chosen sandbox."""
    schemes = document["components"].setdefault("securitySchemes", {})
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        if dependant is None or not context.include_in_schema or chosen_sandbox not in _calls(dependant):
            continue
        schemes[SANDBOX_KEY.scheme_name] = SANDBOX_KEY.model.model_dump(mode="json", by_alias=True, exclude_none=True)
        for method in context.methods or ():
            operation = document["paths"][context.path_format][method.lower()]
            parameters = operation.pop("parameters", [])
            place = sum(each["in"] in ("path", "query") for each in parameters) + len(dependant.header_params)
            rest = {key: operation.pop(key) for key in AFTER_PARAMETERS if key in operation}
            operation["security"] = [{SANDBOX_KEY.scheme_name: []}, *operation.pop("security", ())]
            operation["parameters"] = [*parameters[:place], SANDBOX_PARAMETER, *parameters[place:]]
            operation.update(rest)


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add the responses that any operation of this kind may have, and say which credentials it needs at once."""
    schemes = [name for requirement in operation.get("security", ()) for name in requirement]
    statuses = list(EVERYWHERE)
    statuses += TO_CHANGES if method != "get" else ()
    statuses += TO_BODIES if "requestBody" in operation else ()
    statuses += (503,) if path not in ALIVE else ()  # a fault of the machine, or the service starts
    statuses += (401, 403, 404) if SANDBOX_KEY.scheme_name in schemes else ()  # shared.web.dependencies.chosen_sandbox
    responses = operation["responses"]
    for status in statuses:
        responses.setdefault(str(status), problems.problem_responses(status)[status])
    if "422" in responses and problems.MEDIA_TYPE not in responses["422"].get("content", {}):
        responses["422"] = problems.problem_responses(422)[422]
    operation["responses"] = dict(sorted(responses.items()))
    if schemes:
        needed = [name for name in schemes if name not in OPTIONAL]
        optional = [name for name in schemes if name in OPTIONAL]
        alternatives = [needed, *([*needed, name] for name in optional)]
        operation["security"] = [{name: [] for name in names} for names in alternatives]


def _shorten(responses: dict[str, Any]) -> Iterator[str]:
    """Let every response that is only a problem refer to the one of its status; yields these statuses."""
    for status, response in responses.items():
        if status.isdigit() and response == problems.problem_responses(int(status))[int(status)]:
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
            yield status


def _problem(status: int) -> dict[str, Any]:
    response = problems.problem_responses(status)[status]
    return {**response, "headers": {HEADERS[status]: TEXT}} if status in HEADERS else response


def _name_operations(paths: dict[str, Any]) -> None:
    """Name each operation by its function, where one name is enough; FastAPI adds the path and the method to all.

    An endpoint that is there twice, also for the sandbox in the path, has the second name with `_in_sandbox`.
    """
    operations = [(path, method, each) for path, methods in paths.items() for method, each in methods.items()]
    names = [
        each["operationId"].removesuffix(re.sub(r"\W", "_", path) + f"_{method}") for path, method, each in operations
    ]
    counts = Counter(names)
    names = [
        f"{name}_in_sandbox" if counts[name] > 1 and path.startswith("/s/{sandbox}") else name
        for name, (path, _, _) in zip(names, operations, strict=True)
    ]
    counts = Counter(names)
    for name, (_, _, operation) in zip(names, operations, strict=True):
        if counts[name] == 1:
            operation["operationId"] = name


def _without_titles(part: Any, *, is_map: bool = False) -> Any:
    """The document without titles that only repeat a name: generators would take them for names of classes.

    is_map  whether the keys of `part` are names that somebody chose, such as those of properties
    """
    if isinstance(part, list):
        return [_without_titles(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value
        if key in ("info", "examples", "example", "default", "enum") and not is_map
        else _without_titles(value, is_map=not is_map and key in ("properties", "schemas"))
        for key, value in part.items()
        if is_map or key != "title" or not isinstance(value, str)
    }
