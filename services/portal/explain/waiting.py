"""Waiting for one event of one dossier: it is there, or cannot come, or not before a time, or is held, or is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, State
from contracts.topics import READERS
from services.portal.explain import explain
from services.portal.explain.causes import Cause, said
from services.portal.explain.collect import Sight, asked, gather, look
from services.portal.explain.facts import Facts
from services.portal.sandboxes.settle import Waiting
from shared.messaging.pending import PublishedEvent

if TYPE_CHECKING:
    from services.portal.runtime import Portal

THERE, ABSENT, NOT_BEFORE, HELD, WAITING = "there", "absent", "not-before", "held", "waiting"
HOLDING = {"parked", "sandbox-unknown-there", "confirmation-held-by-fault", "confirmation-refused"}
HOLDING_REFUNDS = {"refund-held-by-fault", "refund-refused"}
ONCE = {
    law.DOSSIER_RECEIVED: "received_at",
    law.DOSSIER_HANDED_OVER: "handed_over_at",
    law.PROCESSING_STARTED: "started_at",
}
SENTENCES = {
    THERE: (
        "{event} of {code} is there: told by {source}, read by {reader}.",
        "Đã có {event} của {code}: {source} gửi, {reader} đã đọc.",
    ),
    ABSENT: ("{event} of {code} is not there, and cannot come any more.", "Không có {event} của {code}, và không thể có nữa."),
    NOT_BEFORE: (
        "{event} of {code} is not there; by itself nothing happens to it before {at}.",
        "Chưa có {event} của {code}; không có gì tự xảy ra trước {at}.",
    ),
    HELD: ("{event} of {code} is not there: it is held.", "Chưa có {event} của {code}: đang bị giữ lại."),
    WAITING: ("{event} of {code} is not there yet.", "Chưa có {event} của {code}."),
}  # fmt: skip
BY_STILLNESS = (
    "{event} of {code} is not there, and nothing brings it: the clock is frozen, nothing is under way or due for it.",
    "Không có {event} của {code}, và không gì đem đến: đồng hồ đứng yên, không có gì đang diễn ra hay đến hạn.",
)
TURNED = Waiting("clock-turning", "portal", "somebody turns the clock of this sandbox")


@dataclass(frozen=True)
class Wanted:
    """The `count`th event of a type about one dossier."""

    event: str
    code: str
    count: int = 1


@dataclass(frozen=True)
class Answer:
    """What became of the waiting.

    entry       the event as timelines tell it, if it is there
    waiting_for what the sandbox waits for, as `settle` says
    cause       the most telling reason why it is not there
    """

    verdict: str
    sentence_en: str
    sentence_vi: str
    entry: dict[str, Any] | None = None
    not_before: datetime | None = None
    waiting_for: tuple[Waiting, ...] = ()
    cause: Cause | None = field(default=None)


async def wait_for(portal: Portal, sandbox_id: str, wanted: Wanted, seconds: float) -> Answer:
    """At once where the answer is certain, else after at most `seconds` of real time. Raises SandboxNotFound."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    async with aclosing(portal.timekeeping.rounds(sandbox_id, seconds)) as rounds:
        async for round in rounds:
            seen = await look(portal, round, wanted.code)
            if (found := arrived(seen, round.answers, wanted)) is not None:
                return await _there(portal, sandbox_id, wanted, *found)
            still = round.still and not await portal.timekeeping.turning(sandbox_id)
            if still or round.over:
                facts = await gather(portal, round, wanted.code)
                answer = judge(facts, wanted, still=still, over=round.over, left=until - loop.time())
                if answer is not None:
                    return answer
    raise AssertionError("rounds go on until nobody asks")


def arrived(seen: Sight, answers: Mapping[str, Any], wanted: Wanted) -> tuple[str, PublishedEvent] | None:
    """The event and who told it, once it has had its effect on the other side too."""
    outlooks = {"portal": seen.portal, "gateway": seen.gateway}
    for source, reader in READERS.items():
        publisher, hearer = outlooks[source], outlooks[reader]
        events = [each for each in publisher.events if each.type == wanted.event] if publisher else []
        if len(events) >= wanted.count and hearer is not None and answers.get(reader) is not None:
            event = events[wanted.count - 1]
            if not event.unread and event.version not in hearer.stuck:
                return source, event
    return None


async def _there(portal: Portal, sandbox_id: str, wanted: Wanted, source: str, event: PublishedEvent) -> Answer:
    sentences = _sentences(SENTENCES[THERE], wanted, source=source, reader=READERS[source])
    return Answer(THERE, *sentences, entry=await _entry(portal, sandbox_id, wanted, source, event.version))


