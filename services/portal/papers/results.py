"""Results that provinces hand over: where the file is, and whether it is what it says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.portal.papers import file_types
from shared import http
from shared.errors import NotReady, Refusal
from shared.runtime import Runtime
from shared.sandbox.files import Files

if TYPE_CHECKING:
    from services.portal.auth import Citizen
from services.portal.papers.store import PAPER_SQL, RESULT, Paper, keep


class ResultNotThere(Refusal):
    """The province has no result of this dossier yet, or it ended without one."""


class ResultNotReadable(Refusal):
    """What the province sent as the result is no file that can be kept."""


# --- results --------------------------------------------------------------------------------------------------------------
async def result_of(runtime: Runtime, files: Files, citizen: Citizen, dossier_code: str, province: str) -> Paper:
    """The result of a dossier as a paper of the citizen's: asked of its province once, then kept.

    The caller has made sure that the dossier is this citizen's.

    raises  ResultNotThere, ResultNotReadable, NotReady (the province is silent)
    """
    rows = await runtime.database.fetch(
        f"{PAPER_SQL} AND p.kind = '{RESULT}' AND p.dossier = $3", citizen.sandbox, citizen.id, dossier_code
    )
    if rows:
        return Paper(**rows[0])
    content = await _result_at(runtime, citizen.sandbox, dossier_code, province)
    try:
        kind = await asyncio.to_thread(file_types.kind_of, content)
    except Refusal as refusal:
        raise ResultNotReadable(
            "Ask the office for it.", dossier=dossier_code, reason=type(refusal).__name__
        ) from refusal
    name = f"ket-qua-{dossier_code}{kind.extensions[0]}"
    paper, _ = await keep(runtime, files, citizen, content, kind, name, result_of=dossier_code)
    return paper


async def _result_at(runtime: Runtime, sandbox_id: str, dossier_code: str, province: str) -> bytes:
    url = f"{runtime.settings.province_gateway_url}/api/v1/provinces/{province}/dossiers/{dossier_code}/result"
    try:
        answer = await http.call(runtime.http, "GET", url, sandbox_id=sandbox_id)
    except http.Unreachable as error:
        raise NotReady("The province does not answer; try again.", waits_for=["gateway"]) from error
    if answer.status_code != 200:
        raise ResultNotThere("Look at the dossier: `result` tells when it is ready.", dossier=dossier_code)
    return answer.content
