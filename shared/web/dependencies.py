"""FastAPI dependencies that every service uses: the runtime, and the sandbox of a request."""

from __future__ import annotations

import secrets
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
    x_sandbox: Annotated[str | None, Header(description="Id of the sandbox of this request")] = None,
    x_api_key: Annotated[str | None, Header(description="API key of a sandbox; it selects that sandbox")] = None,
) -> str | None:
    """Id of the sandbox of a request: that of the API key, else that of X-Sandbox; None if neither was sent.

    raises  ApiKeyUnknown; SandboxMismatch if the key belongs to another sandbox than the header or the path names
    """
    if x_api_key is None:
        return x_sandbox or None
    sandbox_id = await runtime_of(request).sandbox_of_key(x_api_key)
    for named in (x_sandbox, request.path_params.get("sandbox")):
        if named not in (None, sandbox_id):
            raise errors.SandboxMismatch(
                "Send the API key of this sandbox, or no key.", key_sandbox=sandbox_id, named_sandbox=named
            )
    return sandbox_id


async def only_services(
    request: Request,
    x_service_secret: Annotated[str, Header(description="Drawn at the first start, known to the services alone")] = "",
) -> None:
    """Raises ServicesOnly unless the call has the secret of the services."""
    secret = runtime_of(request).settings.service_secret.get_secret_value()
    if not secrets.compare_digest(x_service_secret.encode(), secret.encode()):
        raise errors.ServicesOnly("It has no use for others; /openapi.json lists what is public.")


ForServices = Depends(only_services)
Chosen = Annotated[str | None, Depends(chosen_sandbox)]


async def sandbox_header(chosen: Chosen) -> str:
    return chosen or DEFAULT


SandboxId = Annotated[str, Depends(sandbox_header)]
