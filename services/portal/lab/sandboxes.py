"""Sandboxes: create, list, change and delete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from contracts.faults.rules import MOST_RULES, RuleBody
from contracts.identity import own_client
from contracts.modes import Modes, province_faults
from contracts.people import STANDING, Population
from services.portal.api.views import PortalDep
from services.portal.lab.modes import must_have_door
from services.portal.lab.router import lab_router
from services.portal.runtime import Portal
from services.portal.sandboxes import fault_rules
from services.portal.sandboxes.owner import SandboxSpec
from shared.errors import BodyDoesNotFit
from shared.sandbox import registry
from shared.sandbox.clock import NOW_SQL, DurationText, TimeText, parse_duration, parse_time, wire
from shared.sandbox.names import DEFAULT
from shared.sandbox.recording import RecordedCall
from shared.storage.page import Cut, Page
from shared.text import Line, ShownLine
from shared.web.dependencies import ForServices, SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = lab_router()
TIME_TO_LIVE = "7d"  # default
LONGEST = timedelta(days=3660)  # for more, send null
Name = Annotated[ShownLine, Field(max_length=100)]
LISTED_SQL = f"""
SELECT {", ".join(f"s.{name}" for name in registry.COLUMNS)}, {NOW_SQL} AS now FROM sandboxes s
WHERE NOT s.deleted AND ($1::timestamptz IS NULL OR (s.created_at, s.id) > ($1, $2))
ORDER BY s.created_at, s.id LIMIT $3"""


class NewSandbox(Population):
    """All optional. `rate` is sandbox seconds per real second; 0 is frozen. The default `start` is drawn from the seed.

    `time_to_live` is real time, such as `1h`, because a frozen clock would never reach an end.
    `people` and `organisations` exist only here, beside the six people of every sandbox; they cannot be changed later.
    `modes` (by province, or `*` for all others) and `faults` apply from the start; the form is that of their endpoints.
    """

    seed: Annotated[Line, Field(min_length=1, max_length=100)] | None = None
    name: Name | None = None
    start: TimeText | None = None
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)] = 0
    time_to_live: Annotated[DurationText | None, Field(description="null: until it is deleted")] = TIME_TO_LIVE
    modes: Modes = Field(default_factory=dict)
    faults: Annotated[list[RuleBody], Field(max_length=MOST_RULES)] = Field(default_factory=list)

    def checked(self) -> SandboxSpec:
        """The sandbox to create. Raises BodyDoesNotFit with everything that is wrong."""
        rules, unfit = fault_rules.checked_rules(self.faults, "/faults", personas=(*STANDING, *self.people))
        wrong = [*province_faults(self.modes), *unfit]
        start = time_to_live = None
        try:
            start = parse_time(self.start, "/start") if self.start is not None else None
        except BodyDoesNotFit as error:
            wrong += error.misfits()
        try:
            time_to_live = _time_to_live(self.time_to_live)
        except BodyDoesNotFit as error:
            wrong += error.misfits()
        if wrong:
            raise BodyDoesNotFit(*wrong)
        modes = {province: mode.document() for province, mode in self.modes.items()}
        return SandboxSpec(self.seed, self.name, start, self.rate, time_to_live, self.document(), modes, rules)

    def equivalent_calls(self, sandbox_id: str) -> Iterator[RecordedCall]:
        """The calls that would have the same effect after the creation, for a replay."""
        calls: list[tuple[str, str, BaseModel]] = [("PUT", f"modes/{name}", mode) for name, mode in self.modes.items()]
        calls += [("POST", "faults", rule) for rule in self.faults]
        for method, path, body in calls:
            content = body.model_dump_json(by_alias=True, exclude_unset=True).encode()
            yield RecordedCall("", method, f"/_lab/sandboxes/{sandbox_id}/{path}", "application/json", content)


class ChangedSandbox(BaseModel):
    """A member that is left out changes nothing; `time_to_live` counts from now."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    time_to_live: DurationText | None = None


