"""A province's own connector: connect and disconnect it, and speak or listen in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast
from urllib.parse import quote

from lienthong.client.http import Problem, Scope, ServiceClient, every_row
from lienthong.client.modes import ActingProvinces
from lienthong.client.types import ConnectorRow, Credentials, Delivery


class Connector:
    """The connector of one province. What it says and asks here is as if its own program did.

    credentials  `key`, the addresses of its doors and, over Kafka, `kafka` (login and topics), for the program under test;
                 without a key, as the sandbox's owner
    """

    def __init__(self, sandbox: Scope, province: str, credentials: dict[str, Any] | None = None) -> None:
        self.sandbox, self.province = sandbox, province
        self.credentials: dict[str, Any] = dict(credentials or {})
        self._path = f"/api/v1/provinces/{province}"
        self._headers: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Send it as `Authorization: Bearer KEY`; empty if none was drawn here."""
        return str(self.credentials.get("key", ""))

    async def deliveries(self, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
        """What the connector is told after a number, as CloudEvents; `delivery` of each is its number.

        after  acknowledges all deliveries up to it
        wait   seconds to wait while there is nothing new, at most 60
        """
        events: list[dict[str, Any]] = []
        while True:
            query = {"after": after, "wait": 0 if events else wait, "limit": 500}
            batch = await self._json("GET", "/events", params=query, timeout=wait + 30)
            if not batch:
                return events
            events += batch
            after = batch[-1]["delivery"]
            if len(batch) < query["limit"]:
                return events

    async def kept_cursor(self, subscription: str) -> int:
        """The cursor that the gateway keeps for a subscription; 0 if it keeps none."""
        return int((await self._json("GET", f"/subscriptions/{subscription}"))["cursor"])

    async def keep_cursor(self, subscription: str, cursor: int) -> None:
        """Acknowledge all deliveries up to a number, which the gateway keeps for the subscription."""
        await self._json("PUT", f"/subscriptions/{subscription}", json={"cursor": cursor})

    async def say(self, event: dict[str, Any]) -> dict[str, Any]:
        """Say what happened in the province; returns the verdict, also one that rejects it."""
        return await self._judged("/events", event)

    async def check(self, event: dict[str, Any]) -> dict[str, Any]:
        """The verdict that an event would get now, without effect."""
        return await self._judged("/check", event)

    async def check_raw(
        self, content: bytes, headers: Sequence[tuple[str, bytes]], *, gate: str = "strict"
    ) -> dict[str, Any]:
        """The verdict that any bytes would get now, without effect, in every mode of the province."""
        address, selected = f"{self._path}/check", [("X-Sandbox", self.sandbox.id.encode())]
        options = {"content": content, "headers": [*headers, *selected], "params": {"gate": gate}}
        return cast(dict[str, Any], await self._gateway.json("POST", address, judged=True, **options))

    async def example(self, type: str, dossier: str) -> dict[str, Any]:
        """A complete event of a type about a dossier; it is accepted now if the law allows it now."""
        return cast(dict[str, Any], await self._json("GET", f"/dossiers/{dossier}/example", params={"type": type}))

    async def hand_in_result(self, dossier: str, content: bytes | str) -> dict[str, Any]:
        """Hand in the result of a dossier before it is announced: it is served in place of the gateway's own page.

        content  a PDF, or the address of one
        """
        address = f"/dossiers/{dossier}/result"
        if isinstance(content, str):
            return cast(dict[str, Any], await self._json("PUT", f"{address}/address", json={"url": content}))
        headers = {**await self._authorization(), "Content-Type": "application/pdf"}
        return cast(
            dict[str, Any], await self._gateway.json("PUT", self._path + address, content=content, headers=headers)
        )

    async def trigger(self, /, type: str, dossier: str, **data: Any) -> dict[str, Any]:
        """Say an event of this type about a dossier, made from contract and dossier; returns the verdict.

        data  members of its body, in place of the made ones
        """
        event = await self.example(type, dossier)
        event["data"] |= data
        return await self.say(event)

    async def call(self, /, name: str, dossier: str, **changes: Any) -> dict[str, Any]:
        """Let the portal tell the province something that no event says, over the adapter API; returns what is sent.

        Its member `answer` is what the province answered (`status`, `error`, `head`); None if it did not within 5 s.

        name     promotion-notice, promotion-amendment, tax-notice, tax-receipt, payment-confirmation or fee-look-up; for
                 systems of another family tax-notice-import, tax-receipt-import, payment-confirmation-there
        changes  members of the call, in place of the made ones
        """
        body = {"call": name, "dossier": dossier, "changes": changes}
        return cast(dict[str, Any], await self._json("POST", "/connector/calls", params={"wait": 5}, json=body))

    async def verdicts(self, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
        """The verdicts on what the connector said, after a number.

        wait  seconds to wait while there is nothing new, at most 60
        """
        send = partial(self._gateway.send, headers=await self._authorization(), timeout=wait + 30)
        return await every_row(send, f"{self._path}/verdicts", after=after, wait=wait)

    async def sent(self, *, dossier: str | None = None, state: str | None = None) -> list[Delivery]:
        """Its deliveries, each with the attempts to send it by webhook (`log`).

        dossier, state  only these; waiting, delivered or given_up
        """
        send = partial(self._gateway.send, headers=await self._authorization())
        only = {name: value for name, value in (("dossier", dossier), ("state", state)) if value is not None}
        return await every_row(send, f"{self._path}/deliveries", **only)

    async def resend(
        self, event: str | None = None, *, dossier: str | None = None, since: datetime | str | None = None
    ) -> int:
        """Send deliveries by webhook again, in order, also those that were taken or given up; returns how many.

        One of: event (the id of one), dossier (all of one), since (a sandbox time: all of later events).
        """
        instant = since.isoformat() if isinstance(since, datetime) else since
        which = {"event": event, "dossier": dossier, "since": instant}
        body = {name: value for name, value in which.items() if value is not None}
        return int((await self._json("POST", "/deliveries/resend", json=body))["resent"])

    async def disconnect(self) -> bool:
        """Give the province back to the mode that it has without a connector; the key ends. False: it was not connected."""
        return await Connectors(self.sandbox.country, self.sandbox.id).disconnect(self.province)

    @property
    def _gateway(self) -> ServiceClient:
        return self.sandbox.country.gateway

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        return await self._gateway.json(method, self._path + path, headers=await self._authorization(), **options)

    async def _judged(self, path: str, event: dict[str, Any]) -> dict[str, Any]:
        headers = {**await self._authorization(), "Content-Type": "application/cloudevents+json"}
        address = self._path + path
        return cast(dict[str, Any], await self._gateway.json("POST", address, json=event, headers=headers, judged=True))

    async def _authorization(self) -> dict[str, str]:
        if not self._headers:
            if self.key:
                self._headers = {"Authorization": f"Bearer {self.key}"}
            else:
                self._headers = await own_key(self.sandbox)
        return self._headers


class Connectors(ActingProvinces):
    """The part of `Sandbox` that connects provinces to programs of their own."""

    async def connect(
        self,
        province: str,
        via: str,
        *,
        url: str | None = None,
        binary: bool = False,
        gate: str | None = None,
        profile: str | None = None,
    ) -> Connector:
        """From now on a connector decides for the province; it is told what happened before, per open dossier.

        via      the door through which it is told: pull, webhook, kafka or legacy; `url` is the address of a webhook's
                 receiver, or of the reverse calls of legacy: it is checked first, and its `trouble` in the credentials says
                 why nobody answers there now
        binary   webhooks are sent in CloudEvents' binary mode, not structured
        gate     strict or lenient; by default strict, over legacy lenient
        profile  how the adapter API answers, for legacy; plain by default
        """
        _require_one(province)
        path, headers = f"/api/v1/provinces/{province}/connector", await own_key(self)
        trouble = {}
        if via in ("webhook", "legacy") and url is not None:
            body = {"url": url}
            trouble = await self.country.gateway.json("POST", f"{path}/receiver", json=body, headers=headers)
        content_mode = "binary" if binary else None
        adapter = {"profile": profile} if profile else None
        await self.set_mode(
            province, "external", via=via, url=url, content_mode=content_mode, gate=gate, adapter=adapter
        )
        drawn = cast(Credentials, await self.country.gateway.json("POST", path, headers=headers))
        return Connector(self, province, {**drawn, **trouble})

    def connector(self, province: str) -> Connector:
        """The connector of a connected province, played by the owner of the sandbox; no new key is drawn."""
        return Connector(self, province)

    async def disconnect(self, province: str) -> bool:
        """Give a province back to the mode that it has without a connector; its connector's key ends.

        Returns whether it was connected; a province that was not keeps its mode.
        """
        _require_one(province)
        before = {row["province"]: row["mode"] for row in await self.modes()}.get(province, "external")
        if before == "external":
            await self.reset_mode(province)
        path = f"/api/v1/provinces/{province}/connector"
        await self.country.gateway.send("DELETE", path, headers=await own_key(self))
        return before == "external"

    async def views(self, code: str) -> dict[str, Any]:
        """What each interface says of a dossier: `network`, `pushed` over the adapter API, `differs`, `lost`."""
        path = f"/api/v1/dossiers/{quote(code, safe='')}/views"
        return cast(dict[str, Any], await self.country.gateway.json("GET", path, headers=self.headers))

    async def connectors(self) -> list[ConnectorRow]:
        """Every connector: its door, when it was last heard and told, what it has not acknowledged, its verdicts."""
        return await every_row(partial(self.country.gateway.send, headers=self.headers), "/api/v1/connectors")


def _require_one(province: str) -> None:
    """Raises Problem for `*`, which has a mode, but no connector: the mode would be changed, and no key drawn."""
    if province == "*":
        detail = "A connector decides for one province: name its code."
        raise Problem("province-not-found", 404, detail, {"province": province})


async def own_key(sandbox: Scope) -> dict[str, str]:
    """Headers that prove to be the owner of the sandbox; the default sandbox has no key."""
    row = await sandbox.country.portal.json("GET", sandbox.lab)
    return {"X-API-Key": row["api_key"]} if row["api_key"] else sandbox.headers
