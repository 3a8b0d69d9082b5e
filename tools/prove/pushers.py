"""The adapter API under proof: a queue worker of sixty threads pushes dossiers while parts fail and fault rules bite.

As the real one: strictly in order per dossier, again until it is taken, with a new session whenever the old one has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from contracts import lifecycle as law
from lienthong.client import Country, FaultName, Sandbox
from lienthong.client.http import NotRunning, Problem
from tools.prove.background import in_background
from tools.prove.clocks import FIRST
from tools.prove.evidence import Finding

PROVINCE, COMMUNE, AGENCY, FREE = "37", "14464", "H42", "1.001776"
THREADS = 60  # of the real queue worker (integration.md 1.4)
STATUSES = ("2", "4", "9", "10")
EVENTS = [
    law.DOSSIER_REGISTERED,
    law.DOSSIER_RECEIVED,
    law.PROCESSING_STARTED,
    law.DOSSIER_RESULT_READY,
    law.DOSSIER_RESULT_RETURNED,
]
# Fault rules that are on meanwhile, one after the other: they decide about the same answers.
RULES: tuple[FaultName, ...] = (
    "adapter-session-expired",
    "adapter-500",
    "adapter-cut-off",
    "adapter-pushed-twice",
    "adapter-401",
    "adapter-byte-order-mark",
    "adapter-exists-already",
)
PATIENCE_SECONDS = 300.0
PROBABILITY, RULE_SECONDS = 0.1, 1.0
WAIT_SECONDS = (
    60.0  # for an answer: a real client gives up after 6, and pushes again; on a slow machine that proves nothing
)
TAKEN, KNOWN = 0, 3  # error codes
PAUSE_SECONDS = 0.2  # before a push that was not taken comes again
PROMISE = "what is pushed over the adapter API is there once, with each step once and in order"


@dataclass
class Pushers:
    """The queue of one province in a sandbox of its own. `done`: dossier → statuses that were taken, in order."""

    sandbox: Sandbox
    legacy: dict[str, Any]
    done: dict[str, list[str]] = field(default_factory=dict)
    again: int = 0
    patience: float = PATIENCE_SECONDS  # for one push
    _session: str = ""

    @classmethod
    async def get_ready(cls, country: Country, seed: str) -> Pushers:
        row = await country.create_sandbox(seed=f"{seed}-pushers", name="pushers", start=FIRST.isoformat(), rate=0)
        sandbox = country.enter(row["id"])
        connector = await sandbox.connect(PROVINCE, "legacy")
        return cls(sandbox, connector.credentials["legacy"])

    async def run(self, dossiers: int) -> None:
        """Push so many dossiers to their end."""
        now = (await self.sandbox.clock.now()).strftime("%Y%m%d%H%M%S")
        waiting = iter(range(1, dossiers + 1))
        limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=WAIT_SECONDS) as http:

            async def thread() -> None:
                for number in waiting:
                    await self._push_dossier(http, f"{AGENCY}.{COMMUNE}-260608-{number:04}", now)

            async with in_background(self._keep_biting()):
                await asyncio.gather(*(thread() for _ in range(THREADS)))
        await self.sandbox.faults.off()

    async def _keep_biting(self) -> None:
        for rule in itertools.cycle(RULES):
            with contextlib.suppress(NotRunning, Problem):
                await self.sandbox.faults.on(rule, probability=PROBABILITY)
            await asyncio.sleep(RULE_SECONDS)
            with contextlib.suppress(NotRunning, Problem):
                await self.sandbox.faults.off()

    async def finding(self) -> Finding:
        """Whether the network has what was pushed. Everything must be settled."""
        violations: list[str] = []
        codes = await self.sandbox.dossiers()
        if sorted(codes) != sorted(self.done):
            violations.append(f"{len(self.done)} dossiers were pushed, {len(codes)} are there")
        for code in codes:
            found = [entry["event"] for entry in await self.sandbox.events(code)]
            if found != EVENTS:
                violations.append(f"{code}: its events are {found}")
            if self.done.get(code) != [*STATUSES]:
                violations.append(f"{code}: taken were {self.done.get(code)}")
        return Finding(PROMISE, len(codes), violations)

    async def _push_dossier(self, http: httpx.AsyncClient, code: str, now: str) -> None:
        dossier = {
            "MaHoSo": code,
            "MaTTHC": FREE,
            "ChuHoSo": "Trần Ngọc Lan",
            "NgayTiepNhan": now,
            "TrangThaiHoSo": "2",
        }
        owner = {"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "037190900123"}], "LoaiDoiTuong": "1"}
        await self._until_taken(http, "DongBoHoSoMC", {**dossier, **owner}, isUpdating="False")
        for status in STATUSES:
            step = {"MaHoSo": code, "TrangThai": status, "ThoiDiemXuLy": now, "NguoiXuLy": "Cán bộ A"}
            await self._until_taken(http, "CapNhatTienDoHoSoMC", step)
            self.done.setdefault(code, []).append(status)

    async def _until_taken(self, http: httpx.AsyncClient, service: str, row: dict[str, Any], **more: str) -> None:
        end = asyncio.get_running_loop().time() + self.patience
        while (code := await self._code(http, {"service": service, "data": [row], **more})) != TAKEN:
            if code == KNOWN and "isUpdating" in more:  # perhaps it was taken, perhaps not: an update is both
                more["isUpdating"] = "True"
            if asyncio.get_running_loop().time() > end:
                return  # what was not taken is missing at the end
            self.again += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _code(self, http: httpx.AsyncClient, call: dict[str, Any]) -> object:
        """The error code of the answer to a call; None if there was none."""
        session = self._session or await self._log_in(http)
        body = {"session": session, "madonvi": AGENCY, **call}
        answer = await self._ask(http, self.legacy["integration"], body)
        if answer.get("error_code") == -1 and session == self._session:
            self._session = ""  # perhaps it has ended: only its text says so
        return answer.get("error_code")

    async def _log_in(self, http: httpx.AsyncClient) -> str:
        who = {"username": self.legacy["username"], "password": self.legacy["password"]}
        self._session = str((await self._ask(http, self.legacy["login"], who)).get("session", ""))
        return self._session

    async def _ask(self, http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await http.post(f"{self.legacy['base']}{path}", json=body)
            document = json.loads(answer.content) if answer.status_code == httpx.codes.OK else {}
        except (httpx.HTTPError, ValueError):  # a byte-order mark is no JSON either
            return {}
        return document if isinstance(document, dict) else {}
