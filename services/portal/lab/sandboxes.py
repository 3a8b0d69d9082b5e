"""Sandboxes made, listed, renamed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from contracts.faults.rules import MOST_RULES, RuleBody
from contracts.modes import Modes, province_faults
from contracts.people import STANDING, Population
from services.portal.api.views import PortalDep
from services.portal.runtime import Portal
from services.portal.sandboxes import fault_rules
from services.portal.sandboxes.owner import Wanted
from shared.errors import BodyDoesNotFit
from shared.sandbox import registry
from shared.sandbox.clock import NOW_SQL, parse_duration, parse_time, wire
from shared.sandbox.names import DEFAULT
from shared.sandbox.recording import RecordedCall
from shared.storage.page import Cut, Page
from shared.text import Shown, Text
from shared.web.dependencies import SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter()
LIVES = "7d"  # of a sandbox that nobody gave a time to live
LONGEST = timedelta(days=3660)  # who wants more says null
Name = Annotated[Shown, Field(max_length=100)]
Lives = Annotated[Text, Field(max_length=40, examples=["7d", "PT1H"])]
LISTED_SQL = f"""
SELECT {", ".join(f"s.{name}" for name in registry.COLUMNS)}, {NOW_SQL} AS now FROM sandboxes s
WHERE NOT s.deleted AND ($1::timestamptz IS NULL OR (s.created_at, s.id) > ($1, $2)) ORDER BY s.created_at, s.id LIMIT $3"""


class NewSandbox(Population):
    """All optional. `rate` is sandbox seconds per real second; 0 is frozen. `start` comes from the seed unless given.

    `time_to_live` is real time, such as `1h`: a frozen clock comes to no end.
    `people` and `organisations` are its own, beside the six people of every sandbox; they stay as they are.
    `modes` (by province, or `*` for all others) and `faults` are what it begins with, as their own doors take them.
    """

    seed: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    name: Name | None = None
    start: Annotated[Text, Field(max_length=40)] | None = None
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)] = 0
    time_to_live: Annotated[Lives | None, Field(description="null: until somebody deletes it")] = LIVES
    modes: Modes = Field(default_factory=dict)
    faults: Annotated[list[RuleBody], Field(max_length=MOST_RULES)] = Field(default_factory=list)

    def checked(self) -> Wanted:
        """With its instants and rules read. Raises BodyDoesNotFit with all that cannot be."""
        rules, unfit = fault_rules.rules_asked(self.faults, "/faults", personas=(*STANDING, *self.people))
        wrong = [*province_faults(self.modes), *unfit]
        start = lives = None
        try:
            start = parse_time(self.start, "/start") if self.start is not None else None
        except BodyDoesNotFit as error:
            wrong += error.misfits()
        try:
            lives = _lives(self.time_to_live)
        except BodyDoesNotFit as error:
            wrong += error.misfits()
        if wrong:
            raise BodyDoesNotFit(*wrong)
        modes = {province: mode.document() for province, mode in self.modes.items()}
        return Wanted(self.seed, self.name, start, self.rate, lives, self.document(), modes, rules)

    def made_as(self, sandbox_id: str) -> Iterator[RecordedCall]:
        """The calls that would have come to the same after it was made, for a replay."""
        doors: list[tuple[str, str, BaseModel]] = [("PUT", f"modes/{word}", mode) for word, mode in self.modes.items()]
        doors += [("POST", "faults", rule) for rule in self.faults]
        for method, door, body in doors:
            said = body.model_dump_json(by_alias=True, exclude_unset=True).encode()
            yield RecordedCall("", method, f"/_lab/sandboxes/{sandbox_id}/{door}", "application/json", said)


class ChangedSandbox(BaseModel):
    """What is left out stays; `time_to_live` counts from now."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    time_to_live: Lives | None = None


class SandboxView(BaseModel):
    """`issuer` and `oidc_client` are where and as what a client of its own signs people in; `api_key` chooses it too.

    `people` and `organisations` are those of its own, with every choice written down. `lagging` names the services that
    do not know it yet.
    """

    id: str
    name: str
    seed: str
    rate: float
    now: str
    created_at: str
    begins_at: str | None
    expires_at: str | None
    api_key: str
    oidc_client: str
    issuer: str
    people: dict[str, dict[str, Any]]
    organisations: dict[str, dict[str, Any]]
    lagging: list[str]


@router.post(
    "/sandboxes",
    summary="A new sandbox, frozen unless it has a rate.",
    status_code=201,
    responses=problem_responses(422, 503),
)
async def create_sandbox(portal: PortalDep, body: NewSandbox | None = None) -> SandboxView:
    asked = body or NewSandbox()
    row, lagging = await portal.ownership.create(asked.checked(), asked.made_as)
    shown = await show_row(portal, row["id"])
    return shown.model_copy(update={"lagging": lagging})


