"""How provinces differ at the adapter API."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from contracts.legacy.profiles import OF_ANSWERS, OF_PUSHES, PROFILES
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["adapter"])


class ProfileView(BaseModel):
    """How a province differs at the adapter API.

    mark      V read in public code, W seen on the wire, G plausible
    answers   how the API answers it: error code of success, texts, life of a session, latency
    pushes    how it pushes: form of times, fields left out, names in capitals, histories again, and so on
    """

    name: str
    title_vi: str
    title_en: str
    mark: str
    source: str
    answers: dict[str, Any]
    pushes: dict[str, Any]


@router.get(
    "/adapter-profiles", summary="The profiles of provinces at the adapter API.", responses=problem_responses(422)
)
async def profiles(request: Request, page: PageDep, response: Response) -> list[ProfileView]:
    views = [
        ProfileView(
            name=name,
            title_vi=profile.name[0],
            title_en=profile.name[1],
            mark=profile.mark,
            source=profile.source,
            answers={member: getattr(profile, member) for member in OF_ANSWERS},
            pushes={member: getattr(profile, member) for member in OF_PUSHES},
        )
        for name, profile in PROFILES.items()
    ]
    return announce(request, response, page.of(views))
