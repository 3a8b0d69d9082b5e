"""Poison: events that no reader can apply, written into the source's event log and queue as a broken service would."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from contracts import lifecycle as law
from shared.messaging.cloudevents import event_id
from tools.prove.ledger import Key
from tools.prove.scene import NotConverged, Scene
from tools.prove.tables import DeadLetter

NUL = "\x00"


@dataclass(frozen=True)
class Poison:
    """One kind of poison: its source, its reader and its event type."""

    name: str
    source_database: str
    reader: str  # the service that must make it a dead letter
    type: str
    valid: bool  # False: the body matches no schema

    @property
    def source(self) -> str:
        return "portal" if self.source_database == "portal" else "gateway"

    @property
    def topic(self) -> str:
        return "dossier.to-province.v1" if self.reader == "gateway" else "dossier.to-portal.v1"

    def body(self, code: str) -> str:
        """JSON text. The NUL is escaped, which is valid JSON; only PostgreSQL cannot store it."""
        if not self.valid:
            return json.dumps({"dossier_code": 7, "reason": ["nothing", {"that": "fits"}]})
        reason = f"Lý do {NUL} có ký tự NUL"
        at = "2026-06-08T08:00:00.000+07:00"
        times = {"requested_at": at, "declined_at": at}
        return json.dumps({"dossier_code": code, "province": "37", "procedure": "2.000635", "reason": reason, **times})


KINDS = (
    Poison("a NUL for the province", "portal", "gateway", law.WITHDRAWAL_REQUESTED, True),
    Poison("an invalid body for the province", "portal", "gateway", law.WITHDRAWAL_REQUESTED, False),
    Poison("a NUL for the portal", "province_gateway", "portal", law.WITHDRAWAL_DECLINED, True),
    Poison("an invalid body for the portal", "province_gateway", "portal", law.WITHDRAWAL_DECLINED, False),
)


async def write(url: str, kind: Poison, dossier: Key) -> DeadLetter | None:
    """Publish the poison as the next event of an existing dossier; returns the expected dead letter.

    None if the source does not have the dossier yet.
    """
    sandbox, code = dossier
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            row = await connection.fetchrow(
                "UPDATE dossiers SET version = version + 1 WHERE sandbox = $1 AND code = $2 "
                "RETURNING version, lane, last_at, (SELECT seed FROM sandboxes WHERE id = $1) AS seed",
                sandbox,
                code,
            )
            if row is None:
                return None
            await connection.execute(
                "INSERT INTO events (sandbox, subject, version, id, type, lane, at, body, traceparent) "
                "VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()), $8, '')",
                sandbox,
                code,
                row["version"],
                event_id(row["seed"], kind.source, code, row["version"]),
                kind.type,
                row["lane"],
                row["last_at"],
                kind.body(code),
            )
            await connection.execute(
                "INSERT INTO queue (topic, lane, sandbox, subject, version) VALUES ($1, $2, $3, $4, $5)",
                kind.topic,
                row["lane"],
                sandbox,
                code,
                row["version"],
            )
    finally:
        await connection.close()
    return DeadLetter(kind.reader, dossier, kind.type, row["version"], kind.name)


async def dead_letters(url: str, letters: set[DeadLetter]) -> int:
    """How many of these letters are in the dead letters of this database."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT sandbox, subject, kind, (record->>'version')::int AS v FROM dead_letters")
    finally:
        await connection.close()
    stored = {((row["sandbox"], row["subject"]), row["kind"], row["v"]) for row in rows}
    return sum((letter.key, letter.kind, letter.version) in stored for letter in letters)


async def put_poison(scene: Scene) -> str:
    """Write each kind of poison once, about a new dossier; the reader must make it a dead letter and continue."""
    written: set[DeadLetter] = set()
    for kind in KINDS:
        submission = await scene.load.submit_now(scene.rng.choice(scene.sandboxes))
        dossier = (submission.sandbox, submission.codes[0])
        service = "portal" if kind.source_database == "portal" else "gateway"

        async def is_written(kind: Poison = kind, dossier: tuple[str, str] = dossier, service: str = service) -> bool:
            letter = await write(scene.url(service), kind, dossier)
            if letter is not None:
                written.add(letter)
            return letter is not None

        await scene.until(f"{service} does not know dossier {dossier}", is_written)
    scene.poison |= written
    count = 0

    async def became_dead_letters() -> bool:
        nonlocal count
        count = 0
        for service in ("portal", "gateway"):
            letters = {letter for letter in written if letter.service == service}
            count += await dead_letters(scene.url(service), letters)
        return count == len(written)

    with suppress(NotConverged):
        await scene.until("poison did not become dead letters", became_dead_letters, 20.0)
    return f"{count} of {len(written)} became dead letters" if count else ""
