"""A problem that a browser receives at the address of a page becomes a page: one sentence, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.buffered_response import BufferedResponse
from shared.web.pages import Templates, Visit, language_of
from shared.web.problems import MEDIA_TYPE

LEFT_OUT = (b"content-type", b"content-length")  # of the headers of the problem


class ProblemPages:
    """Passes everything on but a problem (RFC 9457) for a browser, which no page of its own shows.

    Such problems come from the edge, from fault rules, and from routes that programs and browsers share.
    """

    def __init__(self, app: ASGIApp, templates: Templates) -> None:
        self._app, self._templates = app, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._is_of_a_browser(scope):
            await self._app(scope, receive, send)
            return
        problem = BufferedResponse()

        async def respond(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_problem(message):
                await problem.collect(message)
            elif not problem.start:
                await send(message)
            else:
                await problem.collect(message)
                if not message.get("more_body"):
                    await self._page(Request(scope), problem)(scope, receive, send)

        await self._app(scope, receive, respond)

    def _is_of_a_browser(self, scope: Scope) -> bool:
        accepted = dict(scope["headers"]).get(b"accept", b"")
        is_page = self._templates.pages.fullmatch(scope["path"]) is not None
        return is_page and scope["method"] in ("GET", "POST") and b"text/html" in accepted

    def _page(self, request: Request, problem: BufferedResponse) -> Response:
        facts: dict[str, Any] = json.loads(problem.body)
        lang, query = language_of(request), request.url.query
        visit = Visit(lang, None, "", request.url.path + (f"?{query}" if query else ""))
        trace = str(facts.get("trace_id", ""))
        response = self._templates.render(
            visit, "problem.html", problem.start["status"], sentence=self._sentence(facts, lang), trace=trace
        )
        response.raw_headers.extend(pair for pair in problem.start["headers"] if pair[0].lower() not in LEFT_OUT)
        return response

    def _sentence(self, facts: Mapping[str, Any], lang: str) -> str:
        """That of the catalogue for the type of the problem, else its title."""
        try:
            return self._templates.text(f"refusal.{str(facts['type']).rpartition('/')[2]}", lang)
        except KeyError:
            return str(facts["title_vi" if lang == "vi" else "title"])


def _is_problem(start: Message) -> bool:
    return (b"content-type", MEDIA_TYPE.encode()) in start["headers"]
