"""Waits for one event of one dossier. The verdict: there, absent, unknown, not before a time, held, or still waiting."""

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
from services.portal.explain.causes import Cause, text_of
from services.portal.explain.collect import Outlooks, gather, get_json, outlooks_of
from services.portal.explain.facts import EXTERNAL, Facts
from services.portal.explain.infrastructure import unknown_dossier
from services.portal.sandboxes.settle import Waiting
from shared.messaging.pending import PublishedEvent

if TYPE_CHECKING:
    from services.portal.runtime import Portal

THERE, ABSENT, UNKNOWN, NOT_BEFORE = "there", "absent", "unknown", "not-before"
HELD, WAITING = "held", "waiting"
MAY_SPEAK = "may-speak"  # key of a sentence, no verdict
HOLDING = {"parked", "sandbox-unknown-there", "confirmation-held-by-fault", "confirmation-refused"}
HOLDING_REFUNDS = {"refund-held-by-fault", "refund-refused"}
ONCE = {
    law.DOSSIER_RECEIVED: "received_at",
    law.DOSSIER_HANDED_OVER: "handed_over_at",
    law.PROCESSING_STARTED: "started_at",
}
SENTENCES = {
    THERE: (
        "{event} of {code} is there: published by {source}, read by {reader}.",
        "Đã có {event} của {code}: {source} gửi, {reader} đã đọc.",
    ),
    ABSENT: (
        "{event} of {code} is not there, and cannot come any more.",
        "Không có {event} của {code}, và không thể có nữa.",
    ),
    NOT_BEFORE: (
        "{event} of {code} is not there; nothing happens to the dossier by itself before {at}.",
        "Chưa có {event} của {code}; không có gì tự xảy ra trước {at}.",
    ),
    UNKNOWN: ("{event} of {code} is not there.", "Không có {event} của {code}."),
    HELD: ("{event} of {code} is not there: it is held.", "Chưa có {event} của {code}: đang bị giữ lại."),
    MAY_SPEAK: (
        "{event} of {code} is not there yet; no proof that it never comes: a connector can still speak.",
        "Chưa có {event} của {code}; không thể chắc là không bao giờ có: hệ thống kết nối còn có thể gửi.",
    ),
    WAITING: ("{event} of {code} is not there yet.", "Chưa có {event} của {code}."),
}  # fmt: skip
ABSENT_WHILE_FROZEN = (
    "{event} of {code} is not there, and nothing causes it: the clock is frozen, nothing is under way or due for it.",
    "Không có {event} của {code}, và không gì đem đến: đồng hồ đứng yên, không có gì đang diễn ra hay đến hạn.",
)
CLOCK_CHANGES = Waiting("clock-turning", "portal", "another caller is changing the clock of this sandbox")


@dataclass(frozen=True)
class AwaitedEvent:
    """One event of a dossier. `count`: which occurrence of its type, counted from 1."""

    event: str
    code: str
    count: int = 1


@dataclass(frozen=True)
class Answer:
    """The result of waiting.

    entry        the timeline entry of the event, if it is there
    waiting_for  what the sandbox waits for, as in `settle`
    cause        the main reason why it is not there
    """

    verdict: str
    sentence_en: str
    sentence_vi: str
    entry: dict[str, Any] | None = None
    not_before: datetime | None = None
    waiting_for: tuple[Waiting, ...] = ()
    cause: Cause | None = field(default=None)


