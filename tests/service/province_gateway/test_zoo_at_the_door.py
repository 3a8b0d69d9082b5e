"""Every message of the zoo, sent over HTTP, gets the verdict that the gate gives it: the door changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import asdict

from contracts import gate
from contracts.gate import Known, Message
from contracts.gate.zoo import Specimen, specimens
from services.province_gateway.domain import Dossier
from services.province_gateway.store import DOSSIERS
from shared.sandbox.clock import BUSINESS_ZONE
from tests.support.country import Country, Sandbox

ONLY_DOORS = ("last_event_at", "partition", "result_file")  # members of Known that no dossier has
ONLY_ON_KAFKA = "batch-on-kafka"  # over HTTP a batch is lawful
DOSSIER_SQL = """
INSERT INTO dossiers (sandbox, code, lane, version, last_at, body) VALUES ($1, $2, 1, 1, $3, $4::jsonb)"""
VERDICT_SQL = """
INSERT INTO verdicts (sandbox, province, number, at, door, message_id, hash, dossier, outcome, document)
VALUES ($1, $2, 1, clock_timestamp(), 'http', $3, $4, '', 'accepted', '{}')"""


def over_http(specimen: Specimen, sandbox: Sandbox) -> Message:
    """The message as it would arrive over HTTP; the key of a record is the attribute `partitionkey`."""
    sent = specimen.message
    headers = [(name.replace("ce_", "ce-", 1), value) for name, value in sent.headers]
    body = sent.body
    is_structured = dict(headers).get("content-type") == gate.STRUCTURED.encode()
    if sent.key is not None and is_structured and isinstance(event := _parsed(body), dict):
        body = msgspec.json.encode({**event, "partitionkey": sent.key.decode("utf-8", "replace")})
    elif sent.key is not None and not is_structured:
        headers.append(("ce-partitionkey", sent.key))
    return Message("http", sent.province, tuple(headers), body or b"", sandbox_id=sandbox.id)


def _parsed(body: bytes | None) -> Any:
    try:
        return msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, RecursionError):
        return None


def stored(known: Known) -> Dossier:
    facts = {name: value for name, value in asdict(known).items() if name not in ONLY_DOORS}
    return Dossier(**facts, applicant="Trần Ngọc Lan", own_result="0" * 64 if known.result_file else "")


async def test_the_door_gives_the_verdict_of_the_gate(country: Country) -> None:
    database, differences, sandboxes = country.gateway.database, [], dict[str, Sandbox]()
    for specimen in specimens():
        if specimen.name == ONLY_ON_KAFKA:
            continue
        now = specimen.now.isoformat()
        if now not in sandboxes:
            sandboxes[now] = await country.sandbox(start=now)
        sandbox = sandboxes[now]
        message = over_http(specimen, sandbox)
        for table in ("dossiers", "verdicts"):
            await database.pool.execute(f"DELETE FROM {table} WHERE sandbox = $1", sandbox.id)
        known = specimen.known
        if known is not None:
            body = DOSSIERS.encode(stored(known))
            await database.pool.execute(DOSSIER_SQL, sandbox.id, known.code, known.last_event_at, body)
            known = msgspec.structs.replace(known, partition=None, result_file=bool(known.result_file))
        reading = gate.read(message)
        if known is not None and known.code != reading.dossier:
            known = None  # a door looks for the dossier that the message names
        seen = {"same": reading.digest, "other": "another"}.get(specimen.seen or "")
        if seen is not None:
            await database.pool.execute(VERDICT_SQL, sandbox.id, message.province, reading.id or "", seen)
        expected = gate.judge(reading, known, specimen.now.astimezone(BUSINESS_ZONE), seen=seen)
        answer = await country.ask(
            *("gateway", "POST", f"/api/v1/provinces/{message.province}/check"),
            content=message.body,
            headers=[*message.headers, ("X-Sandbox", sandbox.id.encode())],
        )
        found = answer.json() if answer.headers["content-type"] == "application/json" else answer.text
        wanted = msgspec.json.decode(msgspec.json.encode(expected.document()))
        if found != wanted:
            differences.append((specimen.name, _difference(found, wanted)))
    assert differences == []


def _difference(found: Any, wanted: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {name: (found.get(name), wanted[name]) for name in wanted if found.get(name) != wanted[name]}
