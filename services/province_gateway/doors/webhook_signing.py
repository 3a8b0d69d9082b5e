"""Signatures of webhooks as Standard Webhooks 1.0 has them (standardwebhooks.com), so that its libraries verify ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    """A random secret: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(keys: Sequence[str], id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that sign a body.

    keys  secrets; one signature each, so that a receiver with any of them takes it
    id    of the event; it is the same whenever the event is sent again
    at    real time, because receivers compare it with their own clock; they take five minutes of difference
    """
    timestamp = int(at.timestamp())
    signed = f"{id}.{timestamp}.".encode() + body
    signatures = (_signature(key, signed) for key in keys)
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}


def _signature(key: str, signed: bytes) -> str:
    mac = hmac.new(base64.b64decode(key.removeprefix(PREFIX)), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"
