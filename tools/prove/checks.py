"""The promises: each check compares the acknowledged requests with the services' tables. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.catalogue import PROVINCES
from contracts.lifecycle import BEGUN_BY, DOSSIER_REJECTED, DOSSIER_RESULT_READY, DOSSIER_SUBMITTED, LIFECYCLE
from contracts.topics import FROM_PROVINCE
from tools.prove import connector_checks, law_checks, rules
from tools.prove.copies import compared
from tools.prove.evidence import Check, Evidence, Finding
from tools.prove.ledger import Key
from tools.prove.tables import Event, Figures


def submissions(e: Evidence) -> Iterator[str | None]:
    """Every acknowledged submission and registration is in portal and province once, whatever was repeated."""
    for key, submission in e.ledger.submissions.items():
        codes = {code for code in submission.codes if (submission.sandbox, code) not in e.lost} or {*submission.codes}
        if len(codes) != 1:
            yield f"submission {key} was answered with {len(codes)} codes: {sorted(codes)}"
            continue
        dossier = (submission.sandbox, codes.pop())
        if dossier in e.lost and submission.service == "gateway":
            yield None  # who handed it in at the counter has to come again
            continue
        owner = e.portal if submission.service == "portal" else e.gateway
        in_province = dossier in e.gateway.dossiers or dossier in e.lost
        problems = [
            *(["not in the portal"] if dossier not in e.portal.dossiers else []),
            *(["not in the province"] if not in_province else []),
            *([f"its key is stored {owner.replies.get(key, 0)} times"] if owner.replies.get(key) != 1 else []),
        ]
        yield f"{dossier}: {', '.join(problems)}" if problems else None
    known = e.ledger.dossiers.keys() | e.lost
    yield from (f"{key}: in the portal, but never submitted" for key in e.portal.dossiers if key not in known)
    yield from (f"{key}: in the province, but not in the portal" for key in e.gateway.dossiers.keys() - known)


def acknowledged_once(e: Evidence) -> Iterator[str | None]:
    """Each acknowledged request of a citizen and each payment is published exactly once."""
    for key in e.portal.dossiers:
        events = Counter(event.type for event in e.portal.events.get(key, []))
        poisoned = Counter(letter.kind for letter in e.poison if letter.key == key and letter.service == "gateway")
        requested = {type: e.ledger.requests.get((key, type), 0) for type in rules.REQUESTED}
        published = {type: events[type] - poisoned[type] for type in rules.REQUESTED}
        yield f"{key}: acknowledged {requested}, published {published}" if published != requested else None
    for key, references in e.ledger.payments.items():
        for reference in references:
            order = e.payment.orders.get((key[0], reference))
            paid = order is not None and order["state"] == "paid"
            yield None if paid else f"{key}: payment {reference} acknowledged but not stored"


def numbers(e: Evidence) -> Iterator[str | None]:
    """Every event has one number, numbers have no gaps, and per dossier they are in the order of its versions."""
    for tables in (e.portal, e.gateway):
        lanes: dict[tuple[int, int], list[int]] = {}
        assigned: Counter[tuple[Key, int]] = Counter()
        last: dict[Key, tuple[int, int, int]] = {}
        for row in tables.posted:
            lanes.setdefault((row.lane, row.epoch), []).append(row.number)
            assigned[row.key, row.version] += 1
            if row.version != last.get(row.key, (0, 0, 0))[2] + 1:
                yield f"{tables.service}: {row.key} version {row.version} numbered after {last.get(row.key)}"
            last[row.key] = (row.epoch, row.number, row.version)
        for (lane, epoch), numbers in lanes.items():
            complete = numbers == list(range(1, len(numbers) + 1))
            yield (
                None
                if complete
                else f"{tables.service}: lane {lane} epoch {epoch}: {len(numbers)} numbers up to {max(numbers)}"
            )
            head = tables.heads.get(lane, (0, 0))
            if epoch == head[0] and head[1] != len(numbers):
                yield f"{tables.service}: lane {lane}: head {head}, but {len(numbers)} numbers stored"
        yield from (f"{tables.service}: {key} version {version} has no number" for key, version in tables.queued)
        for key, events in tables.events.items():
            versions = [event.version for event in events]
            if versions != list(range(1, len(versions) + 1)) or tables.versions.get(key) != len(versions):
                yield f"{tables.service}: {key} has versions {versions}, expected up to {tables.versions.get(key)}"
            for version in versions:
                count = assigned[key, version]
                yield None if count == 1 else f"{tables.service}: {key} version {version} has {count} numbers"


def positions(e: Evidence) -> Iterator[str | None]:
    """Each reader is right behind the last assigned number: nothing unread, and never ahead."""
    for source, reader in ((e.portal, e.gateway), (e.gateway, e.portal)):
        for lane, (epoch, head) in source.heads.items():
            expected = reader.read.get(lane, (0, 1))
            if head == 0 and expected <= (epoch, 1):
                continue
            correct = expected == (epoch, head + 1)
            yield (
                None
                if correct
                else f"{reader.service} expects {expected} in lane {lane}, {source.service} is at {epoch}/{head}"
            )


def applied(e: Evidence) -> Iterator[str | None]:
    """Every event was applied once and in order: each copy equals the result of applying the peer's events again."""
    for key in e.comparable:
        portal_copy, province_copy = e.portal.dossiers[key], e.gateway.dossiers.get(key)
        portal_events, province_events = e.portal.events.get(key, []), e.gateway.events.get(key, [])
        if province_copy is None:
            yield f"{key}: the province does not have it"
            continue
        try:
            expected = rules.fold(province_events)
        except rules.OutOfOrder as wrong:
            yield f"{key}: {wrong}"
            continue
        requests = sum(event.type == rules.WITHDRAWAL_REQUESTED for event in portal_events)
        yield _differences(
            key,
            ("status in the portal", portal_copy["state_code"], expected.status),
            ("status in the province", province_copy["state_code"], expected.status),
            (
                "events that the portal applied",
                portal_copy["heard"][1],
                len(province_events),
            ),  # stored as (epoch, version)
            ("withdrawal in the portal", portal_copy["withdrawal"], rules.withdrawal(requests, expected)),
            ("beginnings", sum(event.type in BEGUN_BY for event in (*portal_events, *province_events)), 1),
            (
                "paid in the province",
                province_copy["paid_dong"],
                rules.sum_of(portal_events, rules.CONFIRMED) + rules.sum_of(province_events, rules.FEE_PAID),
            ),
            (
                "refunded in the province",
                province_copy["refunded_dong"],
                rules.sum_of(portal_events, rules.REFUNDED) + rules.returned_dong(province_events),
            ),
        )


