"""Fetches a file from an address that a connector names: as webhooks, only from loopback and what the setting allows."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import httpx

from shared.errors import BodyDoesNotFit
from shared.receivers import (
    HUNG_UP,
    AllowedHosts,
    AllowedTransport,
    addresses,
    parsed,
    port_of,
    refused_words,
    unreachable_words,
)

SECONDS = 15.0  # until the whole file must be here


async def fetch(
    allowed: AllowedHosts,
    url: str,
    pointer: str,
    *,
    most: int,
    ours: Collection[int] = (),
    seconds: float | None = None,
) -> tuple[bytes, str]:
    """The content at an address, and the media type that its server declares.

    pointer  to the address in the caller's body
    most     bytes
    ours     ports of our own services on this machine: nothing is fetched there
    seconds  until the whole file must be here; None: SECONDS
    raises   ReceiverNotAllowed; BodyDoesNotFit if the address gives no file
    """
    address, seconds = parsed(url, pointer), seconds or SECONDS
    if port_of(address) in ours and await _is_here(address):
        raise BodyDoesNotFit((pointer, "must not be an address of this network itself"))
    try:
        async with asyncio.timeout(seconds), _client(allowed) as http, http.stream("GET", address) as response:
            if response.status_code != httpx.codes.OK:
                raise BodyDoesNotFit((pointer, f"must give the file, but {refused_words(response)}"))
            content = b""
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > most:
                    raise BodyDoesNotFit((pointer, f"gives more than {most >> 20} MiB"))
            return content, response.headers.get("content-type", "")
    except TimeoutError as error:
        raise BodyDoesNotFit((pointer, f"does not give the whole file within {seconds:g} s")) from error
    except (httpx.ConnectError, OSError) as error:
        words = unreachable_words(address, error)
        raise BodyDoesNotFit((pointer, f"cannot be fetched: {words}")) from error
    except httpx.HTTPError as error:
        raise BodyDoesNotFit((pointer, f"cannot be fetched: the server {HUNG_UP}")) from error


async def _is_here(address: httpx.URL) -> bool:
    """Whether an address leads to this machine."""
    try:
        return any(each.is_loopback for each in await addresses(address))
    except OSError:
        return False


def _client(allowed: AllowedHosts) -> httpx.AsyncClient:
    transport = AllowedTransport(allowed, connections=1)
    headers = {"User-Agent": "lienthong", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(transport=transport, trust_env=False, timeout=SECONDS, headers=headers)
