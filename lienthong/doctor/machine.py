"""Facts about this machine, collected once; `checks.py` evaluates them."""

from __future__ import annotations

import contextlib
import json
import locale
import os
import re
import resource
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lienthong
from lienthong.addresses import address_fault
from lienthong.embedded import Trouble, elsewhere, in_repository, jars, ports, postgres, source_root
from lienthong.embedded.plan import DATABASES, Plan
from lienthong.embedded.processes import unprivileged_owner
from lienthong.embedded.stack import Stack, Status, lock_pid, running

PATIENCE = 3.0  # seconds to wait for each reply


@dataclass(frozen=True)
class Machine:
    """Facts about a machine; the defaults describe a healthy one.

    packages     name → (pinned version or "" for any, installed version or None)
    java         version; if empty, java_trouble has the reason
    taken        name → (port, process) of needed ports that another program uses; empty while the stack runs
    blocked      role → port of those needed ports that browsers do not call
    disk_free    free bytes on the disk of the data folder; memory_free: bytes available to programs
    owner_right  whether PostgreSQL's files belong to the user it would run as now
    schemas      database → version of its tables; empty if no database runs
    status       status of the stack in the data folder; None if none runs; status_trouble: why it does not answer
    stale_lock   pid in the lock of a stack that has ended
    leftovers    (pid, command) of processes that still use the data of a stack that has ended
    newest       time of the newest file in the data folder; installed: file time of this software
    replaced     parts (kafka, postgres) for which external servers are configured
    servers      external server → why it accepts no connection, or empty; servers_trouble: error in the configuration
    url          LIENTHONG_URL; url_trouble: why it does not work; endpoint, endpoint_trouble: the same for OTLP
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
    blocked: Mapping[str, int] = field(default_factory=dict)
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
    """Facts about this machine for a stack in `data` with ports from `port_base`; usually takes less than a second."""
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
        from_repository=in_repository(),
        java=version,
        java_trouble=java_trouble,
        maven=shutil.which("mvn") is not None,
        jars=(jars.folder() / "lib").is_dir(),
        taken={} if alive else _taken(plan),
        blocked=ports.blocked(plan.web_ports()),
        disk_free=shutil.disk_usage(existing).free,
        memory_free=_memory_free(),
        data=data,
        writable=_can_write(existing),
        owner_right=_owner_right(data / "postgres"),
        schema_wanted=postgres.schema_version(),
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
        servers={server: _why_silent(server.addresses) for server in elsewhere.servers(external)},
        servers_trouble=servers_trouble,
        url=url,
        url_trouble=_portal_error(url) if url else "",
        endpoint=endpoint,
        endpoint_trouble=_endpoint_error(endpoint) if endpoint else "",
    )


def _external(data: Path, alive: bool) -> tuple[Mapping[str, str], str]:
    """Variables that name external servers, of the running stack or of the environment; and the error if one is invalid."""
    try:
        return Stack.attach(data).plan.external if alive else elsewhere.named(os.environ), ""
    except Trouble as trouble:
        return {}, str(trouble)


def _why_silent(addresses: Sequence[tuple[str, int]]) -> str:
    """Why none of these addresses accepts a connection; empty if one does, or if there are none."""
    trouble = ""
    for address in addresses:
        trouble = _connection_error(*address)
        if not trouble:
            return ""
    return trouble


def _connection_error(host: str, port: int) -> str:
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
    return source_root() / "requirements.txt"


def _packages() -> dict[str, tuple[str, str | None]]:
    """Pinned and installed versions: in the repository from requirements.txt, else from the wheel's metadata."""
    if in_repository():
        pinned = dict(
            re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", _pinned().read_text(encoding="utf-8"), re.MULTILINE)
        )
    else:
        requirements = metadata.requires("lienthong") or []
        pinned = {
            re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]: "" for each in requirements
        }  # with those of [stack]
    return {name: (version, _installed(name)) for name, version in pinned.items()}


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
    match = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return int(match[1]) * 1024 if match else 0


def _can_write(folder: Path) -> bool:
    """Tried, not asked: for root every folder says yes, also a read-only one."""
    try:
        tempfile.TemporaryDirectory(dir=folder).cleanup()
    except OSError:
        return False
    return True


def _owner_right(folder: Path) -> bool:
    if not folder.exists():
        return True
    owner = unprivileged_owner()
    return folder.stat().st_uid == (owner[0] if owner else os.geteuid())


def _schemas(data: Path) -> dict[str, int]:
    versions: dict[str, int] = {}
    with contextlib.suppress(Trouble, OSError):
        stack = Stack.attach(data)
        for name in DATABASES:
            if f"{name.upper()}_DATABASE_URL" in stack.plan.external:
                continue  # its administrator's
            with contextlib.suppress(Trouble, IndexError):  # no table yet: no service has used this database
                rows = postgres.psql(stack.plan, "SELECT version FROM schema_version", database=name, role=name)
                versions[name] = int(rows[0])
    return versions


def _leftovers(data: Path) -> list[tuple[int, str]]:
    """Kafka and PostgreSQL servers whose command line names this folder."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if f"{data}/postgres " in f"{command} " or f"{data}/kafka/server.properties" in command:
                processes.append((int(process.name), command.split(" ", 1)[0].rpartition("/")[2]))
    return sorted(processes)


def _newest(data: Path) -> datetime:
    """Time of the newest file that every run writes: the folder's files and its logs."""
    files = [*data.glob("*"), *(data / "log").glob("*")]
    return max((_time_of(file) for file in files), default=datetime.fromtimestamp(0, UTC))


def _time_of(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


def _portal_error(url: str) -> str:
    if fault := address_fault(url):
        return fault
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url.rstrip('/')}/_lab/doors", timeout=PATIENCE) as response:
            doors: Any = json.load(response)
        return "" if "portal" in doors else "it is not a portal"
    except OSError as error:
        return str(getattr(error, "reason", error))
    except ValueError:
        return "it is not a portal"


def _endpoint() -> str:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or ""


def _endpoint_error(url: str) -> str:
    try:
        parts = urlsplit(url)
        return _connection_error(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError as error:
        return str(error)
