"""What an endpoint asks FastAPI for: the runtime, and the sandbox of the request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from shared import errors
from shared.runtime import Runtime
from shared.sandbox.names import DEFAULT, IDS

SandboxPath = Annotated[str, Path(pattern=f"^{IDS.pattern}$", description="Id of a sandbox")]
KeyHeader = Annotated[
    str, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="Chosen by you, one per request")
]


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def chosen_sandbox(
    request: Request,
    x_sandbox: Annotated[str | None, Header(description="Sandbox of this request")] = None,
    x_api_key: Annotated[str | None, Header(description="A key of a sandbox, which chooses it")] = None,
) -> str | None:
    """By its key, else by name; None if neither was sent. Raises ApiKeyUnknown, SandboxMismatch."""
    if x_api_key is None:
        return x_sandbox or None
    opened = await runtime_of(request).key_opens(x_api_key)
    for named in (x_sandbox, request.path_params.get("sandbox")):
        if named not in (None, opened):
            raise errors.SandboxMismatch(
                "Send this sandbox's own key, or none.", key_sandbox=opened, named_sandbox=named
            )
    return opened


Chosen = Annotated[str | None, Depends(chosen_sandbox)]


async def sandbox_header(chosen: Chosen) -> str:
    return chosen or DEFAULT


SandboxId = Annotated[str, Depends(sandbox_header)]
