"""FastAPI dependencies that every service uses: the runtime, and the sandbox of a request."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request, Security
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer, SecurityBase
from fastapi.security.base import SecurityBase as SecurityScheme
from pydantic import BeforeValidator

from shared import errors
from shared.runtime import Runtime
from shared.sandbox.names import DEFAULT, IDS

SandboxPath = Annotated[str, Path(pattern=f"^{IDS.pattern}$", description="Id of a sandbox")]


def _written(form: str, what: str) -> BeforeValidator:
    """Refuses what pydantic would also read: `+5`, ` 5` and `1_000` for numbers, `yes` and `1` for true."""

    def check(text: object) -> object:
        if isinstance(text, str) and not re.fullmatch(form, text):
            raise ValueError(f"is {what}")
        return text

    return BeforeValidator(check)


# For values of a query or a path, which are text: they are written as in JSON.
Number = _written(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", "a number such as 5 or 0.5")
TrueOrFalse = _written("true|false", "true or false")
KEY_FORM: Any = {"min_length": 1, "max_length": 200, "pattern": r"^[\x21-\x7e]+$"}  # of an Idempotency-Key
KeyHeader = Annotated[str, Header(**KEY_FORM, description="Chosen by you, one per request")]


class Credential(SecurityScheme):
    """A header with a credential. OpenAPI describes it as a security scheme; the endpoint gets its value, None if unsent."""

    def __init__(self, scheme_name: str, header: str, model: SecurityBase) -> None:
        self.scheme_name, self.header, self.model = scheme_name, header, model

    async def __call__(self, request: Request) -> str | None:
        return request.headers.get(self.header)


def _key(scheme_name: str, header: str, description: str) -> Credential:
    return Credential(scheme_name, header, APIKey(**{"in": APIKeyIn.header}, name=header, description=description))


SANDBOX_KEY = _key("SandboxKey", "X-API-Key", "Optional: the API key of a sandbox. It selects that sandbox.")
SANDBOX_HEADER = "X-Sandbox"  # id of the sandbox of a request
SERVICE_SECRET = _key("ServiceSecret", "X-Service-Secret", "Drawn at the first start, known to the services alone.")
ACCESS_TOKEN = Credential(
    "AccessToken",
    "Authorization",
    HTTPBearer(bearerFormat="JWT", description="An access token from identity_mock: POST /token."),
)


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def chosen_sandbox(request: Request) -> str | None:
    """Id of the sandbox of a request: that of the API key, else that of X-Sandbox; None if neither was sent.

    It reads both headers itself, and `shared.web.openapi` describes them: as parameters, FastAPI would lay them out
    again for each of the 190 routes, which is a tenth of the start of all services.

    raises  ApiKeyUnknown; SandboxMismatch if the key belongs to another sandbox than header, path or query name
    """
    x_sandbox, x_api_key = request.headers.get(SANDBOX_HEADER), request.headers.get(SANDBOX_KEY.header)
    if x_api_key is None:
        return x_sandbox or None
    sandbox_id = await runtime_of(request).sandbox_of_key(x_api_key)
    for named in (x_sandbox, request.path_params.get("sandbox"), request.query_params.get("sandbox")):
        if named not in (None, sandbox_id):
            raise errors.SandboxMismatch(
                "Send the API key of this sandbox, or no key.", key_sandbox=sandbox_id, named_sandbox=named
            )
    return sandbox_id


async def only_services(
    request: Request,
    x_service_secret: Annotated[str | None, Security(SERVICE_SECRET)] = None,
) -> None:
    """Raises ServicesOnly unless the call has the secret of the services."""
    secret = runtime_of(request).settings.service_secret.get_secret_value()
    if not secrets.compare_digest((x_service_secret or "").encode(), secret.encode()):
        raise errors.ServicesOnly("It has no use for others; /openapi.json lists what is public.")


ForServices = Depends(only_services)
Chosen = Annotated[str | None, Depends(chosen_sandbox)]


async def sandbox_header(chosen: Chosen) -> str:
    return chosen or DEFAULT


SandboxId = Annotated[str, Depends(sandbox_header)]
