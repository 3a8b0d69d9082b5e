"""What nobody sends on purpose: steps without a dossier, codes that are none, real numbers, keys that have ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.legacy.rules import MISSING
from shared.observability.paths import masked
from tests.service.province_gateway.test_legacy_door import CODE, NOW, Client, a_dossier
from tests.support.connector import Connector
from tests.support.country import Sandbox

FOREIGN = "000.00.12.H42-260609-0042"
REAL = "037190000123"  # its serial is none of an invented person


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


@pytest.mark.parametrize("code", [CODE, FOREIGN])
async def test_a_step_before_its_dossier_is_refused_and_taken_afterwards(client: Client, code: str) -> None:
    step = {"MaHoSo": code, "TrangThai": "4", "ThoiDiemXuLy": NOW, "NguoiXuLy": "A"}
    for _ in range(2):
        assert (await client.call("CapNhatTienDoHoSoMC", data=[step]))["error_code"] == -1
    assert (await client.push(a_dossier(MaHoSo=code)))["error_code"] == 0
    assert (await client.call("CapNhatTienDoHoSoMC", data=[step]))["error_code"] == 0
    (shown,) = (await client.call("TraCuuHoSo", mahoso=code))["result"]
    assert (shown["TrangThaiHoSo"], shown["MaHoSo"]) == ("4", code)


@pytest.mark.parametrize("code", [None, [], {}, True, "", "   "], ids=repr)
async def test_without_a_code_there_is_no_dossier_and_a_verdict_says_so(client: Client, code: Any) -> None:
    for service, element in (("DongBoHoSoMC", a_dossier(MaHoSo=code)), ("CapNhatTienDoHoSoMC", {"MaHoSo": code})):
        assert (await client.call(service, data=[element]))["error_code"] == -1
    rows = await client.country.gateway.database.fetch(
        "SELECT document FROM verdicts WHERE sandbox = $1 ORDER BY number", client.sandbox.id
    )
    for row in rows:
        assert MISSING.id in {error["rule"] for error in json.loads(row["document"])["errors"]}
    assert len(rows) == 2
    assert (
        await client.country.gateway.database.fetch("SELECT FROM dossiers WHERE sandbox = $1", client.sandbox.id) == []
    )


async def test_many_elements_without_anything_are_all_refused(client: Client) -> None:
    for service in ("DongBoHoSoMC", "CapNhatTienDoHoSoMC"):
        assert (await client.call(service, data=[{}] * 60))["error_code"] == -1
        assert "1000" in (await client.call(service, data=[{}] * 1001))["message"]


async def test_a_code_that_is_far_too_long_is_cut_and_found_again(client: Client) -> None:
    code = "".join(chr(0x4E00 + number) for number in range(1400))
    assert (await client.push(a_dossier(MaHoSo=code)))["error_code"] == 0
    (shown,) = (await client.call("TraCuuHoSo", mahoso=code))["result"]
    assert shown["MaHoSo"] == code[:60]


async def test_numbers_and_contacts_of_real_people_are_stored_nowhere(client: Client) -> None:
    owner = {
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": REAL}],
        "SoGiayToChuHoSo": REAL,
        "SoDienThoai": "0912345678",
        "Email": "a@b.vn",
        "Fax": "0912345678",
    }
    await client.push(a_dossier(**owner))
    assert (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    tables = await client.country.gateway.database.fetch(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'sandbox' AND table_schema = 'public'"
    )
    for table in {row["table_name"] for row in tables}:
        rows = await client.country.gateway.database.fetch(
            f"SELECT t::text FROM {table} t WHERE sandbox = $1", client.sandbox.id
        )
        stored = "".join(row["t"] for row in rows)
        assert REAL not in stored and "0912345678" not in stored and "a@b.vn" not in stored, table


async def test_a_connector_that_is_no_more_has_no_session(client: Client) -> None:
    connector = Connector(client.sandbox, client.province)
    assert (await client.call("LayDVC"))["error_code"] == 0
    for mode in ({"mode": "external", "via": "pull"}, {"mode": "simulated"}):
        await connector.mode(mode)
        for service, more in (("LayDVC", {}), ("DongBoHoSoMC", {"data": [a_dossier()]})):
            assert "Phiên" in (await client.call(service, **more))["message"]
    assert await client.types() == []


@pytest.mark.parametrize("bad", ["%00", "%ED%A0%80", "%F0%9F", "a" * 5000])
async def test_addresses_can_say_anything(client: Client, bad: str) -> None:
    wrapper = f"/legacy/{client.password}"
    for path in (
        f"{wrapper}/KetNoiMotCuaQuocGia/TraCuuHoSo?mahoso={bad}",
        f"{wrapper}/KetNoiMotCuaQuocGia/{bad[:100]}?mahoso=1",
        f"/legacy/{bad[:60]}/KetNoiMotCuaQuocGia/LayDVC",
        f"/legacy/{'0' * 31}{bad[:3]}/KetNoiMotCuaQuocGia/LayDVC",
    ):
        answer = await client.country.ask("gateway", "GET", path)
        assert answer.status_code < 500, (path, answer.text)
    answer = await client.country.ask(
        "gateway", "POST", f"{wrapper}/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV={bad}", content="[]"
    )
    assert answer.status_code < 500


async def test_a_foreign_code_is_given_one_of_ours_anew_while_no_dossier_has_it(client: Client) -> None:
    assert (await client.push(a_dossier(MaHoSo=FOREIGN, MaTTHC="9.999999")))["error_code"] == -1
    taken = await client.push(a_dossier(MaHoSo=FOREIGN, DonViXuLy="UBND xã Gia Viễn"))
    assert taken["error_code"] == 0, taken
    rows = await client.country.gateway.database.fetch(
        "SELECT d.code FROM dossiers d JOIN legacy_dossiers l USING (sandbox, code) WHERE sandbox = $1",
        client.sandbox.id,
    )
    assert len(rows) == 1
    assert await client.types(rows[0]["code"]) == [law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED]


def test_keys_in_addresses_are_masked_in_logs() -> None:
    key = "0123456789abcdef" * 2
    assert masked(f"/legacy/{key}/KetNoiMotCuaQuocGia/LayDVC") == "/legacy/***/KetNoiMotCuaQuocGia/LayDVC"
    assert masked(f"/partner/{key}") == "/partner/***"
    assert masked("/api/v1/dossiers/H42.14464-20260609-0000001") == "/api/v1/dossiers/H42.14464-20260609-0000001"
