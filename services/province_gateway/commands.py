"""What a province hears, registers and does by itself: take, decide, save, tell. No await, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES, Channel, Choice, Place
from contracts.filing import Filing
from contracts.lifecycle import LIFECYCLE, Reaction
from contracts.models import (
    DossierRated,
    DossierSubmitted,
    DossierSupplementAnswered,
    DossierWithdrawalRequested,
    PaymentConfirmed,
    PaymentRefunded,
)
from services.province_gateway.domain import (
    Dossier,
    DossierNotFound,
    Instruction,
    Script,
    new_dossier,
)
from services.province_gateway.moves import official
from services.province_gateway.moves.context import Rules, desk
from services.province_gateway.officers import behaviour, faults
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.officers.plan import close_request, plan, plan_answer
from services.province_gateway.work import Work, here, tell
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE, wire


class DossierAlreadyHere(Refusal):
    """A second submission with the code of a dossier that this province has: a broken contract."""


@dataclass(frozen=True)
class Registration:
    """What is written down when someone hands in a dossier at a counter or by public post."""

    code: str
    choice: Choice
    channel: Channel
    applicant_id: str
    applicant_name: str
    filing: Filing


def register_submission(work: Work, event: DossierSubmitted) -> None:
    """A dossier arrives from the portal; the one-stop desk will look at it."""
    code, place = event.dossier_code, Place(event.province, event.authority.commune)
    if work.find(code) is not None:
        raise DossierAlreadyHere("The portal gave one code twice.", code=code)
    at = event.submitted_at.astimezone(BUSINESS_ZONE)
    dossier = new_dossier(code, place, event.procedure, event.applicant.name, at, "online", Filing.of(event))
    work.save(code, dossier, lane=PROVINCES[event.province].lane)
    plan(work, code)


def register_at_desk(work: Work, registration: Registration, rules: Rules, *, receive: bool) -> Dossier:
    """A dossier handed in at a counter or by post: the portal learns of it. At the counter it is checked at once."""
    at = work.now.astimezone(BUSINESS_ZONE)
    code, choice, channel = registration.code, registration.choice, registration.channel
    applicant = registration.applicant_name
    filing = replace(registration.filing, return_by=registration.filing.return_by or channel)
    dossier = new_dossier(code, choice.place, choice.procedure.code, applicant, at, channel, filing)
    work.save(code, dossier, lane=PROVINCES[choice.province].lane)
    facts = {"capacity": filing.capacity, "papers": (), **filing.facts()}  # said also where they are as usual
    tell(
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


def act(work: Work, code: str, kind: str, rules: Rules) -> None:
    """The officers' look has come: they do what they planned; a step of the script comes before what they do by themselves."""
    dossier = work.load(code, DossierNotFound)
    if dossier.planned != kind:
        return
    if faults.next_move(work.sandbox, dossier) != kind:  # the mode of the province has changed a moment ago
        plan(work, code)
        return
    dossier = replace(dossier, planned=None)
    work.save(code, dossier)
    step = behaviour.step_here(work.sandbox, dossier)
    if step is not None and step.does == kind:
        work.save(code, behaviour.after_step(work.sandbox, dossier))
        instruction = step
    elif kind == behaviour.RECEPTION:
        reason, rule = faults.decide_reception(work.sandbox, dossier)
        if rule is not None:
            work.record_firing(rule, code)
        instruction = Instruction(law.RECEIVE) if reason is None else Instruction(law.REFUSE, reason=reason)
    else:
        instruction = behaviour.default(dossier, kind)
    official.perform(work, code, instruction, rules)


def note_payment(work: Work, event: PaymentConfirmed) -> None:
    """The fee is paid: the handler may go on. What is paid twice or comes late moves nothing: the portal refunds it."""
    dossier = work.load(event.dossier_code, DossierNotFound)
    paid = replace(dossier, paid_dong=dossier.paid_dong + event.amount_dong)
    demand = dossier.owing
    expected = demand is not None and event.demand in (None, demand.number) and event.amount_dong == demand.amount_dong
    if demand is not None and expected and _reaction(dossier, law.PAYMENT_CONFIRMED) is Reaction.APPLY:
        work.save(dossier.code, paid.paid(demand, event.reference, here(work, dossier.code)))
        plan(work, dossier.code)
    else:
        work.save(dossier.code, paid)


def note_refund(work: Work, event: PaymentRefunded) -> None:
    dossier = work.load(event.dossier_code, DossierNotFound)
    work.save(dossier.code, replace(dossier, refunded_dong=dossier.refunded_dong + event.amount_dong))


def note_answer(work: Work, event: DossierSupplementAnswered) -> None:
    """The citizen has handed in what was missing; the desk looks at it next."""
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


def hear_withdrawal(work: Work, event: DossierWithdrawalRequested) -> None:
    """The citizen asks; the desk answers when it next looks, or when somebody there does."""
    dossier = work.load(event.dossier_code, DossierNotFound)
    if _reaction(dossier, law.WITHDRAWAL_REQUESTED) is Reaction.ANSWER:
        work.save(dossier.code, replace(dossier, withdrawal_reason=event.reason))
        plan_answer(work, dossier.code)


def answer_withdrawal(work: Work, code: str, rules: Rules) -> None:
    """Granted while nothing is decided, declined once a result exists; a dossier that ended meanwhile needs no answer."""
    dossier = work.load(code, DossierNotFound)
    if mode_of(work.sandbox, dossier.province).manual:
        return
    if dossier.state in law.UNDECIDED and behaviour.script_of(work.sandbox, dossier).withdrawal == "grant":
        official.perform(work, code, Instruction(law.GRANT_WITHDRAWAL), rules)
    elif dossier.state in law.UNDECIDED or dossier.state in law.DECIDED:
        official.perform(work, code, Instruction(law.DECLINE_WITHDRAWAL), rules)
    else:
        close_request(work, code)


def script_officers(work: Work, code: str, script: Script) -> Dossier:
    """Fix what the officers of one dossier will decide; a step that comes or goes has their next action planned anew."""
    before = work.load(code, DossierNotFound)
    step = behaviour.step_here(work.sandbox, before)
    taken_back = step is not None and step.does == before.planned
    work.save(code, replace(before, script=script))
    if script.steps or taken_back:
        plan(work, code)
    return work.load(code, DossierNotFound)


def _reaction(dossier: Dossier, event: str) -> Reaction:
    return LIFECYCLE.must_react(dossier.state, event)
