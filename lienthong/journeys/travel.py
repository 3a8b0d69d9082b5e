"""Runs whole journeys of dossiers through the public APIs: who applies for what, and the expected final state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lienthong.client.citizen import Citizen
from lienthong.client.concurrency import gather
from lienthong.client.country import Country, Sandbox
from lienthong.client.types import Dossier, Entry

SUBMITTED, RECEIVED, SUPPLEMENT, OWING = "submitted", "received", "supplement_requested", "financial_obligation"
IN_PROCESSING, READY, REFUSED, WITHDRAWN = "in_processing", "result_ready", "refused_at_reception", "withdrawn"
PROCESSING_STOPPED, RETURNED = "processing_stopped", "result_returned"
ENDS = (REFUSED, WITHDRAWN, PROCESSING_STOPPED, RETURNED)
STEPS_AT_MOST = 400  # due instants in one journey: more than a hundred working days
LEVEL_2 = ("lan", "minh", "huong", "duc")  # personas that every procedure accepts
INDICATORS = (
    "total_time",
    "time_per_agency",
    "contacts",
    "agencies_contacted",
    "organisation",
    "publication",
    "attitude",
    "feedback",
    "online_service",
)
OLD_CODE = "14467"  # a commune from before the merger; its only successor is 14464
PAPER = (  # the smallest file that is a PDF
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
)

Listener = Callable[[Entry], None]  # called with each event of the dossier, in order


@dataclass(frozen=True)
class Journey:
    """How a dossier is submitted, what citizen and officers do, and its expected final state.

    ends         expected final state, of docs/lifecycle.md
    decisions    what the officers will decide
    withdraws    reason of the withdrawal, which is requested in the state `withdraws_in`
    pays         at once; at the second try; after the first order has expired; the amount of a corrected demand; online
                 and at the counter; never
    submission   further members of the request body; the owner is looked up for the persona
    papers       component → name of the uploaded file
    expects      dotted member of the dossier as the citizen sees it → expected value; for a list its length
    """

    name: str
    persona: str
    procedure: str
    province: str
    commune: str | None
    ends: str
    decisions: dict[str, Any] = field(default_factory=lambda: {"reception": "receive"})
    withdraws: str = ""
    withdraws_in: str = IN_PROCESSING
    pays: Literal["at-once", "second-try", "after-expiry", "after-correction", "twice", "never"] = "at-once"
    answers: bool = True
    rates: bool = False
    channel: Literal["direct", "online", "public_postal"] = "online"
    old_codes: bool = False
    submission: dict[str, Any] = field(default_factory=dict)
    expects: dict[str, Any] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JourneyResult:
    """A journey and its dossier as the citizen sees it."""

    journey: Journey
    dossier: Dossier

    @property
    def ended(self) -> bool:
        """Whether the dossier is in its expected final state and no refund is pending or missing."""
        fee, journey = self.dossier["fee"], self.journey
        refund_pending = fee is not None and fee["status"] == "refund_pending"
        refund_missing = journey.ends in (REFUSED, WITHDRAWN) and fee is not None and fee["status"] == "paid"
        return self.dossier["status"]["slug"] == journey.ends and not refund_pending and not refund_missing

    @property
    def reached(self) -> bool:
        return self.ended and not self.mismatches

    @property
    def mismatches(self) -> dict[str, Any]:
        """Members that differ from what is expected, with their actual values."""
        values = {name: _member(self.dossier, name) for name in self.journey.expects}
        return {name: value for name, value in values.items() if value != self.journey.expects[name]}


def _member(dossier: Any, name: str) -> Any:
    for part in name.split("."):
        dossier = dossier.get(part) if isinstance(dossier, dict) else None
    return len(dossier) if isinstance(dossier, list) else dossier


async def travel(sandbox: Sandbox, journey: Journey, listener: Listener) -> JourneyResult:
    """Run one dossier from submission to its end; the clock is advanced from one due instant to the next."""
    citizen = sandbox.citizen(journey.persona)
    code = await begin(sandbox, citizen, journey)
    verdict, known = await sandbox.settle(), 0
    for _ in range(STEPS_AT_MOST):
        events = await sandbox.events(code)
        for entry in events[known:]:
            listener(entry)
        dossier, known = await citizen.dossier(code), len(events)
        if await act(sandbox, citizen, journey, dossier):
            verdict = await sandbox.settle()
        elif JourneyResult(journey, dossier).ended or verdict["next_due"] is None:
            break
        else:
            verdict = (await sandbox.clock.advance(to=verdict["next_due"]))["verdict"]
    return JourneyResult(journey, dossier)


async def begin(sandbox: Sandbox, citizen: Citizen, journey: Journey) -> str:
    """Submit the dossier and set the officers' decisions before the clock moves; returns the dossier code."""
    more = dict(journey.submission)
    if (capacity := more.get("capacity", "self")) != "self":
        more |= await _on_behalf(citizen, capacity)
    for component, name in journey.papers.items():
        paper = {"id": (await citizen.upload(name, PAPER))["id"], "component": component}
        more["papers"] = [*more.get("papers", []), paper]
    commune = OLD_CODE if journey.old_codes else journey.commune
    if journey.channel == "online":
        dossier = await citizen.submit(journey.procedure, journey.province, commune, **more)
        code = dossier["code"]
    else:
        me = await citizen.who_am_i()
        applicant = {"id": me["SoDinhDanh"], "name": me["HoVaTen"]}
        desk = sandbox.province(journey.province)
        more |= {"channel": journey.channel, "receive": False}
        code = (await desk.register(journey.procedure, commune, applicant, **more))["code"]
    if journey.decisions:
        await sandbox.script(code, **journey.decisions)
    return code


