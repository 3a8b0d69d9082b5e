"""A compiled route gives the same answers as FastAPI's own, and the same OpenAPI document."""

from __future__ import annotations

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from shared.web.compiled_route import CompiledRoute

calls: list[str] = []


class Body(BaseModel):
    name: Annotated[str, Field(max_length=5)]
    count: int = 1


async def included(request: Request, x_key: Annotated[str | None, Header()] = None) -> str | None:
    calls.append("included")
    return x_key


async def user(key: Annotated[str | None, Depends(included)]) -> str:
    return f"user of {key}"


async def post(
    code: str,
    body: Body,
    who: Annotated[str, Depends(user)],
    times: Annotated[int, Query(ge=1)],
    x_note: Annotated[str, Header(min_length=2)] = "none",
) -> Response:
    calls.append("post")
    return Response(f"{code} {body!r} {who} {times} {x_note}")


async def look(x_note: Annotated[list[str], Header()]) -> Response:  # several texts: left to FastAPI
    return Response(" ".join(x_note))


def an_app(route_class: type[APIRoute]) -> FastAPI:
    router, app = APIRouter(route_class=route_class), FastAPI()
    router.add_api_route("/things/{code}", post, methods=["POST"])
    router.add_api_route("/look", look, methods=["GET"])
    app.include_router(router, dependencies=[Depends(included)])
    return app


async def answers(app: FastAPI, method: str, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        reply = await client.request(method, path, content=content, headers=headers)
    return reply.status_code, reply.text


AS_JSON = {"content-type": "application/json", "x-key": "k"}
REQUESTS = {
    "everything fits": ("POST", "/things/a%20b?times=2", b'{"name": "Lan", "count": 3}', {**AS_JSON, "x-note": "hi"}),
    "defaults": ("POST", "/things/7?times=2", b'{"name": "Lan"}', AS_JSON),
    "with a charset": ("POST", "/things/7?times=2", b'{"name": "Lan"}', {"content-type": "application/json; charset=utf-8"}),
    "another JSON type": ("POST", "/things/7?times=2", b'{"name": "Lan"}', {"content-type": "application/a+json"}),
    "no JSON type": ("POST", "/things/7?times=2", b'{"name": "Lan"}', {"content-type": "text/plain"}),
    "all wrong": ("POST", "/things/7?times=0", b'{"name": "too long", "count": "x"}', {**AS_JSON, "x-note": "h"}),
    "missing": ("POST", "/things/7", b"{}", AS_JSON),
    "no body": ("POST", "/things/7?times=1", b"", AS_JSON),
    "no JSON": ("POST", "/things/7?times=1", b"{", AS_JSON),
    "many texts": ("GET", "/look", b"", {"x-note": "one"}),
}  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_it_answers_as_fastapi_does(request_: tuple[str, str, bytes, dict[str, str]]) -> None:
    assert await answers(an_app(CompiledRoute), *request_) == await answers(an_app(APIRoute), *request_)


async def test_every_dependency_runs_once() -> None:
    calls.clear()
    status, _ = await answers(an_app(CompiledRoute), *REQUESTS["everything fits"])
    assert (status, calls) == (200, ["included", "post"])


async def test_a_request_that_fits_is_not_solved_by_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    async def by_fastapi(request: Request) -> Response:
        raise AssertionError("solved by FastAPI")

    monkeypatch.setattr(APIRoute, "get_route_handler", lambda self: by_fastapi)
    assert (await answers(an_app(CompiledRoute), *REQUESTS["everything fits"]))[0] == 200


def test_the_openapi_document_is_the_same() -> None:
    assert an_app(CompiledRoute).openapi() == an_app(APIRoute).openapi()
