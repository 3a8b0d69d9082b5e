"""The document store of the gateway: its dossiers, with an index by province."""

from __future__ import annotations

from sqlalchemy import Boolean, Text

from contracts import lifecycle as law
from services.province_gateway.domain import Dossier
from shared.storage.documents import DocumentStore, Listed

# The dossier has not ended, or has an open withdrawal request.
IS_OPEN = (
    f"((body->>'state_code')::int NOT IN ({', '.join(str(state.code) for state in law.FINAL)}) "
    "OR body->>'withdrawal_reason' IS NOT NULL)"
)
DOSSIERS: DocumentStore[Dossier] = DocumentStore(
    "dossiers",
    Dossier,
    born="submitted_at",
    columns={"province": (Text, "body->>'province'"), "open": (Boolean, IS_OPEN)},
    lists={"province": Listed("province"), "open": Listed("province", only="open"), "all_open": Listed(only="open")},
)
