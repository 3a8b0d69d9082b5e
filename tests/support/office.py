"""The officials of a province as callers of their endpoints: they register dossiers and make moves."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from tests.support.country import URLS, Citizen, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE, told

APPLICANT = {"id": "037190900123", "name": "Trần Ngọc Lan"}  # no persona: nobody signs in as her


class Office:
    def __init__(self, sandbox: Sandbox, province: str = PROVINCE) -> None:
        self.sandbox, self.country, self.province = sandbox, sandbox.country, province

    async def post(self, path: str, body: Any, *, key: str | None = None) -> httpx.Response:
        """Send a POST with a new Idempotency-Key unless one is given ("": none)."""
        key = uuid.uuid4().hex if key is None else key
        headers = {**self.sandbox.header, **({"Idempotency-Key": key} if key else {})}
        url = f"/api/v1/provinces/{self.province}/dossiers{path}"
        return await self.country.ask("gateway", "POST", url, json=body, headers=headers)

    async def register(self, *, key: str | None = None, **change: Any) -> httpx.Response:
        """Register a dossier handed in at the counter."""
        return await self.post("", {"procedure": COPY, "commune": COMMUNE, "applicant": APPLICANT, **change}, key=key)

    async def registered(self, **change: Any) -> dict[str, Any]:
        answer = await self.register(**change)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def move(self, code: str, does: str, *, key: str | None = None, **facts: Any) -> httpx.Response:
        return await self.post(f"/{code}/moves", {"does": does, **facts}, key=key)

    async def made(self, code: str, does: str, **facts: Any) -> dict[str, Any]:
        """The dossier after a move."""
        answer = await self.move(code, does, **facts)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def shown(self, code: str) -> dict[str, Any]:
        url = f"/api/v1/provinces/{self.province}/dossiers/{code}"
        answer = await self.country.ask("gateway", "GET", url, headers=self.sandbox.header)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def told(self, code: str) -> list[dict[str, Any]]:
        return await told(self.country.gateway, self.sandbox.id, code)


async def as_applicant(citizen: Citizen) -> dict[str, str]:
    """The applicant fields of a citizen who can sign in."""
    claims = await claims_of(citizen)
    return {"id": claims["SoDinhDanh"], "name": claims["HoVaTen"]}


async def claims_of(citizen: Citizen) -> dict[str, Any]:
    """The claims that the identity provider returns for the citizen's token."""
    headers = {"Authorization": f"Bearer {citizen.token}"}
    answer = await citizen.sandbox.country.http.get(
        f"{URLS['identity']}/s/{citizen.sandbox.id}/userinfo", headers=headers
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
