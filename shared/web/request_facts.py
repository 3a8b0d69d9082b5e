"""What a request says of itself, before anything is checked: for edges that open nothing by it."""

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

IN_PATH = re.compile(rf"(?:/_lab/sandboxes|/s|{files.PATH})/({IDS.pattern})(?:/|$)")


def sandbox_of(scope: Scope, runtime: Runtime) -> str:
    """Which sandbox a request means, by what it says itself; nothing is checked, for nothing is opened by it."""
    headers = dict(scope["headers"])
    if key := KEYS.fullmatch(headers.get(b"x-api-key", b"").decode("latin-1")):
        return str(key[1])
    if named := headers.get(b"x-sandbox", b"").decode("latin-1"):
        return str(named)
    if in_path := IN_PATH.match(str(scope["path"])):
        return in_path[1]
    if named := runtime.named_in(scope["query_string"].decode("latin-1")):
        return str(named)
    told = claims_of(scope).get("sandbox", DEFAULT)
    return told if isinstance(told, str) else DEFAULT


def claims_of(scope: Scope) -> dict[str, Any]:
    """What the bearer token of a request claims, good or not; empty where there is none."""
    scheme, _, token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")
    part = token.split(".")[1] if scheme.lower() == "bearer" and token.count(".") == 2 else ""
    try:
        claims: Any = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
