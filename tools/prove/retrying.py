"""Citizens and desks who repeat each request, with its Idempotency-Key, until it is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lienthong.client import Citizen, Sandbox
from lienthong.client.http import NotRunning, Problem, Response, ServiceClient
from tools.prove.ledger import Ledger

# What the gateway says after half a minute about a dossier that its deleted database has lost: it would say so for ever.
LOST = "still on its way from the portal"
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0  # before a request that was not acknowledged is repeated, doubling


class RetryingCitizen:
    """One persona in one sandbox. Tokens expire in sandbox time, so it signs in again whenever one has expired."""

    def __init__(self, citizen: Citizen, ledger: Ledger) -> None:
        self.citizen, self._ledger = citizen, ledger
        self._signing_in = asyncio.Lock()

    async def send(
        self, method: str, path: str, *, key: str = "", media_type: str | None = None, **options: Any
    ) -> Response:
        """Send a request to the portal until it is acknowledged. Raises Problem if it is refused."""
        async with self._ledger.request():
            return await self._send(method, path, key, media_type, **options)

    async def _send(self, method: str, path: str, key: str, media_type: str | None, **options: Any) -> Response:
        pauses = _pauses(self._ledger.patience)
        while True:
            token = self.citizen.token
            if not token:
                await self._sign_in(token)
                continue
            headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
            headers |= {"Content-Type": media_type} if media_type else {}
            try:
                return await self._portal.send(method, path, headers=headers, **options)
            except NotRunning:
                self._ledger.unacknowledged += 1
            except Problem as problem:
                if problem.status == 401:
                    await self._sign_in(token)
                    continue
                if problem.status < 500:
                    raise
                self._ledger.unacknowledged += 1
            await asyncio.sleep(next(pauses))

    async def pay(self, url: str, outcome: str) -> None:
        """Pay on the platform's page. Raises Problem if it is refused."""
        payment = self.citizen.sandbox.country.payment
        await _until_acknowledged(payment, "POST", f"{url}/pay", self._ledger, json={"outcome": outcome})

    @property
    def _portal(self) -> ServiceClient:
        return self.citizen.sandbox.country.portal

    async def _sign_in(self, old_token: str) -> None:
        """Get a new token, unless another task already has. If the authorization code expires, try again."""
        async with self._signing_in:
            for pause in _pauses(self._ledger.patience):
                if self.citizen.token != old_token:
                    return
                with suppress(NotRunning, Problem):
                    await self.citizen.sign_in()
                    continue
                await asyncio.sleep(pause)


class RetryingDesk:
    """The desks of all provinces in one sandbox."""

    def __init__(self, sandbox: Sandbox, ledger: Ledger) -> None:
        self._sandbox, self._ledger = sandbox, ledger

    async def send(self, method: str, path: str, *, key: str = "", body: Any = None) -> Response:
        """Send a request to the gateway until it is acknowledged. Raises Problem if it is refused."""
        headers = {**self._sandbox.headers} | ({"Idempotency-Key": key} if key else {})
        gateway = self._sandbox.country.gateway
        return await _until_acknowledged(gateway, method, path, self._ledger, headers=headers, json=body)


async def _until_acknowledged(
    service: ServiceClient, method: str, path: str, ledger: Ledger, **options: Any
) -> Response:
    async with ledger.request():
        for pause in _pauses(ledger.patience):
            try:
                return await service.send(method, path, **options)
            except NotRunning:
                pass
            except Problem as problem:
                if problem.status < 500 or LOST in str(problem):
                    raise
            ledger.unacknowledged += 1
            await asyncio.sleep(pause)
    raise AssertionError("the pauses never end")


def _pauses(patience: float) -> Iterator[float]:
    """Seconds before each repetition of a request. Raises Problem when nobody has acknowledged it for so long."""
    pause, end = PAUSE_SECONDS, time.monotonic() + patience
    while time.monotonic() < end:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    raise Problem("never-acknowledged", 504, f"Nobody has acknowledged this request for {patience:g} s.", {})
