"""The officials of one province, through the gateway's API: list, register and process dossiers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from lienthong.client.arguments import code_first
from lienthong.client.http import Scope, ServiceClient, every_row
from lienthong.client.types import Batch, Move, ProvinceDossier, State


class Province:
    """Officials of one province in one sandbox; `code` as in the catalogue, such as 37."""

    def __init__(self, sandbox: Scope, code: str) -> None:
        self.sandbox, self.code = sandbox, code
        self._dossiers = f"/api/v1/provinces/{code}/dossiers"

    async def dossiers(self) -> list[ProvinceDossier]:
        """All dossiers of this province."""
        return await every_row(partial(self._gateway.send, headers=self.sandbox.headers), self._dossiers)

    async def register(
        self, /, procedure: str, commune: str | None, applicant: dict[str, str], **more: Any
    ) -> ProvinceDossier:
        """Register a dossier submitted at a counter (or by post: `channel="public_postal"`).

        applicant  `id` (12 digits) and `name`
        more       other members of the request, such as channel, papers, receive; the gateway's OpenAPI lists them
        """
        body = {"procedure": procedure, "commune": commune, "applicant": applicant, **more}
        return cast(
            ProvinceDossier, await self._gateway.json("POST", self._dossiers, json=body, headers=self._idempotent())
        )

    async def register_many(self, dossiers: Sequence[Mapping[str, Any]]) -> Batch:
        """Register up to 200 dossiers in one request; each has an outcome of its own.

        dossiers  bodies as of `register`, each with a `key` of yours: what is sent again with its key has no second effect
        """
        return await self._batch("registrations", {"dossiers": [*dossiers]})

    async def inbox(
        self, *, state: State | None = None, commune: str | None = None, field: str | None = None
    ) -> list[ProvinceDossier]:
        """The open dossiers, oldest first; `can` lists the moves that are possible now. `field`: such as civil_status."""
        path = f"/api/v1/provinces/{self.code}/inbox"
        filters = {"state": state, "commune": commune, "field": field}
        send = partial(self._gateway.send, headers=self.sandbox.headers)
        return await every_row(send, path, **{name: value for name, value in filters.items() if value is not None})

    async def dossier(self, code: str) -> ProvinceDossier:
        """One dossier of this province."""
        path = f"{self._dossiers}/{code}"
        return cast(ProvinceDossier, await self._gateway.json("GET", path, headers=self.sandbox.headers))

    async def do(self, /, code: str, move: Move, **facts: Any) -> ProvinceDossier:
        """Make one move of the lifecycle table, such as `request_supplement` with `reason` and `items`."""
        code, move = code_first(code, move, "do(code, move)")
        path, body = f"{self._dossiers}/{code}/moves", {"does": move, **facts}
        return cast(ProvinceDossier, await self._gateway.json("POST", path, json=body, headers=self._idempotent()))

    async def do_many(self, moves: Sequence[Mapping[str, Any]]) -> Batch:
        """Make up to 200 moves in one request, in order; each has `key`, `code`, `does` and its facts, and its own outcome."""
        return await self._batch("moves", {"moves": [*moves]})

    async def _batch(self, name: str, body: dict[str, Any]) -> Batch:
        path = f"/api/v1/provinces/{self.code}/{name}"
        return cast(Batch, await self._gateway.json("POST", path, json=body, headers=self.sandbox.headers))

    @property
    def _gateway(self) -> ServiceClient:
        return self.sandbox.country.gateway

    def _idempotent(self) -> dict[str, str]:
        return {**self.sandbox.headers, "Idempotency-Key": str(uuid.uuid4())}
