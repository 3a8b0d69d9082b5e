"""Event handlers, one per event type: each converts the event and calls one command."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from contracts import lifecycle as law
from contracts import models
from contracts.filing import Filing
from services.portal.commands import (
    Work,
    note_closed,
    note_demand,
    note_end,
    note_going_on,
    note_move,
    note_registration,
    note_supplement,
)
from services.portal.domain import Demand, Dossier, FeeItem, Receipt, Supplement
from shared.messaging.consumer import Handlers
from shared.sandbox.clock import BUSINESS_ZONE

handlers = Handlers(models.TYPE_OF)


@handlers.on(models.DossierRegistered, creates=True)
def dossier_registered(event: models.DossierRegistered, work: Work) -> None:
    dossier = Dossier(
        code=event.dossier_code,
        procedure=event.procedure,
        province=event.authority.province,
        commune=event.authority.commune,
        applicant_id=event.applicant.id,
        applicant_name=event.applicant.name,
        state_code=law.SUBMITTED.code,
        submitted_at=event.registered_at.astimezone(BUSINESS_ZONE),
        channel=event.channel,
        **asdict(Filing.of(event)),
    )
    note_registration(work, dossier)


@handlers.on(models.DossierReceived)
def dossier_received(event: models.DossierReceived, work: Work) -> None:
    limit = (event.limit.value, event.limit.unit) if event.limit else None
    facts: dict[str, object] = {"received_at": event.received_at, "due_at": event.due_at, "limit": limit}
    facts |= {"count": event.count, "pause": event.pause}
    facts |= {name: fact for name, fact in (("case", event.case), ("version", event.version)) if fact is not None}
    note_going_on(work, event.dossier_code, law.DOSSIER_RECEIVED, event.received_at, facts)


@handlers.on(models.DossierRefused)
def dossier_refused(event: models.DossierRefused, work: Work) -> None:
    facts = {"reason": event.reason}
    note_end(work, event.dossier_code, law.DOSSIER_REFUSED, facts, **_money(event))


@handlers.on(models.DossierHandedOver)
def dossier_handed_over(event: models.DossierHandedOver, work: Work) -> None:
    note_move(work, event.dossier_code, law.DOSSIER_HANDED_OVER, {"handed_over_at": event.handed_over_at})


@handlers.on(models.DossierSupplementRequested)
def supplement_requested(event: models.DossierSupplementRequested, work: Work) -> None:
    items = tuple(item.text for item in event.items)
    supplement = Supplement(event.request, event.reason, items, event.answer_by, event.counts_as_overdue)
    note_supplement(work, event.dossier_code, supplement)


@handlers.on(models.DossierFeeDemanded)
def fee_demanded(event: models.DossierFeeDemanded, work: Work) -> None:
    items = tuple(FeeItem(item.kind, item.name, item.amount_dong) for item in event.items or ())
    moment = event.moment or "at_reception"
    demand = Demand(event.demand or 1, event.fee_dong, moment, items, event.pay_by)
    note_demand(work, event.dossier_code, demand, event.replaces)


@handlers.on(models.DossierFeePaid)
def fee_paid(event: models.DossierFeePaid, work: Work) -> None:
    facts = {"taken": event.method, "receipts": _receipts(event.receipts)}
    note_closed(work, event.dossier_code, law.FEE_PAID, event.demand, **facts)


@handlers.on(models.DossierFeeWaived)
def fee_waived(event: models.DossierFeeWaived, work: Work) -> None:
    note_closed(work, event.dossier_code, law.FEE_WAIVED, event.demand, waived=event.reason)


@handlers.on(models.DossierProcessingStarted)
def processing_started(event: models.DossierProcessingStarted, work: Work) -> None:
    facts = {"due_at": event.due_at} if event.due_at else {}
    note_move(work, event.dossier_code, law.PROCESSING_STARTED, facts)


@handlers.on(models.DossierProcessingResumed)
def processing_resumed(event: models.DossierProcessingResumed, work: Work) -> None:
    facts = {"due_at": event.due_at}
    note_going_on(work, event.dossier_code, law.PROCESSING_RESUMED, event.resumed_at, facts)


@handlers.on(models.DossierRescheduled)
def dossier_rescheduled(event: models.DossierRescheduled, work: Work) -> None:
    facts = {"due_at": event.due_at, "apologised_at": event.apologised_at, "reason": event.reason}
    note_move(work, event.dossier_code, law.DOSSIER_RESCHEDULED, facts)


@handlers.on(models.DossierResultReady)
def result_ready(event: models.DossierResultReady, work: Work) -> None:
    facts: dict[str, object] = {"result_number": event.result_number, "ready_at": event.ready_at}
    facts |= {"on_time": event.on_time, "timeliness": event.timeliness}
    note_move(work, event.dossier_code, law.DOSSIER_RESULT_READY, facts)


@handlers.on(models.DossierResultReturned)
def result_returned(event: models.DossierResultReturned, work: Work) -> None:
    facts = {"returned_at": event.returned_at, "returned_by": event.channel}
    note_move(work, event.dossier_code, law.DOSSIER_RESULT_RETURNED, facts)


@handlers.on(models.DossierRejected)
def dossier_rejected(event: models.DossierRejected, work: Work) -> None:
    facts = {"reason": event.reason}
    note_end(work, event.dossier_code, law.DOSSIER_REJECTED, facts, **_money(event))


@handlers.on(models.DossierStopped)
def dossier_stopped(event: models.DossierStopped, work: Work) -> None:
    facts = {"reason": event.reason}
    note_end(work, event.dossier_code, law.DOSSIER_STOPPED, facts, **_money(event))


@handlers.on(models.DossierWithdrawn)
def dossier_withdrawn(event: models.DossierWithdrawn, work: Work) -> None:
    facts = {"withdrawal": "granted", "reason": event.reason}
    note_end(work, event.dossier_code, law.DOSSIER_WITHDRAWN, facts, **_money(event))


@handlers.on(models.DossierWithdrawalDeclined)
def withdrawal_declined(event: models.DossierWithdrawalDeclined, work: Work) -> None:
    note_move(work, event.dossier_code, law.WITHDRAWAL_DECLINED, {"withdrawal": "declined", "reason": event.reason})


def _money(
    event: models.DossierRefused | models.DossierRejected | models.DossierStopped | models.DossierWithdrawn,
) -> dict[str, int | None]:
    return {"refund_dong": event.refund_dong, "paid_dong": event.paid_dong, "returned_dong": event.returned_dong}


def _receipts(receipts: Sequence[models.Receipt]) -> tuple[Receipt, ...]:
    return tuple(Receipt(**receipt.model_dump()) for receipt in receipts)
