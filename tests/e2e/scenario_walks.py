"""What somebody does with each ready scenario once it is handed over, up to the end of every dossier in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lienthong.client import Dossier, Problem, Sandbox
from lienthong.journeys.travel import ENDS, PAPER
from lienthong.scenarios.staging import Staged


@dataclass
class Scene:
    """A staged scenario in somebody's hands."""

    staged: Staged

    @property
    def sandbox(self) -> Sandbox:
        return self.staged.sandbox

    def code(self, name: str) -> str:
        return self.staged.sandbox.codes[name]

    async def seen_by(self, persona: str, name: str) -> Dossier:
        return await self.sandbox.citizen(persona).dossier(self.code(name))

    async def told(self, name: str) -> list[str]:
        return [entry["event"] for entry in await self.sandbox.events(self.code(name))]

    async def state(self, persona: str, name: str) -> str:
        return (await self.seen_by(persona, name))["status"]["slug"]


Walk = Callable[[Scene], Awaitable[None]]
WALKS: dict[str, Walk] = {}


def walks(name: str) -> Callable[[Walk], Walk]:
    def keep(walk: Walk) -> Walk:
        WALKS[name] = walk
        return walk

    return keep


@walks("birth")
async def the_certificate_is_ready_the_same_day(scene: Scene) -> None:
    days = {entry["event"]: entry["at"][:10] for entry in await scene.sandbox.events(scene.code("birth"))}
    assert days["dossier.submitted.v1"] == days["dossier.result_ready.v1"] == "2026-03-02"
    assert (await scene.seen_by("lan", "birth"))["fee"] is None


@walks("marriage")
async def both_come_and_sign(scene: Scene) -> None:
    await scene.sandbox.clock.advance("30d")
    assert await scene.state("binh", "marriage") == "result_ready", "nobody acts by themselves"
    await scene.sandbox.province("01").do(scene.code("marriage"), "return")
    await scene.sandbox.settle()
    assert (await scene.seen_by("binh", "marriage"))["result"]["returned_by"] == "direct"  # type: ignore[index]


@walks("land-with-tax")
async def the_tax_is_paid(scene: Scene) -> None:
    await scene.sandbox.citizen("minh").pay(scene.code("land"))
    await scene.sandbox.settle()
    assert (await scene.seen_by("minh", "land"))["paid_dong"] == 12_600_000
    await scene.sandbox.clock.advance("60d")
    assert await scene.state("minh", "land") == "result_returned"


@walks("refused")
async def it_is_granted_at_the_second_try(scene: Scene) -> None:
    await scene.sandbox.clock.advance("14d")
    assert await scene.state("huong", "again") == "result_returned"
    assert await scene.told("refused") == ["dossier.submitted.v1", "dossier.refused.v1"]


@walks("overdue")
async def it_comes_too_late(scene: Scene) -> None:
    dossier = await scene.seen_by("duc", "allowance")
    assert dossier["due_at"] is not None and dossier["due_at"] < scene.staged.now
    assert "overdue-without-apology" in (await scene.sandbox.explain(scene.code("allowance")))[0]["sentence_en"]
    await scene.sandbox.faults.off()
    await scene.sandbox.clock.advance("14d")
    assert (await scene.seen_by("duc", "allowance"))["result"]["timeliness"] == "overdue"  # type: ignore[index]
    assert "dossier.rescheduled.v1" not in await scene.told("allowance")


@walks("apology")
async def they_apologised_once(scene: Scene) -> None:
    assert (await scene.told("rescheduled")).count("dossier.rescheduled.v1") == 1


@walks("supplement")
async def the_citizen_answers(scene: Scene) -> None:
    huong = scene.sandbox.citizen("huong")
    (request,) = (await huong.dossier(scene.code("missing")))["supplements"]
    assert len(request["items"]) == 2
    paper = await huong.upload("to-khai.pdf", PAPER)
    await huong.supplement(scene.code("missing"), [{"id": paper["id"]}], "Tôi xin bổ sung")
    await scene.sandbox.clock.advance("30d")
    assert await scene.state("huong", "missing") == "result_returned"


@walks("withdrawn")
async def the_money_came_back_once(scene: Scene) -> None:
    (order,) = await scene.sandbox.payments.orders(scene.code("moved-away"))
    assert order["refunded_dong"] == order["amount_dong"] > 0


@walks("payment-late")
async def the_word_comes_after_all(scene: Scene) -> None:
    verdict = await scene.sandbox.settle()
    assert [each["name"] for each in verdict["waiting_for"]] == ["held-by-fault"]
    (order,) = await scene.sandbox.payments.orders(scene.code("copy"))
    assert order["state"] == "paid" and not order["confirmed"]
    await scene.sandbox.clock.advance("3d")
    assert await scene.state("lan", "copy") == "result_returned"


@walks("company")
async def it_is_the_companys_and_nobody_elses(scene: Scene) -> None:
    companies = (await scene.sandbox.citizen("nga").who_am_i())["represents"]
    assert [each["name"] for each in companies] == ["Công ty TNHH An Khang Hư Cấu", "Công ty Cổ phần Sông Xanh Hư Cấu"]
    assert (await scene.seen_by("nga", "copies"))["paid_dong"] == 8000
    try:
        await scene.seen_by("lan", "copies")
    except Problem as problem:
        assert problem.status == 404
    else:
        raise AssertionError("Lan sees what is a company's")


@walks("counter-and-post")
async def their_owners_see_them_at_the_portal(scene: Scene) -> None:
    channels = {(await scene.seen_by(who, name))["channel"] for who, name in (("tuan", "counter"), ("hoa", "post"))}
    assert channels == {"direct", "public_postal"}
    assert (await scene.told("counter"))[0] == "dossier.registered.v1"


@walks("monday-morning")
async def the_officers_are_you(scene: Scene) -> None:
    desk = scene.sandbox.province("37")
    inbox = {dossier["code"]: dossier for dossier in await desk.inbox()}
    assert {name for name, code in scene.staged.sandbox.codes.items() if code not in inbox} == {
        "birth-last-week",
        "residence-withdrawn",
    }
    new = [name for name, state in scene.staged.states.items() if state == "submitted"]
    assert len(new) == 6
    for name in new:
        assert {"receive", "refuse", "request_supplement"} <= set(inbox[scene.code(name)]["can"])
        await desk.do(scene.code(name), "receive")
    await scene.sandbox.settle()
    assert await scene.state("lan", "birth") == "received"
    await scene.sandbox.set_mode("37", "simulated")
    for _ in range(2):
        await scene.sandbox.clock.advance("30d")
        for person in await scene.sandbox.people():
            citizen = scene.sandbox.citizen(person["persona"])
            for dossier in await citizen.dossiers():
                if "pay" in dossier["can"]:
                    await citizen.pay(dossier["code"])
    await scene.sandbox.clock.advance("30d")


async def all_ended(scene: Scene) -> None:
    """Every dossier of the scenario has come to an end, and nothing waits any more."""
    verdict = await scene.sandbox.settle()
    assert verdict["verdict"] == "still", verdict
    personas = {each["persona"] for each in await scene.sandbox.people()}
    for persona in personas:
        for dossier in await scene.sandbox.citizen(persona).dossiers():
            assert dossier["status"]["slug"] in ENDS, dossier