def agreement(e: Evidence) -> Iterator[str | None]:
    """The portal's and the province's copy of each dossier agree."""
    for key in e.comparable:
        portal_copy, province_copy = e.portal.dossiers[key], e.gateway.dossiers.get(key)
        if province_copy is None:
            yield f"{key}: the province does not have it"
            continue
        unanswered = portal_copy["withdrawal"] == "asked" and portal_copy["state_code"] not in rules.STOPPED
        yield _differences(
            key,
            ("status", portal_copy["state_code"], province_copy["state_code"]),
            ("fee", rules.fee_dong(portal_copy), rules.fee_dong(province_copy)),
            ("paid", rules.paid_dong(portal_copy), province_copy["paid_dong"]),
            ("refunded", rules.given_back_dong(portal_copy), province_copy["refunded_dong"]),
            ("withdrawn", portal_copy["withdrawal"] == "granted", province_copy["state_code"] == rules.WITHDRAWN),
            ("an unanswered withdrawal request", unanswered, False),
        )
    for key, (citizen, province) in e.views.items():
        yield (
            None if citizen == province else f"{key}: through the APIs the citizen sees {citizen}, province {province}"
        )


def statistics(e: Evidence) -> Iterator[str | None]:
    """The portal's statistics, computed from events alone, count every dossier where the stored one stands."""
    # An event had no effect on the stored dossier, or was in a deleted database and is not counted again.
    excluded = e.portal.parked | e.portal.waiting | e.uncounted
    for key, dossier in e.portal.dossiers.items():
        if key not in excluded:
            right = (dossier["province"], dossier["state_code"])
            figures = _figures([*e.portal.events.get(key, ()), *e.gateway.events.get(key, ())])
            yield _differences(
                key,
                ("counted as", e.portal.reported.get(key), right),
                *([("figures", e.portal.figures.get(key), figures)] if key not in e.lost else ()),
            )
    for sandbox, counted in e.counted.items():
        stored = Counter(
            (province, LIFECYCLE.state(state).slug)
            for (place, _), (province, state) in e.portal.reported.items()
            if place == sandbox
        )
        yield None if counted == stored else f"{sandbox}: the statistics show {counted}, stored are {dict(stored)}"
    unknown = e.portal.reported.keys() - e.portal.dossiers.keys() - {key for key, _ in e.portal.orphans}
    yield from (f"{key} is counted and does not exist" for key in unknown)


