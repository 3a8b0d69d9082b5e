"""Commands on a dossier, one pure function per action: load, decide, save, publish. No await, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import to_builtins
from msgspec.structs import asdict, replace

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES, Choice
from contracts.filing import Filing, Paper
from contracts.lifecycle import LIFECYCLE, MoveNotAllowed, Reaction
from contracts.receipts import series
from services.portal.auth import Citizen
from services.portal.codes import code_series, dossier_code
from services.portal.domain import (
    FAILED,
    PAID,
    REFUND_PENDING,
    REFUNDED,
    Demand,
    Dossier,
    DossierNotFound,
    FeeItem,
    Payment,
    Receipt,
    Supplement,
)
from shared.messaging.unit_of_work import Work as AnyWork
from shared.sandbox.clock import BUSINESS_ZONE, day_digits, wire

Work = AnyWork[Dossier]
REFUND = "refund"  # kind of background call
ONLINE = "/online"  # suffix of the series in which the portal numbers its receipts


def submit_dossier(work: Work, citizen: Citizen, choice: Choice, filing: Filing) -> Dossier:
    """A new dossier with the next code of its agency and day. Raises CalendarTooShort if the calendar ends too soon."""
    choice.require_calendar(work.now, "online")
    at = work.now.astimezone(BUSINESS_ZONE)
    code = dossier_code(choice.agency, day_digits(at), work.number(code_series(choice.agency, at)), work.epoch)
    dossier = Dossier(
        code=code,
        procedure=choice.procedure.code,
        province=choice.province,
        commune=choice.commune,
        applicant_id=citizen.id,
        applicant_name=citizen.name,
        state_code=law.SUBMITTED.code,
        submitted_at=at,
        **asdict(filing),
    )
    work.save(code, dossier, lane=PROVINCES[choice.province].lane)
    _publish(
        work,
        dossier,
        law.DOSSIER_SUBMITTED,
        authority={"province": choice.province, "commune": choice.commune},
        applicant={"id": citizen.id, "name": citizen.name, "level": citizen.level},
        channel="online",
        submitted_at=wire(at),
        **filing.facts(),
    )
    return dossier


def ask_withdrawal(work: Work, citizen: Citizen, code: str, reason: str) -> Dossier:
    """The citizen asks for a withdrawal; the province answers later."""
    at = _now(work, code)
    dossier = _own_dossier(work, citizen, code).asking_withdrawal(at)
    work.save(code, dossier)
    _publish(work, dossier, law.WITHDRAWAL_REQUESTED, reason=reason, requested_at=wire(at))
    return dossier


def answer_supplement(work: Work, citizen: Citizen, code: str, papers: tuple[Paper, ...], note: str | None) -> Dossier:
    """The citizen hands in what was missing; the office continues."""
    at = _now(work, code)
    dossier = _own_dossier(work, citizen, code).answering_supplement(papers, at)
    work.save(code, dossier)
    number = dossier.supplements[-1].number
    facts = {"request": number, "papers": to_builtins(papers), "note": note or None, "answered_at": wire(at)}
    _publish(work, dossier, law.SUPPLEMENT_ANSWERED, **facts)
    return dossier


def rate(work: Work, citizen: Citizen, code: str, scores: dict[str, int], comment: str | None) -> Dossier:
    """The citizen rates the nine indicators, once, after the end."""
    at = _now(work, code)
    dossier = _own_dossier(work, citizen, code).rated(scores, comment, at)
    work.save(code, dossier)
    _publish(work, dossier, law.DOSSIER_RATED, scores=scores, comment=comment or None, rated_at=wire(at))
    return dossier


def start_payment(work: Work, citizen: Citizen, code: str, amount_dong: int) -> Payment:
    """A payment attempt with its reference, stored before the platform is called."""
    dossier, payment = _own_dossier(work, citizen, code).paying(amount_dong, _now(work, code))
    work.save(code, dossier)
    return payment


def receipt_series(code: str, now: datetime) -> list[str]:
    """The counters that number the receipts of a dossier: one per kind of item, agency and year."""
    return list(series(code.split("-")[0], now, ONLINE).values())


def confirm_payment(
    work: Work, code: str, reference: str, amount_dong: int, transaction: str, paid: bool
) -> str | None:
    """Apply the platform's CONFIRM. Returns None, or why it is refused. A payment that is not due is refunded, once."""
    dossier = work.find(code)
    payment = dossier.payment(reference) if dossier else None
    if dossier is None or payment is None:
        return "MaThamChieu is not known here"
    if amount_dong != payment.amount_dong:
        return f"SoTien is {amount_dong}, the fee is {payment.amount_dong}"
    if payment.status in (PAID, REFUND_PENDING, REFUNDED):
        return None if payment.transaction == transaction and paid else "this reference is paid by another transaction"
    if not paid:
        work.save(code, dossier.with_payment(replace(payment, status=FAILED)))
        return None
    at, owing = _now(work, code), dossier.owing
    is_demanded = owing is not None and owing.number == payment.demand
    expected = is_demanded and LIFECYCLE.reaction(dossier.state, law.PLATFORM_CONFIRMATION) is Reaction.APPLY
    confirmed = 1 + sum(earlier.confirmed > 0 for earlier in dossier.payments)
    payment = replace(payment, status=PAID, transaction=transaction, paid_at=at, confirmed=confirmed)
    if owing is not None and expected:
        payment = replace(payment, receipts=_receipts(work, dossier, owing.items, amount_dong, at))
    dossier = dossier.with_payment(payment)
    work.save(code, dossier)
    facts = {"reference": reference, "amount_dong": amount_dong, "transaction": transaction, "paid_at": wire(at)}
    receipts = [asdict(receipt) for receipt in payment.receipts] or None
    _publish(work, dossier, law.PAYMENT_CONFIRMED, **facts, demand=payment.demand, receipts=receipts)
    if not expected:
        _refund(work, dossier, [payment.to_refund()])
    return None


