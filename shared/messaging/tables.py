"""The tables of a service that stores documents and exchanges events with peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import MetaData

from shared.messaging import (
    counters,
    dead_letters,
    event_log,
    http_outbox,
    idempotency,
    leases,
    positions,
    projection,
    timers,
)
from shared.sandbox import faults, journal, recording, registry
from shared.storage.documents import DocumentStore


def tables_of(store: DocumentStore[Any], *own: Callable[[MetaData], object]) -> MetaData:
    """The tables of a service, for its `MessagingRuntime`.

    Called at import: the tables then exist before the roles are forked, and need time and memory only once.

    own  functions that add further tables
    """
    metadata = MetaData()
    for add in (
        registry.sandboxes_table,
        store.add_table,
        idempotency.replies_table,
        counters.counters_table,
        event_log.eventlog_tables,
        leases.leases_tables,
        positions.positions_table,
        projection.projections_table,
        timers.timers_table,
        dead_letters.deadletters_tables,
        http_outbox.calls_table,
        journal.journal_table,
        recording.recorded_table,
        faults.firings_table,
        *own,
    ):
        add(metadata)
    return metadata
