"""What the console asks the other services: everything that it shows is an answer of their APIs."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from urllib.parse import quote

import httpx

from services.portal.runtime import Portal

LARGEST = 500  # rows of one answer
READY_SECONDS = 1.0  # how long an answer about the health of all processes is used again, by every open page
METRIC = re.compile(r"^(lienthong_\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)


async def rows(portal: Portal, url: str, path: str, sandbox_id: str) -> list[dict[str, Any]] | None:
    """A list of a service, at most LARGEST rows; None if the service does not reply."""
    mark = "&" if "?" in path else "?"
    body = await document(portal, url, f"{path}{mark}page_size={LARGEST}", sandbox_id)
    return body if isinstance(body, list) else None


async def document(portal: Portal, url: str, path: str, sandbox_id: str) -> Any:
    """The JSON of a service; None if it does not reply, or refuses."""
    try:
        reply = await portal.http.get(f"{url}{path}", headers=await owner_headers(portal, sandbox_id))
    except httpx.HTTPError:
        return None
    return reply.json() if reply.status_code == 200 else None


async def owner_headers(portal: Portal, sandbox_id: str) -> dict[str, str]:
    """The sandbox, and its own key if it has one: everybody who can open the console can read the key there."""
    key = await api_key(portal, sandbox_id)
    return {"X-Sandbox": sandbox_id, **({"X-API-Key": key} if key else {})}


async def api_key(portal: Portal, sandbox_id: str) -> str:
    rows = await portal.database.fetch("SELECT api_key FROM sandboxes WHERE id = $1", sandbox_id)
    return rows[0]["api_key"] or "" if rows else ""


def services(portal: Portal) -> dict[str, str]:
    """Service, as timelines name it → address."""
    return {"portal": portal.settings.portal_url, **portal.ownership.services}


async def timeline(portal: Portal, sandbox_id: str, subject: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries of all services about a subject, in order, and the services that did not reply."""
    peers = portal.ownership.services
    own = portal.timeline(sandbox_id, subject)
    asked = [rows(portal, url, f"/_lab/timeline/{quote(subject, safe='')}", sandbox_id) for url in peers.values()]
    mine, *theirs = await asyncio.gather(own, *asked)
    entries = list(mine)
    for part in theirs:
        entries += part or []
    silent = [name for name, part in zip(peers, theirs, strict=True) if part is None]
    return sorted(entries, key=lambda entry: (str(entry["at"]), str(entry["real_at"]))), silent


class Health:
    """Whether each process is ready, and its metrics; one look per second serves every open page."""

    def __init__(self) -> None:
        self._at, self._seen = float("-inf"), list[dict[str, Any]]()
        self._before: tuple[float, float] | None = None  # when, and how many events were applied by then
        self._looking = asyncio.Lock()
        self.events_per_second = 0.0

    async def look(self, portal: Portal) -> list[dict[str, Any]]:
        """[{"name", "url", "ready", "why", "metrics"}], one per process."""
        async with self._looking:
            if time.monotonic() - self._at >= READY_SECONDS:
                settings = portal.settings
                processes = {
                    "portal": settings.portal_url,
                    "portal_worker": settings.portal_worker_url,
                    "province_gateway": settings.province_gateway_url,
                    "province_gateway_worker": settings.province_gateway_worker_url,
                    "identity": settings.identity_url,
                    "payment": settings.payment_url,
                }
                self._seen = await asyncio.gather(*(_process(portal, *each) for each in processes.items()))
                self._at = time.monotonic()
                self._count()
            return self._seen

    def _count(self) -> None:
        applied = sum(each["metrics"].get("lienthong_events_applied_total", 0.0) for each in self._seen)
        if self._before is not None and self._at > self._before[0]:
            self.events_per_second = max(applied - self._before[1], 0.0) / (self._at - self._before[0])
        self._before = (self._at, applied)


async def _process(portal: Portal, name: str, url: str) -> dict[str, Any]:
    try:
        ready, metrics = await asyncio.gather(
            portal.http.get(f"{url}/readyz", timeout=READY_SECONDS),
            portal.http.get(f"{url}/metrics", timeout=READY_SECONDS),
        )
    except Exception as fault:
        return {"name": name, "url": url, "ready": False, "why": type(fault).__name__, "metrics": {}}
    why = "" if ready.status_code == 200 else str(ready.json().get("detail", ready.status_code))
    return {"name": name, "url": url, "ready": not why, "why": why, "metrics": _sums(metrics.text)}


def _sums(text: str) -> dict[str, float]:
    """Metric → the sum over its labels."""
    sums: dict[str, float] = {}
    for name, _, value in METRIC.findall(text):
        if value != "NaN":
            sums[name] = sums.get(name, 0.0) + float(value)
    return sums
