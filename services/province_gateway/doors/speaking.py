"""What a connector says: one message, one verdict, one transaction with its effect. Every door calls `say`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import structlog

from contracts import lifecycle as law
from contracts import models
from contracts.catalogue import agency_code
from contracts.gate import REGISTER, Known, Message, Reading, Verdict, instruction_facts, judge, read
from contracts.gate.rules import Finding
from contracts.gate.verdict import Leniency
from services.province_gateway import commands
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.doors.connectors import NotConnected, require_external
from services.province_gateway.doors.deliveries import Ring
from services.province_gateway.moves import official, receipts
from services.province_gateway.moves.context import Rules
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.work import Work
from shared.errors import NotReady, Overloaded, Refusal, SandboxNotFound
from shared.messaging.runtime import MessagingRuntime, Request
from shared.messaging.unit_of_work import Clause

HEAD = 200  # bytes that are kept of what is no message
OFFICE_RULE = "LT-OFF-001"  # the gate accepted, and the office refused for what only it knows: a file, or our mistake
VERDICT = Clause(
    "judged",
    "INSERT INTO verdicts (sandbox, province, number, at, door, message_id, hash, dossier, outcome, document, head) "
    "SELECT sandbox, province, number, at, door, message_id, hash, dossier, outcome, document, head FROM {rows}",
    "sandbox text, province text, number bigint, at timestamptz, door text, message_id text, hash text, dossier text, "
    "outcome text, document text, head text",
)
KNOWN_SQL = """
SELECT (SELECT hash FROM verdicts WHERE sandbox = $1 AND province = $2 AND message_id = $3
    AND outcome IN ('accepted', 'accepted_with_deviations') ORDER BY number LIMIT 1) AS seen,
  (SELECT max(at) FROM deliveries WHERE sandbox = $1 AND dossier = $4) AS told_at,
  EXISTS (SELECT FROM dossiers WHERE sandbox = $1 AND code = $4 AND body->>'province' <> '') AS is_here"""
NOT_OF_THE_MOVE = (NotConnected, SandboxNotFound, NotReady, Overloaded)
log = structlog.get_logger()


class _Overtaken(Exception):
    """Another message registered the same dossier while this one waited: judge it again."""


async def say(runtime: MessagingRuntime[Dossier], rules: Rules, ring: Ring, message: Message) -> Verdict:
    """Judge a message; what is accepted has its effect, and the verdict is kept, in one transaction.

    raises  NotConnected, SandboxNotFound, NotReady
    """
    reading = read(message)
    while True:
        try:
            return await _say(runtime, rules, ring, reading, None)
        except _Overtaken:
            continue
        except Refusal as refusal:
            if isinstance(refusal, NOT_OF_THE_MOVE):
                raise
            log.warning("gate_accepted_what_the_office_refuses", type=reading.type, refusal=repr(refusal))
            return await _say(runtime, rules, ring, reading, refusal)


async def check(runtime: MessagingRuntime[Dossier], message: Message, leniency: Leniency) -> Verdict:
    """The verdict that a message would get now, without effect. It works in every mode."""
    reading = read(message)
    sandbox = await runtime.sandbox(message.sandbox_id)
    rows = await runtime.database.fetch(
        "SELECT body FROM dossiers WHERE sandbox = $1 AND code = $2 AND body->>'province' <> ''",
        *(message.sandbox_id, reading.dossier or ""),
    )
    (facts,) = await runtime.database.fetch(KNOWN_SQL, *_place(reading), _storable(reading.id), reading.dossier or "")
    known = None
    if rows:
        dossier = runtime.documents.decode(rows[0]["body"])
        known = _known(dossier, facts["told_at"])
    return judge(reading, known, sandbox.now, seen=facts["seen"], leniency=leniency)


async def _say(
    runtime: MessagingRuntime[Dossier], rules: Rules, ring: Ring, reading: Reading, refusal: Refusal | None
) -> Verdict:
    sandbox_id, province = _place(reading)
    code, counter = reading.dossier or "", f"verdicts/{province}"
    async with runtime.unit_of_work(sandbox_id, codes=[code] if code else [], series=[counter]) as request:
        work: Work = request.work
        require_external(work.sandbox, province)
        dossier = work.find(code)
        dossier = None if dossier is None or dossier.is_expected else dossier
        await _lock_counters(request, counter, dossier, reading)
        # After the lock of the counter: from here on no other message of the province is judged.
        (facts,) = await request.fetch(KNOWN_SQL, sandbox_id, province, _storable(reading.id), code)
        if dossier is None and facts["is_here"]:
            raise _Overtaken
        known = _known(dossier, facts["told_at"]) if dossier else None
        leniency = mode_of(work.sandbox, province).gate
        verdict = judge(reading, known, work.now, seen=facts["seen"], leniency=leniency)
        if refusal is not None and verdict.is_accepted:
            verdict = _refused(verdict, refusal)
        elif verdict.is_accepted:
            _act(work, rules, verdict, known)
        number = work.number(counter)
        work.insert(VERDICT, _row(number, reading, verdict))
        work.when_committed(lambda: ring(sandbox_id, province))
    return verdict


def _act(work: Work, rules: Rules, verdict: Verdict, known: Known | None) -> None:
    """The accepted message becomes the command that an officer's click would be, with the connector's own facts."""
    facts, said = instruction_facts(verdict, known), verdict.data or {}
    if facts.does == REGISTER:
        commands.register_as_said(work, models.DossierRegistered.model_validate(said), said)
        return
    instruction = msgspec.convert({"does": facts.does, **facts.instruction, "said": said}, Instruction)
    official.perform(work, str(verdict.dossier), instruction, rules, at=facts.at)


async def _lock_counters(request: Request[Dossier], counter: str, dossier: Dossier | None, reading: Reading) -> None:
    numbers = []
    if dossier is not None and reading.type == law.FEE_PAID:
        numbers = receipts.receipt_series(agency_code(dossier.province, dossier.commune), request.now)
    await request.lock_counters(counter, *numbers)


def _known(dossier: Dossier, told_at: datetime | None) -> Known:
    # As the office says and as the connector was told, not when either was heard here: that is later, so the next message
    # of a connector would be "before" the one that is still on its way.
    latest = max(dossier.last_act_at, told_at or dossier.last_act_at)
    return Known.of(dossier, last_event_at=latest, result_file=bool(dossier.own_result))


def _refused(verdict: Verdict, refusal: Refusal) -> Verdict:
    finding = Finding(
        rule=OFFICE_RULE,
        stage="law",
        pointer=str(refusal.facts.get("pointer", "")),
        title="The office refuses it.",
        title_vi="Cơ quan không chấp nhận.",
        expected=refusal.detail,
        source="province_gateway",
        got=type(refusal).__name__,
    )
    return msgspec.structs.replace(verdict, outcome="rejected", errors=(finding,), became=None, data=None)


def _place(reading: Reading) -> tuple[str, str]:
    return reading.message.sandbox_id, reading.message.province


def _storable(id: str | None) -> str:
    """An id as it is stored: PostgreSQL has no NUL, and UTF-8 no lone surrogate."""
    text = id or ""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _row(number: int, reading: Reading, verdict: Verdict) -> tuple[Any, ...]:
    message = reading.message
    is_nothing = not reading.attributes and reading.data is msgspec.UNSET
    return (
        *_place(reading),
        number,
        verdict.at,
        message.door,
        _storable(reading.id),
        reading.digest,
        reading.dossier or "",
        verdict.outcome,
        msgspec.json.encode(verdict.document()).decode(),
        (message.body or b"")[:HEAD].hex() if is_nothing else "",
    )
