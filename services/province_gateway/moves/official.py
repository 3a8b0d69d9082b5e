"""The moves of officials, one function per verb of the lifecycle table: decide, save, publish. No await, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Pause, Unit
from contracts.catalogue import CALENDAR, ProcedureWithdrawn, forward_by, in_working_days, procedure_at, procedure_of
from contracts.dossier import VERIFYING, Supplement
from services.province_gateway.domain import Dossier, DossierNotFound, Instruction, ResultNotHandedIn
from services.province_gateway.moves.context import OfficialMove, Rules, desk
from services.province_gateway.moves.money import demand_catalogue_fee, demand_fee, refund, take_payment, waive_fee
from services.province_gateway.officers import behaviour
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.officers.plan import close_request, plan
from services.province_gateway.work import Work, local_time
from shared.errors import BodyDoesNotFit
from shared.sandbox.clock import wire
from shared.sentences import Sentence

CHANGE_THE_WAIT = (law.REQUEST_SUPPLEMENT, law.DEMAND_FEE, law.TAKE_PAYMENT, law.WAIVE_FEE)
# Moves whose reason the citizen reads; simulated officers have a usual one.
WITH_REASON = (
    law.REFUSE,
    law.REQUEST_SUPPLEMENT,
    law.WAIVE_FEE,
    law.RESCHEDULE,
    law.REJECT,
    law.STOP,
    law.DECLINE_WITHDRAWAL,
)
ANSWER_DAYS = 10  # working days that a citizen has to answer a supplement request; our default, unverified


def perform(work: Work, code: str, instruction: Instruction, rules: Rules, *, at: datetime | None = None) -> Dossier:
    """Make one move of an official. Raises MoveNotAllowed, NotYet, BodyDoesNotFit and the refusals of the move.

    at  when it was made, as a connector says; None: now
    """
    dossier, at = work.load(code, DossierNotFound), at or local_time(work, code)
    after, row = dossier.after(instruction.does, at)
    dossier.must_allow(instruction, at)
    if not mode_of(work.sandbox, dossier.province).has_officers:
        _require_reason(instruction)
    _MOVES[instruction.does](OfficialMove(work, dossier, after, row.event, at, instruction, rules))
    if dossier.withdrawal_reason is not None and after.state in law.ENDED_WITHOUT_RESULT:
        close_request(work, code)
    plan(work, code, replace_same=after.state != dossier.state or instruction.does in CHANGE_THE_WAIT)
    return work.load(code, DossierNotFound)


def _require_reason(instruction: Instruction) -> None:
    """An official who acts by hand gives the reason that the citizen reads. Raises BodyDoesNotFit."""
    if instruction.does == law.REQUEST_SUPPLEMENT and instruction.items:
        return  # the items say what is missing
    if instruction.does in WITH_REASON and not instruction.reason:
        en, vi = "is missing: in manual mode you give the reason of", "còn thiếu: ở chế độ thủ công, bạn nêu lý do của"
        raise BodyDoesNotFit(("/reason", Sentence(f"{en} {instruction.does}", f"{vi} {instruction.does}")))


def _demands_by_itself(move: OfficialMove, moment: str) -> bool:
    """Whether the office now demands the catalogue's fee; a connector demands it itself."""
    sandbox, before = move.work.sandbox, move.before
    if before.demands or mode_of(sandbox, before.province).is_external:
        return False
    return behaviour.script_of(sandbox, before).fee_moment == moment


