"""The promises, each a pure comparison of what was acknowledged with what was written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tools.prove import rules
from tools.prove.books import HouseBooks, Letter, PaymentBooks
from tools.prove.ledger import Key, Ledger

SHOWN = 5  # violations printed per promise


@dataclass
class Evidence:
    """Everything there is at the end of a run.

    doors    per sampled dossier: what the citizen and what the province see at their doors (None: not found)
    """

    ledger: Ledger
    portal: HouseBooks
    gateway: HouseBooks
    payment: PaymentBooks
    poison: set[Letter] = field(default_factory=set)
    buried: list[HouseBooks] = field(default_factory=list)
    doors: dict[Key, tuple[int | None, int | None]] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)

    @property
    def lost(self) -> set[Key]:
        """Dossiers that a deleted database had; what became of them in the new one is not compared."""
        return {key for books in self.buried for key in books.dossiers}

    @property
    def comparable(self) -> list[Key]:
        """Dossiers whose both copies must agree: neither lost with a database nor parked behind poison."""
        apart = self.lost | {letter.key for letter in self.poison}
        return sorted(key for key in self.portal.dossiers if key not in apart)


@dataclass
class Finding:
    """One promise, how many things it was held against, and where it was broken."""

    promise: str
    checked: int
    violations: list[str]

    @property
    def holds(self) -> bool:
        return not self.violations and self.checked > 0


Check = Callable[[Evidence], Iterator[str | None]]  # one answer per thing looked at: None, or what is wrong


def submissions(e: Evidence) -> Iterator[str | None]:
    for key, kept in e.ledger.submissions.items():
        codes = set(kept.codes)
        if len(codes) != 1:
            yield f"submission {key} was answered with {len(codes)} codes: {sorted(codes)}"
            continue
        dossier = (kept.sandbox, kept.codes[0])
        there = dossier in e.gateway.dossiers or dossier in e.lost
        problems = [
            *(["not in the portal"] if dossier not in e.portal.dossiers else []),
            *(["not in the province"] if not there else []),
            *([f"its key is kept {e.portal.replies.get(key, 0)} times"] if e.portal.replies.get(key) != 1 else []),
        ]
        yield f"{dossier}: {', '.join(problems)}" if problems else None
    known = e.ledger.dossiers
    yield from (f"{key}: in the portal, and nobody asked for it" for key in e.portal.dossiers if key not in known)
    yield from (f"{key}: in the province, and not in the portal" for key in e.gateway.dossiers.keys() - known.keys())


def acknowledged_once(e: Evidence) -> Iterator[str | None]:
    """Withdrawals asked for and payments made: each told exactly once."""
    for key in e.portal.dossiers:
        poisoned = sum(letter.key == key and letter.service == "gateway" for letter in e.poison)
        told = sum(event.type == rules.ASKED for event in e.portal.events.get(key, [])) - poisoned
        asked = e.ledger.withdrawals.get(key, 0)
        yield f"{key}: {asked} requests to withdraw acknowledged, {told} told" if told != asked else None
    for key, references in e.ledger.payments.items():
        for reference in references:
            order = e.payment.orders.get((key[0], reference))
            paid = order is not None and order["state"] == "paid"
            yield None if paid else f"{key}: payment {reference} acknowledged and not kept"


def numbers(e: Evidence) -> Iterator[str | None]:
    """Every event has one number, numbers have no gaps, and per dossier they follow its versions."""
    for books in (e.portal, e.gateway):
        lanes: dict[tuple[int, int], list[int]] = {}
        given: Counter[tuple[Key, int]] = Counter()
        last: dict[Key, tuple[int, int, int]] = {}
        for row in books.posted:
            lanes.setdefault((row.lane, row.epoch), []).append(row.number)
            given[row.key, row.version] += 1
            if row.version != last.get(row.key, (0, 0, 0))[2] + 1:
                yield f"{books.service}: {row.key} version {row.version} posted after {last.get(row.key)}"
            last[row.key] = (row.epoch, row.number, row.version)
        for (lane, epoch), found in lanes.items():
            whole = found == list(range(1, len(found) + 1))
            yield (
                None
                if whole
                else f"{books.service}: lane {lane} epoch {epoch}: {len(found)} numbers up to {max(found)}"
            )
            head = books.given.get(lane, (0, 0))
            if epoch == head[0] and head[1] != len(found):
                yield f"{books.service}: lane {lane}: head {head}, and {len(found)} numbers kept"
        yield from (f"{books.service}: {key} version {version} never got a number" for key, version in books.queued)
        for key, events in books.events.items():
            versions = [event.version for event in events]
            if versions != list(range(1, len(versions) + 1)) or books.said.get(key) != len(versions):
                yield f"{books.service}: {key} has versions {versions}, said {books.said.get(key)}"
            for version in versions:
                count = given[key, version]
                yield None if count == 1 else f"{books.service}: {key} version {version} has {count} numbers"


def positions(e: Evidence) -> Iterator[str | None]:
    """Each reader stands right behind the last number given: nothing unread, and never ahead."""
    for source, reader in ((e.portal, e.gateway), (e.gateway, e.portal)):
        for lane, (epoch, head) in source.given.items():
            expected = reader.read.get(lane, (0, 1))
            if head == 0 and expected <= (epoch, 1):
                continue
            right = expected == (epoch, head + 1)
            yield (
                None
                if right
                else f"{reader.service} expects {expected} in lane {lane}, {source.service} gave {epoch}/{head}"
            )


def applied(e: Evidence) -> Iterator[str | None]:
    """Every event had its effect once and in order: each copy is what the other side's events, folded anew, make."""
    for key in e.comparable:
        ours, theirs = e.portal.dossiers[key], e.gateway.dossiers.get(key)
        said, heard = e.portal.events.get(key, []), e.gateway.events.get(key, [])
        if theirs is None:
            yield f"{key}: the province does not have it"
            continue
        try:
            made = rules.fold(heard)
        except rules.OutOfOrder as wrong:
            yield f"{key}: {wrong}"
            continue
        asked = sum(event.type == rules.ASKED for event in said)
        yield _differences(
            key,
            ("status in the portal", ours["state_code"], made.status),
            ("status in the province", theirs["state_code"], made.status),
            ("events the portal heard", ours["heard"][1], len(heard)),  # kept as (life, version)
            ("fee in the portal", rules.fee_dong(ours), made.fee_dong),
            ("due date in the portal", _time(ours["due_at"]), _time(made.due_at)),
            ("result in the portal", ours["result_number"], made.result_number),
            ("withdrawal in the portal", ours["withdrawal"], rules.withdrawal(asked, made)),
            ("submissions told", sum(event.type == rules.SUBMISSION for event in said), 1),
            ("paid in the province", theirs["paid_dong"], rules.sum_of(said, rules.CONFIRMED)),
            ("refunded in the province", theirs["refunded_dong"], rules.sum_of(said, rules.REFUNDED)),
        )


