"""A citizen who repeats every request, with the same idempotency key, until it is acknowledged."""

from __future__ import annotations

import asyncio
from typing import Any

from lienthong.client import Citizen
from lienthong.client.http import NotRunning, Problem, Response, ServiceClient
from tools.prove.ledger import Ledger

PAUSE_SECONDS = 0.1  # before a request that was not acknowledged is repeated


class RetryingCitizen:
    """One persona in one sandbox. Tokens expire in sandbox time, so it signs in again whenever one has expired."""

    def __init__(self, citizen: Citizen, ledger: Ledger) -> None:
        self.citizen, self._ledger = citizen, ledger
        self._signing_in = asyncio.Lock()

    async def send(self, method: str, path: str, *, key: str = "", body: Any = None) -> Response:
        """Send a request to the portal until it is acknowledged. Raises Problem if it is refused."""
        while True:
            token = self.citizen.token
            if not token:
                await self._sign_in(token)
                continue
            headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
            try:
                return await self._portal.send(method, path, headers=headers, json=body)
            except NotRunning:
                self._ledger.unacknowledged += 1
            except Problem as problem:
                if problem.status == 401:
                    await self._sign_in(token)
                    continue
                if problem.status < 500:
                    raise
                self._ledger.unacknowledged += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def pay(self, url: str, outcome: str) -> None:
        """Pay on the platform's page. Raises Problem if it is refused."""
        platform = self.citizen.sandbox.country.payment
        while True:
            try:
                await platform.send("POST", f"{url}/pay", json={"outcome": outcome})
                return
            except NotRunning:
                pass
            except Problem as problem:
                if problem.status < 500:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)

    @property
    def _portal(self) -> ServiceClient:
        return self.citizen.sandbox.country.portal

    async def _sign_in(self, old_token: str) -> None:
        """Get a new token, unless another task already has. If the authorization code expires, try again."""
        async with self._signing_in:
            while self.citizen.token == old_token:
                try:
                    await self.citizen.sign_in()
                except (NotRunning, Problem):
                    await asyncio.sleep(PAUSE_SECONDS)