async def _entry(portal: Portal, sandbox_id: str, wanted: Wanted, source: str, version: int) -> dict[str, Any] | None:
    if source == "portal":
        lines: Sequence[dict[str, Any]] = await portal.timeline(sandbox_id, wanted.code)
    else:
        url = f"{portal.ownership.services[source]}/_lab/timeline/{quote(wanted.code, safe='')}?page_size=500"
        lines = await asked(portal, url, sandbox_id) or []
    return next((each for each in lines if each.get("event") == wanted.event and each["version"] == version), None)


def judge(facts: Facts, wanted: Wanted, *, still: bool, over: bool, left: float) -> Answer | None:
    """The verdict on an event that is not there; None: wait on. Pure.

    still  nothing is under way, and nobody turns the clock
    over   it has been waited for long enough
    left   real seconds that could still be waited
    """
    causes = explain(facts)
    on_its_way = told_already(facts, wanted)
    if not on_its_way and not may_come(facts, wanted):
        return _answer(ABSENT, SENTENCES[ABSENT], wanted, facts, causes)
    holding = HOLDING | (HOLDING_REFUNDS if wanted.event == law.PAYMENT_REFUNDED else set())
    holding |= set() if facts.timers else {"officers-held-by-fault"}
    if (still or over) and (held := [cause for cause in causes if cause.name in holding]):
        return _answer(HELD, SENTENCES[HELD], wanted, facts, held)
    if on_its_way:
        return _answer(WAITING, SENTENCES[WAITING], wanted, facts, causes, still=still) if over else None
    due = facts.timers[0].due if facts.timers else None
    if still and due is not None and (facts.frozen or due - facts.now > timedelta(seconds=max(left, 0) * facts.rate)):
        return _answer(NOT_BEFORE, SENTENCES[NOT_BEFORE], wanted, facts, causes, due)
    if still and facts.frozen:
        return _answer(ABSENT, BY_STILLNESS, wanted, facts, causes)
    return _answer(WAITING, SENTENCES[WAITING], wanted, facts, causes, still=still) if over else None


def _answer(
    verdict: str,
    sentences: tuple[str, str],
    wanted: Wanted,
    facts: Facts,
    causes: Sequence[Cause],
    due: datetime | None = None,
    *,
    still: bool = True,
) -> Answer:
    """With the sentence of the most telling cause."""
    en, vi = _sentences(sentences, wanted, at=said(due))
    waiting = (*facts.waiting, *(() if still or facts.waiting else (TURNED,)))
    return Answer(
        verdict=verdict,
        sentence_en=f"{en} {causes[0].sentence_en}",
        sentence_vi=f"{vi} {causes[0].sentence_vi}",
        not_before=due,
        waiting_for=waiting,
        cause=causes[0],
    )


def _sentences(sentences: tuple[str, str], wanted: Wanted, **more: object) -> tuple[str, str]:
    en, vi = (sentence.format(event=wanted.event, code=wanted.code, **more) for sentence in sentences)
    return en, vi


def told_already(facts: Facts, wanted: Wanted) -> bool:
    """It was told, and the other side has not taken it."""
    published = [each for outlook in facts.outlooks.values() for each in outlook.events if each.type == wanted.event]
    return len(published) >= wanted.count


def may_come(facts: Facts, wanted: Wanted) -> bool:
    """Whether the law can still bring the event, from where either copy of the dossier stands; an unknown one can still be born."""
    event, states = wanted.event, [LIFECYCLE.state(facts.there["status"]["code"])] if facts.there else []
    states += [facts.here.state] if facts.here else []
    if not states:
        return True
    if event in LIFECYCLE.begun_by or (facts.there is not None and facts.there.get(ONCE.get(event, "")) is not None):
        return False
    money = any(not order.settled(facts.now) for order in facts.orders or ()) or facts.orders is None
    if event == law.PAYMENT_CONFIRMED and money:
        return True
    if event == law.PAYMENT_REFUNDED:
        return money or bool(facts.refunds) or not facts.ended
    if event == law.WITHDRAWAL_DECLINED and states == [law.RESULT_RETURNED] * 2:
        return facts.here is not None and facts.here.withdrawal == "asked"
    if event == law.DOSSIER_RATED and facts.here is not None and facts.here.rating is not None:
        return False
    return any(event in events_from(state) for state in states)


def events_from(state: State) -> set[str]:
    """Every event that some lawful way can bring from here."""
    reached, found = {state}, set()
    ways = [state]
    while ways:
        for move in LIFECYCLE.moves_from(ways.pop()):
            found.add(move.event)
            if move.then not in reached:
                reached.add(move.then)
                ways.append(move.then)
    return found
