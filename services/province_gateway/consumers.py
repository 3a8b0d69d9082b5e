"""Handlers for the portal's events and the officers' timers: each calls one command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts import lifecycle as law
from contracts import models
from contracts.catalogue import agency_code
from services.province_gateway import commands
from services.province_gateway.domain import Dossier
from services.province_gateway.moves import money, official, receipts
from services.province_gateway.moves.context import Rules
from services.province_gateway.officers import behaviour
from services.province_gateway.work import Work
from shared.messaging.consumer import Handlers
from shared.messaging.timers import Handler, Timer

handlers = Handlers(models.TYPE_OF)


@handlers.on(models.DossierSubmitted, creates=True)
def dossier_submitted(event: models.DossierSubmitted, work: Work) -> None:
    commands.register_submission(work, event)


@handlers.on(models.DossierSupplementAnswered)
def supplement_answered(event: models.DossierSupplementAnswered, work: Work) -> None:
    commands.note_answer(work, event)


@handlers.on(models.DossierWithdrawalRequested)
def withdrawal_requested(event: models.DossierWithdrawalRequested, work: Work) -> None:
    commands.note_withdrawal_request(work, event)


@handlers.on(models.PaymentConfirmed)
def payment_confirmed(event: models.PaymentConfirmed, work: Work) -> None:
    commands.note_payment(work, event)


@handlers.on(models.PaymentRefunded)
def payment_refunded(event: models.PaymentRefunded, work: Work) -> None:
    commands.note_refund(work, event)


@handlers.on(models.DossierRated)
def dossier_rated(event: models.DossierRated, work: Work) -> None:
    commands.note_rating(work, event)


def receipts_of(timer: Timer, dossier: Dossier, now: datetime) -> Sequence[str]:
    """The counters that a timer needs: the receipt numbers of its agency, if it takes a payment."""
    if timer.kind not in (law.TAKE_PAYMENT, money.PREPAID):
        return ()
    return receipts.receipt_series(agency_code(dossier.province, dossier.commune), now)


def timers(rules: Rules) -> dict[str, Handler]:
    """One handler per kind: check at reception, verbs of officials, answer to a withdrawal request, prepayment."""

    def officers_act(timer: Timer, work: Work) -> None:
        commands.act(work, timer.subject, timer.kind, rules)

    def withdrawal(timer: Timer, work: Work) -> None:
        commands.answer_withdrawal(work, timer.subject, rules)

    def prepaid(timer: Timer, work: Work) -> None:
        commands.meet_demand(work, timer.subject, rules)

    handlers: dict[str, Handler] = dict.fromkeys((behaviour.RECEPTION, *official.VERBS), officers_act)
    return handlers | {behaviour.WITHDRAWAL: withdrawal, money.PREPAID: prepaid}
