"""Results of dossiers: fetched from the province once, checked, and stored as papers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from contracts import file_types
from shared import http
from shared.errors import NotReady, Refusal
from shared.runtime import Runtime
from shared.sandbox.files import Files

if TYPE_CHECKING:
    from services.portal.auth import Citizen
from services.portal.papers.store import PAPER_SQL, RESULT, Paper, keep


class ResultNotThere(Refusal):
    """The province has no result of this dossier yet, or the dossier ended without one."""


class ResultNotReadable(Refusal):
    """The result that the province sent is not an accepted file."""


async def result_of(runtime: Runtime, files: Files, citizen: Citizen, dossier_code: str, province: str) -> Paper:
    """The result of a dossier as a paper of the citizen: fetched from the province once, then stored.

    The caller has checked that the dossier belongs to this citizen.

    raises  ResultNotThere, ResultNotReadable, NotReady (the province does not reply)
    """
    rows = await runtime.database.fetch(
        f"{PAPER_SQL} AND p.kind = '{RESULT}' AND p.dossier = $3", citizen.sandbox, citizen.id, dossier_code
    )
    if rows:
        return Paper(**rows[0])
    content = await _fetch_result(runtime, citizen.sandbox, dossier_code, province)
    try:
        kind = await asyncio.to_thread(file_types.kind_of, content)
    except Refusal as refusal:
        raise ResultNotReadable(
            "Ask the office for it.", dossier=dossier_code, reason=type(refusal).__name__
        ) from refusal
    name = f"ket-qua-{dossier_code}{kind.extensions[0]}"
    paper, _ = await keep(runtime, files, citizen, content, kind, name, result_of=dossier_code)
    return paper


async def _fetch_result(runtime: Runtime, sandbox_id: str, dossier_code: str, province: str) -> bytes:
    url = f"{runtime.settings.province_gateway_url}/api/v1/provinces/{province}/dossiers/{dossier_code}/result"
    try:
        response = await http.call(runtime.http, "GET", url, sandbox_id=sandbox_id)
    except http.Unreachable as error:
        raise NotReady("The province does not reply; try again.", waits_for=["gateway"]) from error
    if response.status_code != 200:
        raise ResultNotThere("GET the dossier: `result` shows when it is ready.", dossier=dossier_code)
    return response.content
