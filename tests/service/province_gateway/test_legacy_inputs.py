"""Whatever a client of the adapter API sends: an answer that it understands, a verdict that explains, and nothing lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.legacy import schemas
from tests.service.province_gateway.test_legacy_door import CODE, NOW, Client, a_dossier
from tests.support.country import Sandbox

DOSSIER = schemas.schema("DongBoHoSoMC")["properties"]["data"]["items"]["properties"]
STEP = schemas.schema("CapNhatTienDoHoSoMC")["properties"]["data"]["items"]["properties"]
NEEDED = ("MaHoSo", "MaTTHC")
MISSING = object()
STRANGE: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "empty": "",
    "a number": 7,
    "a fraction": 1.5,
    "true": True,
    "a list": [1, "x", None],
    "an object": {"a": {"b": []}},
    "too long": "x" * 5000,
    "another date": "09/06/2026 08:00:00",
    "no date": "20261399250000",
    "the future": "20991231235959",
    "long ago": "19000101000000",
    "half a character": "\ud800",
    "nul": "a\x00b",
    "script": "<script>alert(1)</script>",
}


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


def changed(element: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    return {name: each for name, each in element.items() if name != field} | (
        {} if value is MISSING else {field: value}
    )


@pytest.mark.parametrize("strange", STRANGE)
async def test_each_field_of_a_dossier_can_be_wrong(client: Client, strange: str) -> None:
    for n, field in enumerate(DOSSIER):
        code = CODE.replace("0001", f"{n + 1000}")
        element = changed(a_dossier(MaHoSo=code), field, STRANGE[strange])
        answer = await client.push(element)
        if field in NEEDED:
            continue
        assert answer["error_code"] == 0, (field, answer)
        assert (await client.types(code))[:1] == [law.DOSSIER_REGISTERED], field
        assert (await client.call("TraCuuHoSo", mahoso=code))["result"], field


@pytest.mark.parametrize("field", NEEDED)
@pytest.mark.parametrize("strange", STRANGE)
async def test_without_a_code_there_is_no_dossier(client: Client, field: str, strange: str) -> None:
    answer = await client.push(changed(a_dossier(), field, STRANGE[strange]))
    assert answer["error_code"] in (0, -1) and answer["message"]
    if answer["error_code"] == -1:
        assert field in answer["message"] or "thủ tục" in answer["message"], answer


@pytest.mark.parametrize("strange", STRANGE)
async def test_each_field_of_a_step_can_be_wrong(client: Client, strange: str) -> None:
    for n, field in enumerate(name for name in STEP if name != "MaHoSo"):
        code = CODE.replace("0001", f"{n + 1000}")
        await client.push(a_dossier(MaHoSo=code))
        step = {"MaHoSo": code, "TrangThai": "4", "ThoiDiemXuLy": NOW, "NguoiXuLy": "A", "NoiDungXuLy": "B"}
        answer = await client.call("CapNhatTienDoHoSoMC", data=[changed(step, field, STRANGE[strange])])
        assert answer["error_code"] == 0, (field, answer)


def name_of(data: Any) -> str:
    """The same in every worker."""
    return "missing" if data is MISSING else repr(data)


@pytest.mark.parametrize("service", schemas.services())
@pytest.mark.parametrize("data", [MISSING, None, "x", 7, [], {}, [None], [[]], [{}], {"MaHoSo": []}], ids=name_of)
async def test_each_service_can_be_called_with_anything(client: Client, service: str, data: Any) -> None:
    answer = await client.call(service, **({} if data is MISSING else {"data": data}))
    assert answer["error_code"] in (0, -1) and answer["message"]


async def test_a_dossier_pushed_twice_at_the_same_moment_is_one(client: Client) -> None:
    pushes = await asyncio.gather(*(client.push(a_dossier()) for _ in range(5)))
    assert sorted(each["error_code"] for each in pushes) == [0, 3, 3, 3, 3]
    assert await client.types() == [law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED]


async def test_a_foreign_code_pushed_twice_at_the_same_moment_is_one_dossier(client: Client) -> None:
    theirs = "000.00.12.H42-260609-0007"
    pushes = await asyncio.gather(*(client.push(a_dossier(MaHoSo=theirs)) for _ in range(5)))
    assert sorted(each["error_code"] for each in pushes) == [0, 3, 3, 3, 3]
    rows = await client.country.gateway.database.fetch("SELECT FROM dossiers WHERE sandbox = $1", client.sandbox.id)
    assert len(rows) == 1
