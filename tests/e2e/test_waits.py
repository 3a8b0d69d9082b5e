"""Waited for, watched and asked about, in the running country: at once where it is certain, named where something is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lienthong import sync
from lienthong.client import Country, Problem, Sandbox
from lienthong.embedded import ports
from lienthong.embedded.stack import Stack
from tests.support.command import PATIENCE, command

PROCEDURE, PROVINCE, COMMUNE = "2.000635", "37", "14464"  # a copy of an extract: 8,000 đ, one working day
START, TEN = "2026-06-09T08:00:00.000+07:00", "2026-06-09T10:00:00.000+07:00"
DOCS = Path(__file__).parents[2] / "docs"
HOSTILE, AS_SHOWN = (
    "Sai [red]thủ tục[/red]\u202e\n2026",
    r"Sai [red]thủ tục[/red]\u202e\n2026",
)  # what a reason may hold


pytestmark = pytest.mark.lienthong(seed="waits", start=START)


async def submitted(sandbox: Sandbox) -> str:
    """The code of a dossier that its desk will receive."""
    code = (await sandbox.citizen("lan").submit(PROCEDURE, PROVINCE, COMMUNE))["code"]
    await sandbox.wait_for(code, "dossier.submitted.v1", timeout_seconds=60)
    await sandbox.script(code, reception="receive")
    return code


async def causes(sandbox: Sandbox, code: str) -> list[str]:
    return [cause["name"] for cause in await sandbox.explain(code)]


async def test_a_journey_is_waited_for_from_event_to_event(sandbox: Sandbox) -> None:
    lan, code = sandbox.citizen("lan"), await submitted(sandbox)
    there = await sandbox.wait_for(code, "dossier.submitted.v1")
    assert there["verdict"] == "there" and there["entry"] and there["entry"]["data"]["dossier_code"] == code
    early = await sandbox.wait_for(code, "dossier.received.v1", timeout_seconds=100)
    assert (early["verdict"], early["not_before"]) == ("not-before", TEN)
    assert await causes(sandbox, code) == ["clock-frozen"]

    await sandbox.clock.advance(to=TEN)
    assert (await sandbox.wait_for(code, "dossier.fee_demanded.v1"))["verdict"] == "there"
    assert (await lan.dossier(code))["status"]["code"] == 6, "the portal has read it"
    assert (await causes(sandbox, code))[0] == "payment-awaited"
    payment = await lan.start_payment(code)
    assert (await causes(sandbox, code))[0] == "payment-begun"
    await sandbox.payments.pay(payment["checkout_url"])
    assert (await sandbox.wait_for(code, "payment.confirmed.v1"))["verdict"] == "there"
    assert (await sandbox.province(PROVINCE).dossier(code))["paid"], "the province has read it"

    await sandbox.clock.advance("P3D")
    assert (await sandbox.wait_for(code, "dossier.result_returned.v1"))["verdict"] == "there"
    absent = await sandbox.wait_for(code, "dossier.stopped.v1", timeout_seconds=100)
    assert (absent["verdict"], absent["cause"] and absent["cause"]["name"]) == ("absent", "ended")


async def test_a_clock_set_past_the_moment_is_explained_and_an_advance_mends_it(sandbox: Sandbox) -> None:
    code = await submitted(sandbox)
    await sandbox.clock.set("2026-06-10T08:00:00+07:00")
    assert await causes(sandbox, code) == ["due-not-fired"]
    await sandbox.clock.advance("1s")
    assert (await sandbox.wait_for(code, "dossier.received.v1"))["verdict"] == "there"


async def test_a_supplement_and_a_withdrawal_are_waited_for_by_name(sandbox: Sandbox) -> None:
    code, desk = await submitted(sandbox), sandbox.province(PROVINCE)
    await desk.do(code, "request_supplement", reason="Thiếu ảnh")
    assert (await sandbox.wait_for(code, "dossier.supplement_requested.v1"))["verdict"] == "there"
    assert (await causes(sandbox, code))[0] == "supplement-awaited"
    await sandbox.citizen("lan").withdraw(code, "Tôi đổi ý")
    assert (await sandbox.wait_for(code, "dossier.withdrawal_requested.v1"))["verdict"] == "there"
    assert (await causes(sandbox, code))[0] == "withdrawal-asked"


async def test_on_a_running_clock_an_event_is_waited_for_until_its_time(lienthong_sync: sync.Country) -> None:
    start = "2026-06-09T09:59:50+07:00"
    async with Country(lienthong_sync.url) as country, country.sandbox(seed="waits", start=start, rate=1) as sandbox:
        code = await submitted(sandbox)
        late = await sandbox.wait_for(code, "dossier.received.v1", timeout_seconds=0.5)
        assert (late["verdict"], late["not_before"]) == ("not-before", TEN)
        assert await causes(sandbox, code) == ["clock-runs"]
        await sandbox.clock.rate(60)
        assert (await sandbox.wait_for(code, "dossier.received.v1", timeout_seconds=60))["verdict"] == "there"


async def test_watch_tells_what_was_what_comes_and_why_nothing_does(
    lienthong_sync: sync.Country, sandbox: Sandbox
) -> None:
    code = await submitted(sandbox)
    await sandbox.script(code, reception="refuse", reason=HOSTILE)
    words = [sys.executable, "-m", "lienthong.cli.main", "watch", code, "--sandbox", sandbox.id, "--lang", "en"]
    watching = await asyncio.create_subprocess_exec(
        *words, env={**os.environ, "LIENTHONG_URL": lienthong_sync.url}, stdout=subprocess.PIPE
    )
    assert watching.stdout
    async with asyncio.timeout(PATIENCE):
        assert f", {code}  → 1 Newly submitted" in (await watching.stdout.readline()).decode()
        assert "… The clock of the sandbox is frozen" in (await watching.stdout.readline()).decode()
        await sandbox.clock.advance(to=TEN)
        refused = (await watching.stdout.readline()).decode()
        assert f"refuses the dossier: {AS_SHOWN}  → 3 Refused at reception" in refused
        assert (await watching.stdout.read(), await watching.wait()) == (b"", 0), "it ends with the dossier"

    told = command("watch", code, "--sandbox", sandbox.id, "--json", url=lienthong_sync.url)
    assert [json.loads(line)["event"] for line in told.stdout.splitlines()] == [
        "dossier.submitted.v1",
        "dossier.refused.v1",
    ]
    story = command("timeline", code, "--sandbox", sandbox.id, "--lang", "vi", url=lienthong_sync.url, COLUMNS="200")
    assert AS_SHOWN in story.stdout and "3 Không được tiếp nhận" in story.stdout and "Tỉnh" in story.stdout


async def test_the_verbs_answer_people_and_programs_and_scripts(lienthong_sync: sync.Country, sandbox: Sandbox) -> None:
    code = await submitted(sandbox)
    at = ("--dossier", code, "--sandbox", sandbox.id)
    there = command("wait-for", "dossier.submitted.v1", *at, url=lienthong_sync.url)
    assert (there.returncode, there.stdout.split(":")[0]) == (0, "there")
    early = command("wait-for", "dossier.received.v1", *at, "--lang", "vi", url=lienthong_sync.url)
    assert early.returncode == 1 and "không có gì tự xảy ra trước 09/06/2026 10:00" in early.stdout
    told = command("wait-for", "dossier.received.v1", *at, "--json", url=lienthong_sync.url)
    assert told.returncode == 1 and json.loads(told.stdout)["not_before"] == TEN
    why = command("explain", code, "--sandbox", sandbox.id, "--lang", "en", url=lienthong_sync.url)
    assert why.returncode == 0
    assert re.fullmatch(r"- The clock .*\n  → .*: `(.*)`\n", why.stdout)
    mend = why.stdout.split("`")[1].split()[1:]
    assert command(*mend, url=lienthong_sync.url).returncode == 0, "what mends it can be typed as it stands"
    assert command("wait-for", "dossier.received.v1", *at, url=lienthong_sync.url).returncode == 0
    (cause, *_) = json.loads(command("explain", code, "--sandbox", sandbox.id, "--json", url=lienthong_sync.url).stdout)
    assert cause["name"] == "payment-awaited"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["wait-for", "dossier.recieved.v1", "--dossier", "X"], "did you mean dossier.received.v1?"),
        (["wait-for", "dossier.received.v1", "--dossier", "X", "--sandbox", "nowhere"], "POST /_lab/sandboxes"),
        (["explain", "X", "--sandbox", "nowhere"], "POST /_lab/sandboxes"),
        (["watch", "X", "--sandbox", "nowhere"], "POST /_lab/sandboxes"),
        (["watch", "H42.14464-20260609-0000001", "--lang", "en"], "No service in sandbox default knows"),
        (["watch", "\x1b[2Jx", "--lang", "en"], r"knows a dossier \x1b[2Jx"),
        (["timeline", "\x1b[2Jx"], r"No service knows \x1b[2Jx"),
    ],
)
def test_a_refusal_is_one_sentence(lienthong_sync: sync.Country, words: list[str], hint: str) -> None:
    done = command(*words, url=lienthong_sync.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert hint in done.stderr and len(done.stderr.strip().splitlines()) == 1


async def test_a_dossier_that_nobody_knows_is_explained(lienthong_sync: sync.Country, sandbox: Sandbox) -> None:
    assert await causes(sandbox, "H42.14464-20260609-9999999") == ["unknown-dossier"]
    unknown = await sandbox.wait_for("H42.14464-20260609-9999999", "dossier.received.v1")
    assert unknown["verdict"] == "unknown" and "No service in sandbox" in unknown["sentence_en"]


async def test_the_dead_are_named_and_nobody_waits_for_a_sandbox_that_is_gone(tmp_path: Path) -> None:
    with Stack(tmp_path / "data", ports.free_base()) as stack:
        async with Country(stack.urls["portal-api"]) as country:
            sandbox = country.enter((await country.create_sandbox(seed="dead"))["id"])
            await asyncio.to_thread(stack.hold, "gateway-worker")
            code = (await sandbox.citizen("lan").submit(PROCEDURE, PROVINCE, COMMUNE))["code"]
            waiting = await sandbox.wait_for(code, "dossier.submitted.v1", timeout_seconds=60)
            assert waiting["verdict"] == "waiting" and waiting["cause"] and waiting["cause"]["name"] == "worker-dead"
            assert ("dead-worker", "gateway") in {(each["name"], each["service"]) for each in waiting["waiting_for"]}
            assert "is dead or stuck" in waiting["sentence_en"]
            assert {*await causes(sandbox, code)} == {"worker-dead", "on-its-way"}

            doors = [sandbox.settle(60), sandbox.wait_for(code, "dossier.submitted.v1"), sandbox.news(code, after=9)]
            asked = [asyncio.create_task(door) for door in doors]
            await country.delete_sandbox(sandbox.id)
            async with asyncio.timeout(PATIENCE):
                for task in asked:
                    with pytest.raises(Problem) as gone:
                        await task
                    assert (gone.value.type, gone.value.status) == ("sandbox-not-found", 404)

            await asyncio.to_thread(stack.release, "gateway-worker")
            async with country.sandbox(seed="down") as other:
                code = await submitted(other)
                assert (await other.wait_for(code, "dossier.submitted.v1", timeout_seconds=60))["verdict"] == "there"
                await asyncio.to_thread(stack.hold, "payment")
                assert (await causes(other, code))[0] == "service-down"
                await asyncio.to_thread(stack.release, "payment")
                assert await causes(other, code) == ["clock-frozen"]


def test_the_page_works_as_it_is_printed(lienthong_sync: sync.Country) -> None:
    """After the journey's steps 1 to 4, in the same shell."""
    journey, page = (DOCS.joinpath(name).read_text(encoding="utf-8") for name in ("journey.md", "waiting.md"))
    texts = (journey.partition("## 5.")[0], page)
    blocks = [block for text in texts for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    at_last = 'curl --silent --request DELETE "$PORTAL/_lab/sandboxes/$SANDBOX"'
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash"],
        input="\n".join([*blocks, at_last]),
        env={**os.environ, "LIENTHONG_URL": lienthong_sync.url, "PATH": path, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ("not yet, and it says when", "absent: the law has no way", "Đồng hồ sandbox đứng ở", "→ 3"):
        assert said in done.stdout, done.stdout
    assert '"name":"ended"' in done.stdout
