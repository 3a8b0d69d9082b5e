"""What the province waits for, and what waiting does to the due date: supplements, taxes in the middle, a new date."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.stages import ANSWERED, FEE, PAID, SAID, STAGES, Officials
from tests.support.country import Country, Sandbox, a_country, problem
from tests.support.databases import Databases
from tests.support.factories import COPY, FREE

# A dossier of ten working days, received on Tuesday 9 June 2026 at 08:00, is due on 23 June at 17:00. It waits from
# Wednesday 10:00 to the next Monday 14:30: 5 days 4 h 30 min, of which the office is open 26 h 30 min.
FROM, TO = "10/06 10:00", "15/06 14:30"
BY_PAUSE = {
    "anew": "2026-06-29T17:00:00.000+07:00",  # 16, 17, 18, 19, 22, 23, 24, 25, 26, 29 June
    "shift": "2026-06-29T07:00:00.000+07:00",  # Sunday 28 June 21:30 counts as Monday's opening
    "subtract": "2026-06-29T09:30:00.000+07:00",  # 24, 25, 26 June are 24 h, and 2 h 30 min of the 29th
}


@pytest.fixture(scope="module", params=["shift", "subtract", "anew"])
async def elsewhere(request: pytest.FixtureRequest, database_url: Databases) -> AsyncIterator[tuple[Country, str]]:
    """A country whose procedure systems count waiting in another way."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PROVINCE_GATEWAY_PAUSE", request.param)
        async with a_country(database_url) as country:
            yield country, request.param


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> Officials:
    return await Officials(country, sandbox).submitted(procedure=FREE)


async def test_a_supplement_moves_the_due_date_as_the_system_counts(elsewhere: tuple[Country, str]) -> None:
    country, pause = elsewhere
    desk = Officials(country, await country.sandbox(start="2026-06-09T08:00:00+07:00"))
    await desk.submitted(procedure=FREE)
    await desk.does(law.RECEIVE)
    shown = await desk.does(law.START)
    assert shown["limit"] == {"value": 10, "unit": "working_day", "count": "law", "pause": pause}
    assert shown["due_at"] == "2026-06-23T17:00:00.000+07:00"
    await desk.until(FROM)
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.until(TO)
    await desk.hears(ANSWERED, **{**SAID[ANSWERED], "answered_at": "2026-06-15T14:30:00.000+07:00"})
    shown = await desk.does(law.RESUME)
    assert shown["due_at"] == BY_PAUSE[pause]
    told = (await desk.told())[-1]
    assert (told["type"], told["due_at"], told["pause"]) == (law.PROCESSING_RESUMED, BY_PAUSE[pause], pause)
    assert told["resumed_at"] == "2026-06-15T14:30:00.000+07:00"


async def test_an_office_that_lets_an_answer_lie_gains_no_time(elsewhere: tuple[Country, str]) -> None:
    country, pause = elsewhere
    desk = Officials(country, await country.sandbox(start="2026-06-09T08:00:00+07:00"))
    await desk.submitted(procedure=FREE)
    await desk.does(law.RECEIVE)
    await desk.does(law.START)
    await desk.until(FROM)
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.until(TO)
    await desk.hears(ANSWERED, **{**SAID[ANSWERED], "answered_at": "2026-06-15T14:30:00.000+07:00"})
    await desk.until("15/06 15:30")  # before its own next look
    shown = await desk.does(law.RESUME)
    assert shown["due_at"] == BY_PAUSE[pause], "the time runs from the answer, whenever somebody looks at it"


async def test_a_tax_in_the_middle_takes_the_working_time_out_whatever_the_setting(
    elsewhere: tuple[Country, str],
) -> None:
    country, _ = elsewhere
    desk = Officials(country, await country.sandbox(start="2026-06-09T08:00:00+07:00"))
    await desk.submitted(procedure=FREE)
    await desk.does(law.RECEIVE)
    await desk.does(law.START)
    await desk.until(FROM)
    await desk.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Tiền sử dụng đất", "amount_dong": 500_000}])
    await desk.until(TO)
    await desk.hears(PAID, amount_dong=500_000)
    assert (await desk.does(law.RESUME))["due_at"] == BY_PAUSE["subtract"]
    assert (await desk.told())[-1]["pause"] == "subtract"


async def test_a_fee_at_reception_takes_out_the_time_until_the_start(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure="1.004222")  # residence: seven working days, a fee
    shown = await desk.does(law.RECEIVE)
    assert (shown["due_at"][:16], shown["fee_dong"]) == ("2026-06-18T17:00", 10_000)
    await desk.until("11/06 09:00")
    await desk.hears(PAID, amount_dong=10_000)
    shown = await desk.does(law.START)
    assert shown["due_at"] == "2026-06-23T08:00:00.000+07:00", "two days and an hour later: Friday, Monday, 07:00-08:00"
    assert (await desk.told())[-1]["due_at"] == shown["due_at"]


