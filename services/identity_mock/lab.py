"""A test door of this service alone: who lives in a sandbox."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from services.identity_mock.people import people
from services.identity_mock.store import IdentityRuntime
from shared.paging import PageDep, announce
from shared.problems import problem_responses
from shared.runtime import known_sandbox
from shared.web import SandboxId, runtime_of

router = APIRouter(prefix="/_lab", tags=["lab"])


class PersonView(BaseModel):
    """An invented person; `persona` is what `login_hint` takes, `number` the 12 digits."""

    persona: str
    name: str
    number: str
    level: int
    born_on: str
    subject: str
    synthetic: bool = True


@router.get("/people", summary="Who can sign in.", responses=problem_responses(401, 403, 404, 422, 503))
async def people_of_sandbox(
    sandbox: SandboxId, request: Request, page: PageDep, response: Response
) -> list[PersonView]:
    here = await known_sandbox(cast(IdentityRuntime, runtime_of(request)), sandbox)
    found = [
        PersonView(
            persona=each.hint,
            name=each.name,
            number=each.number,
            level=each.level,
            born_on=each.born_on.isoformat(),
            subject=each.id,
        )
        for each in people(here).values()
    ]
    return announce(request, response, page.of(found))
