"""What officials can do with a dossier, one function per verb of the lifecycle table: decide, save, tell. No await, no I/O."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Pause, Unit
from contracts.catalogue import (
    CALENDAR,
    ProcedureWithdrawn,
    forward_by,
    in_working_days,
    procedure_at,
    procedure_of,
)
from services.province_gateway.domain import (
    VERIFYING,
    Dossier,
    DossierNotFound,
    Instruction,
    Supplement,
)
from services.province_gateway.moves.context import Act, Rules, desk
from services.province_gateway.moves.money import (
    demand_catalogue_fee,
    demand_fee,
    give_back,
    take_payment,
    waive_fee,
)
from services.province_gateway.officers import behaviour
from services.province_gateway.officers.plan import close_request, plan
from services.province_gateway.work import Work, here
from shared.sandbox.clock import wire

CHANGE_WHAT_IS_WAITED_FOR = (law.REQUEST_SUPPLEMENT, law.DEMAND_FEE, law.TAKE_PAYMENT, law.WAIVE_FEE)
ANSWER_DAYS = 10  # working days a citizen has to answer a supplement request; a default of ours, unverified


def perform(work: Work, code: str, instruction: Instruction, rules: Rules) -> Dossier:
    """One move of an official. Raises MoveNotAllowed, NotYet and what the move itself refuses."""
    dossier, at = work.load(code, DossierNotFound), here(work, code)
    after, move = dossier.after(instruction.does)
    dossier.must_allow(instruction, at)
    _MOVES[instruction.does](Act(work, dossier, after, move.event, at, instruction, rules))
    if dossier.withdrawal_reason is not None and after.state in law.ENDED_WITHOUT_RESULT:
        close_request(work, code)
    plan(work, code, anew=after.state != dossier.state or instruction.does in CHANGE_WHAT_IS_WAITED_FOR)
    return work.load(code, DossierNotFound)


def _receive(act: Act) -> None:
    """Form 01: the version in force at reception, its limit, the due date; then the fee, if it is demanded now."""
    before, at = act.before, act.at
    version = before.version
    try:
        procedure = procedure_at(before.procedure, at.date())
        version = procedure.version
    except ProcedureWithdrawn:  # withdrawn while the dossier lay there: it keeps the version under which it was filed
        procedure = procedure_of(before.procedure, version)
    case = procedure.case(before.case)
    limit = case.limit_for(before.channel)
    received = replace(
        act.after.answered(at) if before.unanswered else act.after,
        case=case.code,
        version=version,
        received_at=at,
        verify_by=CALENDAR.due(at, VERIFYING),
        limit=limit,
        count=act.rules.count,
        pause=act.rules.pause,
        due_at=CALENDAR.due(at, limit, act.rules.count),
        paused_at=None,
    )
    assert received.due_at is not None
    act.tell(
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
    if behaviour.script_of(act.work.sandbox, before).fee_moment == "at_reception" and not before.demands:
        demand_catalogue_fee(act.work, before.code, act.rules)


def _refuse(act: Act) -> None:
    reason = act.reason(behaviour.REASONS[0])
    ended, money = give_back(act, replace(act.after, reason=reason), None)
    act.tell(ended, reason=reason, refused_at=wire(act.at), officer=desk(ended), **money)


def _request_supplement(act: Act) -> None:
    """Form 02, once and completely; a second request counts as overdue and says so. A fee may be asked for with it."""
    before = act.before
    number = len(before.supplements) + 1
    days = act.instruction.answer_days or ANSWER_DAYS
    answer_by = CALENDAR.due(act.at, Limit(days, Unit.WORKING_DAY))
    reason = act.reason("Hồ sơ chưa đầy đủ")
    asked = replace(act.after, supplements=(*before.supplements, Supplement(number, act.at, answer_by)))
    if before.received_at is not None and before.paused_at is None:
        asked = replace(asked, paused_at=act.at)
    act.tell(
        asked,
        request=number,
        reason=reason,
        items=[{"text": text} for text in act.instruction.items or (reason,)],
        answer_by=wire(answer_by),
        counts_as_overdue=number > 1,
        requested_at=wire(act.at),
        officer=act.official,
    )
    if act.instruction.fee:
        after, move = asked.after(law.DEMAND_FEE)
        demand_fee(replace(act, before=asked, after=after, event=move.event))


def _hand_over(act: Act) -> None:
    """From the desk that received it to the competent agency: the same working day, or the next (art. 18)."""
    moved, place = replace(act.after, handed_over_at=act.at), act.before.reception
    assert place is not None and moved.received_at is not None  # needs: RECEIVED_ELSEWHERE
    act.tell(
        moved,
        from_unit={"province": place.province, "commune": place.commune},
        to_unit={"province": moved.province, "commune": moved.commune},
        handed_over_at=wire(act.at),
        forward_by=wire(forward_by(moved.received_at)),
        officer=desk(moved),
    )


def _start(act: Act) -> None:
    started = replace(act.after, started_at=act.at).running_again(act.at, Pause.SUBTRACT)  # it waited for money
    due = wire(started.due_at) if started.due_at and started.due_at != act.before.due_at else None
    act.tell(started, started_at=wire(act.at), officer=act.handler, due_at=due)


def _resume(act: Act) -> None:
    """The clock runs again: after a supplement as the dossier's setting says, after a payment less the time waited."""
    before = act.before
    pause = before.pause if before.state == law.SUPPLEMENT else Pause.SUBTRACT
    answered = act.after.answered(act.at) if before.unanswered else act.after
    resumed = replace(answered, started_at=before.started_at or act.at).running_again(act.at, pause)
    assert resumed.due_at is not None  # needs: RECEIVED_BEFORE
    facts = {"resumed_at": wire(act.at), "due_at": wire(resumed.due_at), "pause": pause}
    act.tell(resumed, **facts, officer=act.handler)


