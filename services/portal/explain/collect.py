"""Gathers what every service knows about one dossier: over its doors, never from its tables. Raises nothing for silence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from contracts.topics import READERS
from services.portal.domain import Dossier
from services.portal.explain.facts import Call, Facts, Order, mode_of, officers_faults, province_of, rules_vi
from services.portal.explain.infrastructure import under_way
from services.portal.sandboxes.clock import Round
from services.portal.sandboxes.settle import Pending
from shared import http
from shared.messaging.lanes import Place
from shared.messaging.pending import Outlook

if TYPE_CHECKING:
    from services.portal.runtime import Portal

PATIENCE_SECONDS = 1.0  # for the broker, who is asked only whether it is there
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # every dossier code, and what a path takes as it is
REFUNDS_SQL = """
SELECT key, attempts, last_error, refused FROM calls WHERE sandbox = $1 AND kind = 'refund' AND data->>'code' = $2 ORDER BY key"""


@dataclass(frozen=True)
class Sight:
    """Where a dossier stands in both houses; `gateway` is None while it does not answer."""

    portal: Outlook
    gateway: Outlook | None


async def look(portal: Portal, round: Round, code: str) -> Sight:
    """A quick look: two questions."""
    lane = home.lane if (home := province_of(code)) else None
    ours, theirs = (_stands(round.answers.get(reader), source, lane) for source, reader in READERS.items())
    own, other = await asyncio.gather(
        portal.pending_of(round.here.id, code, ours), _outlook(portal, "gateway", round.here.id, code, theirs)
    )
    return Sight(
        msgspec.convert(own, Outlook, strict=False),
        None if other is None else msgspec.convert(other, Outlook, strict=False),
    )


async def gather(portal: Portal, round: Round, code: str) -> Facts:
    """Everything that causes are found by. What was told is read last: whatever a copy shows by then was told before."""
    here, home = round.here, province_of(code)
    dossier = await portal.documents.find(portal.database, here.id, code)
    province = dossier.province if dossier else home.code if home else ""
    there, orders, refunds = await asyncio.gather(
        _province_copy(portal, here.id, province, code),
        _outlook(portal, "payment", here.id, code, None),
        portal.database.fetch(REFUNDS_SQL, here.id, code),
    )
    seen = await look(portal, round, code)
    facts = Facts(
        code=code,
        sandbox=here.id,
        now=here.now,
        rate=here.rate,
        mode=mode_of(here.modes, province),
        officers=officers_faults(here.faults, here.now, _about(dossier, province, code)),
        rules_vi=rules_vi(here.faults),
        waiting=round.verdict.waiting_for,
        unworked={name: tuple((answer or {}).get("unworked", ())) for name, answer in round.answers.items()},
        here=dossier,
        there=there,
        portal=seen.portal,
        gateway=seen.gateway,
        orders=None if orders is None else msgspec.convert(orders.get("orders", ()), tuple[Order, ...], strict=False),
        refunds=tuple(Call(**row) for row in refunds),
    )
    needed = under_way(facts) or facts.refunds or (facts.overdue and not facts.frozen)
    servers = portal.settings.kafka_bootstrap_servers
    return facts if not needed or await _listens(servers) else replace(facts, broker=servers)


def _stands(reader: Pending | None, source: str, lane: int | None) -> Place | None:
    """What the reader of a lane expects next, by what it says is pending."""
    if reader is None or lane is None:
        return None
    read = {int(each): place for each, place in reader.get("read", {}).get(source, {}).items()}
    epoch, number = read.get(lane, (0, 1))
    return epoch, number


def _about(dossier: Dossier | None, province: str, code: str) -> dict[str, str]:
    """By what fault rules choose their victims."""
    about = {"province": province, "dossier": code}
    return {**about, "commune": dossier.commune or "", "procedure": dossier.procedure} if dossier else about


async def _outlook(
    portal: Portal, service: str, sandbox_id: str, code: str, reader: Place | None
) -> Mapping[str, Any] | None:
    if not PLAIN.fullmatch(code):
        return {}  # nobody has such a thing, and no address can name it
    where = f"{portal.ownership.services[service]}/_lab/sandboxes/{sandbox_id}/pending/{code}"
    found: Mapping[str, Any] | None = await asked(
        portal, where + (f"?reader={reader[0]}.{reader[1]}" if reader else "")
    )
    return found


async def _province_copy(portal: Portal, sandbox_id: str, province: str, code: str) -> Mapping[str, Any] | None:
    if not (province and PLAIN.fullmatch(code)):
        return None
    url = portal.settings.province_gateway_url
    where = f"{url}/api/v1/provinces/{province}/dossiers/{code}"
    found: Mapping[str, Any] | None = await asked(portal, where, sandbox_id)
    return found


async def asked(portal: Portal, url: str, sandbox_id: str = "") -> Any:
    """What a neighbour answers; None where it is silent or refuses."""
    try:
        answer = await http.call(portal.http, "GET", url, sandbox_id=sandbox_id)
    except http.Unreachable:
        return None
    return answer.json() if answer.status_code == 200 else None


async def _listens(servers: str) -> bool:
    """Whether any of the broker's addresses takes a connection."""
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                _, writer = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError, ValueError):
            continue
        writer.close()
        return True
    return False
