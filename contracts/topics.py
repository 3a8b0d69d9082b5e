"""Topics, and which event types travel on each."""

from __future__ import annotations

TO_PROVINCE = "dossier.to-province.v1"
TO_PORTAL = "dossier.to-portal.v1"
VOID = "lane.void.v1"
FROM_PORTAL = (
    "dossier.submitted.v1",
    "dossier.supplement_answered.v1",
    "dossier.withdrawal_requested.v1",
    "dossier.rated.v1",
    "payment.confirmed.v1",
    "payment.refunded.v1",
)
FROM_PROVINCE = (
    "dossier.registered.v1",
    "dossier.received.v1",
    "dossier.refused.v1",
    "dossier.handed_over.v1",
    "dossier.supplement_requested.v1",
    "dossier.fee_demanded.v1",
    "dossier.fee_paid.v1",
    "dossier.fee_waived.v1",
    "dossier.processing_started.v1",
    "dossier.processing_resumed.v1",
    "dossier.rescheduled.v1",
    "dossier.rejected.v1",
    "dossier.stopped.v1",
    "dossier.result_ready.v1",
    "dossier.result_returned.v1",
    "dossier.withdrawn.v1",
    "dossier.withdrawal_declined.v1",
)
TOPICS: dict[str, tuple[str, ...]] = {TO_PROVINCE: FROM_PORTAL, TO_PORTAL: FROM_PROVINCE}
TOPIC_OF: dict[str, str] = {type: topic for topic, types in TOPICS.items() for type in types}
ROUTES = {TO_PROVINCE: ("portal", "gateway"), TO_PORTAL: ("gateway", "portal")}  # topic → source, reader
READERS = dict(ROUTES.values())  # source → reader
