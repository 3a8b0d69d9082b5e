"""A province's own connector, as a program of an integrator speaks to the gateway's doors over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.country import Sandbox
from tests.support.factories import PROVINCE


class Connector:
    def __init__(self, sandbox: Sandbox, province: str = PROVINCE) -> None:
        self.sandbox, self.country, self.province = sandbox, sandbox.country, province
        self.key, self.after = "", 0

    async def mode(self, document: dict[str, Any] | None) -> None:
        """Set the mode of the province, or put it back (None)."""
        path = f"/_lab/sandboxes/{self.sandbox.id}/modes/{self.province}"
        answer = await self.country.ask("portal", "PUT" if document else "DELETE", path, json=document)
        assert answer.status_code == 200, answer.text

    async def connect(self, **more: Any) -> Connector:
        await self.mode({"mode": "external", "via": "pull", **more})
        answer = await self.draw()
        assert answer.status_code == 201, answer.text
        self.key = answer.json()["key"]
        return self

    async def draw(self, **headers: str) -> httpx.Response:
        row = (await self.country.ask("portal", "GET", f"/_lab/sandboxes/{self.sandbox.id}")).json()
        headers = headers or {"X-API-Key": row["api_key"]}
        return await self.country.ask("gateway", "POST", f"{self.path}/connector", headers=headers)

    @property
    def path(self) -> str:
        return f"/api/v1/provinces/{self.province}"

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return await self.country.ask("gateway", method, f"{self.path}{path}", headers=headers, **options)

    async def told(self, after: int | None = None, **query: Any) -> list[dict[str, Any]]:
        """What it is told after a cursor; by default after what it was told before."""
        params = {"after": self.after if after is None else after, **query}
        answer = await self.ask("GET", "/events", params=params)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/cloudevents-batch+json"
        events: list[dict[str, Any]] = answer.json()
        self.after = max([self.after, *(event["delivery"] for event in events)])
        return events

    async def example(self, type: str, code: str, /, **data: Any) -> dict[str, Any]:
        """A message that would be accepted now if the law allows it, with these facts."""
        answer = await self.ask("GET", f"/dossiers/{code}/example", params={"type": type})
        assert answer.status_code == 200, answer.text
        event: dict[str, Any] = answer.json()
        event["data"] |= data
        return event

    async def say(self, event: dict[str, Any] | list[dict[str, Any]], to: str = "/events") -> httpx.Response:
        kind = "cloudevents-batch" if isinstance(event, list) else "cloudevents"
        return await self.ask("POST", to, json=event, headers={"Content-Type": f"application/{kind}+json"})

    async def says(self, type: str, code: str, /, **data: Any) -> dict[str, Any]:
        """The verdict on a message that is accepted."""
        answer = await self.say(await self.example(type, code, **data))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def hand_in(self, code: str, content: bytes, media_type: str = "application/pdf") -> httpx.Response:
        headers = {"Content-Type": media_type}
        return await self.ask("PUT", f"/dossiers/{code}/result", content=content, headers=headers)

    async def shown(self, code: str) -> dict[str, Any]:
        path = f"{self.path}/dossiers/{code}"
        answer = await self.country.ask("gateway", "GET", path, headers=self.sandbox.header)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
