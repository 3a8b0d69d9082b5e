"""The adapter API and payments on a whole country: what a province is paid as a partner of the platform shows in its dossier."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from lienthong import sync
from lienthong.client import Country, Sandbox
from lienthong.pushing import Pushing, Receiver, profile_of
from tests.support.command import PATIENCE, command

PAGE = Path(__file__).parents[2] / "docs" / "legacy.md"
PROVINCE, COMMUNE, FEE, AMOUNT = "37", "14464", "2.000635", 8000
SIGNED = [
    *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan", "MaKenhThanhToan"),
    *("MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich", "ThoiGianGD", "Ip"),
]

pytestmark = pytest.mark.lienthong(seed="legacy")


class Program:
    """What a province runs: it knows the credentials that `connect` gave, and the facts."""

    def __init__(self, legacy: dict[str, Any]) -> None:
        self.legacy, self.session = legacy, ""

    async def post(self, address: str, body: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            answer = await http.post(address, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def call(self, service: str, **parameters: Any) -> dict[str, Any]:
        base = self.legacy["base"]
        if not self.session:
            body = {"username": self.legacy["username"], "password": self.legacy["password"]}
            self.session = (await self.post(base + self.legacy["login"], body))["session"]
        envelope = {"session": self.session, "madonvi": self.legacy["agency"], "service": service}
        return await self.post(base + self.legacy["integration"], {**envelope, **parameters})

    async def look_up(self, code: str) -> dict[str, Any]:
        result = (await self.call("TraCuuHoSo", mahoso=code))["result"]
        return dict(result[0] if isinstance(result, list) else result)


def init(partner: dict[str, Any], reference: str, code: str, amount: int = AMOUNT) -> dict[str, Any]:
    message: dict[str, Any] = {
        "LoaiBanTin": "INIT",
        "PhienBan": "1.0.6",
        "MaDoiTac": partner["partner"],
        "MaThamChieu": reference,
        "SoTien": str(amount),
        "LoaiHinhThanhToan": "PAY",
        "MaKenhThanhToan": "1",
        "MaThietBi": "1",
        "NgonNgu": "vi-VN",
        "MaTienTe": "VND",
        "MaNganHang": "PAYMENT",
        "ThongTinGiaoDich": f"THANH TOAN HO SO {code}",
        "ThoiGianGD": "20260608080000",
        "Ip": "127.0.0.1",
        "ThongTinBienLai": {"MaDichVu": 2, "MaHoSo": code},
    }
    text = "|".join([*(message[name] for name in SIGNED), partner["secret"]])
    return {**message, "MaXacThuc": hashlib.sha256(text.encode()).hexdigest()}


async def test_what_its_province_is_paid_meets_the_demand_and_shows_in_the_dossier(sandbox: Sandbox) -> None:
    connector = await sandbox.connect(PROVINCE, "legacy")
    program, theirs = Program(connector.credentials["legacy"]), "000.00.12.H42-260608-0007"
    dossier = {
        "MaHoSo": theirs,
        "MaTTHC": FEE,
        "ChuHoSo": "Trần Ngọc Lan",
        "DonViXuLy": "UBND xã",
        "TrangThaiHoSo": "6",
    }
    assert str((await program.call("DongBoHoSoMC", isUpdating="False", data=[dossier]))["error_code"]) == "0"
    await sandbox.settle()
    (code,) = await sandbox.dossiers()
    assert code != theirs and (await program.look_up(theirs))["DuocThanhToanTrucTuyen"] == "0"

    partner = await sandbox.payments.register("STC-NB")
    too_little = await program.post(partner["init"], init(dict(partner), "R0", theirs, AMOUNT - 1))
    await sandbox.payments.pay(too_little["UrlThanhToan"])
    await sandbox.settle()
    assert "dossier.fee_paid.v1" not in [event["event"] for event in await sandbox.events(code)]
    cause = (await sandbox.explain(code))[0]
    assert (cause["name"], cause["facts"]["amount_dong"], cause["facts"]["owing_dong"]) == (
        "paid-another-amount",
        AMOUNT - 1,
        AMOUNT,
    )

    opened = await program.post(partner["init"], init(dict(partner), "R1", theirs))
    await sandbox.payments.pay(opened["UrlThanhToan"])
    await sandbox.settle()
    events = [event["event"] for event in await sandbox.events(code)]
    assert events.count("dossier.fee_paid.v1") == 1
    shown = await program.look_up(theirs)
    assert shown["DuocThanhToanTrucTuyen"] == "2" and shown["MaHoSo"] == theirs
    assert (
        str((await program.call("CapNhatTienDoHoSoMC", data=[{"MaHoSo": theirs, "TrangThai": "10"}]))["error_code"])
        == "0"
    )
    await sandbox.settle()
    views = await sandbox.views(code)
    assert views["network"]["TrangThaiHoSo"] == "10" and views["differs"] == []

    early = "000.00.12.H42-260608-0008"
    before = await program.post(partner["init"], init(dict(partner), "R2", early))
    await sandbox.payments.pay(before["UrlThanhToan"])
    await sandbox.settle()
    await program.call("DongBoHoSoMC", isUpdating="False", data=[{**dossier, "MaHoSo": early}])
    await sandbox.settle()
    shown = await program.look_up(early)
    assert shown["DuocThanhToanTrucTuyen"] == "2", "paid before it was demanded, and before there was a dossier"
    paid = [each["event"] for each in await sandbox.events((await sandbox.dossiers())[1])]
    assert paid.count("dossier.fee_paid.v1") == 1
    assert [row["partner"] for row in await sandbox.payments.partners()] == ["STC-NB"]
    await sandbox.payments.remove("STC-NB")
    assert await sandbox.payments.partners() == []


async def test_what_was_paid_before_simulated_officers_demand_it_meets_their_demand(sandbox: Sandbox) -> None:
    code = (await sandbox.citizen("lan").submit(FEE, PROVINCE, COMMUNE))["code"]
    await sandbox.script(code, reception="receive")
    partner = await sandbox.payments.register("STC-NB")
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        opened = (await http.post(partner["init"], json=init(dict(partner), "R1", code))).json()
    await sandbox.payments.pay(opened["UrlThanhToan"])
    await sandbox.settle()
    await sandbox.clock.advance("1d")
    await sandbox.settle()
    events = [event["event"] for event in await sandbox.events(code)]
    assert events.index("dossier.fee_demanded.v1") < events.index("dossier.fee_paid.v1")
    assert events.count("dossier.fee_paid.v1") == 1


async def test_a_confirm_address_at_which_nobody_listens_is_told_at_once_and_when_the_clock_stops(
    lienthong: Country, sandbox: Sandbox
) -> None:
    def types(*words: str) -> subprocess.CompletedProcess[str]:
        return command(*words, "--sandbox", sandbox.id, url=lienthong.url, LANG="C.UTF-8")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
    types("partner", "add", "STC-NB", "--return", "http://127.0.0.1:9/back")
    added = types("partner", "add", "STC-NB", "--confirm", f"http://{place}/confirm")
    assert added.returncode == 0 and re.search(r"return +http://127.0.0.1:9/back", added.stdout), added.stdout
    assert f"Note: nobody listens on {place} now." in added.stdout, added.stdout
    (partner,) = await sandbox.payments.partners()
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        opened = (await http.post(partner["init"], json=init(dict(partner), "R1", "no dossier"))).json()
    await sandbox.payments.pay(opened["UrlThanhToan"])

    stopped = types("settle", "--timeout", "2")  # `clock advance` waits longer, and says the same
    assert stopped.returncode == 1, stopped.stdout
    assert f"nobody listens on {place}" in stopped.stdout, stopped.stdout
    assert f"`lienthong partner add STC-NB --confirm URL --sandbox {sandbox.id}`" in stopped.stdout, stopped.stdout
    assert types("partner", "add", "STC-NB", "--confirm", "").returncode == 0
    assert types("clock", "advance", "1d").returncode == 0, "nothing waits any more"


def test_the_page_says_what_happens(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sources = str(Path(__file__).parents[2])
    given = {**os.environ, "LIENTHONG_URL": lienthong_sync.url, "PATH": here, "PYTHONPATH": sources, "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash"],
        input="set -euo pipefail\n" + "\n".join(blocks),
        env=given,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "both views agree" in done.stdout and "thành công" in done.stdout, done.stdout
    assert "Result ready" in done.stdout, done.stdout


def test_the_commands_say_what_is_set_and_what_is_missing(
    lienthong_sync: sync.Country, sandbox_sync: sync.Sandbox
) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = command(*words, url=lienthong_sync.url, LIENTHONG_SANDBOX=sandbox_sync.id, LANG="C.UTF-8")
        return done.returncode, done.stdout + done.stderr

    nowhere = "http://127.0.0.1:1/nps"
    failed, said = run("connect", "--province", "H42", "--via", "legacy", "--profile", "array", "--url", nowhere)
    assert not failed and all(
        part in said for part in ("profile=array", nowhere, "Note: nobody listens on 127.0.0.1:1")
    )
    failed, said = run("mode", "set", "H42", "external", "--via", "legacy", "--adapter", "latency_ms=1")
    assert not failed and "lenient profile=plain latency_ms=1" in said
    assert "legacy profile=plain latency_ms=1" in run("connectors")[1]
    assert sandbox_sync.connectors()[0]["adapter"] == {"profile": "plain", "latency_ms": 1}

    legacy = sandbox_sync.connect(PROVINCE, "legacy").credentials["legacy"]
    push = ("push", "--province", PROVINCE, "--to", legacy["base"], "--username", legacy["username"])
    failed, said = run(*push, "--password", legacy["password"])
    assert not failed and f"province 37 has no dossiers in sandbox {sandbox_sync.id}" in said
    assert run(*push, "--password", "wrong")[0] == 1
    for words in (["diff", "H42.14464-260609-0001"], ["diff", "--dossier", "H42.14464-260609-0001"]):
        failed, said = run(*words)
        assert failed == 1 and f"in sandbox {sandbox_sync.id}: check the code" in said


@pytest.mark.parametrize("profile", ["plain", "opencps", "array", "array-in-query", "slashes", "capitals", "sparse"])
async def test_a_simulated_province_pushes_as_its_profile_has_it(
    lienthong: Country, sandbox: Sandbox, profile: str
) -> None:
    """The receiver under test is this network itself: what the one sandbox has, another one has afterwards."""
    lan = sandbox.citizen("lan")
    free = (await lan.submit("1.001776", PROVINCE, COMMUNE))["code"]
    paid = (await lan.submit(FEE, PROVINCE, COMMUNE))["code"]
    await sandbox.script(free, reception="receive")
    await sandbox.clock.advance("1d")
    await lan.pay(paid)

    elsewhere = lienthong.enter((await lienthong.create_sandbox(start=(await sandbox.clock.now()).isoformat()))["id"])
    legacy = (await elsewhere.connect(PROVINCE, "legacy", profile=profile)).credentials["legacy"]
    how = await profile_of(lienthong, profile)
    base = legacy["wrapper"] if how["pushes"]["bare"] else legacy["base"]
    receiver = Receiver(base, legacy["agency"], legacy["username"], legacy["password"])
    lines: list[str] = []
    async with httpx.AsyncClient(trust_env=False) as http:
        pushing = Pushing(sandbox, PROVINCE, receiver, how, http)
        for days in (0, 60, 0):
            await sandbox.clock.advance(f"{days}d")
            await elsewhere.clock.advance(f"{days}d")
            pushed = await pushing.push_all(lines.append)
            assert pushed.refused == [], lines
    await elsewhere.settle()
    assert len(lines) == 4, "each dossier twice: new, and when it had ended; the third time nothing was new"
    codes = await elsewhere.dossiers()
    views = [await elsewhere.views(code) for code in codes]
    assert {view["code_of_province"]: view["network"]["TrangThaiHoSo"] for view in views} == dict.fromkeys(
        (free, paid), "10"
    )
    lost = {row["field"] for view in views for row in view["differs"]} - {
        "KenhThucHien"
    }  # no event says: came online there
    assert lost <= {"NgayKetThucXuLy", "NgayHenTra", "DuocThanhToanTrucTuyen"}, [view["differs"] for view in views]
    await lienthong.delete_sandbox(elsewhere.id)
