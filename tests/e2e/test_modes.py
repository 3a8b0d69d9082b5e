"""Provinces under every mode, on the whole country: at once, by hand, as scripted, and changed in the middle of a dossier."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lienthong import sync
from lienthong.client import Problem, Sandbox
from tests.support.command import PATIENCE, command

PAGE = Path(__file__).parents[2] / "docs" / "modes.md"
FREE, COPY, PROVINCE, COMMUNE = "1.001776", "2.000635", "37", "14464"  # free of charge; 8.000 đồng
APPLICANT = {"id": "037190900123", "name": "Trần Ngọc Lan"}


pytestmark = pytest.mark.lienthong(seed="modes")


async def still(sandbox: Sandbox) -> None:
    verdict = await sandbox.settle()
    assert verdict["verdict"] == "still" and verdict["proof_of_absence"], verdict


async def both(sandbox: Sandbox, code: str, persona: str = "lan") -> str:
    """The state in which both copies agree."""
    here, there = await sandbox.citizen(persona).dossier(code), await sandbox.province(PROVINCE).dossier(code)
    assert here["status"] == there["status"] and here["due_at"] == there["due_at"]
    assert here["paid_dong"] == there["paid_dong"] and here["refunded_dong"] == there["refunded_dong"]
    assert len(here["supplements"]) == len(there["supplements"])
    return here["status"]["slug"]


async def test_at_once_a_dossier_comes_to_its_end_and_the_clock_never_moved(sandbox: Sandbox) -> None:
    lan, before = sandbox.citizen("lan"), await sandbox.clock.read()
    await sandbox.set_mode("*", "simulated", "at_once")
    free, paid = [(await lan.submit(procedure, PROVINCE, COMMUNE))["code"] for procedure in (FREE, COPY)]
    await still(sandbox)
    assert await both(sandbox, free) == "result_returned"
    assert await both(sandbox, paid) == "financial_obligation"
    await lan.pay(paid)
    await still(sandbox)
    assert await both(sandbox, paid) == "result_returned"
    assert await sandbox.clock.read() == before


async def test_at_once_nothing_is_left_behind_when_the_clock_is_turned(sandbox: Sandbox) -> None:
    lan = sandbox.citizen("lan")
    code = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await sandbox.set_mode(PROVINCE, "simulated", "at_once")
    await still(sandbox)
    advanced = await sandbox.clock.advance("P60D")
    assert [fired["kind"] for fired in advanced["fired"]] == ["stop"], (
        "who does not pay is stopped in time, not at once"
    )
    assert advanced["verdict"]["verdict"] == "still" and await both(sandbox, code) == "processing_stopped"


async def test_by_hand_a_dossier_is_walked_to_its_end_by_what_can_be_done(sandbox: Sandbox) -> None:
    await sandbox.set_mode(PROVINCE, "manual")
    lan, desk = sandbox.citizen("lan"), sandbox.province(PROVINCE)
    code = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await sandbox.clock.advance("P30D")
    (waiting,) = await desk.inbox()
    assert waiting["code"] == code and waiting["planned"] is None, "a month passes, and nobody comes"
    walked = []
    for wanted in ("request_supplement", "receive", "start", "finish", "return"):
        shown = await desk.dossier(code)
        assert wanted in shown["can"], shown
        facts: dict[str, Any] = {"at_desk": True} if shown["needs"].get(wanted) == "at_desk" else {}
        facts |= {"items": ["Ảnh"]} if wanted == "request_supplement" else {}
        walked.append((await desk.do(code, wanted, **facts))["status"]["slug"])
        await still(sandbox)
        if walked[-1] == "financial_obligation":
            await lan.pay(code)
            await still(sandbox)
    assert walked == [
        *("supplement_requested", "financial_obligation", "in_processing", "result_ready", "result_returned")
    ]
    assert await both(sandbox, code) == "result_returned" and await desk.inbox() == []
    with pytest.raises(Problem) as refusal:
        await desk.do(code, "start")
    assert refusal.value.type == "move-not-allowed"


async def test_in_every_open_state_a_dossier_goes_by_hand_and_on_again(sandbox: Sandbox) -> None:
    lan, desk, tax = (
        sandbox.citizen("lan"),
        sandbox.province(PROVINCE),
        [{"kind": "tax", "name": "Thuế", "amount_dong": 9}],
    )
    ways: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "submitted": [],
        "received": [("receive", {})],
        "in_processing": [("receive", {}), ("start", {})],
        "supplement_requested": [("request_supplement", {"items": ["Ảnh"]})],
        "financial_obligation": [("receive", {}), ("demand_fee", {"fee": tax})],
        "result_ready": [("receive", {}), ("start", {}), ("finish", {})],
    }
    codes = {state: (await lan.submit(FREE, PROVINCE, COMMUNE))["code"] for state in ways}
    await still(sandbox)
    for state, moves in ways.items():
        await sandbox.script(codes[state], reception="receive", processing_days=1)
        for does, facts in moves:
            await desk.do(codes[state], does, **facts)
    await lan.withdraw(codes["result_ready"], "Tôi đổi ý")
    await still(sandbox)
    await sandbox.set_mode(PROVINCE, "manual")
    assert {each["code"]: each["planned"] for each in await desk.inbox()} == dict.fromkeys(codes.values())
    await sandbox.clock.advance("P5D")
    assert {state: await both(sandbox, code) for state, code in codes.items()} == {state: state for state in codes}
    await lan.supplement(codes["supplement_requested"], note="Đây ạ")
    await lan.pay(codes["financial_obligation"])
    await still(sandbox)
    await sandbox.reset_mode(PROVINCE)
    advanced = await sandbox.clock.advance("P20D")
    assert advanced["verdict"]["verdict"] == "still", advanced["verdict"]
    for code in codes.values():
        assert await both(sandbox, code) == "result_returned"
        texts = [line["text_vi"] for line in await sandbox.timeline(code) if line["kind"] == "mode"]
        assert texts == [
            "Lên lại lịch xử lý; tỉnh ở chế độ thủ công: cán bộ tự xử lý",
            "Lên lại lịch xử lý; tỉnh ở chế độ mô phỏng, theo giờ làm việc",
        ]
    assert (await lan.dossier(codes["result_ready"]))["withdrawal"] == "declined"
    assert await sandbox.dead_letters("gateway") == [] == await sandbox.dead_letters("portal")


async def test_as_scripted_every_dossier_of_a_province_and_no_other(sandbox: Sandbox) -> None:
    lan, decisions = sandbox.citizen("lan"), {"reception": "refuse", "reason": "Tạm dừng tiếp nhận"}
    shown = await sandbox.set_mode(PROVINCE, "simulated", "scripted", decisions)
    assert (shown["decisions"], shown["set_for"]) == (decisions, PROVINCE)
    codes = [(await lan.submit(FREE, PROVINCE, COMMUNE))["code"] for _ in range(3)]
    other = (await lan.submit("1.004222", "01", "00004"))["code"]
    await still(sandbox)
    await sandbox.script(codes[2], reception="receive")
    await sandbox.script(other, reception="receive")
    await sandbox.clock.advance("P1D")
    assert [(await lan.dossier(code))["reason"] for code in codes] == ["Tạm dừng tiếp nhận"] * 2 + [None]
    assert (await lan.dossier(other))["received_at"] is not None


# --- at the terminal ------------------------------------------------------------------------------------------------------
def test_the_page_works_as_it_is_printed(lienthong_sync: sync.Country) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "LIENTHONG_URL": lienthong_sync.url, "PATH": here}
    done = subprocess.run(
        ["bash"], input="\n".join(blocks), env=given, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:5] == [
        "*   các tỉnh còn lại  simulated at_once",
        "37  Ninh Bình         manual",
        "37  Ninh Bình         manual",
        "01  Hà Nội            simulated at_once",
        "it is in the inbox",
    ]
    assert lines[5].startswith("['") and "start" in lines[5]
    assert lines[6:8] == ["in_processing", "1 accepted, 1 refused"]
    assert lines[8:11] == ["37  Ninh Bình         simulated working_clock", "finish", lines[10]]
    assert "result_returned" in lines and "Thiếu giấy tờ" in lines


def test_modes_are_set_shown_and_put_back_at_the_terminal(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    created = command("sandbox", "create", "--seed", "modes", url=lienthong_sync.url).stdout.strip()
    where = {"LIENTHONG_SANDBOX": created}
    (tmp_path / "decisions.json").write_text('{"reception": "refuse"}', encoding="utf-8")
    told = command(
        *("mode", "set", "37", "simulated", "--tempo", "scripted", "--decisions", str(tmp_path / "decisions.json")),
        "--json",
        url=lienthong_sync.url,
        **where,
    )
    assert json.loads(told.stdout)["decisions"] == {"reception": "refuse"}, told.stderr
    shown = json.loads(command("mode", "show", "--json", url=lienthong_sync.url, **where).stdout)
    assert len(shown) == 34 and [row["province"] for row in shown if row["set_for"]] == ["37"]
    text = command("mode", "show", "--province", "37", url=lienthong_sync.url, **where).stdout
    assert text == '37  Ninh Bình         simulated scripted  {"reception": "refuse"}\n'
    back = command("mode", "reset", "37", url=lienthong_sync.url, **where)
    assert back.stdout == "37  Ninh Bình         simulated working_clock\n"
    command("sandbox", "delete", created, url=lienthong_sync.url)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["set", "37", "manuel"], "/mode: 'manuel' is no mode: did you mean manual?"),
        (["set", "37", "external"], "/via: name the door of your connector"),
        (["set", "37", "simulated", "--tempo", "at-once"], "did you mean at_once?"),
        (["set", "37", "manual", "--tempo", "at_once"], "/tempo: leave it out"),
        (["set", "37", "simulated", "--tempo", "scripted"], "/decisions: add the decisions of the officers"),
        (["set", "Ninh Binh", "manual"], "Ninh Bình has the code 37"),
        (["reset", "99"], "'99' is no province"),
        (["show", "--province", "99"], "`lienthong mode show` lists them"),
        (["set", "37", "simulated", "--decisions", "nowhere.json"], "nowhere.json cannot be read"),
        (["set", "37", "simulated", "--decisions", __file__], "is not JSON"),
        (["show", "--sandbox", "nobody"], "POST /_lab/sandboxes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refusal_is_one_sentence(lienthong_sync: sync.Country, words: list[str], hint: str) -> None:
    done = command("mode", *words, url=lienthong_sync.url)
    assert done.returncode == 1 and hint in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
