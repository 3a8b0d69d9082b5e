"""What a connector says: one message, one verdict, one transaction with its effect. Every door calls `say`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import structlog

from contracts import lifecycle as law
from contracts import models
from contracts.catalogue import agency_code
from contracts.faults import connectors as named
from contracts.gate import REGISTER, Known, Message, Reading, Verdict, instruction_facts, judge, read
from contracts.gate.message import Door
from contracts.gate.rules import Finding
from contracts.gate.verdict import Leniency
from services.province_gateway import commands
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.doors.connectors import NotConnected, require_external
from services.province_gateway.doors.deliveries import Ring
from services.province_gateway.doors.kafka_store import HEARD
from services.province_gateway.moves import official, receipts
from services.province_gateway.moves.context import Rules
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.work import Work
from shared.errors import NotReady, Overloaded, Refusal, SandboxNotFound
from shared.messaging.request import Request
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.save_statement import Clause
from shared.observability import trace_context
from shared.runtime import EVERYTHING
from shared.sandbox.faults import Rule, has_rule
from shared.sandbox.names import DEFAULT

HEAD = 200  # bytes that are kept of what is no message
OFFICE_RULE = "LT-OFF-001"  # the gate accepted, and the office refused for what only it knows: a file, or our mistake
VERDICT = Clause(
    "judged",
    "INSERT INTO verdicts (sandbox, province, number, at, door, message_id, hash, dossier, outcome, document, head, "
    "outbox_offset, hidden_until, rule) SELECT sandbox, province, number, at, door, message_id, hash, dossier, outcome, "
    "document, head, outbox_offset, hidden_until, rule FROM {rows}",
    "sandbox text, province text, number bigint, at timestamptz, door text, message_id text, hash text, dossier text, "
    "outcome text, document text, head text, outbox_offset bigint, hidden_until timestamptz, rule text",
)
# What is accepted, as a call that a replay repeats; nothing is replayed of the default sandbox.
RECORDED = Clause(
    "recorded",
    "INSERT INTO recorded (sandbox, caller, method, path, media_type, body) "
    "SELECT sandbox, caller, method, path, media_type, body FROM {rows}",
    "sandbox text, caller text, method text, path text, media_type text, body bytea",
)
# One row per message, as this transaction sees it after the lock of the counter: nobody else judges meanwhile.
KNOWN_SQL = """
SELECT (SELECT hash FROM verdicts WHERE sandbox = $1 AND province = $2 AND message_id = m.id
    AND outcome IN ('accepted', 'accepted_with_deviations') ORDER BY number LIMIT 1) AS seen,
  (SELECT max(at) FROM deliveries WHERE sandbox = $1 AND dossier = m.dossier) AS told_at,
  EXISTS (SELECT FROM dossiers WHERE sandbox = $1 AND code = m.dossier AND province <> '') AS is_here,
  (SELECT heard FROM kafka_doors WHERE sandbox = $1 AND province = $2) AS heard
