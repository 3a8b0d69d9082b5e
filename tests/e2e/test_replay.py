"""A run is written down and made again: the same seed gives the same events, another seed does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from lienthong import replay, sync
from lienthong.client import Country, Sandbox
from tests.e2e.test_legacy import Program, init
from tests.support.command import command
from tests.support.receiver import receiving, status
from tests.support.specimens import a_pdf

PROVINCE, COMMUNE = "37", "14464"
COPY, FREE = "2.000635", "1.001776"  # a copy for 8.000 đồng; a social allowance


async def a_run(sandbox: Sandbox) -> str:
    """Everything that is recorded: citizen, official, script, paper, payment, fault, clock; gives one dossier's code."""
    lan, desk = sandbox.citizen("lan"), sandbox.province(PROVINCE)
    paper = await lan.upload("to-khai.pdf", a_pdf())
    code = (await lan.submit(COPY, PROVINCE, COMMUNE, note="bản sao"))["code"]
    await sandbox.settle()
    await sandbox.script(code, reception="receive", processing_days=1)
    await rule(sandbox, fault="payment-declined", times=1)
    registered = await desk.register(FREE, COMMUNE, {"id": "001190900001", "name": "Lê Văn Thử"})
    await desk.do(registered["code"], "request_supplement", reason="Thiếu giấy tờ", items=["Giấy khai sinh"])
    await sandbox.clock.advance("1d")
    await lan.pay(code)  # declined
    await lan.pay(code)
    await sandbox.settle()
    second = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await lan.withdraw(second, "Tôi đổi ý")
    await sandbox.clock.advance("10d")
    assert paper["id"]
    return str(code)


async def rule(sandbox: Sandbox, **wish: Any) -> None:
    await sandbox.country.portal.json("POST", f"/_lab/sandboxes/{sandbox.id}/faults", json=wish)


