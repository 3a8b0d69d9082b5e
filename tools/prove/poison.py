"""Poison: events that no reader can apply, written into their source's own log and queue, as a broken service would."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

import asyncpg

from contracts import lifecycle as law
from tools.prove.books import Letter
from tools.prove.ledger import Key

NUL = "\x00"


@dataclass(frozen=True)
class Poison:
    """One kind: which source says it, to whom, and what."""

    name: str
    source_database: str
    hears: str  # the service that must refuse it
    type: str
    fits: bool  # False: the body fits no schema

    @property
    def topic(self) -> str:
        return "dossier.to-province.v1" if self.hears == "gateway" else "dossier.to-portal.v1"

    def body(self, code: str) -> str:
        """JSON text. The NUL travels escaped, as any JSON writer sends it; only PostgreSQL cannot keep it."""
        if not self.fits:
            return json.dumps({"dossier_code": 7, "reason": ["nothing", {"that": "fits"}]})
        reason = f"Lý do {NUL} có ký tự NUL"
        at = "2026-06-08T08:00:00.000+07:00"
        times = {"requested_at": at, "declined_at": at}
        return json.dumps({"dossier_code": code, "province": "37", "procedure": "2.000635", "reason": reason, **times})


KINDS = (
    Poison("a NUL for the province", "portal", "gateway", law.WITHDRAWAL_REQUESTED, True),
    Poison("a body without form for the province", "portal", "gateway", law.WITHDRAWAL_REQUESTED, False),
    Poison("a NUL for the portal", "province_gateway", "portal", law.WITHDRAWAL_DECLINED, True),
    Poison("a body without form for the portal", "province_gateway", "portal", law.WITHDRAWAL_DECLINED, False),
)


async def write(url: str, kind: Poison, dossier: Key) -> Letter | None:
    """Tell it about an existing dossier, with the next version; gives the dead letter it must become.

    None if the source does not have the dossier (yet).
    """
    sandbox, code = dossier
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            held = await connection.fetchrow(
                "UPDATE dossiers SET version = version + 1 WHERE sandbox = $1 AND code = $2 "
                "RETURNING version, lane, last_at",
                *(sandbox, code),
            )
            if held is None:
                return None
            await connection.execute(
                "INSERT INTO events (sandbox, subject, version, id, type, lane, at, body, traceparent) "
                "VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()), $8, '')",
                *(sandbox, code, held["version"], str(uuid.uuid4()), kind.type, held["lane"], held["last_at"]),
                kind.body(code),
            )
            await connection.execute(
                "INSERT INTO queue (topic, lane, sandbox, subject, version) VALUES ($1, $2, $3, $4, $5)",
                *(kind.topic, held["lane"], sandbox, code, held["version"]),
            )
    finally:
        await connection.close()
    return Letter(kind.hears, dossier, kind.type, held["version"], kind.name)


async def taken(url: str, letters: set[Letter]) -> int:
    """How many of these the service whose database this is has put aside."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT sandbox, subject, kind, (record->>'version')::int AS v FROM dead_letters")
    finally:
        await connection.close()
    found = {((row["sandbox"], row["subject"]), row["kind"], row["v"]) for row in rows}
    return sum((letter.key, letter.kind, letter.version) in found for letter in letters)