async def wait_for(portal: Portal, sandbox_id: str, awaited: AwaitedEvent, seconds: float) -> Answer:
    """Returns as soon as the verdict is certain, at most after `seconds` of real time. Raises SandboxNotFound."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    async with aclosing(portal.timekeeping.rounds(sandbox_id, seconds)) as rounds:
        async for round in rounds:
            outlooks = await outlooks_of(portal, round, awaited.code)
            if (arrival := arrived(outlooks, round.answers, awaited)) is not None:
                return await _there(portal, sandbox_id, awaited, *arrival)
            still = round.still and not await portal.timekeeping.is_changing(sandbox_id)
            if still or round.over:
                facts = await gather(portal, round, awaited.code)
                answer = judge(facts, awaited, still=still, over=round.over, left=until - loop.time())
                if answer is not None:
                    return answer
    raise AssertionError("rounds continue until the caller stops")


def arrived(outlooks: Outlooks, answers: Mapping[str, Any], awaited: AwaitedEvent) -> tuple[str, PublishedEvent] | None:
    """The source and the event, once its reader has applied it."""
    by_service = {"portal": outlooks.portal, "gateway": outlooks.gateway}
    for source, reader in READERS.items():
        published, read = by_service[source], by_service[reader]
        events = [event for event in published.events if event.type == awaited.event] if published else []
        if len(events) >= awaited.count and read is not None and answers.get(reader) is not None:
            event = events[awaited.count - 1]
            if not event.unread and event.version not in read.stuck:
                return source, event
    return None


async def _there(portal: Portal, sandbox_id: str, awaited: AwaitedEvent, source: str, event: PublishedEvent) -> Answer:
    sentences = _sentences(SENTENCES[THERE], awaited, source=source, reader=READERS[source])
    return Answer(THERE, *sentences, entry=await _entry(portal, sandbox_id, awaited, source, event.version))


async def _entry(
    portal: Portal, sandbox_id: str, awaited: AwaitedEvent, source: str, version: int
) -> dict[str, Any] | None:
    if source == "portal":
        entries: Sequence[dict[str, Any]] = await portal.timeline(sandbox_id, awaited.code)
    else:
        url = f"{portal.ownership.services[source]}/_lab/timeline/{quote(awaited.code, safe='')}?page_size=500"
        entries = await get_json(portal, url, sandbox_id) or []
    matches = (entry for entry in entries if entry.get("event") == awaited.event and entry["version"] == version)
    return next(matches, None)


def judge(facts: Facts, awaited: AwaitedEvent, *, still: bool, over: bool, left: float) -> Answer | None:
    """The verdict on an event that is not there; None: continue to wait. Pure.

    still  nothing is under way, and no caller changes the clock
    over   the time to wait has ended
    left   real seconds left to wait
    """
    causes = explain(facts)
    under_way = already_published(facts, awaited)
    if not under_way and not may_come(facts, awaited):
        return _answer(ABSENT, SENTENCES[ABSENT], awaited, facts, causes)
    holding = HOLDING | (HOLDING_REFUNDS if awaited.event == law.PAYMENT_REFUNDED else set())
    holding |= set() if facts.timers else {"officers-held-by-fault"}
    if (still or over) and (held := [cause for cause in causes if cause.name in holding]):
        return _answer(HELD, SENTENCES[HELD], awaited, facts, held)
    if under_way:
        return _answer(WAITING, SENTENCES[WAITING], awaited, facts, causes, still=still) if over else None
    if causes[0].name == unknown_dossier.name and ((still and facts.frozen) or over):
        return _answer(UNKNOWN, SENTENCES[UNKNOWN], awaited, facts, causes, still=still)
    if facts.mode == EXTERNAL and not facts.ended and not facts.timers:
        return _answer(WAITING, SENTENCES[MAY_SPEAK], awaited, facts, causes) if over else None
    due = facts.timers[0].due if facts.timers else None
    if still and due is not None and (facts.frozen or due - facts.now > timedelta(seconds=max(left, 0) * facts.rate)):
        return _answer(NOT_BEFORE, SENTENCES[NOT_BEFORE], awaited, facts, causes, due)
    if still and facts.frozen:
        return _answer(ABSENT, ABSENT_WHILE_FROZEN, awaited, facts, causes)
    return _answer(WAITING, SENTENCES[WAITING], awaited, facts, causes, still=still) if over else None


def _answer(
    verdict: str,
    sentences: tuple[str, str],
    awaited: AwaitedEvent,
    facts: Facts,
    causes: Sequence[Cause],
    due: datetime | None = None,
    *,
    still: bool = True,
) -> Answer:
    """An answer that contains the sentence of the first cause."""
    en, vi = _sentences(sentences, awaited, at=text_of(due))
    waiting = (*facts.waiting, *(() if still or facts.waiting else (CLOCK_CHANGES,)))
    return Answer(
        verdict=verdict,
        sentence_en=f"{en} {causes[0].sentence_en}",
        sentence_vi=f"{vi} {causes[0].sentence_vi}",
        not_before=due,
        waiting_for=waiting,
        cause=causes[0],
    )


def _sentences(sentences: tuple[str, str], awaited: AwaitedEvent, **values: object) -> tuple[str, str]:
    en, vi = (sentence.format(event=awaited.event, code=awaited.code, **values) for sentence in sentences)
    return en, vi


def already_published(facts: Facts, awaited: AwaitedEvent) -> bool:
    """Whether the event is published; its reader has not applied it yet."""
    types = [event.type for outlook in facts.outlooks.values() for event in outlook.events]
    return types.count(awaited.event) >= awaited.count


def may_come(facts: Facts, awaited: AwaitedEvent) -> bool:
    """Whether the lifecycle has a path to the event from the state of either copy; an unknown dossier can begin."""
    event, copy = awaited.event, facts.province_copy
    states = [LIFECYCLE.state(copy["status"]["code"])] if copy else []
    states += [facts.portal_copy.state] if facts.portal_copy else []
    if not states:
        return True
    if event in LIFECYCLE.begun_by or (copy is not None and copy.get(ONCE.get(event, "")) is not None):
        return False
    money = any(not order.settled(facts.now) for order in facts.orders or ()) or facts.orders is None
    if event == law.PAYMENT_CONFIRMED and money:
        return True
    if event == law.PAYMENT_REFUNDED:
        return money or bool(facts.refunds) or not facts.ended
    if event == law.WITHDRAWAL_DECLINED and states == [law.RESULT_RETURNED] * 2:
        return facts.portal_copy is not None and facts.portal_copy.withdrawal == "asked"
    if event == law.DOSSIER_RATED and facts.portal_copy is not None and facts.portal_copy.rating is not None:
        return False
    return any(event in events_from(state) for state in states)


def events_from(state: State) -> set[str]:
    """Every event on any path of the lifecycle from `state`."""
    reached, events = {state}, set()
    open_states = [state]
    while open_states:
        for move in LIFECYCLE.moves_from(open_states.pop()):
            events.add(move.event)
            if move.then not in reached:
                reached.add(move.then)
                open_states.append(move.then)
    return events