def _figures(events: Sequence[Event]) -> Figures:
    """What the statistics must count of a dossier: the portal's own events only begin it."""
    figures = Figures(None, None, None, None)
    for event in sorted(events, key=lambda event: event.type not in BEGUN_BY):
        facts = event.facts
        if event.type in BEGUN_BY:
            is_online = event.type == DOSSIER_SUBMITTED
            figures = replace(figures, commune=facts["authority"].get("commune"), is_online=is_online)
        due_at = datetime.fromisoformat(facts["due_at"]) if facts.get("due_at") else figures.due_at
        figures = replace(figures, due_at=due_at)
        if event.type in (DOSSIER_RESULT_READY, DOSSIER_REJECTED):
            late = due_at is not None and event.at > due_at
            figures = replace(figures, is_overdue=not facts["on_time"] if "on_time" in facts else late)
    return figures


def timelines(e: Evidence) -> Iterator[str | None]:
    """What people read in a timeline is what stands in the event logs."""
    for key, lines in e.timelines.items():
        logs = {"portal": e.portal.events.get(key, []), "gateway": e.gateway.events.get(key, [])}
        logged = [(service, each.version, each.type, each.facts) for service, log in logs.items() for each in log]
        missing, more = (
            [line[:3] for line in one if line not in other] for one, other in ((logged, lines), (lines, logged))
        )
        yield f"{key}: not in the timeline {missing}, only in the timeline {more}" if missing or more else None


def lists(e: Evidence) -> Iterator[str | None]:
    """The lists of citizens and offices have each of their dossiers once, on one of their pages."""
    for (sandbox, persona), codes in e.listed.items():
        number, stored = e.people[sandbox, persona], e.portal.dossiers.items()
        own = [key[1] for key, each in stored if key[0] == sandbox and number in _people(each)]
        yield _listed(f"{persona} in {sandbox}", codes, own)
    for (sandbox, province), codes in e.inboxes.items():
        stored = e.gateway.dossiers.items()
        there = [key[1] for key, each in stored if (key[0], each["province"]) == (sandbox, province)]
        yield _listed(f"province {province} in {sandbox}", codes, there)


def _people(dossier: dict[str, Any]) -> tuple[str, str]:
    return dossier["applicant_id"], (dossier.get("owner") or {}).get("id", "")


def _listed(who: str, codes: list[str], stored: list[str]) -> str | None:
    missing, more = Counter(stored) - Counter(codes), Counter(codes) - Counter(stored)
    return f"the list of {who} lacks {sorted(missing)}, and has besides {sorted(more)}" if missing or more else None


