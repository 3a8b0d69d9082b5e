"""KeyPay for the national portal, version 3: the members that each message signs, in this order (integration.md 4.4).

Every signature is HMAC-SHA256, lower hex, of the values joined by `|`. A partner has two keys: it signs with the first one;
what the platform says of its own accord is signed with the second one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from contracts.payment_platform import Fields
from contracts.payment_signing import keyed

VERSION, PAY, NO_FEE = "3.0", "PAY", "0"
DONE = "0"  # `error` and `status`
CREATE: Fields = ("addition_fee", "client_id", "command", "trans_amount", "transaction_id", "version")
DETAIL: Fields = ("client_id", "command", "transaction_id")
CALLBACK: Fields = CREATE  # as one client checks it; the fact sheet names no fields
REFUND: Fields = ("amount", "client_id", "command", "reason", "transaction_id")
REFUNDED: Fields = ("client_id", "command", "transaction_refund_code")


def callback_signature(message: Mapping[str, object], secret: str) -> str:
    """What the platform signs of its own accord; `secret`: of the partner."""
    return keyed([str(message[name]) for name in CALLBACK], keys(secret)[1])


def keys(secret: str) -> tuple[str, str]:
    """hash_key_1 and hash_key_2 of a partner, made from its secret."""
    first, second = (
        hmac.new(secret.encode(), name, hashlib.sha256).hexdigest() for name in (b"hash_key_1", b"hash_key_2")
    )
    return first, second
