"""Asks roles and servers how they are, with the standard library only: the supervisor starts fast and stays small."""

import asyncio
import json
from urllib.parse import urlsplit

PATIENCE = 1.0  # seconds; a frozen role must not delay the status of the others
SERVER_PATIENCE = 8.0  # seconds; a busy machine is not a frozen server
# What each server answers to anybody, before any login.
POSTGRESQL = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")  # SSLRequest: one byte
_API_VERSIONS = (18).to_bytes(2, "big") + bytes(2) + (1).to_bytes(4, "big") + (0xFFFF).to_bytes(2, "big")
KAFKA = len(_API_VERSIONS).to_bytes(4, "big") + _API_VERSIONS  # ApiVersions v0, no client id


async def waiting_for(url: str) -> str | None:
    """What the role at `url` waits for, as text; None if it is ready."""
    try:
        async with asyncio.timeout(PATIENCE):
            status, body = await _get(url, "/readyz")
    except TimeoutError:
        return f"{url}/readyz to answer: it does not within {PATIENCE:g} s, so it hangs or is very slow"
    except (OSError, ValueError):
        return "its port to open"
    return None if status == 200 else _reason(status, body)


async def port_open(port: int, host: str = "127.0.0.1") -> bool:
    """True if a server accepts connections on this port."""
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # TimeoutError is one
        return False
    writer.close()
    return True


async def answers(hello: bytes, host: str, port: int) -> bool:
    """Whether a server here replies to `hello`, or hangs up on it, as one with TLS does; a frozen one does neither."""
    try:
        async with asyncio.timeout(SERVER_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
    except OSError:  # TimeoutError is one
        return False
    try:
        async with asyncio.timeout(SERVER_PATIENCE):
            writer.write(hello)
            await reader.read(1)
    except TimeoutError:
        return False
    except OSError:
        pass
    finally:
        writer.close()
    return True


async def _get(url: str, path: str) -> tuple[int, bytes]:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body
    except IndexError:
        raise ValueError(f"{url} sent a reply that is not HTTP") from None
    finally:
        writer.close()


def _reason(status: int, body: bytes) -> str:
    try:
        problem = json.loads(body)
        return str(problem.get("detail") or problem.get("title"))
    except (ValueError, AttributeError):
        return f"its /readyz answered {status}"