def _receive(move: OfficialMove) -> None:
    """Form 01: the version in force at reception, its limit and due date; then the fee, if demanded at reception."""
    before, at = move.before, move.at
    version = before.version
    try:
        procedure = procedure_at(before.procedure, at.date())
        version = procedure.version
    except ProcedureWithdrawn:  # withdrawn since the submission: the dossier keeps the version under which it was filed
        procedure = procedure_of(before.procedure, version)
    case = procedure.case(before.case)
    limit = case.limit_for(before.channel)
    received = replace(
        move.after.answered(at) if before.unanswered else move.after,
        case=case.code,
        version=version,
        received_at=at,
        verify_by=CALENDAR.due(at, VERIFYING),
        limit=limit,
        count=move.rules.count,
        pause=move.rules.pause,
        due_at=move.said_time("due_at", CALENDAR.due(at, limit, move.rules.count)),
        paused_at=None,
    )
    assert received.due_at is not None
    move.publish(
        received,
        received_at=wire(at),
        due_at=wire(received.due_at),
        working_days=in_working_days(limit),
        officer=desk(before),
        case=case.code,
        version=version,
        limit={"value": limit.value, "unit": limit.unit},
        count=received.count,
        pause=received.pause,
        forward_by=wire(forward_by(at)),
    )
    if _demands_by_itself(move, "at_reception"):
        demand_catalogue_fee(move.work, before.code, move.rules)


def _refuse(move: OfficialMove) -> None:
    reason = move.reason(behaviour.REASONS[0])
    ended, money = refund(move, replace(move.after, reason=reason), None)
    move.publish(ended, reason=reason, refused_at=wire(move.at), officer=desk(ended), **money)


def _request_supplement(move: OfficialMove) -> None:
    """Form 02, once and completely. A second request is marked as overdue. A fee can be demanded with the request."""
    before = move.before
    number = len(before.supplements) + 1
    days = move.instruction.answer_days or ANSWER_DAYS
    answer_by = move.said_time("answer_by", CALENDAR.due(move.at, Limit(days, Unit.WORKING_DAY)))
    reason = move.reason("Hồ sơ chưa đầy đủ")
    requested = replace(move.after, supplements=(*before.supplements, Supplement(number, move.at, answer_by)))
    if before.received_at is not None and before.paused_at is None:
        requested = replace(requested, paused_at=move.at)
    move.publish(
        requested,
        request=number,
        reason=reason,
        items=[{"text": text} for text in move.instruction.items or (reason,)],
        answer_by=wire(answer_by),
        counts_as_overdue=number > 1,
        requested_at=wire(move.at),
        officer=move.official,
    )
    if move.instruction.fee:
        after, row = requested.after(law.DEMAND_FEE, move.at)
        demand_fee(replace(move, before=requested, after=after, event=row.event))


def _hand_over(move: OfficialMove) -> None:
    """From the receiving desk to the competent agency, on the same working day or the next (ND 61/2018 art. 18)."""
    handed_over, place = replace(move.after, handed_over_at=move.at), move.before.reception
    assert place is not None and handed_over.received_at is not None  # needs: RECEIVED_ELSEWHERE
    move.publish(
        handed_over,
        from_unit={"province": place.province, "commune": place.commune},
        to_unit={"province": handed_over.province, "commune": handed_over.commune},
        handed_over_at=wire(move.at),
        forward_by=wire(forward_by(handed_over.received_at)),
        officer=desk(handed_over),
    )


def _start(move: OfficialMove) -> None:
    """Start processing; if the dossier waited for a payment, the waiting time does not count."""
    started = replace(move.after, started_at=move.at).running_again(move.at, Pause.SUBTRACT)
    started = _due_as_said(move, started)
    due = wire(started.due_at) if started.due_at and started.due_at != move.before.due_at else None
    move.publish(started, started_at=wire(move.at), officer=move.handler, due_at=due)


def _resume(move: OfficialMove) -> None:
    """The clock runs again: after a supplement by the dossier's `pause`, after a payment without the waiting time."""
    before = move.before
    pause = before.pause if before.state == law.SUPPLEMENT else Pause.SUBTRACT
    answered = move.after.answered(move.at) if before.unanswered else move.after
    resumed = replace(answered, started_at=before.started_at or move.at).running_again(move.at, pause)
    resumed = _due_as_said(move, resumed)
    assert resumed.due_at is not None  # needs: RECEIVED_BEFORE
    facts = {"resumed_at": wire(move.at), "due_at": wire(resumed.due_at), "pause": pause}
    move.publish(resumed, **facts, officer=move.handler)


def _due_as_said(move: OfficialMove, dossier: Dossier) -> Dossier:
    return replace(dossier, due_at=move.said_time("due_at", dossier.due_at)) if dossier.due_at else dossier


