"""The partner's side, written from the fact sheet: a listener that takes CONFIRM, and messages signed by hand."""

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

SECRET = "s3cret-of-tests"
PAYMENT_URL = "http://127.0.0.1:22003"
DOSSIER = "H42.14464-260609-0001"


@dataclass
class Taken:
    """One CONFIRM as it came over the wire."""

    sandbox: str
    raw: bytes
    body: dict[str, Any]


@dataclass
class Partner:
    """A portal on a real port. `answers` are given per sandbox in turn, then MaLoi 00 for ever."""

    url: str = ""
    taken: list[Taken] = field(default_factory=list)
    answers: dict[str, list[Response]] = field(default_factory=dict)

    def of(self, sandbox: FrozenSandbox) -> list[Taken]:
        return [taken for taken in self.taken if taken.sandbox == sandbox.id]

    async def confirm(self, request: Request) -> Response:
        sandbox, body = request.headers["x-sandbox"], await request.json()
        self.taken.append(Taken(sandbox, await request.body(), body))
        waiting = self.answers.get(sandbox)
        return waiting.pop(0) if waiting else JSONResponse({"MaLoi": "00", "MaThamChieu": body["MaThamChieu"]})


@asynccontextmanager
async def listening() -> AsyncIterator[Partner]:
    partner = Partner()
    routes = [Route("/api/v1/payment-platform/confirm", partner.confirm, methods=["POST"])]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        partner.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield partner
        server.should_exit = True
        await serving


class Merchant:
    """What the portal sends to the platform, for one sandbox."""

    def __init__(self, http: httpx.AsyncClient, sandbox: FrozenSandbox) -> None:
        self.http, self.sandbox = http, sandbox
        self.secret = hmac.new(SECRET.encode(), sandbox.id.encode(), "sha256").hexdigest()

    async def send(self, path: str, message: dict[str, Any]) -> httpx.Response:
        return await self.http.post(path, json=message, headers=self.sandbox.header)

    async def init(self, reference: str = "R1", amount: int | str = "8000", **change: Any) -> dict[str, Any]:
        answer = await self.send("/init", init_message(reference, amount, self.secret, **change))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def query(self, reference: str = "R1") -> dict[str, Any]:
        signed = f"QUERY|1.0.6|DVCQG|{reference}|20260609080000|{self.secret}"
        message = {
            "LoaiBanTin": "QUERY",
            "PhienBan": "1.0.6",
            "MaDoiTac": "DVCQG",
            "MaThamChieu": reference,
            "ThoiGianGD": "20260609080000",
            "MaXacThuc": sha256(signed),
        }
        answer = await self.send("/query", message)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refund(self, reference: str = "R1", amount: int = 8000, key: str = "H1", **change: Any) -> dict[str, Any]:
        message = {
            "MaDoiTac": "DVCQG",
            "MaThamChieu": reference,
            "SoTien": amount,
            "MaHoanTien": key,
            "MaXacThuc": sha256(f"REFUND|DVCQG|{reference}|{amount}|{key}|{self.secret}"),
            **change,
        }
        answer = await self.send("/refund", message)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def pay(self, url: str, outcome: str | None = None) -> httpx.Response:
        return await self.http.post(f"{url}/pay", json={"outcome": outcome} if outcome else None)

    async def paid(self, reference: str = "R1") -> dict[str, Any]:
        opened = await self.init(reference)
        assert (await self.pay(opened["UrlThanhToan"])).status_code == 303
        return opened

    async def pending(self) -> dict[str, Any]:
        answer = await self.http.get(f"/_lab/sandboxes/{self.sandbox.id}/pending")
        return dict(answer.json())

    async def all_told(self) -> None:
        """Wait until no CONFIRM is under way."""
        async with asyncio.timeout(20):
            while (await self.pending())["calls"]:
                pass

    async def story(self, subject: str = DOSSIER) -> list[dict[str, Any]]:
        return list((await self.http.get(f"/_lab/timeline/{subject}", headers=self.sandbox.header)).json())


def init_message(
    reference: str = "R1", amount: int | str = "8000", secret: str = SECRET, **change: Any
) -> dict[str, Any]:
    text, currency = change.get("ThongTinGiaoDich", "THANH TOAN HO SO"), change.get("MaTienTe", "VND")
    rest = f"{currency}|PAYMENT|{text}|20260609080000|127.0.0.1|{secret}"
    signed = f"INIT|1.0.6|DVCQG|{reference}|{amount}|PAY|1|1|vi-VN|{rest}"
    return {
        "LoaiBanTin": "INIT",
        "PhienBan": "1.0.6",
        "MaDoiTac": "DVCQG",
        "MaThamChieu": reference,
        "SoTien": amount,
        "LoaiHinhThanhToan": "PAY",
        "MaKenhThanhToan": "1",
        "MaThietBi": 1,
        "NgonNgu": "vi-VN",
        "MaTienTe": "VND",
        "MaNganHang": "PAYMENT",
        "ThongTinGiaoDich": text,
        "ThoiGianGD": "20260609080000",
        "Ip": "127.0.0.1",
        "MaXacThuc": sha256(signed),
        "ThongTinBienLai": {"MaDichVu": 2, "MaHoSo": DOSSIER, "PhiLePhi": [{"MaPhiLePhi": "2"}]},
        **change,
    }


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
