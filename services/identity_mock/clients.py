"""The clients: our own test client in every sandbox, and one more for each sandbox. All are public: none has a secret."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

from contracts.identity import OWN_CLIENT, TEST_CLIENT
from services.identity_mock.problems import GrantRefused
from shared.sandbox.validity import Times


def owner_of(client: str) -> str:
    """The sandbox whose own client this is; empty for every other client."""
    return client.removeprefix(OWN_CLIENT) if client.startswith(OWN_CLIENT) and client != TEST_CLIENT else ""


def token_times(client: str) -> Times:
    """By which clock a client reads its tokens. Only our test client asks for the sandbox clock."""
    return "sandbox" if client == TEST_CLIENT else "real"


def client_of(authorization: str | None, form: Mapping[str, str]) -> str:
    """The client id of a token request, from HTTP Basic or from the form (RFC 6749 section 2.3.1).

    A secret is not checked, because there is none.

    raises  GrantRefused, if the client does not name itself in exactly one way (RFC 6749 section 5.2)
    """
    in_form = form.get("client_id", "")
    if "client_assertion" in form:
        raise GrantRefused("invalid_client", "Leave client_assertion out; this client is public and has no key.")
    if authorization is None:
        if not in_form:
            raise GrantRefused("invalid_client", f"Send client_id={TEST_CLIENT} in the form; it is public.")
        return in_form
    client = _in_basic(authorization)
    if "client_secret" in form or in_form not in ("", client):
        raise GrantRefused("invalid_request", "Name the client once: by HTTP Basic, or by client_id in the form.")
    return client


def _in_basic(authorization: str) -> str:
    scheme, _, credential = authorization.partition(" ")
    try:
        name, colon, _ = base64.b64decode(credential.strip(), validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise GrantRefused("invalid_client", "Send HTTP Basic with `client_id:`, or client_id in the form.")
    return unquote_plus(name)
