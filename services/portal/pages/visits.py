"""What every citizen page shares: the visitor, the check of a form, and what becomes of a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from contracts.texts import text
from services.portal.api.views import PortalDep
from services.portal.auth import Citizen
from services.portal.domain import DossierNotFound
from services.portal.pages import drafts, sessions, uploads
from services.portal.problems import PROBLEMS
from services.portal.refusals import DraftNotFound, FormOfAnother
from services.portal.runtime import Portal
from shared.errors import BodyDoesNotFit, Refusal
from shared.runtime import known_sandbox
from shared.sandbox import registry
from shared.sandbox.names import DEFAULT
from shared.sandbox.registry import Sandbox
from shared.settings import Settings
from shared.web.dependencies import SandboxId, runtime_of
from shared.web.page_route import GoTo, field_errors, sentence, trying_again, without_refusal
from shared.web.pages import Lang, Templates, Visit, language_of, origin

FOLDERS = (Path(__file__).parent, Path(__file__).parents[1] / "console")
SEND_AGAIN = "Look at the page again, and send the form again."
HIDDEN = ("csrf", "key")  # fields of the page's own
# Forms with files: several papers of at most 10 MiB each.
RAW_BODIES = (re.compile(r"/apply/[0-9a-f]+|/dossiers/[^/]+/supplement"), 64 << 20)


def templates_of(settings: Settings) -> Templates:
    """The renderer; forms lead on to the sign-in and to the payment platform."""
    return Templates(FOLDERS, text, (origin(settings.identity_url), origin(settings.payment_url)))


def cookie_of(settings: Settings) -> str:
    """Cookies know no ports: a name for each country on this machine."""
    return f"lienthong-citizen-{urlsplit(settings.portal_url).port or 80}"


class CitizenVisit:
    """One request of a browser: who it is, in which sandbox and language, and how its page is rendered."""

    def __init__(
        self, portal: Portal, request: Request, sandbox: Sandbox, name: str, citizen: Citizen | None, token: str
    ) -> None:
        self.portal, self.request, self.sandbox, self.citizen = portal, request, sandbox, citizen
        self.lang: Lang = language_of(request)
        self.path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self._name, self._token = name, token if citizen else ""

    @property
    def facts(self) -> Visit:
        who = self.citizen.name if self.citizen else ""
        csrf = sessions.csrf_of(self._token)
        return Visit(self.lang, self.sandbox, self._name, self.path, signed_in=who, csrf=csrf)

    def render(self, template: str, status: int = 200, **facts: Any) -> Response:
        return self.request.app.state.templates.render(self.facts, template, status, **facts)  # type: ignore[no-any-return]

    async def again(self) -> Visit:
        """The facts with the time of the sandbox now, for a page that stays open. Raises SandboxNotFound."""
        return replace(self.facts, sandbox=await known_sandbox(self.portal, self.sandbox.id))

    def text(self, key: str, **facts: object) -> str:
        return text(key, self.lang, **facts)

    def signed_in(self) -> Citizen:
        """Raises GoTo: who is not signed in signs in first, and comes back."""
        if self.citizen is None:
            raise GoTo(f"/login?next={quote(self.path, safe='')}")  # the address of a form leads on to its page
        return self.citizen

    async def form(self) -> tuple[Citizen, FormData]:
        """Who sends a form, and its fields.

        Nothing is lost of a form whose session has ended: its page gets it as its query parameter `form`, after the
        sign-in. Raises GoTo, FormOfAnother.
        """
        form = await self.request.form(max_files=60, max_fields=300)
        if self.citizen is None:
            raise GoTo(f"/login?next={quote(await self._kept(form, {}), safe='')}")
        if form.get("csrf") != self.facts.csrf:
            refusal = FormOfAnother(SEND_AGAIN)
            path = await self._kept(form, {"form": self.sentence(refusal)})
            raise refusal if path == self.request.url.path else GoTo(path)
        return self.citizen, form

    @contextmanager
    def shown_again(self, form: str) -> Iterator[None]:
        """The page of a form that another session had opened: where it belongs to another person, it says so.

        form  the query parameter `form`; empty where the page is simply looked at
        """
        try:
            yield
        except (DossierNotFound, DraftNotFound) as refusal:
            if not form:
                raise
            raise FormOfAnother(SEND_AGAIN) from refusal

    async def _kept(self, form: FormData, errors: Mapping[str, str]) -> str:
        """The address at which the page shows again what was written, if anything was."""
        id = drafts.new_form()
        fields = {name: value[:4000] for name, value in form.items() if isinstance(value, str) and name not in HIDDEN}
        papers, faults = await self.papers(drafts.nobody(self.sandbox.id, id), form)
        if not any(fields.values()) and not papers and not faults:
            return self.request.url.path
        await drafts.keep(self.portal, self.sandbox.id, id, drafts.Kept(fields, papers, {**faults, **errors}))
        return f"{self.request.url.path}?form={id}"

    async def papers(self, owner: Citizen, form: FormData) -> tuple[dict[str, list[str]], dict[str, str]]:
        """The files of a form, stored: field → ids of its papers, and field → why one of its files was refused."""
        papers: dict[str, list[str]] = {}
        errors: dict[str, str] = {}
        for name, upload in form.multi_items():
            if isinstance(upload, UploadFile) and upload.filename:
                try:
                    papers.setdefault(name, []).append(await uploads.receive(self.portal, owner, upload, self.text))
                except Refusal as refusal:
                    errors[name] = f"{upload.filename[:80]}: {self.errors(refusal, {})['form']}"
        return {name: ids for name, ids in papers.items() if ids}, errors

    def sentence(self, refusal: Refusal) -> str:
        """What a refusal says to a citizen."""
        return sentence(refusal, PROBLEMS, text, self.lang)

    def errors(self, refusal: Refusal, fields: Mapping[str, str], rest: str = "form") -> dict[str, str]:
        """Field → sentence, as `field_errors`; what belongs to no field stands under `rest`."""
        if isinstance(refusal, BodyDoesNotFit):
            return field_errors(refusal, fields, self.lang, rest)
        return {rest: self.sentence(refusal)}


async def visit_of(request: Request, portal: PortalDep, sandbox_id: SandboxId) -> CitizenVisit:
    sandbox = await known_sandbox(portal, sandbox_id)
    row = await registry.row_of(portal.database, sandbox_id)
    token = request.cookies.get(cookie_of(portal.settings), "")
    citizen = await sessions.citizen_of(portal, sandbox_id, token) if token else None
    name = str(row["name"]) if row and sandbox_id != DEFAULT else sandbox_id
    return CitizenVisit(portal, request, sandbox, name, citizen, token)


VisitDep = Annotated[CitizenVisit, Depends(visit_of)]


async def refused(request: Request, status: int, refusal: Refusal | None) -> Response:
    """The page of a refusal; what even this page cannot know is shown as JSON."""
    portal = runtime_of(request)
    assert isinstance(portal, Portal)
    sandbox_id = request.headers.get("x-sandbox") or DEFAULT
    try:
        visit = await visit_of(request, portal, sandbox_id)
    except Refusal:
        if refusal is None:
            raise
        raise refusal from None
    sentence = visit.sentence(refusal) if refusal else visit.text(without_refusal(status))
    law = refusal.law if refusal else ""
    return visit.render("refused.html", status, sentence=sentence, law=law, **trying_again(request, status))
