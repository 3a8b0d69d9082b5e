"""Routes whose parameters and dependencies are laid out once: FastAPI looks at all of them again at every request.

That takes 0.15 of the 0.9 ms of processor time that a submission takes. The OpenAPI document and every refusal remain
FastAPI's: a request that does not fit is given to FastAPI's own handler, which lists all that is wrong with it. It then
runs the dependencies again, so they have to be free of effects.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi._compat import ModelField, is_scalar_field
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_typed_return_annotation
from fastapi.params import Form
from fastapi.routing import APIRoute, _effective_route_context_var

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
JSON = "application/json"
# What a dependant may not have: FastAPI serves such a route.
UNUSUAL = (
    *("cookie_params", "websocket_param_name", "http_connection_param_name", "response_param_name"),
    *("background_tasks_param_name", "security_scopes_param_name", "own_oauth_scopes", "parent_oauth_scopes"),
    "concurrency",
)


class _Misfit(Exception):
    """The request does not fit; FastAPI says why."""


class _Unusual(Exception):
    """The route has something that only FastAPI does."""


class CompiledRoute(APIRoute):
    """For endpoints that return a Response. Use it as the `route_class` of a router."""

    def get_route_handler(self) -> Handler:
        by_fastapi = super().get_route_handler()
        route: Any = _effective_route_context_var.get() or self  # with the dependencies of the routers that include it
        try:
            solve = _Plan.of(route.dependant, route.body_field)
        except _Unusual:
            return by_fastapi

        async def handle(request: Request) -> Response:
            try:
                arguments = await solve(request)
            except _Misfit:
                return await by_fastapi(request)
            response: Response = await route.endpoint(**arguments)
            return response

        return handle


@dataclass
class _Step:
    """One call: a dependency, or the endpoint itself, with its arguments by name."""

    call: Callable[..., Any]
    results: dict[str, int] = field(default_factory=dict)  # the number of an earlier step
    texts: list[tuple[str, ModelField]] = field(default_factory=list)  # "headers", "query_params" or "path_params"
    request: str | None = None

    def arguments(self, request: Request, results: list[Any]) -> dict[str, Any]:
        """Raises _Misfit."""
        arguments = {name: results[number] for name, number in self.results.items()}
        for source, each in self.texts:
            values: Mapping[str, str] = getattr(request, source)
            text = values.get(each.alias)
            arguments[each.name] = _default(each) if text is None else _valid(each, text)
        if self.request is not None:
            arguments[self.request] = request
        return arguments


SOURCES = {"path": "path_params", "query": "query_params", "header": "headers"}  # of a dependant → of a request


@dataclass
class _Plan:
    steps: list[_Step]
    body: ModelField | None

    @classmethod
    def of(
        cls, dependant: Dependant, body: ModelField | None
    ) -> Callable[[Request], Coroutine[Any, Any, dict[str, Any]]]:
        """Finds the arguments of an endpoint, or raises _Misfit. Raises _Unusual."""
        annotation = get_typed_return_annotation(dependant.call) if dependant.call else None
        if not (inspect.isclass(annotation) and issubclass(annotation, Response)):
            raise _Unusual
        if body is not None and (dependant.body_params != [body] or isinstance(body.field_info, Form)):
            raise _Unusual
        plan = cls([], body)
        plan._add(dependant)
        return plan.solve

    def _add(self, dependant: Dependant) -> int:
        """Add the dependencies of a dependant, then itself; returns the number of its step. Raises _Unusual."""
        call = dependant.call
        is_coroutine = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)
        if call is None or not is_coroutine or any(getattr(dependant, name) for name in UNUSUAL):
            raise _Unusual
        for number, step in enumerate(self.steps):
            if step.call is call and dependant.use_cache:
                return number
        step = _Step(call, request=dependant.request_param_name)
        for each in dependant.dependencies:
            number = self._add(each)
            if each.name is not None:
                step.results[each.name] = number
        for source in ("path", "query", "header"):
            for each in getattr(dependant, f"{source}_params"):
                if not is_scalar_field(each) or each.validation_alias not in (None, each.alias):
                    raise _Unusual
                step.texts.append((SOURCES[source], each))
        self.steps.append(step)
        return len(self.steps) - 1

    async def solve(self, request: Request) -> dict[str, Any]:
        """The arguments of the endpoint. Raises _Misfit."""
        document = await _document(request) if self.body is not None else None
        results: list[Any] = []
        *dependencies, endpoint = self.steps
        for step in dependencies:
            results.append(await step.call(**step.arguments(request, results)))
        arguments = endpoint.arguments(request, results)
        if self.body is not None:
            arguments[self.body.name] = _valid(self.body, document)
        return arguments


async def _document(request: Request) -> Any:
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0] != JSON:
        raise _Misfit
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise _Misfit from None


def _default(each: ModelField) -> Any:
    if each.field_info.is_required() or each.field_info.validate_default:
        raise _Misfit
    return deepcopy(each.default)


def _valid(each: ModelField, value: Any) -> Any:
    valid, errors = each.validate(value, {}, loc=())
    if errors:
        raise _Misfit
    return valid