class SandboxView(BaseModel):
    """`issuer` and `oidc_client` are for signing people in to this sandbox; `api_key` selects it, as X-Sandbox does.

    `people` and `organisations` are those of this sandbox only, with every default filled in. `lagging` names the
    services that do not have the sandbox yet.
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
    summary="Create a sandbox; its clock is frozen unless a rate is given.",
    status_code=201,
    responses=problem_responses(409, 422, 503),
)
async def create_sandbox(portal: PortalDep, body: NewSandbox | None = None) -> SandboxView:
    new = body or NewSandbox()
    await must_have_door(portal, new.modes.values())
    row, lagging = await portal.ownership.create(new.checked(), new.equivalent_calls)
    view = await show_row(portal, row["id"])
    return view.model_copy(update={"lagging": lagging})


@router.get(
    "/sandboxes", summary="All sandboxes that are not deleted, the oldest first.", responses=problem_responses(422)
)
async def list_sandboxes(portal: PortalDep, page: PageDep, request: Request, response: Response) -> list[SandboxView]:
    cut = await _page(portal, page)
    return [_view(portal, row) for row in announce(request, response, cut)]


@router.get("/sandboxes/{sandbox}", summary="A sandbox and its current time.", responses=problem_responses(404))
async def sandbox_of(sandbox: SandboxPath, portal: PortalDep) -> SandboxView:
    return await show_row(portal, sandbox)


@router.patch(
    "/sandboxes/{sandbox}",
    summary="Change the name or the time to live.",
    responses=problem_responses(404, 422),
)
async def change_sandbox(sandbox: SandboxPath, body: ChangedSandbox, portal: PortalDep) -> SandboxView:
    forever = "time_to_live" in body.model_fields_set and body.time_to_live is None
    if sandbox == DEFAULT and body.time_to_live is not None:
        raise BodyDoesNotFit(("/time_to_live", "the default sandbox does not expire: leave this out"))
    lagging = await portal.ownership.describe(sandbox, body.name, _time_to_live(body.time_to_live), forever=forever)
    view = await show_row(portal, sandbox)
    return view.model_copy(update={"lagging": lagging})


@router.get(
    "/sandboxes/{sandbox}/row",
    summary="The whole row, for services that do not have it.",
    tags=["services"],
    dependencies=[ForServices],
    responses=problem_responses(403, 404),
)
async def sandbox_row(sandbox: SandboxPath, portal: PortalDep) -> dict[str, Any]:
    row = await registry.row_of(portal.database, sandbox)
    if row is None:
        raise await registry.missing(portal.database, sandbox)
    return registry.wire_form({**dict(row), "opened": True})


@router.delete(
    "/sandboxes/{sandbox}",
    summary="Delete a sandbox in every service; 202 names the services that did not reply and get the deletion later.",
    status_code=204,
    responses=problem_responses(404, 409),
)
async def delete_sandbox(sandbox: SandboxPath, portal: PortalDep) -> Response:
    lagging = await portal.ownership.delete(sandbox)
    return JSONResponse({"lagging": lagging}, 202) if lagging else Response(status_code=204)


def _time_to_live(text: str | None) -> timedelta | None:
    """Raises BodyDoesNotFit if `text` is not a duration, or out of range."""
    if text is None:
        return None
    duration = parse_duration(text, "/time_to_live")
    if not timedelta(0) < duration <= LONGEST:
        raise BodyDoesNotFit(("/time_to_live", f"choose between 1s and {LONGEST.days}d, or null for no end"))
    return duration


async def _page(portal: Portal, page: Page) -> Cut[Any]:
    """A page of sandboxes; the page token is `created_at` and id of the last row before it."""
    moment, _, last = (page.after or "").partition("/")
    after = parse_time(moment, "/query/page_token") if page.after else None
    rows = await portal.database.fetch(LISTED_SQL, after, last, page.size + 1)
    total = (await portal.database.fetch("SELECT count(*) AS n FROM sandboxes WHERE NOT deleted"))[0]["n"]
    shown, more = rows[: page.size], len(rows) > page.size
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
    columns = {name: row[name] for name in ("id", "name", "seed", "rate", "api_key")}
    issuer, own = portal.settings.identity_url, msgspec.json.decode(row["people"])
    return SandboxView(
        **columns,
        now=wire(row["now"]),
        created_at=wire(row["created_at"]),
        begins_at=wire(row["begins_at"]) if row["begins_at"] else None,
        expires_at=_real(row["expires_at"]),
        oidc_client=own_client(row["id"]),
        issuer=issuer if row["id"] == DEFAULT else f"{issuer}/s/{row['id']}",
        people=own.get("people", {}),
        organisations=own.get("organisations", {}),
        lagging=[],
    )


def _real(at: datetime | None) -> str | None:
    """Real time, therefore in UTC and not in business time."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
