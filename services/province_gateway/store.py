"""The document store of the gateway: its dossiers, with an index by province."""

from __future__ import annotations

from contracts import lifecycle as law
from services.province_gateway.domain import Dossier
from shared.storage.documents import DocumentStore

# SQL condition: the dossier has not ended, or has an open withdrawal request.
OPEN = (
    f"((body->>'state_code')::int NOT IN ({', '.join(str(state.code) for state in law.FINAL)}) "
    "OR body->>'withdrawal_reason' IS NOT NULL)"
)
DOSSIERS: DocumentStore[Dossier] = DocumentStore(
    "dossiers", Dossier, born="submitted_at", indexes={"province": "(body->>'province')"}
)
