"""Each fault of the adapter API: what the client gets, and whether what it asked for was done."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from contracts.catalogue import agency_code
from contracts.faults import adapter
from tests.service.province_gateway.test_legacy_door import Client, a_dossier
from tests.support.country import Sandbox
from tests.support.factories import FREE, PROVINCE


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


async def meets(client: Client, fault: str, asked: str, /, **settings: Any) -> None:
    body = {"fault": fault, "match": {"province": PROVINCE, "asked": asked}, "times": 1, "with": settings}
    answer = await client.sandbox.lab("/faults", body)
    assert answer.status_code == 201, answer.text


async def push(client: Client) -> httpx.Response:
    envelope = {"session": client.session, "madonvi": agency_code(PROVINCE), "service": "DongBoHoSoMC"}
    body = {**envelope, "isUpdating": "False", "data": [a_dossier()]}
    return await client.country.ask("gateway", "POST", "/legacy/integration", json=body)


@pytest.mark.parametrize("fault", adapter.UNSERVED)
async def test_what_is_refused_is_not_taken_and_the_next_call_is(client: Client, fault: str) -> None:
    asked = "login" if fault == adapter.LOGIN else "DongBoHoSoMC"
    await meets(client, fault, asked)
    if asked == "login":
        assert (await client.log_in())["error_code"] == -1
        assert (await client.log_in())["error_code"] == 0
    else:
        answer = await push(client)
        assert answer.status_code == {adapter.UNAUTHORIZED: 401, adapter.BROKEN: 500}.get(fault, 200)
        assert answer.status_code != 200 or answer.json()["error_code"] in (-1, 3)
    assert await client.types() == []
    assert (await push(client)).json()["error_code"] == 0


@pytest.mark.parametrize("shape", adapter.CODES)
async def test_the_code_of_success_has_another_type(client: Client, shape: str) -> None:
    await meets(client, adapter.CODE, "DongBoHoSoMC", **{"as": shape})
    answer, expected = (await push(client)).json(), adapter.CODES[shape]
    assert ("error_code" in answer) is (expected is not ...) and answer.get("error_code", ...) == expected
    assert len(await client.types()) == 2


@pytest.mark.parametrize("shape", adapter.RESULTS)
async def test_the_result_is_no_list(client: Client, shape: str) -> None:
    await meets(client, adapter.RESULT, "LayThuTuc", **{"as": shape})
    answer = await client.call("LayThuTuc", maTTHC=FREE)
    assert answer.get("result", ...) == adapter.RESULTS[shape]


async def test_an_answer_looks_otherwise(client: Client) -> None:
    await meets(client, adapter.BOM, "DongBoHoSoMC")
    assert (await push(client)).content.startswith(b"\xef\xbb\xbf{")
    await meets(client, adapter.PRETTY, "DongBoHoSoMC")
    pretty = await push(client)
    assert b"\n    " in pretty.content and pretty.headers["content-type"].startswith("text/html")
    assert json.loads(pretty.content)["error_code"] == 3, "the first one was taken"
    await meets(client, adapter.WORDLESS, "LayDVC")
    assert (await client.call("LayDVC"))["message"] == ""


async def test_an_answer_is_cut_off_after_the_push_was_taken(client: Client) -> None:
    await meets(client, adapter.CUT, "DongBoHoSoMC")
    half = (await push(client)).content
    assert half.startswith(b"{") and not half.endswith(b"}")
    assert len(await client.types()) == 2


async def test_a_slow_answer_comes(client: Client) -> None:
    await meets(client, adapter.SLOW, "DongBoHoSoMC", by="1s")
    assert (await push(client)).json()["error_code"] == 0
