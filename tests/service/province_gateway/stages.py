"""Ways to bring a new dossier to every place where officials can meet it, through the doors."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from contracts import lifecycle as law
from contracts.lifecycle import State
from shared.sandbox.clock import BUSINESS_ZONE
from tests.service.province_gateway.conftest import Desk
from tests.support.country import Country, Sandbox
from tests.support.factories import COPY, FREE, PROVINCE
from tests.support.office import Office

FEE = [{"kind": "service_fee", "name": "Phí thẩm định", "amount_dong": 8000}]
ELSEWHERE = {"province": PROVINCE, "commune": "14488"}  # another desk of the province
ASKED, PAID, ANSWERED = law.WITHDRAWAL_REQUESTED, law.PAYMENT_CONFIRMED, law.SUPPLEMENT_ANSWERED
# What a verb needs to be lawful wherever anything makes it so.
NEEDS: dict[str, dict[str, Any]] = {
    law.DEMAND_FEE: {"fee": FEE},
    law.RECEIVE: {"at_desk": True},
    law.RESUME: {"at_desk": True},
}
SAID: dict[str, dict[str, Any]] = {PAID: {"amount_dong": 8000}, ANSWERED: {"papers": []}}


@dataclass(frozen=True)
class Stage:
    """A state, and how a dossier gets there: verbs of officials, events of the portal, in order."""

    state: State
    steps: tuple[str, ...] = ()
    born: dict[str, Any] = field(default_factory=lambda: {"procedure": FREE})


FEE_AT_ONCE = {"procedure": COPY}
PROCESSING = (law.RECEIVE, law.START)
READY = (*PROCESSING, law.FINISH)
STAGES = {
    "submitted": Stage(law.SUBMITTED),
    "submitted, withdrawal asked": Stage(law.SUBMITTED, (ASKED,)),
    "received": Stage(law.RECEIVED, (law.RECEIVE,)),
    "received, withdrawal asked": Stage(law.RECEIVED, (law.RECEIVE, ASKED)),
    "received elsewhere": Stage(law.RECEIVED, (law.RECEIVE,), {"procedure": FREE, "reception": ELSEWHERE}),
    "handed over": Stage(law.RECEIVED, (law.RECEIVE, law.HAND_OVER), {"procedure": FREE, "reception": ELSEWHERE}),
    "received, a new date": Stage(law.RECEIVED, (law.RECEIVE, law.RESCHEDULE)),
    "refused": Stage(law.REFUSED, (law.REFUSE,)),
    "in processing": Stage(law.IN_PROCESSING, PROCESSING),
    "in processing, withdrawal asked": Stage(law.IN_PROCESSING, (*PROCESSING, ASKED)),
    "asked at reception": Stage(law.SUPPLEMENT, (law.REQUEST_SUPPLEMENT,)),
    "answered at reception": Stage(law.SUPPLEMENT, (law.REQUEST_SUPPLEMENT, ANSWERED)),
    "asked at reception, withdrawal too": Stage(law.SUPPLEMENT, (law.REQUEST_SUPPLEMENT, ASKED)),
    "asked later": Stage(law.SUPPLEMENT, (*PROCESSING, law.REQUEST_SUPPLEMENT)),
    "answered later": Stage(law.SUPPLEMENT, (*PROCESSING, law.REQUEST_SUPPLEMENT, ANSWERED)),
    "asked, with a fee": Stage(law.SUPPLEMENT, (law.REQUEST_SUPPLEMENT, law.DEMAND_FEE)),
    "answered, with a fee": Stage(law.SUPPLEMENT, (law.REQUEST_SUPPLEMENT, law.DEMAND_FEE, ANSWERED)),
    "answered and paid": Stage(law.SUPPLEMENT, (law.REQUEST_SUPPLEMENT, law.DEMAND_FEE, ANSWERED, PAID)),
    "fee before reception": Stage(law.FINANCIAL_OBLIGATION, (law.DEMAND_FEE,)),
    "paid before reception": Stage(law.FINANCIAL_OBLIGATION, (law.DEMAND_FEE, PAID)),
    "fee at reception": Stage(law.FINANCIAL_OBLIGATION, (law.RECEIVE,), FEE_AT_ONCE),
    "fee at reception, withdrawal asked": Stage(law.FINANCIAL_OBLIGATION, (law.RECEIVE, ASKED), FEE_AT_ONCE),
    "paid at reception": Stage(law.FINANCIAL_OBLIGATION, (law.RECEIVE, PAID), FEE_AT_ONCE),
    "fee elsewhere": Stage(law.FINANCIAL_OBLIGATION, (law.RECEIVE,), {**FEE_AT_ONCE, "reception": ELSEWHERE}),
    "fee in the middle": Stage(law.FINANCIAL_OBLIGATION, (*PROCESSING, law.DEMAND_FEE)),
    "paid in the middle": Stage(law.FINANCIAL_OBLIGATION, (*PROCESSING, law.DEMAND_FEE, PAID)),
    "result ready": Stage(law.RESULT_READY, READY),
    "result ready, withdrawal asked": Stage(law.RESULT_READY, (*READY, ASKED)),
    "fee at the result": Stage(law.RESULT_READY, (*READY, law.DEMAND_FEE)),
    "paid at the result": Stage(law.RESULT_READY, (*READY, law.DEMAND_FEE, PAID)),
    "returned": Stage(law.RESULT_RETURNED, (*READY, law.RETURN)),
    "returned, withdrawal asked": Stage(law.RESULT_RETURNED, (*READY, ASKED, law.RETURN)),
    "rejected": Stage(law.STOPPED, (*PROCESSING, law.REJECT)),
    "stopped": Stage(law.STOPPED, (law.RECEIVE, law.STOP)),
    "withdrawn": Stage(law.WITHDRAWN, (ASKED, law.GRANT_WITHDRAWAL)),
}  # fmt: skip


class Officials(Desk):
    """A province's officials with one dossier; the test speaks for the portal."""

    def __init__(self, country: Country, sandbox: Sandbox, number: int = 1) -> None:
        super().__init__(country, sandbox, f"H42.14464-20260609-{number:07d}")
        self.office = Office(sandbox)

    async def submitted(self, **facts: Any) -> Officials:
        await super().submitted(**facts)
        return self

    async def brought_to(self, stage: Stage) -> Officials:
        await self.submitted(**stage.born)
        for step in stage.steps:
            if "." in step:  # an event
                await self.hears(step, **SAID.get(step, {}))
            else:
                await self.does(step)
        assert (await self.shown())["status"]["slug"] == stage.state.slug
        return self

    async def until(self, moment: str) -> None:
        """Move the clock to `DD/MM HH:MM` of the year it shows, in Viet Nam; nothing fires."""
        now = datetime.fromisoformat((await self.sandbox.clock())["now"]).astimezone(BUSINESS_ZONE)
        then = datetime.strptime(f"{now.year}/{moment}", "%Y/%d/%m %H:%M").replace(tzinfo=BUSINESS_ZONE)
        await self.sandbox.move(seconds=(then - now).total_seconds())

    async def tries(self, verb: str, **facts: Any) -> httpx.Response:
        return await self.office.move(self.code, verb, **{**NEEDS.get(verb, {}), **facts})

    async def does(self, verb: str, **facts: Any) -> dict[str, Any]:
        """The dossier after the move."""
        answer = await self.tries(verb, **facts)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
