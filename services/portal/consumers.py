"""The event door: what the provinces say; each function translates and knocks."""

from __future__ import annotations

from contracts import lifecycle as law
from contracts.models import (
    DossierFeeDemanded,
    DossierProcessingStarted,
    DossierReceived,
    DossierRefused,
    DossierResultReady,
    DossierResultReturned,
    DossierWithdrawalDeclined,
    DossierWithdrawn,
)
from services.portal.commands import Work, note_move
from shared.consumer import Handlers

handlers = Handlers()


@handlers.on(law.DOSSIER_RECEIVED, DossierReceived)
def dossier_received(event: DossierReceived, work: Work) -> None:
    note_move(work, event.dossier_code, law.DOSSIER_RECEIVED, received_at=event.received_at, due_at=event.due_at)


@handlers.on(law.DOSSIER_REFUSED, DossierRefused)
def dossier_refused(event: DossierRefused, work: Work) -> None:
    note_move(work, event.dossier_code, law.DOSSIER_REFUSED, reason=event.reason)


@handlers.on(law.FEE_DEMANDED, DossierFeeDemanded)
def fee_demanded(event: DossierFeeDemanded, work: Work) -> None:
    note_move(work, event.dossier_code, law.FEE_DEMANDED, fee_dong=event.fee_dong)


@handlers.on(law.PROCESSING_STARTED, DossierProcessingStarted)
def processing_started(event: DossierProcessingStarted, work: Work) -> None:
    note_move(work, event.dossier_code, law.PROCESSING_STARTED)


@handlers.on(law.DOSSIER_RESULT_READY, DossierResultReady)
def result_ready(event: DossierResultReady, work: Work) -> None:
    facts = {"result_number": event.result_number, "ready_at": event.ready_at, "on_time": event.on_time}
    note_move(work, event.dossier_code, law.DOSSIER_RESULT_READY, **facts)


@handlers.on(law.DOSSIER_RESULT_RETURNED, DossierResultReturned)
def result_returned(event: DossierResultReturned, work: Work) -> None:
    note_move(work, event.dossier_code, law.DOSSIER_RESULT_RETURNED, returned_at=event.returned_at)


@handlers.on(law.DOSSIER_WITHDRAWN, DossierWithdrawn)
def dossier_withdrawn(event: DossierWithdrawn, work: Work) -> None:
    note_move(work, event.dossier_code, law.DOSSIER_WITHDRAWN, withdrawal="granted", reason=event.reason)


@handlers.on(law.WITHDRAWAL_DECLINED, DossierWithdrawalDeclined)
def withdrawal_declined(event: DossierWithdrawalDeclined, work: Work) -> None:
    note_move(work, event.dossier_code, law.WITHDRAWAL_DECLINED, withdrawal="declined", reason=event.reason)