@router.get(
    "/sandboxes", summary="Every sandbox that lives, in the order of their making.", responses=problem_responses(422)
)
async def list_sandboxes(portal: PortalDep, page: PageDep, request: Request, response: Response) -> list[SandboxView]:
    cut = await _page(portal, page)
    return [_view(portal, row) for row in announce(request, response, cut)]


@router.get("/sandboxes/{sandbox}", summary="A sandbox and what time it is there.", responses=problem_responses(404))
async def sandbox_of(sandbox: SandboxPath, portal: PortalDep) -> SandboxView:
    return await show_row(portal, sandbox)


@router.patch(
    "/sandboxes/{sandbox}",
    summary="Another name, or another time to live.",
    responses=problem_responses(404, 422),
)
async def change_sandbox(sandbox: SandboxPath, body: ChangedSandbox, portal: PortalDep) -> SandboxView:
    forever = "time_to_live" in body.model_fields_set and body.time_to_live is None
    if sandbox == DEFAULT and body.time_to_live is not None:
        raise BodyDoesNotFit(("/time_to_live", "the default sandbox stays: leave it out"))
    lagging = await portal.ownership.describe(sandbox, body.name, _lives(body.time_to_live), forever=forever)
    shown = await show_row(portal, sandbox)
    return shown.model_copy(update={"lagging": lagging})


@router.get(
    "/sandboxes/{sandbox}/row",
    summary="The whole row, for services that never heard of it.",
    responses=problem_responses(404),
)
async def sandbox_row(sandbox: SandboxPath, portal: PortalDep) -> dict[str, Any]:
    row = await registry.row_of(portal.database, sandbox)
    if row is None:
        raise await registry.missing(portal.database, sandbox)
    return registry.wire_form({**dict(row), "opened": True})


@router.delete(
    "/sandboxes/{sandbox}",
    summary="Delete it everywhere; 202 names the services that will be told as soon as they answer.",
    status_code=204,
    responses=problem_responses(404, 409),
)
async def delete_sandbox(sandbox: SandboxPath, portal: PortalDep) -> Response:
    lagging = await portal.ownership.delete(sandbox)
    return JSONResponse({"lagging": lagging}, 202) if lagging else Response(status_code=204)


def _lives(text: str | None) -> timedelta | None:
    """Raises BodyDoesNotFit for what is no duration, or none that makes sense."""
    if text is None:
        return None
    lives = parse_duration(text, "/time_to_live")
    if not timedelta(0) < lives <= LONGEST:
        raise BodyDoesNotFit(("/time_to_live", f"choose between 1s and {LONGEST.days}d, or null for no end"))
    return lives


async def _page(portal: Portal, page: Page) -> Cut[Any]:
    """A page of the living; its places are the moment and id of the row before."""
    moment, _, last = (page.after or "").partition("/")
    after = parse_time(moment, "/query/page_token") if page.after else None
    rows = await portal.database.fetch(LISTED_SQL, after, last, page.size + 1)
    total = (await portal.database.fetch("SELECT count(*) AS n FROM sandboxes WHERE NOT deleted"))[0]["n"]
    shown = rows[: page.size]
    more = len(rows) > page.size
    return Cut(shown, f"{shown[-1]['created_at'].isoformat()}/{shown[-1]['id']}" if more else None, total)


async def show_row(portal: Portal, sandbox_id: str) -> SandboxView:
    columns = ", ".join(f"s.{name}" for name in registry.COLUMNS)
    rows = await portal.database.fetch(
        f"SELECT {columns}, {NOW_SQL} AS now FROM sandboxes s WHERE s.id = $1 AND NOT s.deleted", sandbox_id
    )
    if not rows:
        raise await registry.missing(portal.database, sandbox_id)
    return _view(portal, rows[0])


def _view(portal: Portal, row: Any) -> SandboxView:
    shown = {name: row[name] for name in ("id", "name", "seed", "rate", "api_key")}
    issuer, own = portal.settings.identity_url, msgspec.json.decode(row["people"])
    return SandboxView(
        **shown,
        now=wire(row["now"]),
        created_at=wire(row["created_at"]),
        begins_at=wire(row["begins_at"]) if row["begins_at"] else None,
        expires_at=_real(row["expires_at"]),
        oidc_client="lienthong-demo" if row["id"] == DEFAULT else f"lienthong-{row['id']}",
        issuer=issuer if row["id"] == DEFAULT else f"{issuer}/s/{row['id']}",
        people=own.get("people", {}),
        organisations=own.get("organisations", {}),
        lagging=[],
    )


def _real(at: datetime | None) -> str | None:
    """Real time, which is nobody's business time: in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
