"""The tables of the adapter API: who is logged in, and what was pushed of each dossier."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from contracts.legacy.reverse import PLAYED
from shared.messaging.save_statement import Clause

EVENT_SQL = f"d.type NOT LIKE '{PLAYED}%'"  # the delivery d is no reverse call; those wait for the adapter API
NOW = text("clock_timestamp()")
SWEEP_ROWS = 200  # of a deleted sandbox, per transaction: what was pushed can be large
PUSHED = Clause(
    "pushed",
    "INSERT INTO legacy_dossiers (sandbox, province, theirs, code, object) "
    "SELECT sandbox, province, theirs, code, object::jsonb FROM {rows} ON CONFLICT (sandbox, province, theirs) "
    "DO UPDATE SET object = legacy_dossiers.object || EXCLUDED.object, code = EXCLUDED.code, pushed_at = clock_timestamp()",
    "sandbox text, province text, theirs text, code text, object text",
)
STEPPED = Clause(
    "stepped",
    "INSERT INTO legacy_steps (sandbox, province, code, digest, step) "
    "SELECT sandbox, province, code, digest, step::jsonb FROM {rows} ON CONFLICT DO NOTHING",
    "sandbox text, province text, code text, digest text, step text",
)

NOTED = Clause(
    "noted",
    "INSERT INTO legacy_notes (sandbox, province, service, key, row) "
    "SELECT sandbox, province, service, key, row::jsonb FROM {rows} "
    "ON CONFLICT (sandbox, province, service, key) DO UPDATE SET row = EXCLUDED.row, pushed_at = clock_timestamp()",
    "sandbox text, province text, service text, key text, row text",
)
PAID = Clause(
    "partner_paid",
    "INSERT INTO partner_payments (sandbox, transaction, dossier, amount_dong, partner, reference, is_noted) "
    "SELECT sandbox, transaction, dossier, amount_dong, partner, reference, is_noted FROM {rows} "
    "ON CONFLICT (sandbox, transaction) DO UPDATE SET is_noted = partner_payments.is_noted OR EXCLUDED.is_noted",
    "sandbox text, transaction text, dossier text, amount_dong bigint, partner text, reference text, is_noted boolean",
)

# Who listens nowhere is told by what it asks: a dossier that it has looked up or pushed, it knows.
SEEN = Clause(
    "seen",
    "UPDATE deliveries d SET acknowledged_at = clock_timestamp() FROM {rows} WHERE d.sandbox = new.sandbox "
    "AND d.province = new.province AND d.dossier = new.dossier AND d.acknowledged_at IS NULL "
    f"AND {EVENT_SQL}",
    "sandbox text, province text, dossier text",
)
SEEN_SQL = SEEN.sql.format(rows="(SELECT $1::text AS sandbox, $2::text AS province, $3::text AS dossier) new")  # alone


def legacy_tables(metadata: MetaData) -> list[Table]:
    return [table(metadata) for table in (_sessions, _dossiers, _steps, _notes, _payments)]


def _sessions(metadata: MetaData) -> Table:
    return Table(
        "legacy_sessions",
        metadata,
        Column("token", Text, primary_key=True),
        Column("sandbox", Text, nullable=False),
        Column("province", Text, nullable=False),
        Column("ends_at", DateTime(timezone=True), nullable=False),  # real time
        Index("legacy_sessions_ends", "ends_at"),
    )


def _dossiers(metadata: MetaData) -> Table:
    """What was pushed of a dossier, under the code that the province gave it."""
    return Table(
        "legacy_dossiers",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("theirs", Text, primary_key=True),
        Column("code", Text, nullable=False),  # of the network; the same if theirs can be one
        Column("object", JSONB, nullable=False),  # every member that was pushed, as it was pushed last
        Column("pushed_at", DateTime(timezone=True), nullable=False, server_default=NOW),  # real time
        Index("legacy_dossiers_code", "code", "sandbox"),
        info={"sweep_rows": SWEEP_ROWS},
    )


def _steps(metadata: MetaData) -> Table:
    """The steps of progress that were pushed, each once, however often its history came again."""
    return Table(
        "legacy_steps",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("digest", Text, primary_key=True),
        Column("step", JSONB, nullable=False),
        Column("pushed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
        info={"sweep_rows": SWEEP_ROWS},
    )


def _notes(metadata: MetaData) -> Table:
    """What was pushed that concerns no dossier."""
    return Table(
        "legacy_notes",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("service", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("row", JSONB, nullable=False),
        Column("pushed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
        info={"sweep_rows": SWEEP_ROWS},
    )


def _payments(metadata: MetaData) -> Table:
    """What provinces were paid for dossiers, as partners of the payment platform."""
    return Table(
        "partner_payments",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("transaction", Text, primary_key=True),  # MaGiaoDich
        Column("dossier", Text, nullable=False),  # as the partner calls it
        Column("partner", Text, nullable=False),
        Column("reference", Text, nullable=False),
        Column("amount_dong", BigInteger, nullable=False),
        Column("is_noted", Boolean, nullable=False),  # at its dossier, which was not here when it was paid
        Index("partner_payments_dossier", "dossier", "sandbox"),
    )