FROM unnest($3::text[], $4::text[]) WITH ORDINALITY m (id, dossier, ordinal) ORDER BY ordinal"""
NOT_OF_THE_MOVE = (NotConnected, SandboxNotFound, NotReady, Overloaded)
log = structlog.get_logger()


class Said(NamedTuple):
    """A verdict, and its number. `hidden_until`: a fault rule delays it until this sandbox time."""

    verdict: Verdict
    number: int
    hidden_until: datetime | None


class Turn(Protocol):
    """What a connector says of one dossier, message by message: each is made from what the one before left."""

    def next(self, known: Known | None, now: datetime) -> tuple[Message, Sequence[Finding]] | None:
        """The next message, and what is wrong with what it was made from; None: everything is said."""
        ...

    def prepare(self, work: Work) -> None:
        """Before each message: bring what the next one rests on, such as the file of a result."""
        ...

    def end(self, work: Work, said: Sequence[Said]) -> None:
        """Note in the same transaction what else is to be kept."""
        ...


T = TypeVar("T", bound=Turn)


class _Overtaken(Exception):
    """Another message registered the same dossier while this one waited: judge it again."""


async def say(runtime: MessagingRuntime[Dossier], rules: Rules, ring: Ring, message: Message) -> Said:
    """Judge a message; what is accepted has its effect, and the verdict is kept, in one transaction.

    raises  NotConnected, SandboxNotFound, NotReady
    """
    (said,) = await say_all(runtime, rules, ring, [message])
    return said


async def say_all(
    runtime: MessagingRuntime[Dossier],
    rules: Rules,
    ring: Ring,
    messages: Sequence[Message],
    *,
    offsets: Sequence[int] = (),
    unfit: Refusal | None = None,
) -> list[Said]:
    """Judge messages of one connector, each after the one before, in one transaction with their effects.

    A message that registers a dossier must be the last: what follows may lock rows that it makes.

    offsets  of their records on the outbox, ascending: the place from which it is read on moves in the same transaction,
             and what lies before that place was judged already and is left out
    unfit    why the office cannot take these messages, whatever the gate says
    raises   as `say`
    """
    readings = [read(message) for message in messages]
    while True:
        try:
            return await _say_all(runtime, rules, ring, readings, offsets, unfit)
        except _Overtaken:
            continue


async def say_in_turn(
    runtime: MessagingRuntime[Dossier],
    rules: Rules,
    ring: Ring,
    place: tuple[str, str],
    code: str,
    begin: Callable[[], T],
) -> tuple[T, list[Said]]:
    """Judge messages about one dossier, each made after the one before, in one transaction; one that is refused is the last.

    begin   makes the turn; called again if another one registers the dossier meanwhile
    raises  as `say`
    """
    while True:
        turn = begin()
        try:
            return turn, await _say_in_turn(runtime, rules, ring, place, code, turn)
        except _Overtaken:
            continue


async def check(runtime: MessagingRuntime[Dossier], message: Message, leniency: Leniency) -> Verdict:
    """The verdict that a message would get now, without effect. It works in every mode."""
    reading = read(message)
    sandbox = await runtime.sandbox(message.sandbox_id)
    rows = await runtime.database.fetch(
        "SELECT body FROM dossiers WHERE sandbox = $1 AND code = $2 AND province <> ''",
        *(message.sandbox_id, reading.dossier or ""),
    )
    (facts,) = await runtime.database.fetch(KNOWN_SQL, *_place(reading), *_keys([reading]))
    known = None
    if rows:
        dossier = runtime.documents.decode(rows[0]["body"])
        known = _known(dossier, facts["told_at"], message.door)
    return judge(reading, known, sandbox.now, seen=facts["seen"], leniency=leniency)


async def _say_all(
    runtime: MessagingRuntime[Dossier],
    rules: Rules,
    ring: Ring,
    readings: Sequence[Reading],
    offsets: Sequence[int],
    unfit: Refusal | None,
) -> list[Said]:
    sandbox_id, province = _place(readings[0])
    codes = sorted({reading.dossier for reading in readings if reading.dossier})
    counter = counter_of(province)
    said: list[Said] = []
    async with runtime.unit_of_work(sandbox_id, codes=codes, series=[counter]) as request:
        require_external(request.work.sandbox, province)
        await _lock_counters(request, counter, readings)
        facts = await request.fetch(KNOWN_SQL, sandbox_id, province, *_keys(readings))
        digests: dict[str | None, str] = {}  # of the messages that this transaction accepted, by id
        for index, (reading, row) in enumerate(zip(readings, facts, strict=True)):
            offset = offsets[index] if offsets else None
            if offset is not None and offset < row["heard"]:
                continue  # another worker was faster
            said.append(await _say_one(request, rules, reading, row, digests, offset, unfit))
        if offsets:
            request.work.insert(HEARD, (sandbox_id, province, offsets[-1] + 1))
        request.work.when_committed(lambda: ring(sandbox_id, province))
    return said


async def _say_in_turn(
    runtime: MessagingRuntime[Dossier], rules: Rules, ring: Ring, place: tuple[str, str], code: str, turn: Turn
) -> list[Said]:
    sandbox_id, province = place
    said: list[Said] = []
    digests: dict[str | None, str] = {}
    async with runtime.unit_of_work(sandbox_id, codes=[code], series=[counter_of(province)]) as request:
        require_external(request.work.sandbox, province)
        dossier = _arrived(request.work, code)
        numbers: list[str] = []
        if dossier is not None and dossier.owing is not None:
            numbers += receipts.receipt_series(agency_code(dossier.province, dossier.commune), request.now)
        await request.lock_counters(*sorted({counter_of(province), *numbers}))
        (row,) = await request.fetch(KNOWN_SQL, sandbox_id, province, [""], [code])
        if dossier is None and row["is_here"]:
            raise _Overtaken
        while True:
            work: Work = request.work.layer()
            turn.prepare(work)
            work.merge()
            dossier = _arrived(request.work, code)
            following = turn.next(_known(dossier, row["told_at"], "legacy") if dossier else None, request.now)
            if following is None:
                break
            message, findings = following
            reading = read(message)
            reading = msgspec.structs.replace(reading, findings=(*reading.findings, *findings))
            (row,) = await request.fetch(KNOWN_SQL, sandbox_id, province, *_keys([reading]))
            said.append(await _say_one(request, rules, reading, row, digests, None, None))
            if said[-1].verdict.outcome in ("rejected", "duplicate"):  # neither changes anything
                break
        turn.end(request.work, said)
        request.work.when_committed(lambda: ring(sandbox_id, province))
    return said


async def _say_one(
    request: Request[Dossier],
    rules: Rules,
    reading: Reading,
    row: Any,
    digests: dict[str | None, str],
    offset: int | None,
    unfit: Refusal | None,
) -> Said:
    """Judge one message, after those before it in the same transaction; `row`: of KNOWN_SQL, `digests`: of those."""
    province = reading.message.province
    counter = counter_of(province)
    work: Work = request.work.layer()
    dossier = _dossier_here(work, reading)
    if dossier is None and row["is_here"]:
        raise _Overtaken
    trace_context.join(work.traceparent(dossier.code) if dossier else "")
    seen = digests.get(reading.id, row["seen"])
    known = _known(dossier, row["told_at"], reading.message.door) if dossier else None
    leniency = mode_of(work.sandbox, province).gate
    verdict = judge(reading, known, work.now, seen=seen, leniency=leniency)
    work, verdict = _effect(request.work, work, rules, verdict, known, unfit)
    if verdict.is_accepted:
        digests[reading.id] = reading.digest
        record(work, province, "POST", "/events", "application/json", msgspec.json.encode(reading.structured()))
    number, late = work.number(counter), await _late(request, reading, province)
    hidden_until = late.hold(work.now + late.duration("by")).due if late else None
    work.insert(VERDICT, (*_row(number, reading, verdict, offset), hidden_until, late.key if late else ""))
    work.merge()
    return Said(verdict, number, hidden_until)


def record(work: Work, province: str, method: str, path: str, media_type: str, body: bytes) -> None:
    """Keep what a connector said or handed in, for a replay, after what was recorded before in the same transaction."""
    if work.sandbox.id != DEFAULT:
        work.insert(RECORDED, (work.sandbox.id, caller(province), method, path, media_type, body))


def counter_of(province: str) -> str:
    """The counter that numbers the verdicts of a province. Who holds its lock is the only one who judges there."""
    return f"verdicts/{province}"


def caller(province: str) -> str:
    """Who a recorded call of a province's connector is from."""
    return f"connector/{province}"


