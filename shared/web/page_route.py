"""Routes of pages: a refusal becomes a page that says in one sentence what happened, and leads on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import cache, partial
from typing import Any, TypeVar

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from shared.errors import BodyDoesNotFit, NotReady, Refusal
from shared.misfits import misfits
from shared.problem_types import COMMON, Problems, ProblemType
from shared.storage.database import is_machine_fault
from shared.web.pages import Lang
from shared.web.router import Router

# Renders a refusal; None instead of one where `without_refusal` knows the sentence.
Refused = Callable[[Request, int, Refusal | None], Awaitable[Response]]
Model = TypeVar("Model", bound=BaseModel)
SERVER_FAULT = 500
WITHOUT_REFUSAL = {
    404: "no-page",
    413: "too-large",
    SERVER_FAULT: "server-fault",
}  # status → the end of a key of texts.toml
STREAM = "text/event-stream"
RETRY_SECONDS = 10  # a machine that starts again needs about as long
log = structlog.get_logger()


class GoTo(Exception):
    """The visitor has to go to another page of ours first."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def trying_again(request: Request, status: int) -> dict[str, Any]:
    """Header and fact of a page that could not be made now: the browser asks again, unless a form was sent."""
    tries = status == 503 and request.method == "GET"
    return {"headers": {"Refresh": str(RETRY_SECONDS)} if tries else {}, "tries": RETRY_SECONDS if tries else 0}


def page_router(refused: Refused, problems: Problems) -> Router:
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
                    status = kind_of(refusal, problems).status
                    if status == 404 and STREAM in request.headers.get("accept", ""):
                        return Response(status_code=204)  # of a page that is open: the browser does not ask again
                    return await refused(request, status, refusal)
                except Exception as error:
                    if is_machine_fault(error):
                        raise  # the edge answers: it may be the database, without which there is no page
                    log.error("server_fault", path=request.url.path, exc_info=error)
                    return await refused(request, SERVER_FAULT, None)

            return handle_page

    return Router(route_class=PageRoute, include_in_schema=False)


def kind_of(refusal: Refusal, problems: Problems) -> ProblemType:
    types = {**COMMON, **problems}
    return next(types[cls] for cls in type(refusal).__mro__ if cls in types)


def sentence(refusal: Refusal, problems: Problems, text: Callable[..., str], lang: Lang) -> str:
    """What a refusal says on a page: that of texts.toml under its slug, else its title."""
    kind, waits_for = kind_of(refusal, problems), refusal.facts.get("waits_for")
    try:
        if isinstance(refusal, NotReady) and isinstance(waits_for, list):
            return text("refused.silent", lang, parts=", ".join(text(f"part.{each}", lang) for each in waits_for))
    except KeyError:
        pass  # of a part that people have no name for
    try:
        return text(f"refusal.{kind.slug}", lang)
    except KeyError:
        return kind.title_vi if lang == "vi" else kind.title


def without_refusal(status: int) -> str:
    """Key of the sentence for a page that does not exist, a form that cannot be read, a fault of ours."""
    return f"refusal.{WITHOUT_REFUSAL.get(status, 'not-readable')}"


def body_of(model: type[Model], facts: Mapping[str, object]) -> Model:
    """What a form, or an item of a batch, says as the body that the API takes. Raises BodyDoesNotFit."""
    try:
        return model.model_validate(facts)
    except ValidationError as error:
        raise BodyDoesNotFit(*misfits(error.errors(), partial(_schema_of, model))) from error


@cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def field_errors(refusal: BodyDoesNotFit, fields: Mapping[str, str], lang: Lang, rest: str = "form") -> dict[str, str]:
    """Field → sentence. `fields`: beginning of a JSON pointer → field; everything else stands under `rest`."""
    found: dict[str, str] = {}
    for error in refusal.errors:
        name = next((field for start, field in fields.items() if error["pointer"].startswith(start)), rest)
        in_english = error["detail"]
        found.setdefault(name, error.get("detail_vi", in_english) if lang == "vi" else in_english)
    return found
