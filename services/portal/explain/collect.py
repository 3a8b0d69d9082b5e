"""Collects what every service knows about one dossier, over HTTP. A service that does not reply raises nothing here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from contracts.topics import READERS, ROUTES
from services.portal.domain import Dossier
from services.portal.explain.facts import Call, Facts, Foreign, Order, mode_of, officers_faults, province_of, rules_vi
from services.portal.explain.infrastructure import under_way
from services.portal.sandboxes.clock import Round
from services.portal.sandboxes.settle import Pending
from shared import http
from shared.messaging import kafka
from shared.messaging.lanes import Place
from shared.messaging.pending import Outlook

if TYPE_CHECKING:
    from services.portal.runtime import Portal

BROKER_SECONDS = 10.0  # for its answer: a busy machine is no broken broker
FOREIGN_FOR = timedelta(days=1)  # real time in which foreign records are worth a cause
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # matches every dossier code; needs no escaping in a path
REFUNDS_SQL = """
SELECT key, attempts, last_error, refused FROM calls
WHERE sandbox = $1 AND kind = 'refund' AND data->>'code' = $2 ORDER BY key"""


@dataclass(frozen=True)
class Outlooks:
    """The outlook of a dossier at both services; `gateway` is None while it does not reply."""

    portal: Outlook
    gateway: Outlook | None


async def outlooks_of(portal: Portal, round: Round, code: str) -> Outlooks:
    """Two requests only, so it is cheap enough for every round."""
    lane = province.lane if (province := province_of(code)) else None
    of_portal, of_gateway = (_position(round.answers.get(reader), source, lane) for source, reader in READERS.items())
    sandbox_id = round.sandbox.id
    own, peer = await asyncio.gather(
        portal.pending_of(sandbox_id, code, of_portal), _outlook(portal, "gateway", sandbox_id, code, of_gateway)
    )
    return Outlooks(
        msgspec.convert(own, Outlook, strict=False),
        None if peer is None else msgspec.convert(peer, Outlook, strict=False),
    )


async def gather(portal: Portal, round: Round, code: str) -> Facts:
    """All facts that causes depend on. Events are read last: every change in a copy then has its event among them."""
    sandbox, agency = round.sandbox, province_of(code)
    dossier = await portal.documents.find(portal.database, sandbox.id, code)
    province = dossier.province if dossier else agency.code if agency else ""
    province_copy, orders, refunds = await asyncio.gather(
        _province_copy(portal, sandbox.id, province, code),
        _outlook(portal, "payment", sandbox.id, code, None),
        portal.database.fetch(REFUNDS_SQL, sandbox.id, code),
    )
    outlooks = await outlooks_of(portal, round, code)
    facts = Facts(
        code=code,
        sandbox=sandbox.id,
        now=sandbox.now,
        rate=sandbox.rate,
        mode=mode_of(sandbox.modes, province),
        officers=officers_faults(sandbox.faults, sandbox.now, _attributes(dossier, province, code)),
        rules_vi=rules_vi(sandbox.faults),
        waiting=round.verdict.waiting_for,
        unworked={name: tuple((answer or {}).get("unworked", ())) for name, answer in round.answers.items()},
        portal_copy=dossier,
        province_copy=province_copy,
        portal=outlooks.portal,
        gateway=outlooks.gateway,
        orders=None if orders is None else msgspec.convert(orders.get("orders", ()), tuple[Order, ...], strict=False),
        refunds=tuple(Call(**row) for row in refunds),
        foreign=tuple(_foreign(round, agency.lane if agency else None)),
    )
    needs_broker = under_way(facts) or facts.refunds or (facts.overdue and not facts.frozen)
    servers = portal.settings.kafka_bootstrap_servers
    return facts if not needs_broker or await kafka.answers(servers, BROKER_SECONDS) else replace(facts, broker=servers)


def _position(reader: Pending | None, source: str, lane: int | None) -> Place | None:
    """The position of a reader in a lane: epoch and number that it expects next."""
    if reader is None or lane is None:
        return None
    positions = {int(lane): position for lane, position in reader.get("read", {}).get(source, {}).items()}
    epoch, number = positions.get(lane, (0, 1))
    return epoch, number


def _foreign(round: Round, lane: int | None) -> Iterator[Foreign]:
    """The foreign records that the readers have found lately in a lane of either topic."""
    since = datetime.now(UTC) - FOREIGN_FOR
    for topic, (source, reader) in ROUTES.items():
        lanes = (round.answers.get(reader) or {}).get("foreign", {}).get(source, {})
        for each, found in lanes.items():
            if int(each) == lane and datetime.fromisoformat(found["at"]) >= since:
                yield Foreign(source, reader, topic, lane, **found)


def _attributes(dossier: Dossier | None, province: str, code: str) -> dict[str, str]:
    """The attributes that fault rules can match."""
    attributes = {"province": province, "dossier": code}
    if dossier is None:
        return attributes
    return {**attributes, "commune": dossier.commune or "", "procedure": dossier.procedure}


async def _outlook(
    portal: Portal, service: str, sandbox_id: str, code: str, reader: Place | None
) -> Mapping[str, Any] | None:
    if not PLAIN.fullmatch(code):
        return {}  # not a dossier code
    url = f"{portal.ownership.services[service]}/_lab/sandboxes/{sandbox_id}/pending/{code}"
    query = f"?reader={reader[0]}.{reader[1]}" if reader else ""
    outlook: Mapping[str, Any] | None = await get_json(portal, url + query)
    return outlook


async def _province_copy(portal: Portal, sandbox_id: str, province: str, code: str) -> Mapping[str, Any] | None:
    if not (province and PLAIN.fullmatch(code)):
        return None
    url = f"{portal.settings.province_gateway_url}/api/v1/provinces/{province}/dossiers/{code}"
    copy: Mapping[str, Any] | None = await get_json(portal, url, sandbox_id)
    return copy


async def get_json(portal: Portal, url: str, sandbox_id: str = "") -> Any:
    """The reply of a peer; None if it does not reply or refuses."""
    try:
        response = await http.call(portal.internal, "GET", url, sandbox_id=sandbox_id)
    except http.Unreachable:
        return None
    return response.json() if response.status_code == 200 else None
