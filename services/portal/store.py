"""The document store of the portal: dossiers, indexed by applicant and owner; and the tables of its pages."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, Table, Text, text

from services.portal.domain import Dossier
from shared.storage.documents import DocumentStore, Listed

DOSSIERS: DocumentStore[Dossier] = DocumentStore(
    "dossiers",
    Dossier,
    born="submitted_at",
    columns={"applicant": (Text, "body->>'applicant_id'"), "owner": (Text, "body->'owner'->>'id'")},
    lists={"born": Listed(), "applicant": Listed("applicant"), "owner": Listed("owner", only="owner IS NOT NULL")},
)


def pages_tables(metadata: MetaData) -> None:
    """Browser sessions, and drafts of applications; the sweep deletes their rows with their sandbox."""
    Table(
        "browser_sessions",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", Text, primary_key=True),  # SHA-256 of the cookie's value
        Column("citizen", Text, nullable=False),  # JSON
        Column("until", DateTime(timezone=True), nullable=False),  # real time
    )
    Table(
        "drafts",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("body", Text, nullable=False),  # JSON
        Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    )
