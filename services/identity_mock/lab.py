"""The lab endpoints that only identity_mock has: the people of a sandbox, and the revoked tokens."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import Request, Response
from pydantic import BaseModel

from services.identity_mock import store
from services.identity_mock.people import people
from services.identity_mock.register import register
from services.identity_mock.runtime import IdentityRuntime
from shared.runtime import known_sandbox
from shared.web.dependencies import ForServices, SandboxId, runtime_of
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab", tags=["lab"])


class RepresentedView(BaseModel):
    """A person or an organisation for whom a person may act. `id` is the personal number or the tax code."""

    kind: Literal["person", "organisation"]
    id: str
    name: str


class PersonView(BaseModel):
    """An invented person. `persona` is the value for `login_hint`; `number` is the personal number of 12 digits."""

    persona: str
    name: str
    number: str
    level: int
    born_on: str
    subject: str
    represents: list[RepresentedView]
    synthetic: bool = True


@router.get("/people", summary="The people who can sign in", responses=problem_responses(401, 403, 404, 422, 503))
async def people_of_sandbox(
    sandbox_id: SandboxId, request: Request, page: PageDep, response: Response
) -> list[PersonView]:
    sandbox = await known_sandbox(cast(IdentityRuntime, runtime_of(request)), sandbox_id)
    represented = register(sandbox)
    views = [
        PersonView(
            persona=each.hint,
            name=each.name,
            number=each.number,
            level=each.level,
            born_on=each.born_on.isoformat(),
            subject=each.id,
            represents=[RepresentedView(**one) for one in represented.get(each.hint, [])],
        )
        for each in people(sandbox).values()
    ]
    return announce(request, response, page.of(views))


class RevokedTokens(BaseModel):
    """Access tokens by their claim `jti`."""

    tokens: list[str]


@router.get(
    "/revoked-tokens",
    summary="The access tokens that are revoked, in all sandboxes",
    tags=["services"],
    dependencies=[ForServices],
)
async def revoked_tokens(request: Request) -> RevokedTokens:
    return RevokedTokens(tokens=await store.revoked(runtime_of(request).database))
