"""What a province can do with a dossier: take, decide, save, tell. No await, no I/O; API, reader and timers share these."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import lifecycle as law
from contracts.catalogue import CALENDAR, PROCEDURES, PROVINCES, agency_code
from contracts.lifecycle import LIFECYCLE, Reaction
from contracts.models import DossierSubmitted, DossierWithdrawalRequested, PaymentConfirmed, PaymentRefunded
from services.province_gateway import officers
from services.province_gateway.domain import Dossier, DossierNotFound, Script, new_dossier
from shared.calendar import BUSINESS_ZONE
from shared.clock import wire
from shared.errors import Refusal
from shared.work import Work as AnyWork

Work = AnyWork[Dossier]
# Kinds of timer; those of one dossier and one tick fire in the order of their names, so a withdrawal is answered first.
WITHDRAWAL, FINISH, RECEPTION, RETURN, START = "answer_withdrawal", "finish", "reception", "return", "start"


class DossierAlreadyHere(Refusal):
    """A second submission with the code of a dossier that this province has: a broken contract."""


def register_submission(work: Work, event: DossierSubmitted) -> None:
    """A dossier arrives from the portal; the one-stop desk will look at it."""
    code = event.dossier_code
    if work.find(code) is not None:
        raise DossierAlreadyHere("The portal gave one code twice.", code=code)
    submitted = event.submitted_at.astimezone(BUSINESS_ZONE)
    dossier = new_dossier(
        code, event.province, event.authority.commune, event.procedure, event.applicant.name, submitted
    )
    work.save(code, dossier, lane=PROVINCES[event.province].lane)
    work.timer(code, RECEPTION, officers.next_look(_here(work, code)))


def decide_reception(work: Work, code: str) -> None:
    """Receive with a due date and demand the fee, or refuse with a reason."""
    dossier, at = work.take(code, DossierNotFound), _here(work, code)
    refusal = officers.decide_reception(work.sandbox, dossier)
    if refusal is not None:
        refused, move = dossier.after(law.REFUSE, law.RECEPTION)
        _tell(
            work,
            replace(refused, reason=refusal),
            move.event,
            reason=refusal,
            refused_at=wire(at),
            officer=_desk(dossier),
        )
        _stop_timers(work, code)
        return
    procedure = PROCEDURES[dossier.procedure]
    days = procedure.working_days or 0.0
    received, move = dossier.after(law.RECEIVE, law.RECEPTION)
    received = replace(received, received_at=at, due_at=CALENDAR.due_at(at, days))
    assert received.due_at is not None
    _tell(
        work,
        received,
        move.event,
        received_at=wire(at),
        due_at=wire(received.due_at),
        working_days=days,
        officer=_desk(dossier),
    )
    fee = procedure.fee_online_dong or 0
    if fee:
        owing, move = received.after(law.DEMAND_FEE, law.RECEPTION)
        _tell(work, replace(owing, fee_dong=fee), move.event, fee_dong=fee, demanded_at=wire(at))
    else:
        work.timer(code, START, officers.next_look(at))


def note_payment(work: Work, event: PaymentConfirmed) -> None:
    """The fee is paid: the handler may start. What is paid twice or comes late moves nothing: the portal refunds it."""
    dossier = work.take(event.dossier_code, DossierNotFound)
    paid = replace(dossier, payment=dossier.payment or event.reference, paid_dong=dossier.paid_dong + event.amount_dong)
    work.save(dossier.code, paid)
    if dossier.payment is None and LIFECYCLE.reaction(dossier.state, law.PAYMENT_CONFIRMED) is Reaction.APPLY:
        work.timer(dossier.code, START, officers.next_look(_here(work, dossier.code)))


def note_refund(work: Work, event: PaymentRefunded) -> None:
    dossier = work.take(event.dossier_code, DossierNotFound)
    work.save(dossier.code, replace(dossier, refunded_dong=dossier.refunded_dong + event.amount_dong))


def start_processing(work: Work, code: str) -> None:
    dossier, at = work.take(code, DossierNotFound), _here(work, code)
    started, move = dossier.after(law.START, law.HANDLER)
    _tell(work, started, move.event, started_at=wire(at), officer=_handler(dossier))
    work.timer(code, FINISH, officers.result_due(work.sandbox, started, at))


def finish(work: Work, code: str) -> None:
    """The result is signed; this moment decides on time or overdue."""
    dossier, at = work.take(code, DossierNotFound), _here(work, code)
    finished, move = dossier.after(law.FINISH, law.HANDLER)
    finished = replace(finished, result_number=f"KQ-{code}")
    facts = {
        "ready_at": wire(at),
        "on_time": dossier.on_time(at),
        "result_number": finished.result_number,
        "officer": _handler(dossier),
    }
    _tell(work, finished, move.event, **facts)
    work.timer(code, RETURN, officers.next_look(at))


def return_result(work: Work, code: str) -> None:
    dossier, at = work.take(code, DossierNotFound), _here(work, code)
    returned, move = dossier.after(law.RETURN, law.RECEPTION)
    _tell(work, returned, move.event, returned_at=wire(at), channel="online")


def hear_withdrawal(work: Work, event: DossierWithdrawalRequested) -> None:
    """The citizen asks; the desk answers when it next looks."""
    dossier = work.take(event.dossier_code, DossierNotFound)
    if LIFECYCLE.reaction(dossier.state, law.WITHDRAWAL_REQUESTED) is Reaction.ANSWER:
        work.save(dossier.code, replace(dossier, withdrawal_reason=event.reason))
        work.timer(dossier.code, WITHDRAWAL, officers.next_look(_here(work, dossier.code)))


def answer_withdrawal(work: Work, code: str) -> None:
    """Granted while nothing is decided, declined once a result exists; a dossier that ended meanwhile needs no answer."""
    dossier, at = work.take(code, DossierNotFound), _here(work, code)
    reason = dossier.withdrawal_reason or ""
    answered = replace(dossier, withdrawal_reason=None)
    if dossier.state in law.UNDECIDED:
        withdrawn, move = answered.after(law.GRANT_WITHDRAWAL, law.RECEPTION)
        _tell(
            work,
            replace(withdrawn, reason=reason),
            move.event,
            withdrawn_at=wire(at),
            reason=reason,
            officer=_desk(dossier),
        )
        _stop_timers(work, code)
    elif dossier.state in law.DECIDED:
        why = "Hồ sơ đã có kết quả giải quyết"
        kept, move = answered.after(law.DECLINE_WITHDRAWAL, law.RECEPTION)
        _tell(work, kept, move.event, declined_at=wire(at), reason=why, officer=_desk(dossier))
    else:
        work.save(code, answered)


def script_officers(work: Work, code: str, script: Script) -> Dossier:
    """Fix what the officers of one dossier will decide."""
    dossier = replace(work.take(code, DossierNotFound), script=script)
    work.save(code, dossier)
    return dossier


def _here(work: Work, code: str) -> datetime:
    return work.at(code).astimezone(BUSINESS_ZONE)


def _tell(work: Work, dossier: Dossier, event: str, **facts: Any) -> None:
    work.save(dossier.code, dossier)
    work.tell(
        event,
        dossier.code,
        {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts},
    )


def _stop_timers(work: Work, code: str) -> None:
    for kind in (RECEPTION, START, FINISH, RETURN, WITHDRAWAL):
        work.drop_timer(code, kind)


def _desk(dossier: Dossier) -> str:
    return f"Bộ phận Một cửa {agency_code(dossier.province, dossier.commune)}"


def _handler(dossier: Dossier) -> str:
    return f"Bộ phận thụ lý {agency_code(dossier.province, dossier.commune)}"