async def test_a_start_without_waiting_says_no_due_date(desk: Officials) -> None:
    await desk.does(law.RECEIVE)
    await desk.until("11/06 09:00")
    assert (await desk.does(law.START))["due_at"] == "2026-06-23T17:00:00.000+07:00"
    assert "due_at" not in (await desk.told())[-1]


async def test_a_request_at_reception_stops_no_clock_for_none_runs(desk: Officials) -> None:
    shown = await desk.does(law.REQUEST_SUPPLEMENT, reason="Thiếu chữ ký", items=["Tờ khai có chữ ký", "Ảnh 3x4"])
    assert (shown["due_at"], shown["limit"]) == (None, None)
    (told,) = await desk.told()
    assert told["items"] == [{"text": "Tờ khai có chữ ký"}, {"text": "Ảnh 3x4"}]
    facts = (told["request"], told["reason"], told["counts_as_overdue"], told["answer_by"])
    assert facts == (1, "Thiếu chữ ký", False, "2026-06-23T17:00:00.000+07:00")
    await desk.until("12/06 16:00")
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    shown = await desk.does(law.RECEIVE, at_desk=False)
    assert shown["due_at"] == "2026-06-26T17:00:00.000+07:00", "the limit runs from reception: ten working days"


async def test_the_office_says_how_long_it_waits_for_an_answer(desk: Officials) -> None:
    await desk.does(law.REQUEST_SUPPLEMENT, answer_days=2)
    assert (await desk.told())[0]["answer_by"] == "2026-06-11T17:00:00.000+07:00"
    assert await desk.due() == [("stop", "12/06 08:00")]


@pytest.mark.parametrize("start", [(), (law.START,)], ids=["received", "in processing"])
@pytest.mark.parametrize(("moment", "in_time"), [("12/06 17:00", True), ("12/06 17:01", False)])
async def test_what_fails_verification_goes_back_within_three_working_days(
    desk: Officials, start: tuple[str, ...], moment: str, in_time: bool
) -> None:
    for verb in (law.RECEIVE, *start):
        await desk.does(verb)
    await desk.until(moment)
    assert (law.REQUEST_SUPPLEMENT in (await desk.shown())["can"]) == in_time
    answer = await desk.tries(law.REQUEST_SUPPLEMENT)
    if in_time:
        assert answer.json()["status"]["slug"] == "supplement_requested"
    else:
        refused = problem(answer, 409, "supplement-request-too-late")
        assert refused["law"].startswith("ND 118/2025, as ND 61/2018 art. 19.4"), "a rule that is in force"
        assert refused["latest"] == "2026-06-12T17:00:00+07:00"


async def test_a_second_request_says_that_it_counts_as_overdue_and_so_does_the_result(desk: Officials) -> None:
    for verb in (law.RECEIVE, law.START, law.REQUEST_SUPPLEMENT):
        await desk.does(verb)
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    await desk.does(law.REQUEST_SUPPLEMENT)
    second = (await desk.told())[-1]
    assert (second["request"], second["counts_as_overdue"]) == (2, True)
    await desk.hears(ANSWERED, request=2, **SAID[ANSWERED])
    await desk.does(law.RESUME)
    await desk.does(law.FINISH)
    ready = (await desk.told())[-1]
    assert (ready["on_time"], ready["timeliness"], ready["supplement_requests"]) == (False, "overdue", 2)


async def test_one_request_leaves_the_result_on_time(desk: Officials) -> None:
    for verb in (law.RECEIVE, law.START, law.REQUEST_SUPPLEMENT):
        await desk.does(verb)
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    await desk.does(law.RESUME)
    await desk.does(law.FINISH)
    ready = (await desk.told())[-1]
    assert (ready["on_time"], ready["timeliness"], ready["supplement_requests"]) == (True, "early", 1)


async def test_nobody_is_asked_more_often_than_the_event_can_count(desk: Officials) -> None:
    for number in range(1, 10):
        assert (await desk.tries(law.REQUEST_SUPPLEMENT)).status_code == 200
        await desk.hears(ANSWERED, request=number, **SAID[ANSWERED])
    problem(await desk.tries(law.REQUEST_SUPPLEMENT), 409, "supplement-requested-too-often")
    assert law.REQUEST_SUPPLEMENT not in (await desk.shown())["can"]
    assert (await desk.told())[-1]["request"] == 9