def receipts(e: Evidence) -> Iterator[str | None]:
    """The numbers of receipts have no gap within a series: those of the portal, and those of each office."""
    for tables, type in ((e.portal, rules.CONFIRMED), (e.gateway, rules.FEE_PAID)):
        numbers: dict[tuple[str, str], list[int]] = {}
        for (sandbox, _), events in tables.events.items():
            for receipt in (each for event in events if event.type == type for each in event.facts.get("receipts", ())):
                numbers.setdefault((sandbox, receipt["series"]), []).append(receipt["number"])
        for series, drawn in numbers.items():
            complete = sorted(drawn) == list(range(1, len(drawn) + 1))
            yield None if complete else f"{tables.service}: {series} has the receipts {sorted(drawn)}"


def money(e: Evidence) -> Iterator[str | None]:
    """Paid at the platform = confirmed at the portal; refunds agree; no money is kept without a demand.

    Dossiers of a deleted database are excluded from the last rule: the province may demand again what was already paid.
    """
    paid_by_order, excluded = {}, e.lost | {letter.key for letter in e.poison}
    for key, dossier in e.portal.dossiers.items():
        events = e.portal.events.get(key, [])
        for payment in dossier["payments"]:
            order_key = (key[0], payment["reference"])
            order = e.payment.orders.get(order_key)
            paid = payment["amount_dong"] if payment["status"] in rules.PAID_STATES else 0
            refunded = payment["refund_dong"] if payment["status"] == "refunded" else 0
            paid_by_order[order_key] = paid
            charged = order["amount_dong"] if order and order["state"] == "paid" else 0
            yield _differences(
                key,
                (f"{order_key[1]} paid", paid, charged),
                (f"{order_key[1]} refunded", refunded, e.payment.refunds.get(order_key, 0)),
                (f"{order_key[1]} has a pending refund", payment["status"] == "refund_pending", False),
            )
        balance = rules.confirmed_dong(dossier) - rules.refunded_dong(dossier)
        due = rules.kept_dong(dossier, rules.end_of(e.gateway.events.get(key, []))) if key not in excluded else balance
        yield _differences(
            key,
            ("payments published", rules.sum_of(events, rules.CONFIRMED), rules.confirmed_dong(dossier)),
            ("refunds published", rules.sum_of(events, rules.REFUNDED), rules.refunded_dong(dossier)),
            ("money kept", balance, due),
        )
    for order_key, order in e.payment.orders.items():
        if order["state"] == "paid" and order_key not in paid_by_order:
            yield f"{order_key}: paid at the platform, unknown to the portal"
    paid = sum(order["amount_dong"] for order in e.payment.orders.values() if order["state"] == "paid")
    confirmed = sum(paid_by_order.values())
    yield None if paid == confirmed else f"in total {paid} đồng paid, {confirmed} confirmed"


def dead_letters(e: Evidence) -> Iterator[str | None]:
    """Dead letters, parked dossiers and events behind them: exactly the poison, and what is said about lost dossiers.

    A province that has lost a dossier gets its submission again, and cannot know what its citizen is answering now.
    """
    yield None  # counts as one check, also without poison
    tables = [e.portal, e.gateway, *e.deleted]
    letters = {letter for each in tables for letter in each.letters}
    # Per database: a new database reads the log again and gets the same dead letters as the deleted one.
    for letter, times in (counted for each in tables for counted in Counter(each.letters).items()):
        correct = (letter in e.poison and times == 1) or letter.key in e.lost
        yield None if correct else f"{letter.service}: {letter.kind} of {letter.key}, {times}×: {letter.reason}"
    orphaned = {(key, type) for key, type in e.gateway.orphans}
    for letter in e.poison:
        orphan = letter.service == "gateway" and (letter.key, letter.kind) in orphaned
        yield None if letter in letters or orphan else f"{letter.service}: poison {letter} is no dead letter"
    poisoned = {letter.key for letter in e.poison}
    for each in tables:
        yield from (f"{each.service}: {key} is parked" for key in (each.parked | each.waiting) - poisoned - e.lost)
        yield from (f"{each.service}: orphan {type} of {key}" for key, type in each.orphans if key not in e.lost)


