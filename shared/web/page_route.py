"""Routes of pages: a refusal becomes a page that says in one sentence what happened, and leads on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from shared.errors import BodyDoesNotFit, Refusal
from shared.problem_types import COMMON, Problems, ProblemType
from shared.storage.database import is_machine_fault
from shared.web.pages import Lang

# Renders a refusal; None instead of one: no such page (404), a body that is too large (413), a fault of ours (500).
Refused = Callable[[Request, int, Refusal | None], Awaitable[Response]]
CONFLICT, TOO_LARGE, SERVER_FAULT = 409, 413, 500
WITHOUT_REFUSAL = {TOO_LARGE: "refusal.too-large", SERVER_FAULT: "refusal.server-fault"}  # status → key of texts.toml
log = structlog.get_logger()


class GoTo(Exception):
    """The visitor has to go to another page of ours first."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def page_router(refused: Refused, problems: Problems) -> APIRouter:
    """A router for pages: they stand in no OpenAPI document."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_page(request: Request) -> Response:
                try:
                    return await handle(request)
                except GoTo as other:
                    return RedirectResponse(other.path, 303)
                except RequestValidationError:
                    return await refused(request, 404, None)
                except HTTPException as error:
                    return await refused(request, error.status_code, None)
                except Refusal as refusal:
                    kind = kind_of(refusal, problems)
                    return await refused(request, kind.status if kind else CONFLICT, refusal)
                except Exception as error:
                    if is_machine_fault(error):
                        raise  # the edge answers: it may be the database, without which there is no page
                    log.error("server_fault", path=request.url.path, exc_info=error)
                    return await refused(request, SERVER_FAULT, None)

            return handle_page

    return APIRouter(route_class=PageRoute, include_in_schema=False)


def kind_of(refusal: Refusal, problems: Problems) -> ProblemType | None:
    types = {**COMMON, **problems}
    return next((types[cls] for cls in type(refusal).__mro__ if cls in types), None)


def sentence(refusal: Refusal, problems: Problems, text: Callable[..., str], lang: Lang) -> str:
    """What a refusal says on a page: that of texts.toml under its slug or its class, else its title."""
    kind = kind_of(refusal, problems)
    try:
        return text(f"refusal.{kind.slug if kind else type(refusal).__name__}", lang)
    except KeyError:
        if kind is None:
            raise
        return kind.title_vi if lang == "vi" else kind.title


def field_errors(refusal: BodyDoesNotFit, fields: Mapping[str, str], lang: Lang) -> dict[str, str]:
    """Field → sentence. `fields`: beginning of a JSON pointer → field; the rest stands under "form"."""
    found: dict[str, str] = {}
    for error in refusal.errors:
        name = next((field for start, field in fields.items() if error["pointer"].startswith(start)), "form")
        found.setdefault(name, error.get("detail_vi" if lang == "vi" else "detail", error["detail"]))
    return found
