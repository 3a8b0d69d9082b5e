"""What the gateway asks for a province's own connector: earlier events of dossiers, and signed addresses of papers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from services.portal.api.views import PortalDep
from services.portal.lab.router import lab_router
from shared.runtime import known_sandbox
from shared.sandbox.clock import wire
from shared.text import Exact, Text
from shared.web.dependencies import ForServices, SandboxPath

router = lab_router("services", dependencies=[ForServices], refusals=(422, 503))
EARLIER_SQL = """
SELECT subject, version, id, type, at, real_at, traceparent, body FROM events
WHERE sandbox = $1 AND subject = ANY($2) ORDER BY subject, version"""


class Dossiers(BaseModel):
    dossiers: Annotated[list[Text], Field(max_length=500)]


class StoredFile(BaseModel):
    sha256: Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[Exact, Field(max_length=200)]


class StoredFiles(BaseModel):
    files: Annotated[list[StoredFile], Field(max_length=100_000)]


@router.post(
    "/sandboxes/{sandbox}/earlier-events", summary="Every event that the portal published about these dossiers"
)
async def earlier_events(sandbox: SandboxPath, body: Dossiers, portal: PortalDep) -> dict[str, Any]:
    await known_sandbox(portal, sandbox)
    rows = await portal.database.fetch(EARLIER_SQL, sandbox, body.dossiers)
    events = [{**dict(row), "at": wire(row["at"]), "real_at": row["real_at"].isoformat()} for row in rows]
    return {"events": events}


@router.post("/sandboxes/{sandbox}/addresses", summary="A signed address of each file, in the order of the request")
async def addresses(sandbox: SandboxPath, body: StoredFiles, portal: PortalDep) -> dict[str, Any]:
    row = await known_sandbox(portal, sandbox)
    signed = [await portal.files.address(row, file.sha256, file.name, "sandbox") for file in body.files]
    return {"addresses": [address.url for address in signed]}
