"""The tables of the citizen pages; the sweep deletes their rows with their sandbox."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, Table, Text, text


def pages_tables(metadata: MetaData) -> None:
    """Browser sessions, and drafts of applications."""
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
