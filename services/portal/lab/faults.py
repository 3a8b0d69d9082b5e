"""The catalogue of named faults, and the fault rules of a sandbox."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.faults import FAMILIES, Kind, NamedFault, Setting
from contracts.faults.rules import RuleBody
from contracts.people import personas
from services.portal.api.views import PortalDep
from services.portal.lab.router import lab_router
from services.portal.runtime import Portal
from services.portal.sandboxes import fault_rules
from shared import http
from shared.runtime import known_sandbox
from shared.sandbox import faults
from shared.sandbox.clock import wire
from shared.sandbox.faults import Rule
from shared.storage.page import LARGEST
from shared.text import Text
from shared.web.dependencies import SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = lab_router()


class RuleView(BaseModel):
    """A rule that is on. `seen`, `fired`: how often it was evaluated and how often it fired, in all services."""

    model_config = ConfigDict(populate_by_name=True)
    id: str
    fault: str
    title_en: str
    title_vi: str
    match: dict[str, str]
    settings: dict[str, Any] = Field(alias="with")
    nth: int | None
    times: int | None
    probability: float | None
    since: str | None = Field(alias="from")
    until: str | None
    seen: int = 0
    fired: int = 0


class SettingView(BaseModel):
    """`least`, `most`: limits of a whole number, or of a duration in seconds; null for a word with `choices`."""

    name: str
    kind: str
    default: Any
    what: str
    choices: list[str]
    least: int | None
    most: int | None


class FaultView(BaseModel):
    """A named fault of the catalogue. A `steady` fault accepts no nth, times or probability."""

    model_config = ConfigDict(populate_by_name=True)
    name: str
    family: str
    edge: str
    title_en: str
    title_vi: str
    shows: str
    released: str
    teaches: str
    match: list[str]
    settings: list[SettingView]
    steady: bool
    example: dict[str, Any]

    @classmethod
    def of(cls, fault: NamedFault) -> FaultView:
        words = ("name", "family", "edge", "title_en", "title_vi", "shows", "released", "teaches", "steady")
        return cls(
            **{word: getattr(fault, word) for word in words},
            match=list(fault.match),
            settings=[_setting(setting) for setting in fault.settings],
            example={"fault": fault.name, **fault.example},
        )


def _setting(setting: Setting) -> SettingView:
    words = {word: getattr(setting, word) for word in ("name", "kind", "default", "what")}
    bounds = (None, None) if setting.kind is Kind.WORD else (setting.least, setting.most)
    return SettingView(**words, choices=list(setting.choices), least=bounds[0], most=bounds[1])


@router.get(
    "/faults", summary="Every named fault, with an example and what it teaches.", responses=problem_responses(422)
)
async def catalogue(
    page: PageDep,
    request: Request,
    response: Response,
    family: Annotated[Text, Query(json_schema_extra={"enum": ["", *FAMILIES]})] = "",
) -> list[FaultView]:
    return announce(request, response, page.of([FaultView.of(fault) for fault in fault_rules.of_family(family)]))


@router.get(
    "/sandboxes/{sandbox}/faults", summary="The fault rules that are on.", responses=problem_responses(404, 422)
)
async def rules_on(
    sandbox: SandboxPath, portal: PortalDep, page: PageDep, request: Request, response: Response
) -> list[RuleView]:
    return announce(request, response, page.of(await rules_with_counts(portal, sandbox)))


@router.post(
    "/sandboxes/{sandbox}/faults",
    summary="Switch a fault on; every service has the rule when this returns.",
    status_code=201,
    responses=problem_responses(404, 409, 422, 503),
)
async def switch_on(sandbox: SandboxPath, body: RuleBody, portal: PortalDep) -> RuleView:
    row = await known_sandbox(portal, sandbox)
    people, counts = row.people, await _counts(portal, sandbox)
    created: list[Rule] = []

    def is_over(rule: Rule) -> bool:
        seen = {service: rows[rule.key]["seen"] for service, rows in counts.items() if rule.key in rows}
        return fault_rules.is_over(rule, seen, row.now)

    def change(rules: tuple[Rule, ...], version: int) -> list[Rule]:
        created[:] = [fault_rules.checked_rule(body, version, personas(people))]
        return fault_rules.with_rule(rules, created[0], {rule.key for rule in rules if is_over(rule)})

    await portal.ownership.change_faults(sandbox, change)
    return _view(created[0], 0, 0)


@router.delete(
    "/sandboxes/{sandbox}/faults/{rule}",
    summary="Switch a fault off; what it held back continues.",
    status_code=204,
    responses=problem_responses(404, 503),
)
async def switch_off(sandbox: SandboxPath, rule: Text, portal: PortalDep) -> Response:
    await known_sandbox(portal, sandbox)
    await portal.ownership.change_faults(sandbox, lambda rules, version: fault_rules.without_rule(rules, rule))
    return Response(status_code=204)


@router.delete(
    "/sandboxes/{sandbox}/faults",
    summary="Switch every fault off.",
    status_code=204,
    responses=problem_responses(404, 503),
)
async def switch_all_off(sandbox: SandboxPath, portal: PortalDep) -> Response:
    await known_sandbox(portal, sandbox)
    await portal.ownership.change_faults(sandbox, lambda rules, version: [])
    return Response(status_code=204)


async def rules_with_counts(portal: Portal, sandbox_id: str) -> list[RuleView]:
    sandbox = await known_sandbox(portal, sandbox_id)
    counts = (await _counts(portal, sandbox_id)).values()

    def total(rule: Rule, what: str) -> int:
        return sum(rows[rule.key][what] for rows in counts if rule.key in rows)

    return [_view(rule, total(rule, "seen"), total(rule, "fired")) for rule in faults.rules_of(sandbox.faults)]


async def _counts(portal: Portal, sandbox_id: str) -> dict[str, dict[str, Any]]:
    """Service → key of a rule → its counts there; a service that does not reply is left out."""

    async def counts_at(url: str) -> list[dict[str, Any]]:
        try:
            response = await http.call(
                portal.http, "GET", f"{url}/_lab/sandboxes/{sandbox_id}/firings?page_size={LARGEST}"
            )
        except http.Unreachable:
            return []
        return list(response.json()) if response.status_code == 200 else []

    peers = portal.ownership.services
    of_peers = await asyncio.gather(*(counts_at(url) for url in peers.values()))
    of_all = {
        portal.service: await faults.counts(portal.database, sandbox_id),
        **dict(zip(peers, of_peers, strict=True)),
    }
    return {service: {row["rule"]: row for row in rows} for service, rows in of_all.items()}


def _view(rule: Rule, seen: int, fired: int) -> RuleView:
    words = {name: getattr(rule, name) for name in ("id", "fault", "match", "settings", "nth", "times", "probability")}
    moments = {name: wire(at) if (at := getattr(rule, name)) else None for name in ("since", "until")}
    return RuleView(title_en=rule.text_en, title_vi=rule.text_vi, seen=seen, fired=fired, **words, **moments)
