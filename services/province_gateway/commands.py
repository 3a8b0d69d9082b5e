"""What events, the desk and timers cause at a province: load, decide, save, publish. No await, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES, Channel, Choice, Place
from contracts.filing import Filing
from contracts.lifecycle import LIFECYCLE, Reaction
from contracts.models import (
    DossierRated,
    DossierRegistered,
    DossierSubmitted,
    DossierSupplementAnswered,
    DossierWithdrawalRequested,
    PaymentConfirmed,
    PaymentRefunded,
)
from contracts.modes import LEGACY
from services.province_gateway.domain import Dossier, DossierNotFound, Instruction, Prepayment, Script, new_dossier
from services.province_gateway.moves import official
from services.province_gateway.moves.context import Rules, desk
from services.province_gateway.moves.money import await_prepayment
from services.province_gateway.officers import behaviour, faults
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.officers.plan import close_request, plan, plan_answer
from services.province_gateway.work import Work, local_time, save_and_publish, write_down
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE, wire


class DossierAlreadyHere(Refusal):
    """A second submission with the code of a stored dossier: the portal broke the contract."""


class ResultIsFinal(Refusal):
    """A result can be handed in only until it is announced."""


@dataclass(frozen=True)
class Registration:
    """A dossier that is handed in at a counter or by public post."""

    code: str
    choice: Choice
    channel: Channel
    applicant_id: str
    applicant_name: str
    filing: Filing


def register_submission(work: Work, event: DossierSubmitted) -> None:
    """Store a dossier submitted at the portal, and plan its check by the one-stop desk."""
    code, place = event.dossier_code, Place(event.province, event.authority.commune)
    expected = work.find(code)
    if expected is not None and not expected.is_expected:
        raise DossierAlreadyHere("The portal used the same code twice.", code=code)
    at = event.submitted_at.astimezone(BUSINESS_ZONE)
    dossier = new_dossier(code, place, event.procedure, event.applicant.name, at, "online", Filing.of(event))
    if expected is not None:
        dossier = replace(dossier, script=expected.script, prepaid=expected.prepaid)
    work.save(code, dossier, lane=PROVINCES[event.province].lane)
    plan(work, code)


def register_at_desk(work: Work, registration: Registration, rules: Rules, *, receive: bool) -> Dossier:
    """Store and publish a dossier handed in at a counter or by post; `receive` checks and receives it at once."""
    at = work.now.astimezone(BUSINESS_ZONE)
    code, choice, channel = registration.code, registration.choice, registration.channel
    applicant = registration.applicant_name
    filing = replace(registration.filing, return_by=registration.filing.return_by or channel)
    dossier = new_dossier(code, choice.place, choice.procedure.code, applicant, at, channel, filing)
    work.save(code, dossier, lane=PROVINCES[choice.province].lane)
    facts = {"capacity": filing.capacity, "papers": (), **filing.facts()}  # published also at their usual values
    save_and_publish(
        work,
        dossier,
        law.DOSSIER_REGISTERED,
        authority={"province": choice.province, "commune": choice.commune},
        applicant={"id": registration.applicant_id, "name": applicant},
        channel=channel,
        registered_at=wire(at),
        officer=desk(dossier),
        **facts,
    )
    if receive:
        return official.perform(work, code, Instruction(law.RECEIVE), rules)
    plan(work, code)
    return work.load(code, DossierNotFound)


def register_as_said(work: Work, event: DossierRegistered, said: dict[str, Any]) -> None:
    """Store and publish a dossier that was handed in at a counter of a connected province; `said`: its body."""
    place = Place(event.province, event.authority.commune)
    at = event.registered_at.astimezone(BUSINESS_ZONE)
    name, filing = event.applicant.name, Filing.of(event)
    dossier = new_dossier(event.dossier_code, place, event.procedure, name, at, event.channel, filing)
    expected = work.find(dossier.code)
    dossier = replace(dossier, is_told=True, prepaid=expected.prepaid if expected else ())
    work.save(dossier.code, dossier, lane=PROVINCES[event.province].lane)
    save_and_publish(work, work.load(dossier.code, DossierNotFound), law.DOSSIER_REGISTERED, **said)


def hand_in_result(work: Work, code: str, sha256: str) -> Dossier:
    """Note the file that is the result of a dossier, in place of an earlier one. Raises ResultIsFinal."""
    dossier = work.load(code, DossierNotFound)
    if dossier.state not in law.UNDECIDED:
        raise ResultIsFinal("The result was announced, or there will be none.", code=code, state=dossier.state.slug)
    work.save(code, replace(dossier, own_result=sha256))
    return work.load(code, DossierNotFound)


def act(work: Work, code: str, kind: str, rules: Rules) -> None:
    """A timer of the officers fires: they make the planned move. A step of the script precedes their default moves."""
    dossier = work.load(code, DossierNotFound)
    if dossier.planned != kind:
        return
    if faults.next_move(work.sandbox, dossier) != kind:  # the mode of the province has just changed
        plan(work, code)
        return
    dossier = replace(dossier, planned=None)
    work.save(code, dossier)
    step = behaviour.step_for_state(work.sandbox, dossier)
    if step is not None and step.does == kind:
        work.save(code, behaviour.after_step(work.sandbox, dossier))
        instruction = step
    elif kind == behaviour.RECEPTION:
        reason, rule = faults.decide_reception(work.sandbox, dossier)
        if rule is not None:
            work.record_firing(rule, code)
        instruction = Instruction(law.RECEIVE) if reason is None else Instruction(law.REFUSE, reason=reason)
    else:
        instruction = behaviour.default_instruction(dossier, kind)
    official.perform(work, code, instruction, rules)


def note_payment(work: Work, event: PaymentConfirmed) -> None:
    """The fee is paid, so the handler may continue. A second or late payment changes nothing: the portal refunds it."""
    dossier = work.load(event.dossier_code, DossierNotFound)
    paid = replace(dossier, paid_dong=dossier.paid_dong + event.amount_dong)
    demand = dossier.owing
    expected = demand is not None and event.demand in (None, demand.number) and event.amount_dong == demand.amount_dong
    if demand is not None and expected and _reaction(dossier, law.PAYMENT_CONFIRMED) is Reaction.APPLY:
        work.save(dossier.code, paid.paid(demand, event.reference, local_time(work, dossier.code)))
        plan(work, dossier.code)
    else:
        work.save(dossier.code, paid)


def note_prepayments(work: Work, code: str, payments: Sequence[Prepayment]) -> None:
    """The province was paid as a partner of the payment platform; perhaps it has demanded the fee, or will."""
    dossier = work.load(code, DossierNotFound)
    paid = replace(dossier, prepaid=(*dossier.prepaid, *payments))
    work.save(code, paid)
    await_prepayment(work, paid, local_time(work, code))


def meet_demand(work: Work, code: str, rules: Rules) -> None:
    """Let a prepayment of its amount meet the open demand, if there are both and the fee can still be paid.

    Where a connector speaks events, it says itself that the fee is paid.
    """
    dossier = work.load(code, DossierNotFound)
    mode, demand = mode_of(work.sandbox, dossier.province), dossier.owing
    is_said = mode.is_external and mode.via != LEGACY
    if demand is None or is_said or law.TAKE_PAYMENT not in dossier.can(local_time(work, code)):
        return
    payment = next((each for each in dossier.prepaid if each.amount_dong == demand.amount_dong), None)
    if payment is not None:
        work.save(code, replace(dossier, prepaid=tuple(each for each in dossier.prepaid if each != payment)))
        write_down(work, code, "partner_payment_met_demand", payment.meets(demand.number), demand=demand.number)
        official.perform(work, code, Instruction(law.TAKE_PAYMENT, method="transfer"), rules)


def note_refund(work: Work, event: PaymentRefunded) -> None:
    dossier = work.load(event.dossier_code, DossierNotFound)
    work.save(dossier.code, replace(dossier, refunded_dong=dossier.refunded_dong + event.amount_dong))


def note_answer(work: Work, event: DossierSupplementAnswered) -> None:
    """The citizen has sent the missing papers; the officers continue."""
    dossier = work.load(event.dossier_code, DossierNotFound)
    applies = _reaction(dossier, law.SUPPLEMENT_ANSWERED) is Reaction.APPLY
    if applies and dossier.unanswered and event.request == len(dossier.supplements):
        answered = dossier.answered(event.answered_at.astimezone(BUSINESS_ZONE))
        work.save(dossier.code, replace(answered, papers=dossier.papers + len(event.papers)))
        plan(work, dossier.code)


def note_rating(work: Work, event: DossierRated) -> None:
    dossier = work.load(event.dossier_code, DossierNotFound)
    _reaction(dossier, law.DOSSIER_RATED)
    work.save(dossier.code, replace(dossier, rated=sum(event.scores.model_dump().values())))


def note_withdrawal_request(work: Work, event: DossierWithdrawalRequested) -> None:
    """The citizen requests a withdrawal: simulated officers answer it by a timer, in other modes an official or a connector."""
    dossier = work.load(event.dossier_code, DossierNotFound)
    if _reaction(dossier, law.WITHDRAWAL_REQUESTED) is Reaction.ANSWER:
        work.save(dossier.code, replace(dossier, withdrawal_reason=event.reason))
        plan_answer(work, dossier.code)


def answer_withdrawal(work: Work, code: str, rules: Rules) -> None:
    """Grant it if nothing is decided yet, decline it if a result exists. A dossier that has ended needs no answer."""
    dossier = work.load(code, DossierNotFound)
    if not mode_of(work.sandbox, dossier.province).has_officers:
        return
    if dossier.state in law.UNDECIDED and behaviour.script_of(work.sandbox, dossier).withdrawal == "grant":
        official.perform(work, code, Instruction(law.GRANT_WITHDRAWAL), rules)
    elif dossier.state in law.UNDECIDED or dossier.state in law.DECIDED:
        official.perform(work, code, Instruction(law.DECLINE_WITHDRAWAL), rules)
    else:
        close_request(work, code)


def script_officers(work: Work, code: str, script: Script) -> Dossier:
    """Set what the officers of one dossier will decide. If steps are added or removed, plan their next action again."""
    dossier = work.load(code, DossierNotFound)
    if dossier.is_expected:
        work.save(code, replace(dossier, script=script))
        return work.load(code, DossierNotFound)
    step = behaviour.step_for_state(work.sandbox, dossier)
    step_was_planned = step is not None and step.does == dossier.planned
    work.save(code, replace(dossier, script=script))
    if script.steps or step_was_planned:
        plan(work, code)
    return work.load(code, DossierNotFound)


def _reaction(dossier: Dossier, event: str) -> Reaction:
    return LIFECYCLE.must_react(dossier.state, event)