async def test_who_does_not_answer_in_time_is_stopped(desk: Officials) -> None:
    await desk.does(law.REQUEST_SUPPLEMENT)
    assert await desk.act() == ["stop"]
    shown = await desk.shown()
    assert (shown["status"]["slug"], shown["reason"]) == ("processing_stopped", "Quá thời hạn bổ sung hồ sơ")
    assert (await desk.told())[-1]["stopped_at"] == "2026-06-24T08:00:00.000+07:00"


async def test_an_answer_keeps_the_dossier_from_being_stopped(desk: Officials) -> None:
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    assert await desk.due() == [("receive", "09/06 10:00")]
    assert await desk.act() == ["receive"]
    assert (await desk.shown())["status"]["slug"] == "received"


async def test_an_answer_that_crosses_with_the_stop_changes_nothing(desk: Officials) -> None:
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.act()
    before = await desk.shown()
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    assert await desk.shown() == before
    assert (await desk.gateway.pending(desk.sandbox.id))["parked"] == []


async def test_an_answer_to_an_earlier_request_answers_no_later_one(desk: Officials) -> None:
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    assert [each["answered_at"] is None for each in (await desk.shown())["supplements"]] == [False, True]


async def test_a_supplement_can_ask_for_papers_and_a_fee_at_once(desk: Officials) -> None:
    await desk.does(law.REQUEST_SUPPLEMENT, fee=FEE)
    asked, demanded = await desk.told()
    assert (asked["type"], demanded["type"]) == (law.SUPPLEMENT_REQUESTED, law.FEE_DEMANDED)
    assert (demanded["moment"], demanded["fee_dong"]) == ("at_supplement", 8000)
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    assert await desk.due() == [("stop", "10/07 08:00")], "answered, and not paid yet"
    await desk.hears(PAID, **SAID[PAID])
    assert await desk.act() == ["receive"]


async def test_a_later_unpaid_fee_is_not_blamed_on_the_supplement(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=COPY)
    await desk.does(law.REQUEST_SUPPLEMENT)
    await desk.does(law.RECEIVE, at_desk=True)
    assert await desk.act() == ["stop"]
    assert (await desk.shown())["reason"] == "Quá thời hạn thực hiện nghĩa vụ tài chính"


@pytest.mark.parametrize("start", [(), (law.START,)], ids=["received", "in processing"])
async def test_a_due_date_is_moved_once_with_an_apology(desk: Officials, start: tuple[str, ...]) -> None:
    for verb in (law.RECEIVE, *start):
        await desk.does(verb)
    shown = await desk.does(law.RESCHEDULE, days=5, reason="Chờ ý kiến cơ quan thuế")
    assert (shown["due_at"], shown["rescheduled"]) == ("2026-06-30T17:00:00.000+07:00", True)
    told: dict[str, Any] = (await desk.told())[-1]
    assert (told["previous_due_at"][:16], told["due_at"][:16]) == ("2026-06-23T17:00", "2026-06-30T17:00")
    assert told["reason"] == "Chờ ý kiến cơ quan thuế"
    refused = problem(await desk.tries(law.RESCHEDULE), 409, "already-rescheduled")
    assert refused["law"].startswith("ND 118/2025, as ND 61/2018 art. 19.9")


@pytest.mark.parametrize(("moment", "in_time"), [("22/06 17:00", True), ("22/06 17:01", False), ("24/06 08:00", False)])
async def test_the_apology_goes_out_a_day_before_expiry(desk: Officials, moment: str, in_time: bool) -> None:
    await desk.does(law.RECEIVE)
    await desk.until(moment)
    answer = await desk.tries(law.RESCHEDULE)
    if in_time:
        assert answer.json()["due_at"] == "2026-06-24T17:00:00.000+07:00"
    else:
        assert problem(answer, 409, "rescheduling-too-late")["latest"] == "2026-06-22T17:00:00+07:00"


async def test_a_limit_of_the_same_day_leaves_no_moment_for_an_apology(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure="1.001193")
    await desk.does(law.RECEIVE)
    problem(await desk.tries(law.RESCHEDULE), 409, "rescheduling-too-late")


async def test_a_new_date_keeps_the_result_on_time(desk: Officials) -> None:
    await desk.does(law.RECEIVE)
    await desk.does(law.START)
    await desk.does(law.RESCHEDULE, days=2)
    await desk.until("25/06 16:00")
    await desk.does(law.FINISH)
    assert (await desk.told())[-1]["timeliness"] == "on_time"


async def test_papers_brought_to_the_desk_answer_the_request_and_a_late_answer_changes_nothing(
    country: Country, sandbox: Sandbox
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["asked later"])
    await desk.does(law.RESUME, at_desk=True)
    before = await desk.shown()
    await desk.hears(ANSWERED, **SAID[ANSWERED])
    assert await desk.shown() == before
