"""The document store of the portal: dossiers, indexed by applicant and owner."""

from __future__ import annotations

from services.portal.domain import Dossier
from shared.storage.documents import DocumentStore

DOSSIERS: DocumentStore[Dossier] = DocumentStore(
    "dossiers",
    Dossier,
    born="submitted_at",
    indexes={"applicant": "(body->>'applicant_id')", "owner": "(body->'owner'->>'id')"},
    sparse=("owner",),
)
