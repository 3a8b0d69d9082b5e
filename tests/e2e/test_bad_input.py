"""Wrong things sent to the running country: every one gets an answer that says what to do, and nothing is lost by it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest

from lienthong.client import Country, Problem, Sandbox
from lienthong.embedded import ports
from lienthong.embedded.stack import Stack
from tests.support.command import command

PROCEDURE, PROVINCE, COMMUNE = "1.001776", "37", "14464"  # social allowance: free of charge
START = "2026-06-09T08:00:00+07:00"


async def refusal(asked: Any, type: str, status: int) -> Problem:
    with pytest.raises(Problem) as refused:
        await asked
    assert (refused.value.type, refused.value.status) == (type, status), refused.value
    return refused.value


async def test_a_key_sent_many_times_at_once_makes_one_dossier(sandbox: Sandbox) -> None:
    lan = sandbox.citizen("lan")
    await lan.sign_in()
    asked = [lan.submit(PROCEDURE, PROVINCE, COMMUNE, key="one") for _ in range(16)]
    dossiers = await asyncio.gather(*asked)
    assert {dossier["code"] for dossier in dossiers} == {dossiers[0]["code"]}
    assert len(await lan.dossiers()) == 1
    other = lan.submit(PROCEDURE, PROVINCE, COMMUNE, key="one", note="khác")
    await refusal(other, "idempotency-key-reused", 409)
    assert (await sandbox.settle())["verdict"] == "still"


async def test_text_that_no_database_keeps_is_refused_over_the_wire(lienthong: Country, sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=lienthong.url) as http:
        lan = sandbox.citizen("lan")
        headers = {"Authorization": f"Bearer {await lan.sign_in()}", "Content-Type": "application/json"}
        for number, text in enumerate((b"a\\u0000b", b"\\ud800")):
            where = b'{"procedure":"1.001776","authority":{"province":"37","commune":"14464"},"note":"%s"}' % text
            answer = await http.post(
                "/api/v1/dossiers", content=where, headers={**headers, "Idempotency-Key": f"k{number}"}
            )
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/note")
        for path in ("/api/v1/dossiers/%00", "/_lab/timeline/a%00b", "/_lab/sandboxes/%ED%A0%80/clock"):
            assert (await http.get(path, headers=headers)).status_code in (404, 422)


async def test_vietnamese_in_nfd_arrives_as_nfc_everywhere(sandbox: Sandbox) -> None:
    lan, kept = sandbox.citizen("lan"), "Đề nghị trợ cấp, gửi về xã Gia Viễn"
    note = unicodedata.normalize("NFD", kept)
    assert note != kept
    code = (await lan.submit(PROCEDURE, PROVINCE, COMMUNE, note=note))["code"]
    told = await sandbox.events(code)
    assert [entry["data"]["note"] for entry in told] == [kept]


async def test_a_huge_body_is_refused_before_it_is_read(lienthong: Country) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"a" * 65_536

    async with httpx.AsyncClient(base_url=lienthong.url) as http:
        json_type = {"Content-Type": "application/json"}
        announced = await http.post("/_lab/sandboxes", content=b"a" * (2 << 20), headers=json_type)
        assert (announced.status_code, announced.json()["type"]) == (413, "/problems/body-too-large")
        chunked = await http.post("/_lab/sandboxes", content=endless(), headers=json_type)
        assert (chunked.status_code, chunked.json()["type"]) == (413, "/problems/body-too-large")


@pytest.mark.lienthong(seed="clock", start=START)
async def test_the_clock_is_turned_by_one_at_a_time_and_never_back(sandbox: Sandbox) -> None:
    lan = sandbox.citizen("lan")
    for _ in range(20):
        await lan.submit(PROCEDURE, PROVINCE, COMMUNE)
    answers = await asyncio.gather(*(sandbox.clock.advance("20d") for _ in range(4)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert {problem.type for problem in refused} <= {"clock-busy"}
    assert len(refused) < 4, "one of them turned it"
    await refusal(sandbox.clock.advance(to=START), "clock-backwards", 409)
    await refusal(sandbox.clock.set(START), "clock-backwards", 409)
    assert {dossier["status"]["slug"] for dossier in await lan.dossiers()} <= {
        "result_returned",
        "refused_at_reception",
        "result_ready",
        "in_processing",
    }


async def test_settle_names_a_dead_worker_and_finds_stillness_when_it_is_back(tmp_path: Path) -> None:
    base = 25_000 if ports.is_free(25_000) else ports.free_base()
    with Stack(tmp_path / "data", base) as stack:
        async with Country(stack.urls["portal-api"]) as country, country.sandbox(seed="dead", start=START) as sandbox:
            await asyncio.to_thread(stack.hold, "gateway-worker")
            lan = sandbox.citizen("lan")
            code = (await lan.submit(PROCEDURE, PROVINCE, COMMUNE))["code"]
            await named(sandbox, {("unread-events", "gateway"), ("dead-worker", "gateway")})
            await told_at_the_terminal(country, sandbox)
            advanced = await sandbox.clock.advance("1d")
            assert (advanced["fired"], advanced["verdict"]["verdict"]) == ([], "waiting"), "it stops, and says why"
            await asyncio.to_thread(stack.release, "gateway-worker")
            verdict = await sandbox.settle(timeout_seconds=60)
            assert verdict["verdict"] == "still" and verdict["proof_of_absence"], verdict
            assert (await sandbox.province(PROVINCE).dossier(code))["status"]["slug"] == "submitted"
            assert (await sandbox.clock.advance("1d"))["fired"] != []


async def told_at_the_terminal(country: Country, sandbox: Sandbox) -> None:
    """Who settles, and who turns the clock while somebody does: one sentence each, and no exit status that means success."""

    def typed(*words: str) -> Awaitable[CompletedProcess[str]]:
        return asyncio.to_thread(command, *words, url=country.url, LIENTHONG_SANDBOX=sandbox.id)

    settled = await typed("settle", "--timeout", "1")
    both = await asyncio.gather(typed("clock", "advance", "1d"), typed("clock", "advance", "1d"))
    turned, busy = sorted(both, key=lambda done: done.stderr)
    assert [done.returncode for done in (settled, turned, busy)] == [1, 1, 1]
    for done in (settled, turned):
        assert "dead-worker: gateway: no running" in done.stdout and "`lienthong status`" in done.stdout, done
    assert f"now {START[:16]}" in turned.stdout, "it stops where it stands"
    assert "Wait until the other advance" in busy.stderr and busy.stdout == ""


async def named(sandbox: Sandbox, wanted: set[tuple[str, str]]) -> None:
    """Settle says "waiting", and for whom. Leases of the dead run out by and by, so it may be asked more than once."""
    async with asyncio.timeout(60):
        while True:
            verdict = await sandbox.settle(timeout_seconds=1)
            assert verdict["verdict"] == "waiting" and not verdict["proof_of_absence"], verdict
            if wanted <= {(waiting["name"], waiting["service"]) for waiting in verdict["waiting_for"]}:
                return
