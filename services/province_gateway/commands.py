"""What a province hears, registers and does by itself: take, decide, save, tell. No await, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES, Channel, Place
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
    """What is written down when someone hands in a dossier at a counter or by public post.

    reception  the desk; may differ from the competent agency for a boundary-independent procedure
    papers     as in the event
    """

    code: str
    procedure: str
    version: str
    case: str
    province: str
    commune: str | None
    reception: Place
    channel: Channel
    applicant_id: str
    applicant_name: str
    payer_group: str = "ordinary"
    capacity: str = "self"
    owner: dict[str, str] | None = None
    help_at: Place | None = None
    return_by: Channel | None = None
    filed_under: dict[str, Any] | None = None
    papers: list[dict[str, Any]] = field(default_factory=list)
    note: str | None = None


def register_submission(work: Work, event: DossierSubmitted) -> None:
    """A dossier arrives from the portal; the one-stop desk will look at it."""
    code = event.dossier_code
    if work.find(code) is not None:
        raise DossierAlreadyHere("The portal gave one code twice.", code=code)
    submitted = event.submitted_at.astimezone(BUSINESS_ZONE)
    dossier = new_dossier(
        code, event.province, event.authority.commune, event.procedure, event.applicant.name, submitted
    )
    place, helped = event.reception, event.help_at
    dossier = replace(
        dossier,
        case=event.case,
        version=event.version,
        payer_group=event.payer_group or "ordinary",
        owner=event.owner.name if event.owner else None,
        reception=Place(place.province, place.commune) if place else None,
        help_at=Place(helped.province, helped.commune) if helped else None,
        return_by=event.return_by,
        papers=len(event.papers or ()),
    )
    work.save(code, dossier, lane=PROVINCES[event.province].lane)
    plan(work, code)


def register_at_desk(work: Work, told: Registration, rules: Rules, *, receive: bool) -> Dossier:
    """A dossier handed in at a counter or by post: the portal learns of it. At the counter it is checked at once."""
    at = work.now.astimezone(BUSINESS_ZONE)
    dossier = new_dossier(told.code, told.province, told.commune, told.procedure, told.applicant_name, at)
    dossier = replace(
        dossier,
        channel=told.channel,
        case=told.case,
        version=told.version,
        payer_group=told.payer_group,
        owner=told.owner["name"] if told.owner else None,
        reception=told.reception,
        help_at=told.help_at,
        return_by=told.return_by or told.channel,
        papers=len(told.papers),
    )
    work.save(told.code, dossier, lane=PROVINCES[told.province].lane)
    tell(
        *(work, dossier, law.DOSSIER_REGISTERED),
        authority={"province": told.province, "commune": told.commune},
        applicant={"id": told.applicant_id, "name": told.applicant_name},
        channel=told.channel,
        reception=_place(told.reception),
        registered_at=wire(at),
        officer=desk(dossier),
        case=told.case,
        version=told.version,
        payer_group=None if told.payer_group == "ordinary" else told.payer_group,
        capacity=told.capacity,
        owner=told.owner,
        help_at=_place(told.help_at),
        return_by=dossier.return_by,
        filed_under=told.filed_under,
        papers=told.papers,
        note=told.note,
    )
    if receive:
        return official.perform(work, told.code, Instruction(law.RECEIVE), rules)
    plan(work, told.code)
    return work.take(told.code, DossierNotFound)


def act(work: Work, code: str, kind: str, rules: Rules) -> None:
    """The officers' look has come: they do what they planned; a step of the script comes before what they do by themselves."""
    dossier = work.take(code, DossierNotFound)
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
        told = step
    elif kind == behaviour.RECEPTION:
        reason, rule = faults.decide_reception(work.sandbox, dossier)
        if rule is not None:
            work.bite(rule, code)
        told = Instruction(law.RECEIVE) if reason is None else Instruction(law.REFUSE, reason=reason)
    else:
        told = behaviour.default(dossier, kind)
    official.perform(work, code, told, rules)


def note_payment(work: Work, event: PaymentConfirmed) -> None:
    """The fee is paid: the handler may go on. What is paid twice or comes late moves nothing: the portal refunds it."""
    dossier = work.take(event.dossier_code, DossierNotFound)
    paid = replace(dossier, paid_dong=dossier.paid_dong + event.amount_dong)
    demand = dossier.owing
    expected = demand is not None and event.demand in (None, demand.number) and event.amount_dong == demand.amount_dong
    if demand is not None and expected and _reaction(dossier, law.PAYMENT_CONFIRMED) is Reaction.APPLY:
        work.save(dossier.code, paid.paid(demand, event.reference, here(work, dossier.code)))
        plan(work, dossier.code)
    else:
        work.save(dossier.code, paid)


def note_refund(work: Work, event: PaymentRefunded) -> None:
    dossier = work.take(event.dossier_code, DossierNotFound)
    work.save(dossier.code, replace(dossier, refunded_dong=dossier.refunded_dong + event.amount_dong))


def note_answer(work: Work, event: DossierSupplementAnswered) -> None:
    """The citizen has handed in what was missing; the desk looks at it next."""
    dossier = work.take(event.dossier_code, DossierNotFound)
    applies = _reaction(dossier, law.SUPPLEMENT_ANSWERED) is Reaction.APPLY
    if applies and dossier.unanswered and event.request == len(dossier.supplements):
        answered = dossier.answered(event.answered_at.astimezone(BUSINESS_ZONE))
        work.save(dossier.code, replace(answered, papers=dossier.papers + len(event.papers)))
        plan(work, dossier.code)


def note_rating(work: Work, event: DossierRated) -> None:
    dossier = work.take(event.dossier_code, DossierNotFound)
    _reaction(dossier, law.DOSSIER_RATED)
    work.save(dossier.code, replace(dossier, rated=sum(event.scores.model_dump().values())))


def hear_withdrawal(work: Work, event: DossierWithdrawalRequested) -> None:
    """The citizen asks; the desk answers when it next looks, or when somebody there does."""
    dossier = work.take(event.dossier_code, DossierNotFound)
    if _reaction(dossier, law.WITHDRAWAL_REQUESTED) is Reaction.ANSWER:
        work.save(dossier.code, replace(dossier, withdrawal_reason=event.reason))
        plan_answer(work, dossier.code)


def answer_withdrawal(work: Work, code: str, rules: Rules) -> None:
    """Granted while nothing is decided, declined once a result exists; a dossier that ended meanwhile needs no answer."""
    dossier = work.take(code, DossierNotFound)
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
    before = work.take(code, DossierNotFound)
    step = behaviour.step_here(work.sandbox, before)
    taken_back = step is not None and step.does == before.planned
    work.save(code, replace(before, script=script))
    if script.steps or taken_back:
        plan(work, code)
    return work.take(code, DossierNotFound)


def _reaction(dossier: Dossier, event: str) -> Reaction:
    return LIFECYCLE.must_react(dossier.state, event)


def _place(place: Place | None) -> dict[str, Any] | None:
    return {"province": place.province, "commune": place.commune} if place else None
