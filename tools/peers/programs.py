"""Programs while they run: one of others, or the whole of ours, with the same methods."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import uvloop

from contracts import payment_platform as platform
from lienthong.client import Country
from lienthong.embedded import Trouble, ports, processes
from lienthong.embedded.stack import Stack
from tools.bench import citizens, machine, sandboxes
from tools.peers.catalogue import Peer
from tools.peers.http import Request, get, post_json
from tools.peers.logins import Provider
from tools.peers.things import Thing

PATIENCE = 60.0  # s until the first good answer, on a busy machine
LOOK = 0.01  # s between two looks whether it answers


class Program(Protocol):
    """What is measured. It can be started again after it was stopped, and then has what it kept."""

    def start(self) -> float:
        """Seconds from the command until the first good answer. Raises Trouble."""

    def stop(self) -> None: ...

    def memory_mb(self) -> float:
        """Proportional set size of all its processes."""

    def processor_seconds(self) -> float:
        """Processor time of all its processes so far."""

    def provider(self) -> Provider | None:
        """Where to sign in, while it runs."""

    def things(self) -> Sequence[Thing]:
        """What can be created, while it runs."""


class Alone:
    """A program of others: one process in a folder of its own, on loopback."""

    def __init__(self, peer: Peer, fetched: Path, folder: Path) -> None:
        self._peer, self._fetched, self._folder = peer, fetched, folder
        self._port = ports.free_base()
        self._url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    def start(self) -> float:
        words, environment = self._peer.command(self._fetched, self._port)
        began = time.perf_counter()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=processes.with_parent(signal.SIGKILL),
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() > began + PATIENCE:
                self.stop()
                last = (self._folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
                raise Trouble(f"{self._peer.name} did not start: {' '.join(last) or 'it printed nothing'}")
            time.sleep(LOOK)
        return time.perf_counter() - began

    def _answers(self) -> bool:
        request = urllib.request.Request(self._url + self._peer.ready, headers=self._peer.headers)
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(request, timeout=5):
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def memory_mb(self) -> float:
        assert self._process is not None
        return sandboxes.with_children_kb(self._process.pid) / 1024

    def processor_seconds(self) -> float:
        assert self._process is not None
        return machine.processor_seconds(self._process.pid)

    def provider(self) -> Provider | None:
        return self._peer.provider(self._url) if self._peer.provider else None

    def things(self) -> Sequence[Thing]:
        return (self._peer.thing(self._url),) if self._peer.thing else ()


class Ours:
    """A whole country: four services with their workers, PostgreSQL and Kafka. People sign in and pay in `default`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> float:
        self._stack = Stack(self._folder, ports.free_base())
        return self._stack.start()

    def stop(self) -> None:
        self._stack.stop()

    def memory_mb(self) -> float:
        return sum(row.value for row in sandboxes.memory_at_rest(self._stack))

    def processor_seconds(self) -> float:
        pids = self._stack.pids()
        return sum(machine.processor_seconds(pid) for name, pid in pids.items() if name not in ("supervisor", "zygote"))

    def provider(self) -> Provider:
        return Provider(self._stack.urls["identity"], client="lienthong-default", query={"login_hint": "lan"})

    def things(self) -> Sequence[Thing]:
        orders, portal = self._stack.urls["payment"], self._stack.urls["portal-api"]
        submit, headers = uvloop.run(_submissions(portal))
        create, read = _payments(self._stack.plan.secret("PAYMENT_PARTNER_SECRET"))
        waiting = '"TrangThaiGD":"3"'
        return (
            Thing("creates", "payment order", orders, create, read, "MaGiaoDich", lambda key: waiting),
            Thing(
                "dossiers",
                "dossier",
                portal,
                submit,
                lambda key, dossier: get(f"/api/v1/dossiers/{dossier['code']}", headers),
                "code",
                lambda key: f'"note":"{key}',
            ),
        )


def _payments(secret: str) -> tuple[Callable[[str], Request], Callable[[str, object], Request]]:
    """INIT and QUERY of the order with a reference, as the portal signs them."""

    def message(kind: str, key: str) -> dict[str, str]:
        now = platform.platform_time(datetime.now(UTC))
        return {
            "LoaiBanTin": kind,
            "PhienBan": "1.0",
            "MaDoiTac": platform.PARTNER,
            "MaThamChieu": key,
            "ThoiGianGD": now,
        }

    def signed(kind: str, fields: platform.Fields, content: dict[str, str]) -> Request:
        return post_json(f"/{kind}", {**content, "MaXacThuc": platform.checksum(content, fields, secret)})

    def create(key: str) -> Request:
        rest = dict.fromkeys(platform.INIT, "") | message("INIT", key)
        return signed("init", platform.INIT, {**rest, "SoTien": "8000", "MaTienTe": platform.CURRENCY})

    return create, lambda key, answer: signed("query", platform.QUERY, message("QUERY", key))


async def _submissions(portal: str) -> tuple[Callable[[str], Request], dict[str, str]]:
    """The submission with a key, by a citizen who is signed in; and the headers with which she reads."""
    async with Country(portal) as country:
        places = await citizens.places(country)
        headers = {"authorization": f"Bearer {await country.enter('default').citizen('lan').sign_in()}"}

    def submit(key: str) -> Request:
        place = places[zlib.crc32(key.encode()) % len(places)]
        authority = {"province": place.province, "commune": place.commune}
        body = {"procedure": citizens.PROCEDURE, "authority": authority, "note": f"{key} {citizens.NOTE}"}
        return post_json("/api/v1/dossiers", body, {**headers, "idempotency-key": key})

    return submit, headers
