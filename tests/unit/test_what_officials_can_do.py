"""`can` and `needs` of a province's dossier against the moves themselves, wherever chance leads it: no database, no door."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES, Place
from contracts.dossier import FeeItem
from contracts.filing import Filing
from contracts.models import BY_TYPE
from contracts.topics import TOPIC_OF
from services.province_gateway import commands
from services.province_gateway.domain import Dossier, Instruction, new_dossier
from services.province_gateway.moves import official
from services.province_gateway.moves.context import Rules
from services.province_gateway.work import Work
from shared.errors import Refusal
from shared.messaging.unit_of_work import Batch
from shared.sandbox.clock import BUSINESS_ZONE
from shared.sandbox.registry import Sandbox
from tests.support.factories import CODE, COMMUNE, COPY, FREE, PROVINCE, example

MORNING = datetime(2026, 6, 9, 8, tzinfo=BUSINESS_ZONE)
STEPS = 12
FEE = (FeeItem("tax", "Tiền sử dụng đất", 500_000),)
HEARD: dict[str, Callable[[Work, Any], None]] = {
    law.WITHDRAWAL_REQUESTED: commands.note_withdrawal_request,
    law.SUPPLEMENT_ANSWERED: commands.note_answer,
    law.PAYMENT_CONFIRMED: commands.note_payment,
}
MILD = [verb for verb in official.VERBS if verb not in (law.REFUSE, law.REJECT, law.STOP, law.GRANT_WITHDRAWAL)]


class Numbers(dict[tuple[str, str], int]):
    """Every counter, held."""

    def get(self, key: tuple[str, str], default: object = None) -> int:  # type: ignore[override]
        return super().get(key, 0)


class Case:
    """One dossier of a manual province in memory."""

    def __init__(self, procedure: str, channel: Any, reception: Place | None) -> None:
        self.now = MORNING
        self.batch: Batch[Dossier] = Batch("gateway", TOPIC_OF, counters=Numbers())
        dossier = new_dossier(CODE, Place(PROVINCE, COMMUNE), procedure, "Trần Ngọc Lan", MORNING, "online", Filing())
        work = self.work()
        work.save(CODE, replace(dossier, channel=channel, reception=reception), lane=PROVINCES[PROVINCE].lane)
        work.merge()

    def work(self) -> Work:
        return Work(self.batch, Sandbox("s", "seed", 0, self.now, modes='{"37": {"mode": "manual"}}'))

    @property
    def dossier(self) -> Dossier:
        return self.batch.documents["s", CODE].document

    def tries(self, does: str, *, keep: bool = False, **facts: Any) -> bool:
        work = self.work()
        try:
            official.perform(work, CODE, Instruction(does, **facts), Rules())
        except Refusal:
            return False
        if keep:
            work.merge()
        return True

    def hears(self, event: str) -> None:
        owing, supplements = self.dossier.owing, self.dossier.supplements
        facts: dict[str, Any] = {"papers": [], "amount_dong": owing.amount_dong if owing else 1}
        facts |= {"demand": owing.number} if owing else {}
        facts |= {"request": supplements[-1].number} if supplements else {}
        model = BY_TYPE[event]
        body = example(event, **{name: fact for name, fact in facts.items() if name in model.model_fields})
        work = self.work()
        HEARD[event](work, model.model_validate_json(json.dumps(body)))
        work.merge()


GIVEN = {"fee": FEE, "at_desk": True, "reason": "Lý do"}


def must_be_exact(case: Case, seen: set[tuple[str, str, bool]]) -> None:
    """What `can` lists is accepted with what it needs and refused without; what it does not list is refused with everything."""
    can, missing_facts = case.dossier.can(case.now), case.dossier.missing_facts(case.now)
    for verb in official.VERBS:
        needed = missing_facts.get(verb)
        facts = {"reason": GIVEN["reason"]} | ({needed: GIVEN[needed]} if needed else {})
        where = (case.dossier.state.slug, verb, facts)
        seen.add((case.dossier.state.slug, verb, verb in can))
        assert case.tries(verb, **(facts if verb in can else GIVEN)) == (verb in can), where
        assert not (needed and verb in can and case.tries(verb, reason="Lý do")), (
            "was accepted without what it needs",
            where,
        )


def walk(data: st.DataObject, seen: set[tuple[str, str, bool]]) -> None:
    place = data.draw(st.sampled_from((None, Place(PROVINCE, "14488"))))
    channel = data.draw(st.sampled_from(("online", "direct", "public_postal")))
    case = Case(data.draw(st.sampled_from((COPY, FREE))), channel, place)
    for _ in range(STEPS):
        must_be_exact(case, seen)
        case.now += timedelta(hours=data.draw(st.sampled_from((0, 0, 2, 30, 100, 400))))
        step = data.draw(st.sampled_from((*HEARD, "move", "move", "move")))
        if step == "move":
            if can := case.dossier.can(case.now):
                verb = data.draw(st.sampled_from([v for v in can if v in MILD] * 4 + can))
                assert case.tries(
                    verb, keep=True, **GIVEN if verb != law.REQUEST_SUPPLEMENT else {"reason": "Thiếu giấy tờ"}
                )
        elif law.LIFECYCLE.reaction(case.dossier.state, step) is not law.Reaction.REFUSE:
            case.hears(step)
    must_be_exact(case, seen)


def test_can_is_exactly_what_is_accepted_wherever_chance_leads() -> None:
    seen: set[tuple[str, str, bool]] = set()  # state, verb, whether it could be done

    @settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def stories(data: st.DataObject) -> None:
        walk(data, seen)

    stories()
    could = {(state, verb) for state, verb, done in seen if done}
    assert could == {(m.when.slug, m.does) for m in law.LIFECYCLE.moves if m.who in law.OFFICIALS}
    assert {state for state, _, _ in seen} == {state.slug for state in law.LIFECYCLE.states}
