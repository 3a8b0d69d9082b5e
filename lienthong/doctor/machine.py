"""What there is on this machine: facts only, gathered once; what they mean is the business of `checks.py`."""

from __future__ import annotations

import contextlib
import json
import locale
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lienthong
from lienthong.embedded import Trouble, elsewhere, house, jars, ports, postgres
from lienthong.embedded.plan import DATABASES, Plan
from lienthong.embedded.processes import unprivileged_owner
from lienthong.embedded.stack import Stack, Status, lock_pid, running

PATIENCE = 3.0  # seconds for whoever is asked something


@dataclass(frozen=True)
class Machine:
    """Facts, with values of a healthy machine.

    packages     name → (wanted version or "" for any, the version that is there or None)
    java         version, or empty; java_trouble then says why
    taken        name → (port, who holds it) of the ports that a stack of this folder would need; empty while it runs
    disk_free    bytes where the data lie; memory_free: bytes that programs can still get
    owner_right  whether what PostgreSQL wrote belongs to the user it would run as now
    schemas      database → version of its tables; empty where no database runs
    status       of the stack in the data folder; None if none runs there, status_trouble if it does not answer
    stale_lock   pid in the lock of a stack that is gone
    leftovers    (pid, command) of processes that still work on the data of a stack that is gone
    newest       time of the newest file in the data folder; installed: of this software
    replaced     parts that need not run here (kafka, postgres), because servers elsewhere are named
    servers      such a server → why nobody answers there, or empty; servers_trouble: what is wrong with a name itself
    url          LIENTHONG_URL, url_trouble what is wrong there; likewise of the OTLP endpoint
    """

    platform: str = "linux"
    kernel: tuple[int, ...] = (6, 1)
    python: tuple[int, ...] = (3, 11, 0)
    packages: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    from_repository: bool = True
    java: str = "17.0.15"
    java_trouble: str = ""
    maven: bool = True
    jars: bool = True
    taken: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    disk_free: int = 100 << 30
    memory_free: int = 8 << 30
    data: Path = Path(".lienthong")
    writable: bool = True
    owner_right: bool = True
    schema_wanted: int | None = 3
    schemas: Mapping[str, int] = field(default_factory=dict)
    status: Status | None = None
    status_trouble: str = ""
    stale_lock: int | None = None
    leftovers: Sequence[tuple[int, str]] = ()
    now: datetime = datetime(2026, 12, 1, tzinfo=UTC)
    newest: datetime = datetime(2026, 11, 1, tzinfo=UTC)
    installed: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    encoding: str = "utf-8"
    open_files: int = 20_000
    replaced: frozenset[str] = frozenset()
    servers: Mapping[elsewhere.Server, str] = field(default_factory=dict)
    servers_trouble: str = ""
    url: str = ""
    url_trouble: str = ""
    endpoint: str = ""
    endpoint_trouble: str = ""


def look(data: Path, port_base: int | None = None) -> Machine:
    """The facts of this machine, for a stack in `data` on the ports from `port_base`; takes well under a second."""
    alive = running(data)
    external, servers_trouble = _external(data, alive)
    replaced = elsewhere.replaced(external)
    plan = Plan(data, port_base, [part for part in ("postgres", "kafka", "services") if part not in replaced])
    status, status_trouble = _status(data) if alive else (None, "")
    version, java_trouble = _java()
    url, endpoint = os.environ.get("LIENTHONG_URL", ""), _endpoint()
    existing = next(folder for folder in (data, *data.parents) if folder.exists())
    holder = lock_pid(data)
    return Machine(
        platform=sys.platform,
        kernel=tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2]),
        python=sys.version_info[:3],
        packages=_packages(),
        from_repository=_pinned().exists(),
        java=version,
        java_trouble=java_trouble,
        maven=shutil.which("mvn") is not None,
        jars=(jars.folder() / "lib").is_dir(),
        taken={} if alive else _taken(plan),
        disk_free=shutil.disk_usage(existing).free,
        memory_free=_memory_free(),
        data=data,
        writable=os.access(existing, os.W_OK | os.X_OK),
        owner_right=_owner_right(data / "postgres"),
        schema_wanted=_schema_wanted(),
        schemas=_schemas(data) if alive else {},
        status=status,
        status_trouble=status_trouble,
        stale_lock=holder if holder and not alive else None,
        leftovers=[] if alive else _leftovers(data),
        now=datetime.now(UTC),
        newest=_newest(data),
        installed=_time_of(Path(lienthong.__file__)),
        encoding=(sys.stdout.encoding or locale.getpreferredencoding(False)).lower(),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        replaced=frozenset(replaced),
        servers={server: _silent(server.addresses) for server in elsewhere.servers(external)},
        servers_trouble=servers_trouble,
        url=url,
        url_trouble=_unanswered(url) if url else "",
        endpoint=endpoint,
        endpoint_trouble=_closed(endpoint) if endpoint else "",
    )


