"""Addresses that a user writes: the portal's, on the command line or in LIENTHONG_URL."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"https?://", re.IGNORECASE)


def scheme_fault(url: str) -> str:
    """What is wrong with the beginning of an address of HTTP, and how to write it; empty if nothing is."""
    if _SCHEME.match(url):
        return ""
    scheme, sign, rest = url.partition("://")
    if sign:
        return f"'{url}' begins with {scheme}://, but only http:// and https:// can be used: write http://{rest}."
    return f"'{url}' has no scheme: write http://{url.lstrip('/')}."