def _receipts(
    work: Work, dossier: Dossier, items: Sequence[FeeItem], amount_dong: int, at: datetime
) -> tuple[Receipt, ...]:
    """One receipt per kind of item; an amount without an item is lệ phí."""
    counters = series(dossier.code.split("-")[0], at, ONLINE)
    sums = {kind: sum(item.amount_dong for item in items if item.kind == kind) for kind in counters}
    sums["registration_fee"] += amount_dong - sum(sums.values())
    return tuple(
        Receipt(kind, counters[kind], work.number(counters[kind]), amount) for kind, amount in sums.items() if amount
    )


def note_refund(work: Work, code: str, reference: str, refund: str) -> None:
    """The platform made the refund; published to the province once."""
    dossier = work.load(code, DossierNotFound)
    payment = dossier.payment(reference)
    if payment is None or payment.status != REFUND_PENDING:
        return
    dossier = dossier.with_payment(replace(payment, status=REFUNDED, refund=refund))
    work.save(code, dossier)
    facts = {"reference": reference, "amount_dong": payment.refund_dong, "refund": refund}
    _publish(work, dossier, law.PAYMENT_REFUNDED, **facts, refunded_at=wire(_now(work, code)))


def note_registration(work: Work, dossier: Dossier) -> None:
    """A dossier handed in at a counter or by post: create the national copy."""
    if work.find(dossier.code) is not None:
        raise MoveNotAllowed(
            "The province used the same code for two dossiers.",
            state=dossier.state.slug,
            does=law.DOSSIER_REGISTERED,
            allowed=[],
        )
    copy = replace(dossier, heard=work.cause, first_epoch=work.cause[0])
    work.save(dossier.code, copy, lane=PROVINCES[dossier.province].lane)


def note_move(work: Work, code: str, event: str, facts: Mapping[str, Any]) -> None:
    """The province made a move: apply it, with these fields, to the copy. A late event changes nothing."""
    dossier = _follow(work, code, event)
    if dossier is not None:
        work.save(code, replace(dossier, **facts))


