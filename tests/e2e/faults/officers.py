"""What a citizen sees of officials who do nothing, dawdle, forget to apologise, ask twice or give no reason."""

from __future__ import annotations

from tests.e2e.faults.story import Stories
from tests.support.trouble import COMMUNE, COPY, PROVINCE, Trouble

STORIES = Stories()
HERE = {"province": PROVINCE}


async def slug(trouble: Trouble, code: str) -> str:
    return (await trouble.lan.dossier(code))["status"]["slug"]


@STORIES.of("officers-silent")
async def nobody_acts(trouble: Trouble) -> None:
    code = await trouble.submitted()
    async with trouble.on("officers-silent", code, match=HERE):
        await trouble.sandbox.clock.advance("5d")
        assert await slug(trouble, code) == "submitted"
        await trouble.held("officers-silent")


@STORIES.of("officers-slow")
async def every_step_takes_days(trouble: Trouble) -> None:
    code = await trouble.submitted()
    async with trouble.on("officers-slow", code, settings={"days": 2}):
        await trouble.sandbox.clock.advance("1d")
        assert await slug(trouble, code) == "submitted"
        await trouble.sandbox.clock.advance("6d")
        assert await slug(trouble, code) != "submitted"


@STORIES.of("officers-answer-late")
async def the_desk_looks_late(trouble: Trouble) -> None:
    code = await trouble.submitted()
    async with trouble.on("officers-answer-late", code, match={"procedure": COPY}, settings={"days": 3}):
        await trouble.sandbox.clock.advance("1d")
        assert await slug(trouble, code) == "submitted"


@STORIES.of("overdue-without-apology")
async def the_promised_day_passes(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on("overdue-without-apology", code):
        await trouble.lan.pay(code)
        await trouble.sandbox.clock.advance("15d")
        told = {entry["event"]: entry["data"] for entry in await trouble.sandbox.events(code)}
        assert told["dossier.result_ready.v1"]["timeliness"] == "overdue"
        assert "dossier.rescheduled.v1" not in told


@STORIES.of("second-supplement-request")
async def papers_are_asked_for_twice(trouble: Trouble) -> None:
    code = await trouble.owing()
    asks = {"does": "request_supplement", "at": "in_processing", "items": ["Giấy khai sinh"]}
    await trouble.sandbox.script(code, processing_days=0, steps=[asks])
    async with trouble.on("second-supplement-request", code):
        await trouble.lan.pay(code)
        for number in (1, 2):
            await trouble.sandbox.clock.advance("1d")
            asked = (await trouble.lan.dossier(code))["supplements"]
            assert len(asked) == number and asked[-1]["counts_as_overdue"] is (number == 2)
            await trouble.lan.supplement(code, note="Xin gửi lại")
        await trouble.sandbox.clock.advance("4d")


@STORIES.of("refusal-without-reason")
async def nobody_says_why(trouble: Trouble) -> None:
    code = (await trouble.lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await trouble.sandbox.settle()
    async with trouble.on("refusal-without-reason", code, match=HERE):
        await trouble.sandbox.clock.advance("1d")
        dossier = await trouble.lan.dossier(code)
        assert (dossier["status"]["slug"], dossier["reason"]) == ("refused_at_reception", "Hồ sơ không hợp lệ")
    await trouble.submitted()  # the next one is looked at as usual
