"""Which addresses of users may be called: loopback addresses, and what the setting allows. Checked where it connects."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import httpx

from shared.errors import BodyDoesNotFit, ReceiverNotAllowed
from shared.sentences import Sentence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
PROBE_SECONDS = 2.0  # until a port that does not answer counts as closed
SETTING = "WEBHOOK_ALLOWED_HOSTS"
HUNG_UP = "broke the connection, or does not answer in HTTP: look at the program, and at its address"


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


def parsed(text: str, pointer: str = "/url") -> httpx.URL:
    """An address that can be called. Raises BodyDoesNotFit."""
    try:
        url = httpx.URL(text)
        _ = url.host  # decodes the name
    except (httpx.InvalidURL, UnicodeError) as error:
        raise BodyDoesNotFit((pointer, "is no address")) from error
    return url


async def addresses(url: httpx.URL) -> list[Address]:
    """The addresses of an URL's host, as the machine resolves it now. Raises OSError."""
    loop, port = asyncio.get_running_loop(), port_of(url)
    try:
        rows = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # no name at all, such as a..b
        raise socket.gaierror(socket.EAI_NONAME, "no name") from error
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
            f"{url.host}{leads_to} is no loopback address. Use one such as 127.0.0.1, or let the operator "
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


def unreachable_words(url: httpx.URL, fault: BaseException) -> str:
    """Why no connection to a server could be made, and what mends it."""
    place, causes = f"{url.host}:{port_of(url)}", list(_causes(fault))
    if any(isinstance(each, socket.gaierror) for each in causes):
        return f"{unknown_name(url)}; correct the address"
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return (
            f"the certificate of {place} is not valid for {url.host}, has expired, or its authority is not known here; "
            "SSL_CERT_FILE adds an authority"
        )
    if any(isinstance(each, ssl.SSLError) for each in causes):
        return f"{place} does not speak TLS as https needs it; call it by http, or let it speak TLS"
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return f"{nobody_listens(url)}; start the program there, or correct the address"
    return f"no connection to {place} can be made; is the machine on, and is there a way to it?"


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """A fault and what it came from; a library raises its own for that of the system."""
    while fault is not None:
        yield fault
        if isinstance(fault, BaseExceptionGroup):
            for each in fault.exceptions:
                yield from _causes(each)
        fault = fault.__cause__ or fault.__context__


def nobody_listens(url: httpx.URL) -> Sentence:
    place = f"{url.host}:{port_of(url)}"
    return Sentence(f"nobody listens on {place}", f"không có chương trình nào nghe ở {place}")


def unknown_name(url: httpx.URL) -> Sentence:
    return Sentence(f"the name {url.host} is not known here", f"ở đây không biết tên máy {url.host}")


def refused_words(response: httpx.Response) -> str:
    """What a server answered instead of 2xx."""
    if response.has_redirect_location:
        return f"answers {response.status_code} to {response.headers['location'][:200]}: redirects are not followed"
    return f"answers {response.status_code}"


async def require_allowed(allowed: AllowedHosts, text: str) -> list[Address]:
    """The addresses of a receiver that may be called; none if its name is not known here.

    raises  ReceiverNotAllowed, BodyDoesNotFit
    """
    try:
        return await allowed_addresses(allowed, parsed(text))
    except OSError:
        return []


async def reachable(allowed: AllowedHosts, text: str) -> Sentence | None:
    """Why nobody answers at the address of a receiver now; None if somebody listens there.

    raises  ReceiverNotAllowed, BodyDoesNotFit
    """
    found, url = await require_allowed(allowed, text), parsed(text)
    if not found:
        return unknown_name(url)
    for address in found:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                _, writer = await asyncio.open_connection(str(address), port_of(url))
        except OSError:  # with TimeoutError
            continue
        writer.close()
        return None
    return nobody_listens(url)
