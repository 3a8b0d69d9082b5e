"""The runtime of the gateway: 34 procedure systems in one service, and the rules by which they count time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog

from contracts import corrections, story
from contracts.catalogue import dossier_in
from contracts.faults import connectors, officers
from contracts.identity import NUMBER_CLAIM
from contracts.topics import TO_PORTAL, TO_PROVINCE, TOPIC_OF
from services.province_gateway import consumers, queries, replan
from services.province_gateway.domain import Dossier
from services.province_gateway.doors import (
    conductor,
    deliveries,
    kafka_opening,
    kafka_store,
    silence,
    verdicts,
    webhook,
)
from services.province_gateway.doors.bell import Bell
from services.province_gateway.doors.conductor import Conductor
from services.province_gateway.doors.legacy_tables import legacy_tables
from services.province_gateway.doors.tables import doors_tables
from services.province_gateway.doors.turns import Turns
from services.province_gateway.migrations import STEPS
from services.province_gateway.moves.context import Rules
from services.province_gateway.officers import faults, modes
from services.province_gateway.settings import Settings
from services.province_gateway.store import DOSSIERS
from shared.http import Unreachable
from shared.messaging.lanes import Place
from shared.messaging.peer import Peer
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.tables import tables_of
from shared.messaging.timers import Timers
from shared.receivers import AllowedHosts
from shared.sandbox import files, registry
from shared.sandbox.clock import wire
from shared.storage.database import Connection

SERVICE = "gateway"
TABLES = tables_of(DOSSIERS, doors_tables, legacy_tables, files.files_tables, replan.replanning_table)
NO_ADDRESSES = timedelta(0)  # a result is fetched where the dossier is, not by a signed address
log = structlog.get_logger()


class Gateway(MessagingRuntime[Dossier]):
    caller_claim = NUMBER_CLAIM
    records = re.compile(r"PUT /_lab/officers/.+")
    sweep_when = kafka_store.SWEEP_WHEN

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            SERVICE,
            settings,
            settings.database_url,
            DOSSIERS,
            consumers.handlers,
            tables=TABLES,
            peers=[Peer("portal", settings.portal_url, topic_in=TO_PROVINCE, topic_out=TO_PORTAL)],
            topics=TOPIC_OF,
            after=deliveries.telling(self.ring),
        )
        self.bell = Bell(self.database)
        self.conductor = Conductor(self, self.ring)
        self._to_ring = set[tuple[str, str]]()  # sandbox, province: after the commit of a changed row
        self.steps = STEPS
        self.first_rows = (*self.first_rows, *files.FIRST_ROWS)
        self.files = files.Files(self.database, settings.province_gateway_url, NO_ADDRESSES)
        self.allowed_hosts = AllowedHosts(settings.webhook_allowed_hosts)
        self.own_ports = settings.own_ports | {urlsplit(settings.database_url).port or 5432}
        self.turns = Turns()
        self.rules = Rules(settings.count, settings.pause)
        self.timers = Timers(
            SERVICE, self.database, DOSSIERS, TOPIC_OF, consumers.timers(self.rules), consumers.receipts_of
        )
        self.words = story.words
        self.check_edit = corrections.misfits

    async def take_over(self, instruction: dict[str, Any]) -> int:
        """As in every service; the reply to changed modes is sent only after all dossiers are planned under them."""
        version = await super().take_over(instruction)
        for place in [place for place in self._to_ring if place[0] == instruction["id"]]:
            self._to_ring.discard(place)
            self.ring(*place)
        try:
            await replan.finish(self, self.ring, instruction["id"])
        except Unreachable as error:  # the row is stored; the worker goes on when the portal replies
            log.warning("history_not_fetched", error=str(error))
        if self.watches(instruction["id"], connectors.DELIVERY):  # that history was kept
            await self.conductor.conduct(instruction["id"])
        await self.ring_webhooks(instruction["id"])  # the clock may have moved, a connector come or gone
        return version

    def ring(self, sandbox_id: str, province: str) -> None:
        """Wake those who wait for deliveries or verdicts of a province."""
        self.bell.ring(sandbox_id, province)
        if self.watches(sandbox_id, connectors.DELIVERY):
            self.conductor.wake()

    async def ring_webhooks(self, sandbox_id: str) -> None:
        """Wake the worker for every connector of a sandbox that is told by webhook."""
        sql = "SELECT province FROM connectors WHERE sandbox = $1 AND secret <> ''"
        if rows := await self.database.fetch(sql, sandbox_id):
            self.ring(*webhook.WATCH)
        for row in rows:
            self.ring(sandbox_id, row["province"])

    async def row_changes(self, connection: Connection, before: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        provinces = {*modes.changed(before["modes"], row["modes"]), *faults.changed(before["faults"], row["faults"])}
        joins = modes.joined(before["modes"], row["modes"])
        await replan.note(connection, row["id"], sorted(provinces), joins)
        self._to_ring |= {(row["id"], province) for province in await conductor.changed(connection, row["id"])}
        await kafka_opening.close(connection, row["id"], kafka_opening.left(row["modes"], sorted(provinces)))

    async def pending(self, sandbox_id: str) -> dict[str, Any]:
        pending = await super().pending(sandbox_id)
        replanning = await replan.under_way(self, sandbox_id)
        kept = await conductor.pending(self, sandbox_id)  # before what it turns into
        sending, next_try = await webhook.pending(self, sandbox_id)
        under_way, held = [*pending["under_way"], *replanning, *kept["under_way"], *sending], kept["held"]
        for due in (kept["due"], next_try):
            if due is not None:
                pending["next_due"] = min(filter(None, (pending["next_due"], wire(due))))
        pending["connectors"] = await silence.report(self, sandbox_id)
        if self.watches(sandbox_id, officers.LOOK):
            held += await queries.silenced(self, await registry.read(self.database, sandbox_id))
            return {**pending, "under_way": under_way, "held": held}
        return {**pending, "under_way": under_way, **({"held": held} if held else {})}

    async def pending_of(self, sandbox_id: str, subject: str, reader: Place | None) -> dict[str, Any]:
        outlook = await super().pending_of(sandbox_id, subject, reader)
        return {**outlook, "outsider": await silence.of_dossier(self, sandbox_id, subject)}

    async def timeline(self, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
        lines = await super().timeline(sandbox_id, subject)
        judged = await verdicts.lines(self.database, self.service, sandbox_id, subject)
        return sorted(lines + judged, key=lambda line: str(line["real_at"])) if judged else lines

    async def finish_replanning(self) -> None:
        """Job of the worker: finish what a crashed process began."""
        await replan.finish_all(self, self.ring)

    def subject_of(self, path: str) -> str:
        return dossier_in(path) or super().subject_of(path)
