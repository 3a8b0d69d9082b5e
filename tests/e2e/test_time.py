"""Time belongs to a sandbox: a month passes at once, events keep their own days, neighbours do not disturb it."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta

import pytest

from lienthong.client import Citizen, Country, Problem, Sandbox
from lienthong.journeys import month
from tests.support.records import TO_PORTAL, records

PROCEDURE, PROVINCE, COMMUNE = "1.001776", "37", "14464"  # social allowance: free of charge, ten working days
DOSSIERS, DAYS = 10, 30
MANY = 200
LOAD = 8  # citizens of the neighbour who submit one dossier after the other


@pytest.mark.lienthong(seed="month")
async def test_a_month_passes_and_every_event_carries_its_own_day(
    lienthong_kafka: dict[str, str], sandbox: Sandbox
) -> None:
    lan = sandbox.citizen("lan")
    codes = [(await lan.submit(PROCEDURE, PROVINCE, COMMUNE))["code"] for _ in range(DOSSIERS)]
    for days, code in enumerate(codes):
        await sandbox.script(code, reception="receive", processing_days=days)
    begun = time.monotonic()
    advanced = await sandbox.clock.advance(f"{DAYS}d")
    print(f"{DAYS} days over {DOSSIERS} dossiers took {time.monotonic() - begun:.2f} s")

    fired = {(each["subject"], datetime.fromisoformat(each["at"])) for each in advanced["fired"]}
    told = records(lienthong_kafka, sandbox.id, [TO_PORTAL])
    assert {(record.header("ce_subject"), _time(record.header("ce_time"))) for record in told} == fired
    assert len({_time(record.header("ce_time")).date() for record in told}) >= 8
    assert all(_time(record.header("ce_time")) <= _time(advanced["now"]) for record in told)

    ready = {record.header("ce_subject"): record for record in told if "result_ready" in record.header("ce_type")}
    days_ready = [_time(ready[code].body["ready_at"]).date() for code in codes]
    assert days_ready == sorted(set(days_ready)), "each dossier is ready on a later day than the one before"
    assert {dossier["status"]["code"] for dossier in await lan.dossiers()} == {10}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


TOLD_IN_THE_MONTH = (
    "dossier.submitted.v1",
    "dossier.supplement_requested.v1",
    "dossier.supplement_answered.v1",
    "dossier.received.v1",
    "dossier.processing_started.v1",
    "dossier.rescheduled.v1",  # with the apology
    "dossier.result_ready.v1",
    "dossier.result_returned.v1",
)


@pytest.mark.lienthong(seed="month", start=month.START)
async def test_a_month_goes_through_supplement_apology_and_rescheduling_to_an_overdue_result(
    lienthong: Country, sandbox: Sandbox
) -> None:
    lan = sandbox.citizen("lan")
    of_before = {"Authorization": f"Bearer {await lan.sign_in()}"}
    begins = await sandbox.clock.now()
    assert await lienthong.portal.json("GET", "/api/v1/dossiers", headers=of_before) == []
    claims = json.loads(urlsafe_b64decode(lan.token.split(".")[1] + "=="))
    assert (
        claims["iat"] == claims["nbf"] == begins.timestamp() < claims["exp"] < (begins + timedelta(days=1)).timestamp()
    )
    passed = await month.pass_in(sandbox)
    print(f"{month.DAYS} days of one dossier took {passed.seconds:.2f} s")
    ends = await sandbox.clock.now()
    assert ends - begins == timedelta(days=month.DAYS)

    (reached,) = passed.reached
    assert reached.reached, reached.mismatches or reached.dossier["status"]
    told = await sandbox.events(reached.dossier["code"])
    assert tuple(entry["event"] for entry in told) == TOLD_IN_THE_MONTH
    at = [_time(entry["at"]) for entry in told]
    assert begins <= at[0] and at == sorted(at) and at[-1] <= ends
    assert len({moment.date() for moment in at}) >= 4, "each of them on its own day"
    assert all(begins <= _time(line["at"]) <= ends for line in await sandbox.timeline(reached.dossier["code"])), (
        "the journals, too"
    )
    received, apology, ready = (told[n]["data"] for n in (3, 5, 6))
    assert received["due_at"] == apology["previous_due_at"] < apology["due_at"] < ready["ready_at"]
    assert apology["apologised_at"] < apology["previous_due_at"] and not ready["on_time"]
    fired = [_time(each["at"]) for each in passed.fired]
    assert fired == sorted(fired) and begins < fired[0] and fired[-1] <= ends
    assert set(fired) >= {_time(entry["at"]) for entry in told if entry["service"] == "gateway"}

    with pytest.raises(Problem) as refused:
        await lienthong.portal.send("GET", "/api/v1/dossiers", headers=of_before)
    assert refused.value.status == 401, "a token is as old as its sandbox says"
    again = {"Authorization": f"Bearer {await lan.sign_in()}"}
    assert len(await lienthong.portal.json("GET", "/api/v1/dossiers", headers=again)) == 1


@pytest.mark.lienthong(seed="month", start=month.START)
async def test_two_hundred_dossiers_go_through_the_same_month(sandbox: Sandbox) -> None:
    passed = await month.pass_in(sandbox, MANY)
    print(f"{month.DAYS} days of {MANY} dossiers took {passed.seconds:.2f} s")
    assert len(passed.reached) == MANY
    assert [each.mismatches or each.dossier["status"] for each in passed.reached if not each.reached] == []
    fired = [_time(each["at"]) for each in passed.fired]
    assert fired == sorted(fired)
    assert {each["subject"] for each in passed.fired} == {each.dossier["code"] for each in passed.reached}


async def test_settle_finds_stillness_while_a_neighbour_is_under_load(lienthong: Country, sandbox: Sandbox) -> None:
    async with lienthong.sandbox(seed="noisy") as noisy:
        await sandbox.citizen("minh").submit(PROCEDURE, PROVINCE, COMMUNE)
        load = Load(noisy)
        try:
            await load.is_on(10)
            for _ in range(5):
                verdict = await sandbox.settle()
                assert verdict["verdict"] == "still" and verdict["proof_of_absence"], verdict
                await load.is_on(10)
        finally:
            await load.stop()


class Load:
    """Citizens of a sandbox who submit one dossier after the other until told to stop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._said: asyncio.Queue[Exception | None] = asyncio.Queue()  # None: one more dossier is submitted
        self._stopping = False
        self._tasks = [asyncio.create_task(self._submit(sandbox.citizen("huong"))) for _ in range(LOAD)]

    async def _submit(self, citizen: Citizen) -> None:
        try:
            while not self._stopping:
                await citizen.submit(PROCEDURE, PROVINCE, COMMUNE)
                self._said.put_nowait(None)
        except Exception as error:
            self._said.put_nowait(error)

    async def is_on(self, more: int) -> None:
        """Returns when `more` dossiers have been submitted since the call; raises what stopped a citizen."""
        while not self._said.empty():
            self._raise(self._said.get_nowait())
        for _ in range(more):
            self._raise(await self._said.get())

    @staticmethod
    def _raise(said: Exception | None) -> None:
        if said is not None:
            raise said

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)
