"""The issuers: every sandbox is one, the default sandbox at `/`, all others at `/s/ID`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, cast

from fastapi import Depends, Path, Request

from contracts.identity import TEST_CLIENT, own_client
from services.identity_mock import faults
from services.identity_mock.clients import owner_of
from services.identity_mock.problems import ClientUnknown
from services.identity_mock.runtime import IdentityRuntime
from shared.errors import SandboxMismatch, SandboxNotFound
from shared.runtime import known_sandbox
from shared.sandbox.names import DEFAULT
from shared.sandbox.registry import Sandbox
from shared.web.dependencies import Chosen, runtime_of


@dataclass(frozen=True)
class Realm:
    """Where people sign in: a sandbox with its current time.

    issuer  address that the client discovered; for a sandbox's own client it can be the default issuer
    """

    runtime: IdentityRuntime
    issuer: str
    sandbox: Sandbox

    @property
    def is_default(self) -> bool:
        return self.issuer == self.runtime.identity.identity_url

    async def of_client(self, client: str) -> Realm:
        """The realm in which a client signs people in: this one. At the default issuer, the client of one sandbox gets
        the realm of that sandbox.

        raises  ClientUnknown, ProviderDown
        """
        owner = owner_of(client)
        if client == TEST_CLIENT or owner == self.sandbox.id:
            return await self.serving()
        if not owner or not self.is_default:
            raise ClientUnknown(
                f"Send client_id={TEST_CLIENT}, or the client of this sandbox, {own_client(self.sandbox.id)}."
            )
        try:
            realm = await self.in_sandbox(owner)
        except SandboxNotFound as error:
            raise ClientUnknown(f"The sandbox of this client does not exist. {error.detail}") from error
        return await realm.serving()

    async def in_sandbox(self, sandbox_id: str) -> Realm:
        """This issuer, in the sandbox of one of its clients. Raises SandboxNotFound, NotReady."""
        return replace(self, sandbox=await known_sandbox(self.runtime, sandbox_id))

    async def serving(self) -> Realm:
        """This realm; raises ProviderDown if a fault rule takes the provider out of service."""
        await faults.require_provider(self.runtime, self.sandbox.id)
        return self


async def realm(request: Request, chosen: Chosen) -> Realm:
    runtime = cast(IdentityRuntime, runtime_of(request))
    sandbox_id = request.path_params.get("sandbox", DEFAULT)
    issuers = f"{runtime.identity.identity_url}/s/"
    if chosen not in (None, sandbox_id):
        detail = f"This is the issuer of sandbox '{sandbox_id}'; the issuer of another sandbox is {issuers}ID."
        raise SandboxMismatch(detail, issuer_sandbox=sandbox_id)
    issuer = runtime.identity.identity_url if sandbox_id == DEFAULT else issuers + sandbox_id
    return Realm(runtime, issuer, await known_sandbox(runtime, sandbox_id))


def named_sandbox(sandbox: Annotated[str, Path(description="Sandbox whose issuer this is")]) -> str:
    return sandbox


async def serving_realm(checked: Annotated[Realm, Depends(realm)]) -> Realm:
    return await checked.serving()


RealmDep = Annotated[Realm, Depends(realm)]  # the endpoint then calls `Realm.of_client`
ServingDep = Annotated[Realm, Depends(serving_realm)]