def _reschedule(move: OfficialMove) -> None:
    """Form 04: once, at the latest one day before the due date."""
    due = move.before.due_at
    assert due is not None
    usual = CALENDAR.due(due, Limit(move.instruction.days or 1, Unit.WORKING_DAY), move.before.count)
    new_due = move.said_time("due_at", usual)
    reason = move.reason("Cần thêm thời gian thẩm tra, xác minh")
    facts = {"reason": reason, "previous_due_at": wire(due), "due_at": wire(new_due), "apologised_at": wire(move.at)}
    move.publish(replace(move.after, due_at=new_due, rescheduled=True), **facts, officer=move.handler)


def _finish(move: OfficialMove) -> None:
    """The result is signed; this moment decides whether it is on time. A fee can become due with the result."""
    before = move.before
    timeliness = before.timeliness(move.at)
    result = move.said("result", {"sha256": before.own_result} if before.own_result else None)
    if result is not None and result["sha256"] != before.own_result:
        address = f"/api/v1/provinces/{before.province}/dossiers/{before.code}/result"
        raise ResultNotHandedIn(f"Hand this file in first: PUT {address}.", pointer="/data/result/sha256")
    number = move.said("result_number", f"KQ-{before.code}")
    finished = replace(move.after, result_number=number, ready_at=move.at)
    move.publish(
        finished,
        ready_at=wire(move.at),
        on_time=timeliness != "overdue",
        result_number=finished.result_number,
        officer=move.handler,
        timeliness=timeliness,
        supplement_requests=len(before.supplements) or None,
        result=result,
    )
    if _demands_by_itself(move, "at_result"):
        demand_catalogue_fee(move.work, before.code, move.rules)


def _return(move: OfficialMove) -> None:
    channel = move.instruction.channel or move.before.return_by or "online"
    move.publish(move.after, returned_at=wire(move.at), channel=channel)


def _reject(move: OfficialMove) -> None:
    reason = move.reason("Hồ sơ không đủ điều kiện giải quyết")
    ended, money = refund(move, replace(move.after, reason=reason), 0)
    move.publish(ended, reason=reason, rejected_at=wire(move.at), officer=move.handler, **money)


def _stop(move: OfficialMove) -> None:
    reason = move.reason("Dừng giải quyết hồ sơ")
    ended, money = refund(move, replace(move.after, reason=reason), 0)
    move.publish(ended, reason=reason, stopped_at=wire(move.at), officer=move.official, **money)


def _grant_withdrawal(move: OfficialMove) -> None:
    reason = move.before.withdrawal_reason or move.reason("Theo yêu cầu của công dân")
    withdrawn, money = refund(move, replace(move.after, reason=reason), None)
    move.publish(withdrawn, withdrawn_at=wire(move.at), reason=reason, officer=desk(withdrawn), **money)


def _decline_withdrawal(move: OfficialMove) -> None:
    decided = move.before.state in law.DECIDED
    reason = move.reason("Hồ sơ đã có kết quả giải quyết" if decided else "Cơ quan tiếp tục giải quyết hồ sơ")
    move.publish(move.after, declined_at=wire(move.at), reason=reason, officer=desk(move.after))
    close_request(move.work, move.before.code)


_MOVES: dict[str, Callable[[OfficialMove], None]] = {
    law.RECEIVE: _receive,
    law.REFUSE: _refuse,
    law.DEMAND_FEE: demand_fee,
    law.TAKE_PAYMENT: take_payment,
    law.WAIVE_FEE: waive_fee,
    law.REQUEST_SUPPLEMENT: _request_supplement,
    law.HAND_OVER: _hand_over,
    law.START: _start,
    law.RESUME: _resume,
    law.RESCHEDULE: _reschedule,
    law.FINISH: _finish,
    law.RETURN: _return,
    law.REJECT: _reject,
    law.STOP: _stop,
    law.GRANT_WITHDRAWAL: _grant_withdrawal,
    law.DECLINE_WITHDRAWAL: _decline_withdrawal,
}
VERBS = tuple(_MOVES)