def agreement(e: Evidence) -> Iterator[str | None]:
    """Portal and province, put side by side."""
    for key in e.comparable:
        ours, theirs = e.portal.dossiers[key], e.gateway.dossiers.get(key)
        if theirs is None:
            yield f"{key}: the province does not have it"
            continue
        waits = ours["withdrawal"] == "asked" and ours["state_code"] not in rules.STOPPED
        yield _differences(
            key,
            ("status", ours["state_code"], theirs["state_code"]),
            ("fee", rules.fee_dong(ours), rules.fee_dong(theirs)),
            ("paid", rules.confirmed_dong(ours), theirs["paid_dong"]),
            ("refunded", rules.refunded_dong(ours), theirs["refunded_dong"]),
            ("withdrawn", ours["withdrawal"] == "granted", theirs["state_code"] == rules.WITHDRAWN),
            ("a request to withdraw without answer", waits, False),
        )
    for key, (citizen, province) in e.doors.items():
        yield None if citizen == province else f"{key}: at the doors, citizen sees {citizen}, province {province}"


def statistics(e: Evidence) -> Iterator[str | None]:
    """The portal's statistics, computed from events alone, count every dossier where the stored one stands."""
    stuck = e.portal.parked | e.portal.waiting  # an event of theirs had no effect on the stored dossier
    for key, dossier in e.portal.dossiers.items():
        if key not in stuck:
            right = (dossier["province"], dossier["state_code"])
            yield _differences(key, ("counted as", e.portal.reported.get(key), right))
    unknown = e.portal.reported.keys() - e.portal.dossiers.keys() - {key for key, _ in e.portal.orphans}
    yield from (f"{key} is counted and does not exist" for key in unknown)


