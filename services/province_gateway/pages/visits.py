"""What every officer page shares: the visitor, and what becomes of a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from contracts.texts import text
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.officers.modes import Mode, mode_of
from services.province_gateway.problems import PROBLEMS
from services.province_gateway.runtime import Gateway
from shared.errors import BodyDoesNotFit, Refusal
from shared.runtime import known_sandbox
from shared.sandbox import registry
from shared.sandbox.names import DEFAULT
from shared.sandbox.registry import Sandbox
from shared.sentences import in_language
from shared.web.dependencies import SandboxId, runtime_of
from shared.web.page_route import field_errors, sentence, trying_again, without_refusal
from shared.web.pages import Templates, Visit, language_of

TEMPLATES = Templates((Path(__file__).parent,), text)


class OfficerVisit:
    """One request of a browser: in which sandbox and language, and how its page is rendered. Nobody signs in here."""

    def __init__(self, gateway: Gateway, request: Request, sandbox: Sandbox, name: str) -> None:
        self.gateway, self.request, self.sandbox = gateway, request, sandbox
        self.lang = language_of(request)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.facts = Visit(self.lang, sandbox, name, path)

    def render(self, template: str, status: int = 200, **facts: Any) -> Response:
        return TEMPLATES.render(self.facts, template, status, **facts)

    def text(self, key: str, **facts: object) -> str:
        return text(key, self.lang, **facts)

    def mode(self, province: str) -> Mode:
        return mode_of(self.sandbox, province)

    def errors(self, refusal: Refusal, fields: dict[str, str]) -> dict[str, str]:
        """Field → sentence; what has no field stands under "form"."""
        if isinstance(refusal, BodyDoesNotFit):
            return field_errors(refusal, fields, self.lang)
        words = sentence(refusal, PROBLEMS, text, self.lang)
        law = in_language(refusal.law, self.lang)
        return {"form": f"{words} ({law})" if law else words}


async def visit_of(request: Request, gateway: GatewayDep, sandbox_id: SandboxId) -> OfficerVisit:
    sandbox = await known_sandbox(gateway, sandbox_id)
    row = await registry.row_of(gateway.database, sandbox_id)
    return OfficerVisit(gateway, request, sandbox, str(row["name"]) if row and sandbox_id != DEFAULT else sandbox_id)


VisitDep = Annotated[OfficerVisit, Depends(visit_of)]


async def refused(request: Request, status: int, refusal: Refusal | None) -> Response:
    gateway = runtime_of(request)
    assert isinstance(gateway, Gateway)
    try:
        visit = await visit_of(request, gateway, request.headers.get("x-sandbox") or DEFAULT)
    except Refusal as other:
        raise (refusal or other) from None
    words = sentence(refusal, PROBLEMS, text, visit.lang) if refusal else visit.text(without_refusal(status))
    law = refusal.law if refusal else ""
    return visit.render("refused.html", status, sentence=words, law=law, **trying_again(request, status))