def _reschedule(act: Act) -> None:
    """Form 04: once, at the latest one day before expiry."""
    due = act.before.due_at
    assert due is not None
    moved = CALENDAR.due(due, Limit(act.instruction.days or 1, Unit.WORKING_DAY), act.before.count)
    reason = act.reason("Cần thêm thời gian thẩm tra, xác minh")
    facts = {"reason": reason, "previous_due_at": wire(due), "due_at": wire(moved), "apologised_at": wire(act.at)}
    act.tell(replace(act.after, due_at=moved, rescheduled=True), **facts, officer=act.handler)


def _finish(act: Act) -> None:
    """The result is signed; this moment decides on time or overdue. The fee may fall due with it."""
    before = act.before
    timeliness = before.timeliness(act.at)
    finished = replace(act.after, result_number=f"KQ-{before.code}", ready_at=act.at)
    act.tell(
        finished,
        ready_at=wire(act.at),
        on_time=timeliness != "overdue",
        result_number=finished.result_number,
        officer=act.handler,
        timeliness=timeliness,
        supplement_requests=len(before.supplements) or None,
    )
    if behaviour.script_of(act.work.sandbox, before).fee_moment == "at_result" and not before.demands:
        demand_catalogue_fee(act.work, before.code, act.rules)


def _return(act: Act) -> None:
    channel = act.instruction.channel or act.before.return_by or "online"
    act.tell(act.after, returned_at=wire(act.at), channel=channel)


def _reject(act: Act) -> None:
    reason = act.reason("Hồ sơ không đủ điều kiện giải quyết")
    ended, money = give_back(act, replace(act.after, reason=reason), 0)
    act.tell(ended, reason=reason, rejected_at=wire(act.at), officer=act.handler, **money)


def _stop(act: Act) -> None:
    reason = act.reason("Dừng giải quyết hồ sơ")
    ended, money = give_back(act, replace(act.after, reason=reason), 0)
    act.tell(ended, reason=reason, stopped_at=wire(act.at), officer=act.official, **money)


def _grant_withdrawal(act: Act) -> None:
    reason = act.before.withdrawal_reason or act.reason("Theo yêu cầu của công dân")
    withdrawn, money = give_back(act, replace(act.after, reason=reason), None)
    act.tell(withdrawn, withdrawn_at=wire(act.at), reason=reason, officer=desk(withdrawn), **money)


def _decline_withdrawal(act: Act) -> None:
    closed = act.before.state in law.DECIDED
    why = act.reason("Hồ sơ đã có kết quả giải quyết" if closed else "Cơ quan tiếp tục giải quyết hồ sơ")
    act.tell(act.after, declined_at=wire(act.at), reason=why, officer=desk(act.after))
    close_request(act.work, act.before.code)


_MOVES: dict[str, Callable[[Act], None]] = {
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