async def test_the_same_seed_gives_the_same_events_and_another_does_not(
    lienthong_sync: sync.Country, tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    async with Country(lienthong_sync.url) as country, country.sandbox(seed="again") as sandbox:
        code = await a_run(sandbox)
        before = await replay.events_by_dossier(sandbox)
        assert {event["event"] for event in before[code]} >= {"payment.confirmed.v1", "dossier.result_returned.v1"}
        done = command("sandbox", "export", sandbox.id, str(file), url=lienthong_sync.url)
        assert done.returncode == 0 and "3 dossiers" in done.stdout, done.stdout + done.stderr
    run = json.loads(file.read_text())
    assert sandbox.id not in file.read_text() and "Bearer" not in file.read_text()
    assert {call.get("persona") for call in run["calls"]} == {"lan", None}

    same = command("replay", str(file), url=lienthong_sync.url)
    assert same.returncode == 0 and "no difference" in same.stdout, same.stdout + same.stderr
    other = command("replay", str(file), "--seed", "another", "--json", url=lienthong_sync.url)
    found = json.loads(other.stdout)
    assert other.returncode == 1 and found["same"] is False and found["differences"]


async def test_what_a_connector_said_is_said_again_in_its_place(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    async with (
        Country(lienthong_sync.url) as country,
        country.sandbox(seed="connected") as sandbox,
        receiving() as hook,
    ):
        connector = await sandbox.connect(PROVINCE, "webhook", url=hook.url)
        code = (await sandbox.citizen("lan").submit(FREE, PROVINCE, COMMUNE))["code"]
        await sandbox.settle()
        assert (await connector.trigger("dossier.result_ready.v1", code))["outcome"] == "rejected", "is not repeated"
        received = await connector.example("dossier.received.v1", code)
        assert [(await connector.say(received))["outcome"] for _ in range(2)] == ["accepted", "duplicate"]
        await sandbox.clock.advance("1d")
        await connector.trigger("dossier.processing_started.v1", code)
        await connector.hand_in_result(code, a_pdf())
        ready = await connector.trigger("dossier.result_ready.v1", code)
        assert ready["outcome"] == "accepted", ready
        await sandbox.settle()
        assert command("sandbox", "export", sandbox.id, str(file), url=lienthong_sync.url).returncode == 0
        said = [call for call in json.loads(file.read_text())["calls"] if call.get("connector") == PROVINCE]
        assert [call["operation"].split()[0] for call in said] == ["POST", "POST", "PUT", "POST"]
        told = len(hook.received)
        same = command("replay", str(file), url=lienthong_sync.url)
        assert same.returncode == 0 and "no difference" in same.stdout, same.stdout + same.stderr
        assert len(hook.received) == told, "a replay calls nobody"


async def test_what_was_pushed_fetched_and_paid_over_the_adapter_api_is_made_again(
    lienthong_sync: sync.Country, tmp_path: Path
) -> None:
    file, theirs = tmp_path / "run.json", "000.00.12.H42-260608-0007"
    async with (
        Country(lienthong_sync.url) as country,
        country.sandbox(seed="adapter") as sandbox,
        receiving() as files,
    ):
        files.answers = [status(200, a_pdf(), "Content-Type: application/pdf")]
        connector = await sandbox.connect(PROVINCE, "legacy", url=files.url)
        program = Program(connector.credentials["legacy"])
        dossier = {
            "MaHoSo": theirs,
            "MaTTHC": COPY,
            "ChuHoSo": "Lê Văn Thử",
            "DonViXuLy": "UBND xã",
            "TrangThaiHoSo": "6",
        }
        await program.call("DongBoHoSoMC", isUpdating="False", data=[dossier])
        partner = await sandbox.payments.register("STC-NB", confirm_url=f"{files.url}/confirm")
        opened = await program.post(partner["init"], init(dict(partner), "R1", theirs))
        await sandbox.payments.pay(opened["UrlThanhToan"])
        await sandbox.settle()
        results = [{"TenGiayTo": "Kết quả", "DuongDanTepTinKetQua": f"{files.url}/kq.pdf"}]
        done = {**dossier, "TrangThaiHoSo": "9", "DanhSachGiayToKetQua": results}
        assert str((await program.call("DongBoHoSoMC", isUpdating="True", data=[done]))["error_code"]) == "0"
        await sandbox.settle()
        (code,) = await sandbox.dossiers()
        events = {event["event"]: event for event in await sandbox.events(code)}
        assert "result" in events["dossier.result_ready.v1"]["data"] and "dossier.fee_paid.v1" in events
        assert command("sandbox", "export", sandbox.id, str(file), url=lienthong_sync.url).returncode == 0
        text = file.read_text()
        assert partner["secret"] not in text and partner["init"].rpartition("/partner/")[2].split("/")[0] not in text
        told = len(files.received)
        same = command("replay", str(file), url=lienthong_sync.url)
        assert same.returncode == 0 and "no difference" in same.stdout, same.stdout + same.stderr
        assert len(files.received) == told, "a replay calls nobody, and fetches nothing"


async def test_the_first_difference_is_shown_with_both_sides(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    async with Country(lienthong_sync.url) as country, country.sandbox(seed="told") as sandbox:
        code = (await sandbox.citizen("lan").submit(COPY, PROVINCE, COMMUNE, note="một"))["code"]
        run = await replay.export(sandbox)
    run["events"][code][0]["data"]["note"] = "hai"
    file.write_text(json.dumps(run))
    done = command("replay", str(file), url=lienthong_sync.url)
    assert done.returncode == 1
    assert "compared: one difference." in done.stdout
    assert f"{code}, portal event 1" in done.stdout and "hai" in done.stdout and "một" in done.stdout


@pytest.mark.parametrize("text", ["", "[]", '{"format": "lienthong-replay/0"}'])
def test_a_file_that_is_no_run_is_refused_in_one_sentence(
    lienthong_sync: sync.Country, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    done = command("replay", str(file), url=lienthong_sync.url)
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
