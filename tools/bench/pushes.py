"""The adapter API under a queue worker's load: dossiers per second of sixty threads, beside the officials' own API."""

from __future__ import annotations

import asyncio

import httpx

from lienthong.client import Country
from lienthong.embedded import Trouble
from tools.bench import load
from tools.bench.rows import Row

THREADS = 60  # of the real queue worker (integration.md 1.4)
OFFICIALS = 16  # connections: they wait for each other at the counter of one office
LEGACY, DESK, FREE = "37", "48", "1.001776"
APPLICANT = {"id": "037190900123", "name": "Trần Ngọc Lan"}
WARM = 200


async def measure(portal: str, dossiers: int) -> list[Row]:
    """New dossiers with status 2, each pushed once. Raises Trouble if one is missing afterwards."""
    async with Country(portal) as country, country.sandbox(seed="bench") as sandbox:
        legacy = (await sandbox.connect(LEGACY, "legacy")).credentials["legacy"]
        await sandbox.set_mode(DESK, "manual")
        commune = (await country.communes(DESK))[0]["code"]
        day = (await sandbox.clock.now()).strftime("%y%m%d")
        async with httpx.AsyncClient(trust_env=False) as http:
            who = {"username": legacy["username"], "password": legacy["password"]}
            session = (await http.post(f"{legacy['base']}{legacy['login']}", json=who)).json()["session"]
        envelope = {"session": session, "madonvi": legacy["agency"], "service": "DongBoHoSoMC", "isUpdating": "False"}
        pushes = [
            load.request("POST", "/legacy/integration", {**envelope, "data": [_dossier(f"H42.14464-{day}-{n:05}")]}, {})
            for n in range(WARM + dossiers)
        ]
        headers = {"X-Sandbox": sandbox.id, "Idempotency-Key": load.KEY}
        body = {"procedure": FREE, "commune": commune, "applicant": APPLICANT}
        registrations = [load.request("POST", f"/api/v1/provinces/{DESK}/dossiers", body, headers)]
        gateway = country.gateway.url
        pushed = await asyncio.to_thread(_twice, gateway, pushes, dossiers, THREADS)
        registered = await asyncio.to_thread(_twice, gateway, registrations, dossiers, OFFICIALS)
        there = len(await sandbox.province(LEGACY).dossiers())
        if there != WARM + dossiers:
            raise Trouble(f"{WARM + dossiers} dossiers were pushed over the adapter API, {there} are there.")
    what = f"adapter API, new dossiers of {THREADS} threads"
    beside = f"officials' API, registrations over {OFFICIALS} connections"
    return [
        Row(what, pushed.per_second, "dossiers/s", None, registered.per_second, beside),
        Row("… answered within, 99 %", pushed.percentile(99), "ms", None, registered.percentile(99), beside),
    ]


def _twice(url: str, requests: list[bytes], count: int, clients: int) -> load.Run:
    """The run after one that warms up."""
    load.run(url, requests[:WARM], WARM, clients=clients)
    return load.run(url, requests[WARM:] or requests, count, clients=clients)


def _dossier(code: str) -> dict[str, object]:
    return {
        "MaHoSo": code,
        "MaTTHC": FREE,
        "ChuHoSo": APPLICANT["name"],
        "LoaiDoiTuong": "1",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": APPLICANT["id"]}],
        "TrangThaiHoSo": "2",
        "HinhThuc": "0",
    }
