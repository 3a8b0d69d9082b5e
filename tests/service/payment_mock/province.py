"""The program of a province as a partner of the platform, written from the fact sheet (integration.md 4.1, 4.2, 4.4)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.service.frozen import FrozenSandbox
from tests.service.payment_mock.partner import DOSSIER

TIME, CODE = "20260609080000", "STC-NB"
INIT_ORDER = [
    "LoaiBanTin",
    "PhienBan",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "LoaiHinhThanhToan",
    "MaKenhThanhToan",
    "MaThietBi",
    "NgonNgu",
    "MaTienTe",
    "MaNganHang",
    "ThongTinGiaoDich",
    "ThoiGianGD",
    "Ip",
]
CONFIRM_ORDER = [
    "LoaiBanTin",
    "MaLoi",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "MaTienTe",
    "MaGiaoDich",
    "MaNganHang",
    "ThoiGianGD",
    "ThongTinGiaoDich",
]


def signed(message: dict[str, Any], order: list[str], secret: str) -> str:
    return hashlib.sha256("|".join([*(str(message[name]) for name in order), secret]).encode()).hexdigest()


def keyed(text: str, key: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Province:
    """The program of a province: it opens payments, and listens for what became of them."""

    http: httpx.AsyncClient
    sandbox: FrozenSandbox
    listens_at: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    row: dict[str, Any] = field(default_factory=dict)

    async def register(self, code: str = CODE, **change: Any) -> dict[str, Any]:
        body = {"confirm_url": f"{self.listens_at}/confirm", "return_url": "http://127.0.0.1:9/back?x=1", **change}
        answer = await self.http.put(f"/_lab/partners/{code}", json=body, headers=self.sandbox.header)
        assert answer.status_code == 200, answer.text
        self.row = answer.json()
        return self.row

    def init_message(self, reference: str = "R1", **change: Any) -> dict[str, Any]:
        message: dict[str, Any] = {
            "LoaiBanTin": "INIT",
            "PhienBan": "1.0.6",
            "MaDoiTac": CODE,
            "MaThamChieu": reference,
            "SoTien": "8000",
            "LoaiHinhThanhToan": "PAY",
            "MaKenhThanhToan": "1",
            "MaThietBi": "1",
            "NgonNgu": "vi-VN",
            "MaTienTe": "VND",
            "MaNganHang": "PAYMENT",
            "ThongTinGiaoDich": f"THANH TOAN HỒ SƠ {DOSSIER}",
            "ThoiGianGD": TIME,
            "Ip": "127.0.0.1",
            "ThongTinBienLai": {"MaDichVu": 2, "MaHoSo": DOSSIER, "PhiLePhi": [{"MaPhiLePhi": "2", "SoTien": "8000"}]},
            **change,
        }
        return {**message, "MaXacThuc": signed(message, INIT_ORDER, self.row["secret"])}

    async def send(self, address: str, message: dict[str, Any]) -> httpx.Response:
        """As the client does: no sandbox, no key in a header."""
        answer = await self.http.post(address, json=message)
        assert answer.status_code == 200, answer.text
        return answer

    async def init(self, reference: str = "R1", **change: Any) -> dict[str, Any]:
        return dict((await self.send(self.row["init"], self.init_message(reference, **change))).json())

    def asks(self, kind: str, reference: str = "R1") -> dict[str, Any]:
        message = {"LoaiBanTin": kind, "PhienBan": "1.0.6", "MaDoiTac": CODE, "MaThamChieu": reference}
        message |= {"ThoiGianGD": TIME}
        return {**message, "MaXacThuc": signed(message, [*message], self.row["secret"])}

    async def pay(self, url: str, outcome: str = "success") -> httpx.Response:
        return await self.http.post(f"{url}/pay", json={"outcome": outcome})

    async def pending(self) -> list[dict[str, Any]]:
        answer = await self.http.get(f"/_lab/sandboxes/{self.sandbox.id}/pending")
        return list(answer.json()["calls"])

    async def hears(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while any(call["kind"] == "confirm" for call in await self.pending()) or len(self.told) < count:
                pass
        return self.told

    async def story(self, subject: str = DOSSIER) -> list[dict[str, Any]]:
        return list((await self.http.get(f"/_lab/timeline/{subject}", headers=self.sandbox.header)).json())

    def keypay(self, order: str, key: int = 1, **values: Any) -> dict[str, Any]:
        text = "|".join(str(values[name]) for name in order.split())
        return {**values, "check_sum": keyed(text, self.row["keypay"][f"hash_key_{key}"])}


@asynccontextmanager
async def listening(province: Province) -> AsyncIterator[Province]:
    async def confirm(request: Request) -> Response:
        province.told.append(await request.json())
        return province.answers.pop(0) if province.answers else JSONResponse({"MaLoi": "00", "return_code": 0})

    routes = [Route("/confirm", confirm, methods=["POST"])]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        province.listens_at = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield province
        server.should_exit = True
        await serving
