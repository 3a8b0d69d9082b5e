"""Complete messages about a dossier, for who plays its connector."""

from __future__ import annotations

import uuid
from typing import Any

from contracts import gate
from contracts import lifecycle as law
from contracts.gate import Known
from contracts.schemas import UnknownEventType, event_types, schema
from contracts.topics import FROM_PROVINCE
from services.province_gateway import queries
from services.province_gateway.domain import Dossier, DossierNotFound
from shared.did_you_mean import nearest
from shared.messaging.runtime import MessagingRuntime
from shared.runtime import known_sandbox


async def example(
    runtime: MessagingRuntime[Dossier], sandbox_id: str, province: str, code: str, type: str
) -> dict[str, Any]:
    """The structured form of a message that says `type` about a dossier now; its id is new.

    A type that the province may not say is filled from the example of its contract.

    raises  DossierNotFound, UnknownEventType
    """
    if type not in event_types():
        raise _unknown(type)
    shown = schema(type)["examples"][0]
    sandbox = await known_sandbox(runtime, sandbox_id)
    try:
        known: Known | None = Known.of(await queries.dossier(runtime, sandbox_id, province, code))
    except DossierNotFound:
        if type not in (law.DOSSIER_REGISTERED,):
            raise
        known = None
    identity = f"lienthong-{uuid.uuid4()}"
    if type in FROM_PROVINCE and (made := gate.example(known, type, sandbox.now, province=province, id=identity)):
        return made
    facts = {"dossier_code": code, "province": province}
    return {
        "specversion": "1.0",
        "id": identity,
        "source": f"/provinces/{province}",
        "type": type,
        "subject": code,
        "datacontenttype": "application/json",
        "data": {**shown, **facts},
    }


def _unknown(type: str) -> UnknownEventType:
    """The refusal of a type that no contract has: it names those that a province says."""
    words = {name.split(".")[1]: name for name in FROM_PROVINCE}  # `received` of dossier.received.v1
    similar = nearest(type.removeprefix("dossier.").partition(".")[0], words)
    meant = f"Did you mean {words[similar]}?" if similar else "`known` lists what a province says."
    return UnknownEventType(meant, event_type=type, known=list(FROM_PROVINCE))
