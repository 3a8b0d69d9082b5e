"""Ports: whether one is free, which process uses it, and where ten in a row are free."""

import contextlib
import random
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from lienthong.embedded import Trouble

SPAN = 10  # ports that one stack uses, counted from its base
# Browsers, and `fetch` of Node, call no server at these (Fetch standard, "Port blocking"). Those below 1024 are left out.
BLOCKED = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)


def is_free(port: int) -> bool:
    """True if a listener could open `port` on 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ports in TIME_WAIT count as free
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_base() -> int:
    """A port N such that N to N+9 are free and not blocked; below the range of the kernel's outgoing ports."""
    for _ in range(500):
        base = random.randrange(10_000, 20_000, 10)
        ten = range(base, base + SPAN)
        if BLOCKED.isdisjoint(ten) and all(map(is_free, ten)):
            return base
    raise Trouble(f"No {SPAN} free ports in a row were found between 10000 and 20000; choose one with --port-base.")


def wait_free(ports: Iterable[int], seconds: float) -> list[int]:
    """Wait until all `ports` are free; returns those still in use after `seconds`."""
    end = time.monotonic() + seconds
    while (taken := [port for port in ports if not is_free(port)]) and time.monotonic() < end:
        time.sleep(0.02)
    return taken


def holder(port: int) -> str:
    """Name and pid of the process that listens on `port`, as ` (java, pid 123)`; empty if it is not visible."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:  # 0A: listening
                    inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return f" ({(process / 'comm').read_text().strip()}, pid {process.name})"
    return ""


def blocked(ports: Mapping[str, int]) -> dict[str, int]:
    """Those of `ports` (role → port of an HTTP server) that browsers do not call."""
    return {role: port for role, port in ports.items() if port in BLOCKED}


def refuse_blocked(ports: Mapping[str, int]) -> None:
    """Raise `Trouble` for the first of `ports` (role → port of an HTTP server) that browsers do not call."""
    for role, port in blocked(ports).items():
        raise Trouble(
            f"Browsers and Node call no server at port {port}, which {role} would have: choose others with "
            "--port-base N (ten ports from N), such as 20000."
        )


def refuse_taken(ports: Mapping[str, int]) -> None:
    """Raise `Trouble` for the first of `ports` (role → port) that another program uses."""
    for role, port in ports.items():
        if not is_free(port):
            raise Trouble(
                f"Port {port} for {role} is taken by another program{holder(port)}: stop it, "
                "or use other ports with --port-base N (ten ports from N)."
            )
