"""The modes of provinces in a sandbox: read, set, reset. A change returns when every dossier is planned again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import httpx
import msgspec
from fastapi import Request, Response
from pydantic import BaseModel

from contracts.catalogue import PROVINCES
from contracts.modes import KAFKA, REST, Mode, in_force, province_fault
from services.portal.api.views import PortalDep
from services.portal.lab.router import lab_router
from services.portal.runtime import Portal
from shared import http
from shared.errors import BodyDoesNotFit, NotReady, ReceiverNotAllowed
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = lab_router()


class ModeView(BaseModel):
    """`set_for`: where the mode is set: for the province itself, for `*`, or nowhere (null).

    `adapter`: only over the adapter API: its profile, and the members that are otherwise than in it.
    """

    province: str
    name_vi: str
    name_en: str
    mode: str
    tempo: str | None
    decisions: dict[str, Any] | None
    via: str | None
    url: str | None
    content_mode: str | None
    gate: str | None
    adapter: dict[str, Any] | None
    set_for: str | None


@router.get(
    "/sandboxes/{sandbox}/modes",
    summary="The mode of each province.",
    responses=problem_responses(404, 422),
)
async def modes(
    sandbox: SandboxPath, portal: PortalDep, page: PageDep, request: Request, response: Response
) -> list[ModeView]:
    documents = msgspec.json.decode((await known_sandbox(portal, sandbox)).modes)
    return announce(request, response, page.of([_view(documents, province) for province in PROVINCES]))


@router.put(
    "/sandboxes/{sandbox}/modes/{province}",
    summary="Set the mode of a province; `*` stands for all provinces without a mode of their own.",
    responses=problem_responses(404, 409, 422, 503),
)
async def set_mode(sandbox: SandboxPath, province: Text, body: Mode, portal: PortalDep) -> ModeView:
    await _must_be_known(portal, sandbox, province)
    await must_have_door(portal, [body])
    await portal.ownership.set_mode(sandbox, province, body.document())
    return await _view_of(portal, sandbox, province)


@router.delete(
    "/sandboxes/{sandbox}/modes/{province}",
    summary="Reset a province: it then has the mode of all others.",
    responses=problem_responses(404, 422, 503),
)
async def reset_mode(sandbox: SandboxPath, province: Text, portal: PortalDep) -> ModeView:
    await _must_be_known(portal, sandbox, province)
    await portal.ownership.reset_mode(sandbox, province)
    return await _view_of(portal, sandbox, province)


async def must_have_door(portal: Portal, modes: Collection[Mode]) -> None:
    """The connectors that these modes name can be told.

    raises  BrokerNotPrepared if one is to come over Kafka, and the broker has no address for it; ReceiverNotAllowed,
            NotReady if the gateway, which calls receivers, does not reply
    """
    if any(mode.via == KAFKA for mode in modes):
        portal.settings.require_kafka_outside()
    if urls := [mode.url for mode in modes if mode.url is not None]:
        await _must_be_allowed(portal, urls)


async def _must_be_allowed(portal: Portal, urls: list[str]) -> None:
    address = f"{portal.settings.province_gateway_url}/_lab/receivers"
    try:
        response = await http.call(portal.internal, "POST", address, body={"urls": urls})
    except http.Unreachable as error:
        raise NotReady("The gateway does not reply; try again.", waits_for=["gateway"]) from error
    if response.status_code == httpx.codes.CONFLICT:
        refusal = response.json()
        raise ReceiverNotAllowed(refusal["detail"], host=refusal["host"])
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise BodyDoesNotFit(("/url", "is no address"))


async def _must_be_known(portal: Portal, sandbox_id: str, province: str) -> None:
    await known_sandbox(portal, sandbox_id)
    if fault := province_fault(province):
        raise BodyDoesNotFit(("/path/province", fault))


async def _view_of(portal: Portal, sandbox_id: str, province: str) -> ModeView:
    return _view(msgspec.json.decode((await known_sandbox(portal, sandbox_id)).modes), province)


def _view(documents: dict[str, Any], province: str) -> ModeView:
    document, set_for = in_force(documents, province)
    names = ("các tỉnh còn lại", "all others")
    if province != REST:
        names = (PROVINCES[province].name_vi, PROVINCES[province].name_en)
    return ModeView(
        province=province,
        name_vi=names[0],
        name_en=names[1],
        mode=document["mode"],
        tempo=document.get("tempo"),
        decisions=document.get("decisions"),
        via=document.get("via"),
        url=document.get("url"),
        content_mode=document.get("content_mode"),
        gate=document.get("gate"),
        adapter=document.get("adapter"),
        set_for=set_for,
    )
