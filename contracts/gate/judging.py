"""The gate: message, knowledge of the dossier and sandbox time in, verdict out. Pure, never raises, the same for all doors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from contracts import lifecycle as law
from contracts.gate import contract, envelope_rules
from contracts.gate import law as law_stage
from contracts.gate.attributes import HAPPENED
from contracts.gate.examples import example
from contracts.gate.known import Known
from contracts.gate.message import Message, Reading, message_of
from contracts.gate.patching import patched
from contracts.gate.reading import read
from contracts.gate.rules import Finding
from contracts.gate.verdict import Became, Leniency, Outcome, Verdict
from contracts.lifecycle import LIFECYCLE

ROUNDS = 4  # of mending in lenient mode: a mended time can show that another one is wrong


def check(
    message: Message, known: Known | None, now: datetime, *, seen: str | None = None, leniency: Leniency = "strict"
) -> Verdict:
    """`judge(read(message), …)`: for who knows the dossier before reading the message."""
    return judge(read(message), known, now, seen=seen, leniency=leniency)


def check_form(message: Message, now: datetime) -> Verdict:
    """The verdict by envelope and contract alone, where nothing is known of the dossier. It says nothing of the law."""
    reading = read(message)
    findings = [*reading.findings]
    if reading.data is not UNSET and reading.type is not None and reading.type in HAPPENED:
        findings += contract.findings(reading.type, reading.data)
    outcome: Outcome = "rejected" if findings else "accepted"
    return _verdict(reading, now, "strict", outcome=outcome, errors=tuple(findings))


def judge(
    reading: Reading, known: Known | None, now: datetime, *, seen: str | None = None, leniency: Leniency = "strict"
) -> Verdict:
    """The verdict on a message: envelope, then contract, then law, with every error that can be seen at once.

    known     of `reading.dossier`; None: no such dossier in the sandbox
    now       the sandbox's time, aware
    seen      digest of the message that was accepted earlier with this source and id; None: none was
    leniency  strict refuses what breaks a rule; lenient takes what can be taken, mended, and records the deviations
    """
    if seen == reading.digest:
        return _verdict(reading, now, leniency, outcome="duplicate")
    findings = [*_findings(reading, known, now)]
    if seen is not None:
        findings.insert(0, envelope_rules.ID_AGAIN.at("/id", reading.id))
    if not findings:
        return _verdict(reading, now, leniency, outcome="accepted", became=_became(reading, known), data=reading.data)
    if leniency == "lenient":
        mended = _mended(reading, known, now, findings)
        if mended is not None:
            taken, deviations = mended
            became = _became(taken, known)
            return _verdict(
                reading,
                now,
                leniency,
                outcome="accepted_with_deviations",
                became=became,
                data=taken.data,
                errors=tuple(deviations),
            )
    return _rejected(reading, known, now, leniency, findings)


def _findings(reading: Reading, known: Known | None, now: datetime) -> Iterable[Finding]:
    yield from reading.findings
    if reading.data is UNSET or reading.type is None or reading.type not in HAPPENED:
        return
    broken = [*contract.findings(reading.type, reading.data)]
    yield from broken
    readable = reading if not broken else _as_mended(reading, broken)
    if readable is not None:
        yield from law_stage.findings(readable, known, now)


def _as_mended(reading: Reading, broken: list[Finding]) -> Reading | None:
    """The reading as it would be with the patches of the contract stage, so that the law is judged too; None without them."""
    patches = [finding.patch for finding in broken if finding.patch]
    if len(patches) < len(broken):
        return None
    try:
        data = patched({"data": reading.data}, *patches)["data"]
    except (KeyError, IndexError, ValueError, TypeError):
        return None
    type = str(reading.type)
    return None if [*contract.findings(type, data)] else msgspec.structs.replace(reading, data=data)


def _mended(
    reading: Reading, known: Known | None, now: datetime, findings: list[Finding]
) -> tuple[Reading, list[Finding]] | None:
    """The reading with all patches done, and what was wrong; None if something cannot be taken."""
    deviations: dict[tuple[str, str], Finding] = {}
    for _ in range(ROUNDS):
        new = [finding for finding in findings if (finding.rule, finding.pointer) not in deviations]
        if any(not finding.tolerable for finding in new):
            return None
        deviations |= {(finding.rule, finding.pointer): finding for finding in new}
        patches = [finding.patch for finding in new if finding.patch]
        if not patches:
            return reading, list(deviations.values())
        message = reading.message
        try:
            event = patched(reading.structured(), *patches)
        except (KeyError, IndexError, ValueError, TypeError):
            return None
        again = message_of(
            event, message.door, message.province, sandbox_id=message.sandbox_id, partition=message.partition
        )
        reading = read(again)
        findings = [*_findings(reading, known, now)]
    return None


def _became(reading: Reading, known: Known | None) -> Became | None:
    type = str(reading.type)
    if known is None:
        return Became(type, LIFECYCLE.begins.slug) if type == law.DOSSIER_REGISTERED else None
    move = LIFECYCLE.move_for_event(known.state, type)
    return Became(type, move.then.slug) if move else None


def _rejected(
    reading: Reading, known: Known | None, now: datetime, leniency: Leniency, findings: list[Finding]
) -> Verdict:
    """With what would be accepted now. Nothing is said about a dossier of another province."""
    own = known if known is not None and known.province == reading.message.province else None
    lawful = tuple(own.lawful(now, lenient=leniency == "lenient")) if own else ()
    if known is None and (reading.dossier is not None or reading.type == law.DOSSIER_REGISTERED):
        lawful = (law.DOSSIER_REGISTERED,)
    type = reading.type if reading.type in lawful else next(iter(lawful), None)
    good = example(own, type, now, province=reading.message.province) if type else None
    if good is not None and type == reading.type and any(each.stage == "contract" for each in findings):
        kept = [each for each in findings if each.stage != "contract" or each in reading.findings]
        findings = [*kept, *contract.findings(str(type), reading.data, good["data"])]
    return _verdict(
        reading,
        now,
        leniency,
        outcome="rejected",
        errors=tuple(findings),
        lawful_now=lawful,
        example=good,
    )


def _verdict(reading: Reading, now: datetime, leniency: Leniency, **more: Any) -> Verdict:
    message = reading.message
    return Verdict(
        at=now,
        province=message.province,
        sandbox=message.sandbox_id,
        leniency=leniency,
        id=reading.id,
        type=reading.type,
        dossier=reading.dossier,
        **more,
    )
