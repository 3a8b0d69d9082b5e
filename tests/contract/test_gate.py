"""The gate: every rule has a message that breaks it, every patch mends, and whatever arrives gets a verdict."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import gate
from contracts import lifecycle as law
from contracts.calendar.worktime import Pause
from contracts.catalogue import PROCEDURES, PROVINCES
from contracts.gate import BATCH, RULES, Known, Message, example, message_of, patched, read
from contracts.gate import law_rules as law_rules
from contracts.gate.rules import is_law
from contracts.gate.zoo import Specimen, specimens
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import parts
from contracts.sources import not_in_force
from shared.sandbox.clock import BUSINESS_ZONE
from shared.text import is_visible

ZOO = list(specimens())
NOW = datetime.fromisoformat("2026-11-25T10:00:00+07:00")
SCHEMA = json.loads((Path(gate.__file__).parent.parent / "verdict.v1.json").read_text(encoding="utf-8"))
VERDICT = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
MUTATIONS = int(os.environ.get("MUTATIONS", "500"))


def by_name(specimen: Specimen) -> str:
    return specimen.name


@pytest.mark.parametrize("specimen", ZOO, ids=by_name)
def test_every_message_of_the_zoo_gets_its_verdict(specimen: Specimen) -> None:
    verdict = specimen.judged()
    errors = [{"rule": e.rule, "pointer": e.pointer, "patch": e.patch is not None} for e in verdict.errors]
    assert {"outcome": verdict.outcome, "errors": errors} == specimen.verdict
    VERDICT.validate(json.loads(json.dumps(verdict.document())))


@pytest.mark.parametrize(
    "specimen", [each for each in ZOO if any(e["patch"] for e in each.verdict["errors"])], ids=by_name
)
def test_a_patch_mends_what_it_was_made_for(specimen: Specimen) -> None:
    verdict = specimen.judged()
    patches = [error.patch for error in verdict.errors if error.patch]
    sent = specimen.message
    event = patched(read(sent).structured(), *patches)
    mended = specimen.judged(message=message_of(event, sent.door, sent.province, partition=sent.partition))
    left = {(error.rule, error.pointer) for error in verdict.errors if not error.patch}
    assert {(error.rule, error.pointer) for error in mended.errors} <= left
    assert left or mended.outcome == "accepted"


@pytest.mark.parametrize("value", [5, -1, 1.5])
@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time", "datacontenttype"])
def test_a_number_for_a_text_is_mended_or_left(name: str, value: float) -> None:
    known = Known.in_state("submitted", now=NOW)
    sent = {**(example(known, law.DOSSIER_RECEIVED, NOW) or {}), name: value}
    verdict = gate.check(message_of(sent, "http", "37"), known, NOW)
    assert verdict.outcome == "rejected"
    patches = [error.patch for error in verdict.errors if error.patch]
    if len(patches) == len(verdict.errors):
        mended = gate.check(message_of(patched(sent, *patches), "http", "37"), known, NOW)
        assert mended.outcome == "accepted", [(e.rule, e.pointer) for e in mended.errors]


@pytest.mark.parametrize("specimen", ZOO, ids=by_name)
def test_lenient_takes_exactly_what_may_deviate_and_records_it(specimen: Specimen) -> None:
    strict, lenient = specimen.judged(), specimen.judged("lenient")
    tolerable = strict.outcome == "rejected" and all(error.tolerable for error in strict.errors)
    assert (lenient.outcome == "accepted_with_deviations") == tolerable
    if tolerable:
        assert {error.rule for error in strict.errors} <= {error.rule for error in lenient.errors}
        assert lenient.became is not None
        assert gate.instruction_facts(lenient, specimen.known).does


@pytest.mark.parametrize("specimen", [each for each in ZOO if each.verdict["outcome"] == "rejected"], ids=by_name)
def test_the_example_of_a_refusal_would_be_accepted_now(specimen: Specimen) -> None:
    verdict = specimen.judged()
    assert (verdict.example is None) == (not verdict.lawful_now) or specimen.name == "beyond-the-calendar"
    if verdict.example is not None:
        message = message_of(verdict.example, specimen.message.door, specimen.message.province)
        known = None if verdict.example["type"] == law.DOSSIER_REGISTERED else specimen.known
        if known is not None:
            known = msgspec.structs.replace(known, partition=None)
        assert gate.check(message, known, specimen.now).outcome == "accepted"


def test_every_part_of_a_verdict_is_described_in_both_languages() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for _, part in parts(SCHEMA):
        if "title" in part or "properties" in part:
            assert all(part[name].strip() for name in ("title", "x-title-vi", "description", "x-description-vi"))
    for document in SCHEMA["examples"]:
        VERDICT.validate(document)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'[{"id": "\\ud800"}]', "LT-ENV-003"),
        (gzip.compress(b"[]"), "LT-ENV-015"),
        (b"[{", "LT-ENV-005"),
        (b"[" * 10_000, "LT-ENV-007"),
        (b"[]", "LT-ENV-025"),
        (b"", "LT-ENV-025"),
    ],
    ids=["surrogate", "gzip", "half", "deep", "empty", "nothing"],
)
def test_a_batch_that_cannot_be_split_says_why(body: bytes, rule: str) -> None:
    message = Message("http", "37", (("content-type", BATCH.encode()),), body)
    assert gate.split(message) == [message]
    (error,) = gate.check(message, None, NOW).errors
    assert error.rule == rule


def test_every_rule_is_broken_by_a_message_of_the_zoo() -> None:
    broken = {error["rule"] for specimen in ZOO for error in specimen.verdict["errors"]}
    assert set(RULES) - broken == set()
    assert len(RULES) >= 40


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_is_said_in_two_languages_and_rests_on_a_source(rule: gate.Rule) -> None:
    assert re.fullmatch(r"LT-(ENV|LAW)-[0-9]{3}", rule.id)
    assert all(is_visible(text) for text in (rule.title, rule.title_vi, rule.text, rule.text_vi, rule.source))
    if is_law(rule.source):
        assert not_in_force(rule.source, NOW.date()) == []


@pytest.mark.parametrize("door", ["kafka", "http"])
@pytest.mark.parametrize("state", LIFECYCLE.states, ids=lambda state: state.slug)
def test_an_example_of_all_that_is_lawful_in_a_state_is_accepted_and_is_a_move(state: law.State, door: Any) -> None:
    told = set()
    for procedure in ("2.000635", "1.004194", "3.000346", "1.001193", "2.001035"):
        for more in (
            {},
            {"withdrawal_reason": "Tôi nộp nhầm"},
            {"supplements": ()},
            {"demands": ()},
            {"started_at": None},
        ):
            known = Known.in_state(state.slug, now=NOW, procedure=procedure, **more)
            for event, move in known.lawful(NOW).items():
                verdict = gate.check(message_of(example(known, event, NOW) or {}, door, "37"), known, NOW)
                assert verdict.outcome == "accepted", [(e.rule, e.pointer, e.expected, e.got) for e in verdict.errors]
                assert verdict.became == gate.Became(event, move.then.slug)
                assert gate.instruction_facts(verdict, known).does == move.does
                told.add(event)
    officials = {move.event for move in LIFECYCLE.moves_from(state) if move.who in law.OFFICIALS}
    assert told <= officials and bool(told) == bool(officials)


@pytest.mark.parametrize("state", LIFECYCLE.states, ids=lambda state: state.slug)
def test_what_the_law_has_no_move_for_is_refused_in_every_state(state: law.State) -> None:
    known = Known.in_state(state.slug, now=NOW)
    unlawful = set(law.FOLLOWED) - {move.event for move in LIFECYCLE.moves_from(state) if move.who in law.OFFICIALS}
    for event in unlawful:
        verdict = gate.check(message_of(example(known, event, NOW) or {}, "http", "37"), known, NOW)
        assert verdict.outcome == "rejected"
        assert {error.pointer for error in verdict.errors} == {"/type"}


def test_a_registration_is_a_dossier_that_nobody_knows_yet() -> None:
    event = example(None, law.DOSSIER_REGISTERED, NOW, province="01")
    assert event is not None
    verdict = gate.check(message_of(event, "http", "01"), None, NOW)
    assert verdict.became == gate.Became(law.DOSSIER_REGISTERED, "submitted")
    assert gate.instruction_facts(verdict, None).does == gate.REGISTER


def test_the_facts_of_a_move_are_those_that_the_connector_said() -> None:
    known = Known.in_state("submitted", now=NOW)
    event = example(known, law.SUPPLEMENT_REQUESTED, NOW - timedelta(minutes=5)) or {}
    event["data"] |= {"items": [{"text": "Giấy khai sinh bản chính"}, {"text": "Ảnh 4×6"}], "officer": "Quầy 7"}
    facts = gate.instruction_facts(gate.check(message_of(event, "kafka", "37"), known, NOW), known)
    assert facts.does == law.REQUEST_SUPPLEMENT
    assert facts.at == NOW - timedelta(minutes=5)
    assert facts.instruction == {"reason": event["data"]["reason"], "items": ("Giấy khai sinh bản chính", "Ảnh 4×6")}
    assert facts.said["officer"] == "Quầy 7" and isinstance(facts.said["answer_by"], datetime)
    with pytest.raises(ValueError, match="rejected"):
        gate.instruction_facts(ZOO[0].judged(), ZOO[0].known)


def test_papers_brought_to_the_desk_stand_for_the_answer_that_is_awaited() -> None:
    (waiting,) = [each for each in ZOO if each.name == "resumed-unanswered"]
    event = deepcopy(dict(waiting.event or {}))
    event["data"]["at_desk"] = True
    verdict = waiting.judged(message=message_of(event, "kafka", "37"))
    assert verdict.outcome == "accepted"
    assert gate.instruction_facts(verdict, waiting.known).instruction == {"at_desk": True}


@pytest.mark.parametrize("prefix", ["ce_", "ce-"])
def test_binary_and_structured_mode_are_the_same_message(prefix: str) -> None:
    door: Any = "kafka" if prefix == "ce_" else "http"
    known = Known.in_state("in_processing", now=NOW)
    event = example(known, law.DOSSIER_RESULT_READY, NOW) or {}
    key = event.pop("partitionkey").encode()
    headers = [(prefix + name, str(value).encode()) for name, value in event.items() if name not in ("data", "source")]
    source = b"/h%E1%BB%87" if door == "http" else "/hệ".encode()
    headers += [(prefix + "source", source), ("Content-Type", b"application/json; charset=utf-8")]
    message = Message(door, "37", tuple(headers), json.dumps(event["data"]).encode(), key if door == "kafka" else None)
    verdict = gate.check(message, known, NOW)
    assert [error.rule for error in verdict.errors] == ["LT-ENV-045"], "Vietnamese letters are read; a URI escapes them"
    assert verdict.errors[0].got == "/hệ"


def test_a_system_that_writes_whole_seconds_is_not_before_the_last_event() -> None:
    last = NOW.replace(microsecond=300_000)
    known = Known.in_state("submitted", now=NOW, last_event_at=last)
    event = example(known, law.DOSSIER_REFUSED, NOW) or {}
    assert gate.check(message_of(event, "http", "37"), known, last + timedelta(seconds=1)).outcome == "accepted"


def test_a_header_without_a_value_is_an_attribute_without_one() -> None:
    verdict = gate.check(Message("kafka", "37", (("ce_id", None), ("content-type", None)), b"{}", None), None, NOW)
    assert {"LT-ENV-020", "LT-ENV-042", "LT-ENV-046"} <= {error.rule for error in verdict.errors}


def test_a_pointer_is_right_also_for_a_structured_event_that_does_not_say_so() -> None:
    known = Known.in_state("submitted", now=NOW)
    event = example(known, law.DOSSIER_REFUSED, NOW) or {}
    event["data"]["reason"] += "\x00"
    body = msgspec.json.encode(event)
    verdict = gate.check(Message("http", "37", (("content-type", b"application/json"),), body), known, NOW)
    assert {(error.rule, error.pointer) for error in verdict.errors} == {
        ("LT-ENV-024", ""),
        ("LT-ENV-011", "/data/reason"),
    }


def test_a_batch_over_http_is_split_and_each_event_is_judged() -> None:
    known = Known.in_state("submitted", now=NOW)
    events = [example(known, type, NOW) for type in (law.DOSSIER_RECEIVED, law.DOSSIER_REFUSED)]
    headers = (("content-type", gate.BATCH.encode()),)
    batch = Message("http", "37", headers, msgspec.json.encode(events))
    assert [gate.check(each, known, NOW).outcome for each in gate.split(batch)] == ["accepted", "accepted"]
    for body in (b"{}", b"[", b"[]", None, b"[" * 10_000):
        (message,) = gate.split(Message("http", "37", headers, body))
        assert gate.check(message, known, NOW).outcome == "rejected"


def test_the_same_event_in_the_other_mode_or_written_otherwise_is_a_duplicate() -> None:
    known = Known.in_state("submitted", now=NOW)
    event = example(known, law.DOSSIER_RECEIVED, NOW) or {}
    first = read(message_of(event, "http", "37"))
    headers = [
        (f"ce-{name}", str(value).encode()) for name, value in event.items() if name not in ("data", "partitionkey")
    ]
    headers.append(("content-type", b"application/json"))
    body = json.dumps(dict(reversed(event["data"].items())), indent=2).encode()
    again = read(Message("http", "37", tuple(headers), body))
    assert gate.judge(again, known, NOW, seen=first.digest).outcome == "duplicate"
    event["data"]["officer"] = "Quầy 9"
    other = gate.judge(read(message_of(event, "http", "37")), known, NOW, seen=first.digest)
    assert [error.rule for error in other.errors] == ["LT-ENV-065"]


def test_nothing_is_said_about_a_dossier_of_another_province() -> None:
    (foreign,) = [each for each in ZOO if each.name == "dossier-of-another-province"]
    verdict = foreign.judged()
    assert (verdict.lawful_now, verdict.example) == ((), None)


def test_what_is_shown_of_others_is_short_and_acts_on_no_terminal() -> None:
    known = Known.in_state("submitted", now=NOW)
    event = (example(known, law.DOSSIER_REFUSED, NOW) or {}) | {"type": "\x1b[31m\u202e" + "x" * 5000}
    (error,) = gate.check(message_of(event, "http", "37"), known, NOW).errors
    assert error.got is not None and error.got.startswith("\\x1b[31m\\u202ex") and len(error.got) < 150


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(datetime(2025, 7, 2), datetime(2027, 9, 1)),
    st.sampled_from(LIFECYCLE.states),
    st.sampled_from(sorted(PROCEDURES)),
    st.sampled_from(sorted(PROVINCES)),
    st.sampled_from(Pause),
)
def test_an_example_is_accepted_at_any_hour_for_any_procedure(
    at: datetime, state: law.State, procedure: str, province: str, pause: Pause
) -> None:
    now = at.replace(tzinfo=BUSINESS_ZONE)
    known = Known.in_state(state.slug, now=now, procedure=procedure, province=province, pause=pause)
    whole = [(known, event) for event in known.lawful(now)] + [(None, law.DOSSIER_REGISTERED)]
    for whom, event in whole:
        message = message_of(example(whom, event, now, province=province) or {}, "kafka", province)
        verdict = gate.check(message, whom, now)
        assert verdict.outcome == "accepted", [(e.rule, e.pointer, e.expected, e.got) for e in verdict.errors]


GOOD = [
    (known, example(known, event, NOW) or {})
    for state in LIFECYCLE.states
    for known in (Known.in_state(state.slug, now=NOW, withdrawal_reason="Tôi nộp nhầm"),)
    for event in known.lawful(NOW)
]
ODD: list[Any] = ["", " ", None, 0, -1, 1, True, False, 1e300, 10**18, [], {}, [[]], "\x00", "é", "20261125100000"]
ODD += [
    "2026-13-45T99:99:99+07:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "H42",
    "\u202ex",
    "x" * 3000,
]
ODD += ["2026-12-31T23:59:60+00:00", "2028-01-01T00:00:00+07:00", "anew", "tax", {"province": "36", "commune": "13285"}]


def mutated(event: Any, chance: random.Random) -> Any:
    """The event with one to four members replaced, removed, moved or added, anywhere."""
    event = json.loads(json.dumps(event))
    for _ in range(chance.randint(1, 4)):
        part = event
        while chance.random() < 0.7 and any(isinstance(value, dict | list) and value for value in _values(part)):
            part = chance.choice([value for value in _values(part) if isinstance(value, dict | list) and value])
        names: list[Any] = list(part) if isinstance(part, dict) else list(range(len(part)))
        name = chance.choice([*names, "status", "at_desk", "due_at"] if isinstance(part, dict) else names)
        action = chance.random()
        if action < 0.25 and name in names:
            del part[name]
        elif action < 0.8:
            part[name] = deepcopy(chance.choice(ODD))
        else:
            part[name] = deepcopy(chance.choice(_values(part) or [0]))
        if not event:
            break
    return event


def _values(part: Any) -> list[Any]:
    return list(part.values()) if isinstance(part, dict) else list(part)


def garbled(body: bytes, chance: random.Random) -> bytes:
    raw = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(raw) + 1)
        raw[at : at + chance.randint(0, 5)] = chance.randbytes(chance.randint(0, 4))
    return bytes(raw)


@settings(max_examples=MUTATIONS, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.randoms(use_true_random=False), st.sampled_from(["strict", "lenient"]))
def test_whatever_arrives_gets_exactly_one_verdict(index: int, chance: random.Random, leniency: Any) -> None:
    known, event = GOOD[index]
    door: Any = chance.choice(["kafka", "http"])
    message = message_of(mutated(event, chance), door, "37") if event else Message(door, "37")
    if chance.random() < 0.2:
        message = msgspec.structs.replace(message, body=garbled(message.body or b"", chance))
    if chance.random() < 0.1:
        message = msgspec.structs.replace(message, headers=((chance.choice(["ce_id", "x"]), chance.randbytes(3)),))
    whom = None if chance.random() < 0.1 else known
    verdict = gate.check(message, whom, NOW, leniency=leniency)
    document = json.loads(json.dumps(verdict.document()))
    VERDICT.validate(document)
    assert (verdict.outcome == "accepted") == (not verdict.errors)
    if verdict.is_accepted:
        gate.instruction_facts(verdict, whom)
    patches = [error.patch for error in verdict.errors]
    if verdict.outcome == "rejected" and len(patches) == 1 and patches[0]:
        mended = message_of(patched(read(message).structured(), patches[0]), door, "37")
        again = gate.check(mended, whom, NOW)
        assert verdict.errors[0].rule not in {error.rule for error in again.errors}