def money(e: Evidence) -> Iterator[str | None]:
    """Paid at the platform = confirmed at the portal; refunded there = refunded here; nothing kept that nobody owes.

    What a province whose database was deleted still owes nobody can tell: it may demand anew what it forgot was paid.
    """
    standing = {}
    for key, dossier in e.portal.dossiers.items():
        said = e.portal.events.get(key, [])
        for payment in dossier["payments"]:
            place = (key[0], payment["reference"])
            order = e.payment.orders.get(place)
            paid = payment["amount_dong"] if payment["status"] in rules.PAID_STATES else 0
            back = payment["refund_dong"] if payment["status"] == "refunded" else 0
            standing[place] = paid
            taken = order["amount_dong"] if order and order["state"] == "paid" else 0
            yield _differences(
                key,
                (f"{place[1]} paid", paid, taken),
                (f"{place[1]} refunded", back, e.payment.refunds.get(place, 0)),
                (f"{place[1]} waits for its refund", payment["status"] == "refund_pending", False),
            )
        kept = rules.confirmed_dong(dossier) - rules.refunded_dong(dossier)
        due = rules.fee_dong(dossier) if kept and dossier["state_code"] not in rules.STOPPED else 0
        yield _differences(
            key,
            ("payments told", rules.sum_of(said, rules.CONFIRMED), rules.confirmed_dong(dossier)),
            ("refunds told", rules.sum_of(said, rules.REFUNDED), rules.refunded_dong(dossier)),
            *([("money kept", kept, due)] if key not in e.lost else []),
        )
    for place, order in e.payment.orders.items():
        if order["state"] == "paid" and place not in standing:
            yield f"{place}: paid at the platform, unknown to the portal"
    paid = sum(order["amount_dong"] for order in e.payment.orders.values() if order["state"] == "paid")
    confirmed = sum(standing.values())
    yield None if paid == confirmed else f"in total {paid} đồng paid, {confirmed} confirmed"


def dead_letters(e: Evidence) -> Iterator[str | None]:
    """Dead letters, parked dossiers and what waits behind them: exactly the poison. Orphans: only of lost dossiers."""
    yield None  # without poison, that there are none is what was looked at
    books = [e.portal, e.gateway, *e.buried]
    found = {letter for each in books for letter in each.letters}
    # By life: a database made anew reads again, and puts aside again, what the deleted one had put aside.
    for letter, times in (counted for each in books for counted in Counter(each.letters).items()):
        right = letter in e.poison and times == 1
        yield None if right else f"{letter.service}: {letter.kind} of {letter.key}, {times}×: {letter.reason}"
    orphaned = {(key, type) for key, type in e.gateway.orphans}
    for letter in e.poison:
        gone = letter.service == "gateway" and (letter.key, letter.kind) in orphaned
        yield None if letter in found or gone else f"{letter.service}: poison {letter} is no dead letter"
    poisoned = {letter.key for letter in e.poison}
    for each in books:
        yield from (f"{each.service}: {key} is parked" for key in (each.parked | each.waiting) - poisoned)
        yield from (f"{each.service}: orphan {type} of {key}" for key, type in each.orphans if key not in e.lost)


def machine(e: Evidence) -> Iterator[str | None]:
    """No deadlock in any database, and no answer that a door should not give."""
    for books in (e.portal, e.gateway, *e.buried):
        yield f"{books.service}: {books.deadlocks} deadlocks" if books.deadlocks else None
    yield f"payment: {e.payment.deadlocks} deadlocks" if e.payment.deadlocks else None
    yield from e.ledger.surprises


def stillness(e: Evidence) -> Iterator[str | None]:
    """At the end everything is settled."""
    yield None
    yield from e.unsettled


CHECKS: dict[str, Check] = {
    "every acknowledged submission is in portal and province once": submissions,
    "every acknowledged withdrawal and payment is told once": acknowledged_once,
    "every event has one number; none missing, none twice": numbers,
    "no reader is behind, or ahead of what was said": positions,
    "every event is applied once and in order": applied,
    "both copies of a dossier agree": agreement,
    "statistics agree with the stored dossiers": statistics,
    "paid = confirmed, minus refunds": money,
    "dead letters are exactly the poison": dead_letters,
    "no deadlock, no surprising answer": machine,
    "everything settles": stillness,
}


def judge(evidence: Evidence) -> list[Finding]:
    findings = []
    for promise, check in CHECKS.items():
        answers = list(check(evidence))
        findings.append(Finding(promise, len(answers), [answer for answer in answers if answer is not None]))
    return findings


def _time(text: str | None) -> object:
    return datetime.fromisoformat(text) if text else None


def _differences(key: Key, *facts: tuple[str, object, object]) -> str | None:
    """One sentence about every fact whose two sides differ."""
    wrong = [f"{name} is {found}, should be {right}" for name, found, right in facts if found != right]
    return f"{key}: {'; '.join(wrong)}" if wrong else None