def breadth(e: Evidence) -> Iterator[str | None]:
    """Every event that a province can publish was seen, and life in every province: what was not seen is not proved."""
    tables = [e.gateway, *e.deleted]
    seen = {event.type for each in tables for events in each.events.values() for event in events}
    lively = {dossier["province"] for each in tables for dossier in each.dossiers.values()}
    yield from (None if type in seen else f"no province has published {type}" for type in FROM_PROVINCE)
    yield from (None if code in lively else f"province {code} has no dossier" for code in PROVINCES)


def machine(e: Evidence) -> Iterator[str | None]:
    """No deadlock in any database, and no unexpected reply."""
    for tables in (e.portal, e.gateway, *e.deleted):
        yield f"{tables.service}: {tables.deadlocks} deadlocks" if tables.deadlocks else None
    yield f"payment: {e.payment.deadlocks} deadlocks" if e.payment.deadlocks else None
    yield from e.ledger.surprises


def stillness(e: Evidence) -> Iterator[str | None]:
    """At the end every sandbox is settled, and `settle` never said so too early."""
    yield None
    yield from (*e.unsettled, *e.lies)


def liveness(e: Evidence) -> Iterator[str | None]:
    """Every dossier has ended, but for what the faults hold: parked behind poison, or lost with a database.

    That nothing is due any more is no proof: a dossier whose timer was lost stands still as well.
    """
    poisoned, open_keys = {letter.key for letter in e.poison}, {*e.open}
    for key in sorted(e.portal.dossiers.keys() | e.gateway.dossiers.keys()):
        holding = [*(PARKED if key in poisoned | e.lost else ()), *(LOST if key in e.lost else ())]
        if key in e.lost and key not in e.causes:
            continue  # has ended, or is not in the sample that was explained, or only its script came again
        causes = e.causes.get(key, [])
        stands = f"{key} stands still in state {_states(e, key)}; explain says: {', '.join(causes) or 'nothing'}"
        yield None if key not in open_keys or (causes and causes[0] in holding) else stands


def _states(e: Evidence, key: Key) -> str:
    copies = [tables.dossiers.get(key, {}).get("state_code", "unknown") for tables in (e.portal, e.gateway)]
    return f"{copies[0]} in the portal and {copies[1]} in the province"


# Causes of `explain` that hold a dossier for ever after a fault. Citizens and connectors of the load do all that they must.
PARKED = ("parked", "waits-behind-parked")
LOST = ("no-copy",)
CHECKS: dict[str, Check] = {
    "every acknowledged submission is in portal and province once": submissions,
    "every acknowledged request and payment is published once": acknowledged_once,
    "every event has one number; none missing, none twice": numbers,
    "no reader is behind or ahead of its source": positions,
    "every event is applied once and in order": applied,
    "both copies of a dossier agree": agreement,
    "both copies have every field of every event": compared,
    "statistics agree with the stored dossiers": statistics,
    "paid = confirmed, minus refunds": money,
    "lists have every dossier once": lists,
    "receipts are numbered without gaps": receipts,
    "timelines are the event logs": timelines,
    "dead letters are exactly the poison": dead_letters,
    "every event of a province was seen, and every province": breadth,
    "no deadlock, no unexpected reply": machine,
    "everything settles, and settle does not say so too early": stillness,
    "every dossier ends, or is held by what explain names": liveness,
    **law_checks.CHECKS,
}


def judge(evidence: Evidence) -> list[Finding]:
    findings = []
    for promise, check in {**CHECKS, **(connector_checks.CHECKS if evidence.said else {})}.items():
        answers = list(check(evidence))
        findings.append(Finding(promise, len(answers), [answer for answer in answers if answer is not None]))
    return findings


def _differences(key: Key, *facts: tuple[str, object, object]) -> str | None:
    """One sentence about all facts that differ; None if none does."""
    wrong = [f"{name} is {actual}, should be {expected}" for name, actual, expected in facts if actual != expected]
    return f"{key}: {'; '.join(wrong)}" if wrong else None
