"""The event door: what the portal says, and the officers' timers; each translates and knocks."""

from __future__ import annotations

from collections.abc import Callable

from contracts import lifecycle as law
from contracts.models import DossierSubmitted, DossierWithdrawalRequested, PaymentConfirmed, PaymentRefunded
from services.province_gateway import commands
from services.province_gateway.commands import Work
from shared.consumer import Handlers
from shared.timers import Handler

handlers = Handlers()


@handlers.on(law.DOSSIER_SUBMITTED, DossierSubmitted, creates=True)
def dossier_submitted(event: DossierSubmitted, work: Work) -> None:
    commands.register_submission(work, event)


@handlers.on(law.WITHDRAWAL_REQUESTED, DossierWithdrawalRequested)
def withdrawal_requested(event: DossierWithdrawalRequested, work: Work) -> None:
    commands.hear_withdrawal(work, event)


@handlers.on(law.PAYMENT_CONFIRMED, PaymentConfirmed)
def payment_confirmed(event: PaymentConfirmed, work: Work) -> None:
    commands.note_payment(work, event)


@handlers.on(law.PAYMENT_REFUNDED, PaymentRefunded)
def payment_refunded(event: PaymentRefunded, work: Work) -> None:
    commands.note_refund(work, event)


def _timer(command: Callable[[Work, str], None]) -> Handler:
    return lambda timer, work: command(work, timer.subject)


timers = {
    commands.RECEPTION: _timer(commands.decide_reception),
    commands.START: _timer(commands.start_processing),
    commands.FINISH: _timer(commands.finish),
    commands.RETURN: _timer(commands.return_result),
    commands.WITHDRAWAL: _timer(commands.answer_withdrawal),
}
