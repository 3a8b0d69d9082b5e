"""The gate: one pure function that judges what an outsider says, for all doors, the command line, tests and docs.

    reading = read(message)                  # bytes and headers → CloudEvent, with every error of the envelope
    known = Known.of(dossier, …)             # what is known of reading.dossier; None: no such dossier
    verdict = judge(reading, known, now)     # envelope → contract → law
    facts = instruction_facts(verdict, known)

`split` cuts a batch into messages before. `example` makes a message that would be accepted. RULES has every rule by its id.
"""

from contracts.gate.examples import example
from contracts.gate.facts import REGISTER, InstructionFacts, instruction_facts
from contracts.gate.judging import check, check_form, judge
from contracts.gate.known import Known
from contracts.gate.message import BATCH, STRUCTURED, Message, Reading, message_of, split
from contracts.gate.patching import patched
from contracts.gate.reading import read
from contracts.gate.rules import RULES, Finding, Rule
from contracts.gate.verdict import Became, Verdict

__all__ = [
    "BATCH",
    "REGISTER",
    "RULES",
    "STRUCTURED",
    "Became",
    "Finding",
    "InstructionFacts",
    "Known",
    "Message",
    "Reading",
    "Rule",
    "Verdict",
    "check",
    "check_form",
    "example",
    "instruction_facts",
    "judge",
    "message_of",
    "patched",
    "read",
    "split",
]