def note_end(
    work: Work,
    code: str,
    event: str,
    facts: Mapping[str, Any],
    *,
    refund_dong: int | None,
    paid_dong: int | None,
    returned_dong: int | None,
) -> None:
    """The dossier ended without a result: refund what the province decided (`Dossier.refunds`).

    returned_dong  how much the office returned of the money that it took itself
    """
    dossier = _follow(work, code, event)
    if dossier is not None:
        lapsed = {"withdrawal": "lapsed"} if dossier.withdrawal == "asked" else {}  # ended before it was answered
        dossier = replace(dossier.with_returned(returned_dong or 0), **{**lapsed, **facts})
        _refund(work, dossier, dossier.refunds(refund_dong, paid_dong))


def note_supplement(work: Work, code: str, supplement: Supplement) -> None:
    dossier = _follow(work, code, law.SUPPLEMENT_REQUESTED)
    if dossier is not None:
        work.save(code, replace(dossier, supplements=(*dossier.supplements, supplement)))


def note_demand(work: Work, code: str, demand: Demand, replaces: int | None) -> None:
    """The province demands a fee; a corrected demand replaces the open one."""
    dossier = _follow(work, code, law.FEE_DEMANDED)
    if dossier is None:
        return
    dossier, refunds = dossier.superseding(replaces) if replaces is not None else (dossier, [])
    _refund(work, replace(dossier, demands=(*dossier.demands, demand)), refunds)


def note_going_on(work: Work, code: str, event: str, at: datetime, facts: Mapping[str, Any]) -> None:
    """A move after a supplement request; an answer that we do not have was given at the office."""
    note_move(work, code, event, facts)
    dossier = work.load(code, DossierNotFound)
    last = dossier.supplement
    if last is not None and last.answered_at is None and dossier.state in (law.RECEIVED, law.IN_PROCESSING):
        supplements = (*dossier.supplements[:-1], replace(last, answered_at=at))
        work.save(code, replace(dossier, supplements=supplements))


def note_closed(work: Work, code: str, event: str, number: int, **facts: Any) -> None:
    """The office took the money of a demand itself, or waived it; an online payment for it is refunded."""
    dossier = _follow(work, code, event)
    if dossier is None:
        return
    demands = tuple(replace(d, **facts) if d.number == number else d for d in dossier.demands)
    payment = dossier.payment_of(number)
    _refund(work, replace(dossier, demands=demands), [payment.to_refund()] if payment else [])


def _follow(work: Work, code: str, event: str) -> Dossier | None:
    """Save the copy in the state to which `event` leads. None if the event was applied before, or is late."""
    dossier = work.load(code, DossierNotFound)
    if work.cause <= dossier.heard:
        return None  # a duplicate: a new database of the province has a higher epoch
    dossier = replace(dossier, heard=work.cause, first_epoch=dossier.first_epoch or work.cause[0])
    applies = _reaction(dossier, event) is Reaction.APPLY
    move = LIFECYCLE.move_for_event(dossier.state, event)
    if applies and move is not None:
        dossier = replace(dossier, state_code=move.then.code)
    work.save(code, dossier)
    return dossier if applies else None


def _reaction(dossier: Dossier, event: str) -> Reaction:
    """By the lifecycle table. A refused event is late if the province's epoch rose since the dossier's first event."""
    try:
        return LIFECYCLE.must_react(dossier.state, event)
    except MoveNotAllowed:
        if dossier.heard[0] > dossier.first_epoch:
            return Reaction.LATE
        raise


def _refund(work: Work, dossier: Dossier, payments: Sequence[Payment]) -> None:
    """Add one outbox call per payment: the worker requests the refund until the platform replies."""
    for payment in payments:
        dossier = dossier.with_payment(payment)
        work.call(REFUND, payment.reference, {"code": dossier.code, "amount_dong": payment.refund_dong})
    work.save(dossier.code, dossier)


def _own_dossier(work: Work, citizen: Citizen, code: str) -> Dossier:
    dossier = work.load(code, DossierNotFound)
    if not dossier.belongs_to(citizen.id):
        raise DossierNotFound(code)
    return dossier


def _now(work: Work, code: str) -> datetime:
    return work.at(code).astimezone(BUSINESS_ZONE)


def _publish(work: Work, dossier: Dossier, event: str, **facts: Any) -> None:
    body = {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts}
    work.publish(event, dossier.code, {name: value for name, value in body.items() if value is not None})
