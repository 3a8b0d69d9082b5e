"""Addresses that a user writes: the portal's, on the command line or in LIENTHONG_URL."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SCHEME = re.compile(r"https?:($|//)", re.IGNORECASE)  # a client has removed the slashes at the end


def address_fault(url: str) -> str:
    """What is wrong with an address of HTTP, and how to write it; empty if nothing is."""
    if _SCHEME.match(url):
        return _host_fault(url)
    scheme, sign, rest = url.partition("://")
    if sign:
        return f"'{url}' begins with {scheme}://, but only http:// and https:// can be used: write http://{rest}."
    return f"'{url}' has no scheme: write http://{url.lstrip('/')}."


def _host_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        reason = "" if parts.hostname else "it has no host"
        parts.port  # noqa: B018  # raises for what is no port
    except ValueError as error:
        reason = str(error)
    if not reason and not url.isprintable():
        reason = "it contains a control character"
    return invalid(url, reason) if reason else ""


def invalid(url: str, reason: object) -> str:
    """The sentence for an address that no client can read."""
    return f"'{url}' is not a valid address ({reason}): write one such as http://127.0.0.1:8000."
