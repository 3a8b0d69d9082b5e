"""The portal's runtime. It also owns the sandboxes, checks tokens and calls the payment platform."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

from contracts import corrections, story
from contracts.catalogue import dossier_in
from contracts.identity import NUMBER_CLAIM
from contracts.topics import TO_PORTAL, TO_PROVINCE, TOPIC_OF
from services.portal import consumers, migrations
from services.portal.auth import REVOKED_SECONDS, Citizen, Tokens
from services.portal.clients import PaymentPlatform
from services.portal.commands import REFUND, note_refund
from services.portal.domain import Dossier
from services.portal.papers.store import papers_table
from services.portal.reporting.projection import reported_dossiers_table, statistics
from services.portal.sandboxes.clock import Timekeeping, turns_table
from services.portal.sandboxes.owner import DEFAULT_ROW, SEND_ROW, Ownership
from services.portal.settings import Settings
from services.portal.store import DOSSIERS, pages_tables
from shared.messaging import http_outbox
from shared.messaging.idempotency import RequestKey
from shared.messaging.peer import Peer
from shared.messaging.request import Request
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.tables import tables_of
from shared.sandbox import files

SERVICE = "portal"
TABLES = tables_of(DOSSIERS, turns_table, files.files_tables, papers_table, reported_dossiers_table, pages_tables)


class Portal(MessagingRuntime[Dossier]):
    owns_sandboxes = True
    caller_claim = NUMBER_CLAIM
    records = re.compile(r"POST /api/v1/papers|(POST|PUT|DELETE) /_lab/sandboxes/[^/]+/(clock/\w+|(faults|modes).*)")
    # Sweep only when every service has the row.
    sweep_when = f"NOT EXISTS (SELECT FROM calls c WHERE c.sandbox = s.id AND c.kind = '{SEND_ROW}')"

    def __init__(self, settings: Settings) -> None:
        gateway = Peer("gateway", settings.province_gateway_url, topic_in=TO_PORTAL, topic_out=TO_PROVINCE)
        super().__init__(
            SERVICE,
            settings,
            settings.database_url,
            DOSSIERS,
            consumers.handlers,
            tables=TABLES,
            peers=[gateway],
            topics=TOPIC_OF,
            projections=[statistics(Peer(SERVICE, settings.portal_url, topic_in=TO_PROVINCE), gateway)],
        )
        self.steps = migrations.STEPS
        self.first_rows = (*self.first_rows, DEFAULT_ROW, *files.FIRST_ROWS)
        self.words = story.words
        self.check_edit = corrections.misfits
        self.files = files.Files(self.database, settings.portal_url, settings.address_lifetime)
        self.tokens = Tokens(self, settings.identity_url, settings.audience)
        self.platform = PaymentPlatform(self, settings.payment_partner_secret)
        self.ownership = Ownership(self)
        self.timekeeping = Timekeeping(self, self.ownership)
        self.agencies: dict[tuple[str | None, ...], str] = {}  # procedure, case, place → agency that decided there last
        self.callers = {REFUND: self.refund, SEND_ROW: self.ownership.send_row_again}

    @asynccontextmanager
    async def request(
        self, citizen: Citizen, key: RequestKey, *, codes: Sequence[str] = (), series: Sequence[str] = ()
    ) -> AsyncIterator[Request[Dossier]]:
        """One request of a citizen in one transaction, as `unit_of_work`. Raises TokenExpired."""
        async with self.unit_of_work(citizen.sandbox, key, codes=codes, series=series) as request:
            citizen.check_time(request.now)
            yield request

    async def watch_revoked(self) -> None:
        while True:
            await self.tokens.learn_revoked()
            await asyncio.sleep(REVOKED_SECONDS)

    def subject_of(self, path: str) -> str:
        return dossier_in(path) or super().subject_of(path)

    def named_in(self, query: str) -> str:
        """The sandbox in a query: when the browser returns from a payment, only the query can name it."""
        return parse_qs(query).get("sandbox", [""])[0]

    async def refund(self, call: http_outbox.Call) -> None:
        """Request a refund from the platform; then store it, publish it to the province, and end the call."""
        refund, code = await self.platform.refund(call.sandbox, call.key, call.data["amount_dong"]), call.data["code"]
        async with self.unit_of_work(call.sandbox, codes=[code]) as request:
            note_refund(request.work, code, call.key, refund)
        async with self.database.transaction() as connection:
            await http_outbox.done(connection, call)