async def _late(request: Request[Dossier], reading: Reading, province: str) -> Rule | None:
    """The fault rule that delays the verdict."""
    if not has_rule(request.work.sandbox, named.VERDICT):
        return None
    about = {"province": province, "dossier": reading.dossier or "", "type": reading.type or ""}
    return await request.fire(named.VERDICT, reading.dossier or EVERYTHING, **about)


def _effect(
    begun: Work, work: Work, rules: Rules, verdict: Verdict, known: Known | None, unfit: Refusal | None
) -> tuple[Work, Verdict]:
    """What the message did, and its verdict. What the office refuses leaves nothing behind."""
    if not verdict.is_accepted:
        return work, verdict
    try:
        if unfit is not None:
            raise unfit
        _act(work, rules, verdict, known)
    except Refusal as refusal:
        if isinstance(refusal, NOT_OF_THE_MOVE):
            raise
        log.warning("gate_accepted_what_the_office_refuses", type=verdict.type, refusal=repr(refusal))
        return begun.layer(), _refused(verdict, refusal)
    return work, verdict


def _act(work: Work, rules: Rules, verdict: Verdict, known: Known | None) -> None:
    """The accepted message becomes the command that an officer's click would be, with the connector's own facts."""
    facts, said = instruction_facts(verdict, known), verdict.data or {}
    if facts.does == REGISTER:
        commands.register_as_said(work, models.DossierRegistered.model_validate(said), said)
        return
    instruction = msgspec.convert({"does": facts.does, **facts.instruction, "said": said}, Instruction)
    official.perform(work, str(verdict.dossier), instruction, rules, at=facts.at)


async def _lock_counters(request: Request[Dossier], counter: str, readings: Sequence[Reading]) -> None:
    numbers: list[str] = []
    for reading in readings:
        dossier = _dossier_here(request.work, reading)
        if dossier is not None and reading.type == law.FEE_PAID:
            numbers += receipts.receipt_series(agency_code(dossier.province, dossier.commune), request.now)
    await request.lock_counters(*sorted({counter, *numbers}))


def _dossier_here(work: Work, reading: Reading) -> Dossier | None:
    return _arrived(work, reading.dossier or "")


def _arrived(work: Work, code: str) -> Dossier | None:
    dossier = work.find(code)
    return None if dossier is None or dossier.is_expected else dossier


def _known(dossier: Dossier, told_at: datetime | None, door: Door) -> Known:
    # As the office says and as the connector was told, not when either was heard here: that is later, so the next message
    # of a connector would be "before" the one that is still on its way.
    latest = max(dossier.last_act_at, told_at or dossier.last_act_at)
    # The adapter API hands in no file before it says that there is a result: it is printed here.
    return Known.of(dossier, last_event_at=latest, result_file=None if door == "legacy" else bool(dossier.own_result))


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


def _keys(readings: Sequence[Reading]) -> tuple[list[str], list[str]]:
    """Ids and dossiers, as KNOWN_SQL takes them."""
    return [_storable(reading.id) for reading in readings], [reading.dossier or "" for reading in readings]


def _storable(id: str | None) -> str:
    """An id as it is stored: PostgreSQL has no NUL, and UTF-8 no lone surrogate."""
    text = id or ""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _row(number: int, reading: Reading, verdict: Verdict, offset: int | None) -> tuple[Any, ...]:
    message = reading.message
    is_nothing = not reading.attributes.keys() - {"partitionkey"} and reading.data is msgspec.UNSET
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
        offset,
    )
