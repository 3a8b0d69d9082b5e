"""Two views of one dossier: what the network has, and what its province pushed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.province_gateway.api.views import GatewayDep
from services.province_gateway.legacy import looking
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["adapter"])


class DifferenceView(BaseModel):
    """A field that the network has otherwise than the province pushed it."""

    field: str
    network: Any
    pushed: Any


class LostView(BaseModel):
    """A fact of the dossier that the adapter API cannot say; `field`: has a part of it, null if none does."""

    fact: str
    field: str | None


class ViewsView(BaseModel):
    """What each interface says of a dossier.

    code_of_province  as the province calls it; `code` in the path can be either
    network           as the adapter API shows it; `pushed`: null if it never was
    only_pushed       fields that say something only as they were pushed: no event carries it
    """

    code: str
    code_of_province: str
    network: dict[str, Any]
    pushed: dict[str, Any] | None
    differs: list[DifferenceView]
    only_pushed: list[str]
    lost: list[LostView]


@router.get(
    "/dossiers/{code}/views",
    summary="What each interface says of a dossier: the network, and what its province pushed.",
    responses=problem_responses(404),
)
async def views(code: Text, sandbox: SandboxId, gateway: GatewayDep) -> ViewsView:
    await known_sandbox(gateway, sandbox)
    both = await looking.both(gateway, sandbox, code)
    return ViewsView(
        code=both.code,
        code_of_province=both.theirs,
        network=both.events,
        pushed=both.pushed or None,
        differs=[DifferenceView(field=name, network=ours, pushed=said) for name, (ours, said) in both.differs.items()],
        only_pushed=both.only,
        lost=[LostView(fact=fact, field=field or None) for fact, field in both.lost.items()],
    )
