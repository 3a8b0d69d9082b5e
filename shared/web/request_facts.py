"""What a request claims about itself, read before anything is verified. Never use these facts to grant access."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec
from starlette.types import Scope

from shared.runtime import Runtime
from shared.sandbox import files
from shared.sandbox.names import DEFAULT, IDS, KEYS

IN_PATH = re.compile(rf"(?:/_lab/sandboxes|(?:/\.well-known/[a-z-]+)?/s|{files.PATH})/({IDS.pattern})(?:/|$)")


def sandbox_of(scope: Scope, runtime: Runtime) -> str:
    """Id of the sandbox that a request names; `default` if it names none. Nothing is verified.

    The path counts first, as it does for the endpoints: the cookie of a browser may have chosen another sandbox.
    """
    if in_path := IN_PATH.match(str(scope["path"])):
        return in_path[1]
    headers = dict(scope["headers"])
    if key := KEYS.fullmatch(headers.get(b"x-api-key", b"").decode("latin-1")):
        return str(key[1])
    if in_header := headers.get(b"x-sandbox", b"").decode("latin-1"):
        return str(in_header)
    if in_query := runtime.named_in(scope["query_string"].decode("latin-1")):
        return str(in_query)
    claim = claims_of(scope).get("sandbox", DEFAULT)
    return claim if isinstance(claim, str) else DEFAULT


def claims_of(scope: Scope) -> dict[str, Any]:
    """The claims of a request's bearer token, whether the token is valid or not; empty without a token."""
    scheme, _, token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")
    part = token.split(".")[1] if scheme.lower() == "bearer" and token.count(".") == 2 else ""
    try:
        claims: Any = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