async def _on_behalf(citizen: Citizen, capacity: str) -> dict[str, Any]:
    if capacity == "authorised_person":
        paper = await citizen.upload("giay-uy-quyen.pdf", PAPER)
        owner = {"kind": "person", "id": "037190912345", "name": "Phạm Thị Hư Cấu"}
        return {"owner": owner, "papers": [{"id": paper["id"], "component": "authorisation"}]}
    kind = "organisation" if capacity == "organisation" else "person"
    represented = [each for each in (await citizen.who_am_i())["represents"] if each["kind"] == kind]
    return {"owner": {"kind": kind, "id": represented[0]["id"]}} if represented else {}


async def act(sandbox: Sandbox, citizen: Citizen, journey: Journey, dossier: Dossier) -> str:
    """Let the citizen act: returns withdraw, pay, supplement or rate; empty if there is nothing to do."""
    code, status, can = dossier["code"], dossier["status"]["slug"], dossier["can"]
    if journey.withdraws and status == journey.withdraws_in and dossier["withdrawal"] == "none" and "withdraw" in can:
        await citizen.withdraw(code, journey.withdraws)
        return "withdraw"
    if "pay" in can and await _pay(sandbox, citizen, journey, dossier):
        return "pay"
    if journey.answers and "supplement" in can:
        paper = await citizen.upload("bo-sung.pdf", PAPER)
        await citizen.supplement(code, [{"id": paper["id"]}], "Tôi xin bổ sung")
        return "supplement"
    if journey.rates and "rate" in can:
        await citizen.rate(code, dict.fromkeys(INDICATORS, 2), "Cảm ơn")
        return "rate"
    return ""


async def _pay(sandbox: Sandbox, citizen: Citizen, journey: Journey, dossier: Dossier) -> bool:
    code, fee = dossier["code"], dossier["fee"]
    assert fee is not None  # the citizen can pay
    if journey.pays == "never" or (journey.pays == "after-correction" and fee["demand"] == 1):
        return False
    if journey.pays == "second-try":
        await citizen.pay(code, outcome="failed")
    if journey.pays == "after-expiry":
        await citizen.start_payment(code)
        await sandbox.clock.advance("20m")  # an order expires after 15 minutes
    if journey.pays == "twice":  # the counter takes the money while the platform's page is open
        payment = await citizen.start_payment(code)
        await sandbox.province(journey.province).do(code, "take_payment")
        await sandbox.settle()
        await sandbox.payments.pay(payment["checkout_url"])
    else:
        await citizen.pay(code)
    return True


async def travel_all(sandbox: Sandbox, journeys: Sequence[Journey], *, by_day: bool = False) -> list[JourneyResult]:
    """Run many journeys in parallel in one sandbox; each citizen does what the journey says.

    by_day  advance the clock one day at a time: faster for very many dossiers, if no citizen has to act within a day.
            Otherwise it advances from one due instant to the next.
    """
    citizens = {journey.persona: sandbox.citizen(journey.persona) for journey in journeys}
    begun = [(await begin(sandbox, citizens[each.persona], each), each) for each in journeys]
    reached: list[JourneyResult] = []
    verdict = await sandbox.settle()
    for _ in range(STEPS_AT_MOST):
        lists = await gather(*(citizen.dossiers() for citizen in citizens.values()))
        by_code = {dossier["code"]: dossier for dossiers in lists for dossier in dossiers}
        reached = [JourneyResult(journey, by_code[code]) for code, journey in begun]
        acted = False
        # A journey that waits for an order to expire advances the clock, so it comes last: then the other rows are out of date.
        for each in sorted(reached, key=lambda each: each.journey.pays == "after-expiry"):
            if not each.ended or each.journey.rates:
                acted = bool(await act(sandbox, citizens[each.journey.persona], each.journey, each.dossier)) or acted
        if acted:
            verdict = await sandbox.settle()
        elif verdict["next_due"] is None or all(each.ended for each in reached):
            break
        elif by_day:
            verdict = (await sandbox.clock.advance("1d"))["verdict"]
        else:
            verdict = (await sandbox.clock.advance(to=verdict["next_due"]))["verdict"]
    return reached


async def one_in_each_province(country: Country) -> list[Journey]:
    """34 journeys to a returned result, alternating procedures with and without fee; the same 34 at every call."""
    offered = sorted(await country.procedures(), key=lambda each: str(each["code"]))
    quick = [each for each in offered if each["working_days"] <= 10]
    with_fee = [each for each in quick if each["fee_online_dong"]]
    free = [each for each in quick if not each["fee_online_dong"]]
    journeys = []
    for lane, province in enumerate(sorted(await country.provinces(), key=lambda each: str(each["code"]))):
        choice = (with_fee, free)[lane % 2]
        procedure = choice[lane // 2 % len(choice)]
        communes = await country.communes(province["code"])
        commune = communes[7 * lane % len(communes)]["code"] if procedure["level"] == "commune" else None
        persona = LEVEL_2[lane % len(LEVEL_2)]
        journeys.append(Journey("country", persona, procedure["code"], province["code"], commune, RETURNED))
    return journeys


THREE = (
    Journey("returned", "lan", "2.000635", "37", "14464", RETURNED),
    Journey(
        name="refused",
        persona="minh",
        procedure="1.004194",
        province="01",
        commune="00004",
        ends=REFUSED,
        decisions={"reception": "refuse", "reason": "Thiếu giấy tờ chứng minh chỗ ở hợp pháp"},
    ),
    Journey(
        name="withdrawn",
        persona="huong",
        procedure="1.004222",
        province="79",
        commune="26740",
        ends=WITHDRAWN,
        decisions={"reception": "receive", "processing_days": 5},  # leaves time for the withdrawal
        withdraws="Tôi chuyển đi nơi khác",
    ),
)
