"""What a client of the adapter API meets: each fault bites at one call, and what it pushes is there once in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from contracts.catalogue import agency_code
from contracts.faults import adapter
from tests.e2e.faults.connectors import connected
from tests.e2e.faults.story import Stories
from tests.support.trouble import PROVINCE, Trouble

STORIES = Stories()
PUSH, LOOK_UP, LOGIN = "DongBoHoSoMC", "TraCuuHoSo", "login"
BOM = b"\xef\xbb\xbf"
REFUSED = {adapter.EXPIRED: 200, adapter.EXISTS: 200, adapter.UNAUTHORIZED: 401, adapter.BROKEN: 500}
# Fault → whether the answer to a push that was taken looks as the fault says.
LOOKS: dict[str, Callable[[httpx.Response], bool]] = {
    adapter.BOM: lambda answer: answer.content.startswith(BOM + b"{"),
    adapter.PRETTY: lambda answer: b"\n    " in answer.content and "text/html" in answer.headers["content-type"],
    adapter.CODE: lambda answer: answer.json()["error_code"] == "00",
    adapter.WORDLESS: lambda answer: answer.json() == {**answer.json(), "error_code": 0, "message": ""},
    adapter.SLOW: lambda answer: answer.elapsed.total_seconds() >= 1 and answer.json()["error_code"] == 0,
    adapter.TWICE: lambda answer: answer.json()["error_code"] == 3,
}


class Client:
    """A program of a province: it pushes one dossier."""

    def __init__(self, trouble: Trouble, legacy: dict[str, Any]) -> None:
        self._trouble, self._legacy, self.session = trouble, legacy, ""
        self.code = f"{agency_code(PROVINCE)}-260609-0077"

    async def log_in(self) -> int:
        body = {"username": self._legacy["username"], "password": self._legacy["password"]}
        answer = (await self._trouble.http.post(self._legacy["base"] + self._legacy["login"], json=body)).json()
        self.session = answer.get("session", "")
        return int(answer["error_code"])

    async def call(self, service: str, **parameters: Any) -> httpx.Response:
        envelope = {"session": self.session, "madonvi": agency_code(PROVINCE), "service": service}
        address = self._legacy["base"] + self._legacy["integration"]
        return await self._trouble.http.post(address, json={**envelope, **parameters})

    async def push(self) -> httpx.Response:
        dossier = {"MaHoSo": self.code, "MaTTHC": "2.000635", "ChuHoSo": "Trần Ngọc Lan", "TrangThaiHoSo": "2"}
        return await self.call(PUSH, isUpdating="False", data=[dossier])

    async def look_up(self) -> Any:
        return (await self.call(LOOK_UP, mahoso=self.code)).json().get("result")


async def bites(fault: str, trouble: Trouble) -> None:
    await trouble.owing()
    async with connected(trouble, "legacy") as connector:
        client = Client(trouble, connector.credentials["legacy"])
        assert await client.log_in() == 0
        asked = {adapter.LOGIN: LOGIN, adapter.RESULT: LOOK_UP}.get(fault, PUSH)
        settings = {"settings": {"by": "1s"}} if fault == adapter.SLOW else {}
        match = {"province": PROVINCE, "asked": asked}
        async with trouble.on(fault, "*", match=match, times=1, **settings):
            await meets(fault, client)
        assert [each["MaHoSo"] for each in await client.look_up()] == [client.code]
        assert (await client.push()).json()["error_code"] == 3, "it is there once"


async def meets(fault: str, client: Client) -> None:
    if fault == adapter.LOGIN:
        assert await client.log_in() == -1 and await client.log_in() == 0
    elif fault == adapter.RESULT:
        assert await client.look_up() is None and await client.look_up() == []
    elif fault in REFUSED:
        answer = await client.push()
        assert answer.status_code == REFUSED[fault] and await client.look_up() == []
    elif fault == adapter.CUT:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            await client.push()
    else:
        assert LOOKS[fault](await client.push())
    await client.push()
    assert json.dumps(await client.look_up()).count(f'"{client.code}"') == 1


for _fault in adapter.FAULTS:
    STORIES.of(_fault.name)(partial(bites, _fault.name))
