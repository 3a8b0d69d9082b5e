"""What citizens, the payment platform and the provinces can do with a dossier: take, decide, save, tell. No await, no I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES
from contracts.lifecycle import LIFECYCLE, MoveNotAllowed, Reaction
from services.portal.citizens import Citizen
from services.portal.domain import (
    FAILED,
    PAID,
    REFUND_PENDING,
    REFUNDED,
    Dossier,
    DossierNotFound,
    Payment,
    dossier_code,
    new_dossier,
)
from services.portal.queries import Choice, must_reach_an_end
from shared.calendar import BUSINESS_ZONE
from shared.clock import wire
from shared.house import Drawn
from shared.work import Work as AnyWork

Work = AnyWork[Dossier]
REFUND = "refund"  # kind of background call


def submit_dossier(work: Work, citizen: Citizen, choice: Choice, note: str | None, drawn: Drawn) -> Dossier:
    """A new dossier with the next code of its agency and day. Raises CalendarTooShort where no officer could end it."""
    must_reach_an_end(choice.procedure, work.now)
    code = dossier_code(choice.agency, drawn.day, drawn.value, drawn.epoch)
    at = work.now.astimezone(BUSINESS_ZONE)
    dossier = new_dossier(
        code, choice.procedure.code, choice.province, choice.commune, citizen.id, citizen.name, at, note
    )
    work.save(code, dossier, lane=PROVINCES[choice.province].lane)
    _tell(
        *(work, dossier, law.DOSSIER_SUBMITTED),
        authority={"province": choice.province, "commune": choice.commune},
        applicant={"id": citizen.id, "name": citizen.name, "level": citizen.level},
        channel="online",
        submitted_at=wire(at),
        note=note,
    )
    return dossier


def ask_withdrawal(work: Work, citizen: Citizen, code: str, reason: str) -> Dossier:
    """The citizen asks; the province answers."""
    dossier = _own(work, citizen, code).asking_withdrawal()
    work.save(code, dossier)
    _tell(work, dossier, law.WITHDRAWAL_REQUESTED, reason=reason, requested_at=wire(_here(work, code)))
    return dossier


def start_payment(work: Work, citizen: Citizen, code: str, amount_dong: int) -> Payment:
    """An attempt to pay and its reference, kept before the platform is called."""
    dossier, payment = _own(work, citizen, code).paying(amount_dong, _here(work, code))
    work.save(code, dossier)
    return payment


def confirm_payment(
    work: Work, code: str, reference: str, amount_dong: int, transaction: str, paid: bool
) -> str | None:
    """What the platform's CONFIRM does; None, or why it was not taken. Money that nothing waits for is refunded, once."""
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
    at = _here(work, code)
    kept = replace(payment, status=PAID, transaction=transaction, paid_at=at)
    expected = dossier.paid is None and LIFECYCLE.reaction(dossier.state, law.PLATFORM_CONFIRMATION) is Reaction.APPLY
    dossier = dossier.with_payment(kept)
    work.save(code, dossier)
    facts = {"reference": reference, "amount_dong": amount_dong, "transaction": transaction, "paid_at": wire(at)}
    _tell(work, dossier, law.PAYMENT_CONFIRMED, **facts)
    if not expected:
        _refund(work, dossier, kept)
    return None


def note_refund(work: Work, code: str, reference: str, refund: str) -> None:
    """The platform gave the money back; told to the province once."""
    dossier = work.take(code, DossierNotFound)
    payment = dossier.payment(reference)
    if payment is None or payment.status != REFUND_PENDING:
        return
    dossier = dossier.with_payment(replace(payment, status=REFUNDED, refund=refund))
    work.save(code, dossier)
    facts = {"reference": reference, "amount_dong": payment.amount_dong, "refund": refund}
    _tell(work, dossier, law.PAYMENT_REFUNDED, **facts, refunded_at=wire(_here(work, code)))


def note_move(work: Work, code: str, event: str, **facts: Any) -> None:
    """The province moved the dossier: our copy follows by the same table. What comes late changes nothing."""
    dossier = work.take(code, DossierNotFound)
    if work.cause <= dossier.heard:
        return  # a province whose database was made anew begins its count again
    dossier = replace(dossier, heard=work.cause, first_epoch=dossier.first_epoch or work.cause[0])
    move = LIFECYCLE.move_for_event(dossier.state, event)
    if _reaction(dossier, event) is not Reaction.APPLY:
        work.save(code, dossier)
        return
    if move is not None:
        facts["state_code"] = move.then.code
    dossier = replace(dossier, **facts)
    work.save(code, dossier)
    if dossier.state in (law.WITHDRAWN, law.REFUSED) and dossier.paid is not None:
        _refund(work, dossier, dossier.paid)


def _reaction(dossier: Dossier, event: str) -> Reaction:
    """By the table; what it refuses is late if the province lost or restored its database since it first told of it."""
    try:
        return LIFECYCLE.reaction(dossier.state, event)
    except MoveNotAllowed:
        if dossier.heard[0] > dossier.first_epoch:
            return Reaction.LATE
        raise


def _refund(work: Work, dossier: Dossier, payment: Payment) -> None:
    """One row per payment: the worker asks the platform until it answers."""
    work.save(dossier.code, dossier.with_payment(replace(payment, status=REFUND_PENDING)))
    work.call(REFUND, payment.reference, {"code": dossier.code, "amount_dong": payment.amount_dong})


def _own(work: Work, citizen: Citizen, code: str) -> Dossier:
    dossier = work.take(code, DossierNotFound)
    if dossier.applicant_id != citizen.id:
        raise DossierNotFound(code)
    return dossier


def _here(work: Work, code: str) -> datetime:
    return work.at(code).astimezone(BUSINESS_ZONE)


def _tell(work: Work, dossier: Dossier, event: str, **facts: Any) -> None:
    body = {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts}
    work.tell(event, dossier.code, {name: value for name, value in body.items() if value is not None})
