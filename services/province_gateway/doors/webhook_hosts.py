"""Which receivers of webhooks may be called: loopback addresses, and what the setting allows. Checked where it connects."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass
from functools import cache, cached_property

import httpx

from shared.errors import BodyDoesNotFit, Refusal

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
PROBE_SECONDS = 2.0  # until a port that does not answer counts as closed
SETTING = "WEBHOOK_ALLOWED_HOSTS"


class ReceiverNotAllowed(Refusal):
    """The address of a webhook receiver is neither loopback nor allowed by the setting."""


@dataclass(frozen=True)
class AllowedHosts:
    """The setting: names or addresses, each alone or with `:port`, and networks such as 10.0.0.0/8."""

    text: str = ""

    @cached_property
    def _entries(self) -> tuple[tuple[Network | str, int | None], ...]:
        return tuple(_entry(word.strip()) for word in self.text.split(",") if word.strip())

    def require_valid(self) -> None:
        """Raises ValueError that names the wrong entry."""
        _ = self._entries

    def allow(self, host: str, address: Address, port: int) -> bool:
        """Whether a connection to an address, to which the name `host` leads now, may be made.

        A name that is not in the setting, but leads to a loopback address, is allowed: the address counts.
        """
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(
            only in (None, port) and (place == host.lower().rstrip(".") if isinstance(place, str) else address in place)
            for place, only in self._entries
        )


def _entry(word: str) -> tuple[Network | str, int | None]:
    """Raises ValueError."""
    try:
        return ipaddress.ip_network(word), None  # an address alone, too
    except ValueError:
        match = HOST_AND_PORT.fullmatch(word)
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 0 < port < 65_536):
        raise ValueError(f"'{word}' is no host, host:port or network such as 10.0.0.0/8")
    host = match["host"].strip("[]").lower().rstrip(".")
    try:
        return ipaddress.ip_network(host), port
    except ValueError:
        if NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]+", host):
            return host, port
    raise ValueError(f"'{word}' is no host, host:port or network such as 10.0.0.0/8")


async def addresses(url: httpx.URL) -> list[Address]:
    """The addresses of an URL's host, as the machine resolves it now. Raises OSError."""
    loop, port = asyncio.get_running_loop(), port_of(url)
    rows = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows))


def port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


async def allowed_addresses(allowed: AllowedHosts, url: httpx.URL) -> list[Address]:
    """Those addresses of an URL's host that may be called. Raises OSError, ReceiverNotAllowed."""
    resolved = await addresses(url)
    callable_ones = [address for address in resolved if allowed.allow(url.host, address, port_of(url))]
    if not callable_ones:
        leads_to = "" if str(resolved[0]) == url.host.strip("[]") else f", which leads to {resolved[0]},"
        detail = (
            f"{url.host}{leads_to} is no loopback address. Use one such as 127.0.0.1, or let the operator of the gateway "
            f"add the host to {SETTING}."
        )
        raise ReceiverNotAllowed(detail, host=url.host)
    return callable_ones


@cache
def authorities() -> ssl.SSLContext:
    """Those of the machine, and of SSL_CERT_FILE: a receiver may have a certificate of its organisation."""
    return ssl.create_default_context()


class AllowedTransport(httpx.AsyncHTTPTransport):
    """Connects only to allowed addresses: the name is resolved here, checked, and the address itself is called.

    So no second look-up can lead elsewhere. The certificate of https is verified for the name. One transport per receiver.
    """

    def __init__(self, allowed: AllowedHosts, *, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=1)
        super().__init__(trust_env=False, limits=limits, verify=authorities())
        self._allowed = allowed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        *others, last = await allowed_addresses(self._allowed, url)
        for address in others:
            try:
                return await self._call(request, url, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # such as ::1 of `localhost`, if the receiver listens on 127.0.0.1 alone
        return await self._call(request, url, last)

    async def _call(self, request: httpx.Request, url: httpx.URL, address: Address) -> httpx.Response:
        request.url = url.copy_with(host=str(address))
        return await super().handle_async_request(request)


def refused_words(response: httpx.Response) -> str:
    """What a server answered instead of 2xx."""
    if response.has_redirect_location:
        return f"answers {response.status_code} to {response.headers['location'][:200]}: redirects are not followed"
    return f"answers {response.status_code}"


async def reachable(allowed: AllowedHosts, text: str) -> str | None:
    """Why nobody answers at the address of a receiver now; None if somebody listens there.

    raises  ReceiverNotAllowed, BodyDoesNotFit
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BodyDoesNotFit(("/url", f"is no address: {error}")) from error
    try:
        found = await allowed_addresses(allowed, url)
    except OSError:
        return f"the name {url.host} is not known here"
    for address in found:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                _, writer = await asyncio.open_connection(str(address), port_of(url))
        except OSError:  # with TimeoutError
            continue
        writer.close()
        return None
    return f"nobody listens on {url.host}:{port_of(url)}"