def _external(data: Path, alive: bool) -> tuple[Mapping[str, str], str]:
    """The variables that name servers elsewhere, as they were when the stack started or as they are now; what is wrong."""
    try:
        return Stack.attach(data).plan.external if alive else elsewhere.named(os.environ), ""
    except Trouble as trouble:
        return {}, str(trouble)


def _silent(addresses: Sequence[tuple[str, int]]) -> str:
    """Why none of these accepts a connection; empty if one does, or if there is none to try."""
    trouble = ""
    for address in addresses:
        trouble = _unconnected(*address)
        if not trouble:
            return ""
    return trouble


def _unconnected(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), PATIENCE):
            return ""
    except OSError as error:
        return str(error)


def _status(data: Path) -> tuple[Status | None, str]:
    try:
        return Stack.attach(data).status(), ""
    except (ConnectionError, Trouble) as trouble:
        return None, str(trouble)


def _java() -> tuple[str, str]:
    try:
        return jars.java()[1], ""
    except Trouble as trouble:
        return "", str(trouble)


def _pinned() -> Path:
    return house() / "requirements.txt"


def _packages() -> dict[str, tuple[str, str | None]]:
    """From the pinned list in the repository; of an installed wheel, whatever it names."""
    if _pinned().exists():
        wanted = dict(
            re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", _pinned().read_text(encoding="utf-8"), re.MULTILINE)
        )
    else:
        named = metadata.requires("lienthong") or []
        wanted = {re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]: "" for each in named if "extra ==" not in each}
    return {name: (version, _installed(name)) for name, version in wanted.items()}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _taken(plan: Plan) -> dict[str, tuple[int, str]]:
    return {
        name: (port, ports.holder(port).strip(" ()")) for name, port in plan.ports().items() if not ports.is_free(port)
    }


def _memory_free() -> int:
    found = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 if found else 0


def _owner_right(folder: Path) -> bool:
    if not folder.exists():
        return True
    owner = unprivileged_owner()
    return folder.stat().st_uid == (owner[0] if owner else os.geteuid())


def _schema_wanted() -> int | None:
    """Read, not imported: this package talks to the services over their doors."""
    found = re.search(
        r"^SCHEMA_VERSION = (\d+)",
        (house() / "shared" / "storage" / "database.py").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return int(found[1]) if found else None


def _schemas(data: Path) -> dict[str, int]:
    found = {}
    with contextlib.suppress(Trouble, OSError):
        stack = Stack.attach(data)
        for name in DATABASES:
            if f"{name.upper()}_DATABASE_URL" in stack.plan.external:
                continue  # its address has a password in it, which a command line would show
            words = ["-X", "-At", "-c", "SELECT version FROM schema_version", stack.database_url(name)]
            asked = subprocess.run([postgres.program("psql"), *words], capture_output=True, text=True, timeout=PATIENCE)
            if asked.returncode == 0 and asked.stdout.strip():  # no table yet: it was never opened
                found[name] = int(asked.stdout)
    return found


def _leftovers(data: Path) -> list[tuple[int, str]]:
    """Kafka and PostgreSQL servers whose command line names this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if f"{data}/postgres " in f"{command} " or f"{data}/kafka/server.properties" in command:
                found.append((int(process.name), command.split(" ", 1)[0].rpartition("/")[2]))
    return sorted(found)


def _newest(data: Path) -> datetime:
    """Of what every run writes: the folder's own files and its logs."""
    files = [*data.glob("*"), *(data / "log").glob("*")]
    return max((_time_of(file) for file in files), default=datetime.fromtimestamp(0, UTC))


def _time_of(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


def _unanswered(url: str) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url.rstrip('/')}/_lab/doors", timeout=PATIENCE) as answer:
            found: Any = json.load(answer)
        return "" if "portal" in found else "what answers there is not a portal"
    except OSError as error:
        return str(getattr(error, "reason", error))
    except ValueError:
        return "what answers there is not a portal"


def _endpoint() -> str:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or ""


def _closed(url: str) -> str:
    try:
        place = urlsplit(url)
        return _unconnected(place.hostname or "", place.port or (443 if place.scheme == "https" else 80))
    except ValueError as error:
        return str(error)
