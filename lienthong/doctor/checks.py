"""What is wrong on a machine, why it matters, and the command that mends it: one pure function per question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from lienthong.doctor.machine import Machine

GIB = 1 << 30
DISK = 1 * GIB  # a new stack takes 90 MB; the rest is what the event log and Kafka write (docs/observability.md)
MEMORY = 1 * GIB  # a stack at rest takes 0.5 GB; Kafka may take 0.2, PostgreSQL's connections 0.2 more
OPEN_FILES = 1_024  # Kafka keeps 180 open at rest and three for each partition it writes, of which there are 72
SLACK = timedelta(minutes=2)  # between two clocks that agree


@dataclass(frozen=True)
class Finding:
    """One question and its answer.

    why, mend  only of what is wrong: why it matters, and the command that mends it
    """

    name: str
    what: str
    wrong: bool = False
    why: str = ""
    mend: str = ""

    def told(self) -> dict[str, Any]:
        return asdict(self)


def system(here: Machine) -> Finding:
    found = f"{here.platform} {'.'.join(map(str, here.kernel))}"
    if here.platform == "linux" and here.kernel >= (5, 3):
        return Finding("system", found)
    why = "Only Linux 5.3 or newer ends all processes of a stack with the stack."
    return Finding("system", found, True, why, "use Linux, a virtual machine or WSL 2; or `docker compose up`")


def python(here: Machine) -> Finding:
    found = f"Python {'.'.join(map(str, here.python))}"
    if here.python >= (3, 11):
        return Finding("python", found)
    return Finding("python", found, True, "The services need 3.11 or newer.", "make setup PYTHON=python3.11")


def packages(here: Machine) -> Finding:
    differing = [
        f"{name} {found or 'missing'}{f' instead of {wanted}' if wanted else ''}"
        for name, (wanted, found) in here.packages.items()
        if found is None or (wanted and found != wanted)
    ]
    if not differing:
        return Finding("packages", f"{len(here.packages)} packages as they were tested")
    more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
    mend = (
        "rm -f .venv/.installed .venv/requirements.txt && make setup"
        if here.from_repository
        else "pip install --upgrade lienthong"
    )
    why = "Everything was tried together in the pinned versions only."
    return Finding("packages", ", ".join(differing[:5]) + more, True, why, mend)


def java(here: Machine) -> Finding:
    if "kafka" in here.replaced:
        return Finding("java", "not needed: Kafka runs elsewhere")
    if here.java:
        return Finding("java", f"Java {here.java}")
    return Finding(
        "java", here.java_trouble, True, "Apache Kafka runs on it.", "apt-get install openjdk-17-jre-headless"
    )


def kafka_jars(here: Machine) -> Finding:
    if "kafka" in here.replaced:
        return Finding("kafka", "runs elsewhere")
    if here.jars:
        return Finding("kafka", "Apache Kafka is fetched")
    if here.maven:
        return Finding("kafka", "Apache Kafka is not fetched yet; the first start does it, by Maven")
    why = "Without Maven the first start cannot fetch Apache Kafka."
    return Finding("kafka", "Apache Kafka is not fetched, and there is no `mvn`", True, why, "apt-get install maven")


def free_ports(here: Machine) -> Finding:
    if not here.taken:
        return Finding("ports", "in use by the stack of this folder" if here.status else "all free")
    found = ", ".join(
        f"{port} ({name}) by {who or 'a process of another user'}" for name, (port, who) in here.taken.items()
    )
    if here.url and not here.url_trouble:
        return Finding("ports", f"taken: {found}; the country at {here.url} answers")
    why = "A stack cannot start where others listen."
    pids = " ".join(dict.fromkeys(who.rpartition("pid ")[2] for _, who in here.taken.values() if "pid " in who))
    stop = f", or stop them: kill {pids}" if pids else ""
    return Finding("ports", f"taken: {found}", True, why, f"lienthong up --port-base 20000{stop}")


def disk(here: Machine) -> Finding:
    found = f"{here.disk_free / GIB:.1f} GiB free"
    if here.disk_free >= DISK:
        return Finding("disk", found)
    why = "PostgreSQL stops when its disk is full, and every service with it."
    return Finding("disk", found, True, why, f"lienthong down --data {here.data}; lienthong reset --data {here.data}")


def memory(here: Machine) -> Finding:
    found = f"{here.memory_free / GIB:.1f} GiB available"
    if here.memory_free >= MEMORY or here.status is not None:  # what runs has what it needs
        return Finding("memory", found)
    why = "The kernel ends processes at random when memory runs out."
    return Finding("memory", found, True, why, "ps aux --sort=-rss | head   # and stop what you can spare")


def data_folder(here: Machine) -> Finding:
    if here.writable and (here.owner_right or "postgres" in here.replaced):
        return Finding("data", f"{here.data} can be written")
    if not here.writable:
        why = "Databases, broker and logs are kept there."
        return Finding("data", f"{here.data} cannot be written", True, why, "lienthong up --data ~/lienthong")
    why = "It was made by another user, as whom PostgreSQL does not run now; it refuses such a folder."
    return Finding(
        "data", f"{here.data}/postgres belongs to somebody else", True, why, f"lienthong reset --data {here.data}"
    )


def schema(here: Machine) -> Finding:
    if not here.schemas:
        return Finding("schema", "is looked at while a stack runs")
    other = {name: version for name, version in here.schemas.items() if version != here.schema_wanted}
    if not other:
        return Finding("schema", f"version {here.schema_wanted} in {', '.join(here.schemas)}")
    found = ", ".join(f"{name} has version {version}" for name, version in other.items())
    why = f"This software needs version {here.schema_wanted}; a service whose log says that it cannot start will not."
    logs = f"lienthong logs --level critical --data {here.data}"
    return Finding("schema", found, True, why, f"{logs}   # to begin anew: lienthong down, lienthong reset")


def stack(here: Machine) -> Finding:
    if here.status_trouble:
        why = "It holds its folder and its ports, and cannot be told anything."
        return Finding("stack", here.status_trouble, True, why, f"kill $(cat {here.data}/lock)")
    if here.status is None:
        return Finding("stack", f"none runs in {here.data}")
    late = [row for row in here.status["processes"] if not row["ready"]]
    if not late:
        return Finding("stack", f"all {len(here.status['processes'])} processes are ready")
    found = "; ".join(f"{row['name']} waits for {row['waiting_for']}" for row in late)
    why = "What waits answers every request with 503."
    return Finding("stack", found, True, why, f"lienthong logs {late[0]['name']} --level warning --data {here.data}")


def clock(here: Machine) -> Finding:
    found = f"{here.now:%Y-%m-%d %H:%M} UTC"
    latest = max(here.newest, here.installed)
    if here.now >= latest - SLACK:
        return Finding("clock", found)
    found += f", and a file here was written at {latest:%Y-%m-%d %H:%M}"
    why = "The clock went back: leases, timers and tokens seem valid long after their time."
    return Finding("clock", found, True, why, "timedatectl set-ntp true")


def letters(here: Machine) -> Finding:
    if here.encoding.lower().replace("-", "").replace("_", "") == "utf8":
        return Finding("letters", "UTF-8")
    why = "Vietnamese names cannot be printed."
    return Finding("letters", here.encoding, True, why, "export LANG=C.UTF-8")


def open_files(here: Machine) -> Finding:
    if "kafka" in here.replaced:
        return Finding("open files", "hardly any needed: Kafka runs elsewhere")
    if here.open_files < 0 or here.open_files >= OPEN_FILES:  # -1: no limit
        return Finding("open files", "no limit" if here.open_files < 0 else f"{here.open_files:,} per process")
    why = "Kafka ends when it may open no more."
    return Finding("open files", f"{here.open_files:,} per process", True, why, f"ulimit -n {4 * OPEN_FILES}")


def leftovers(here: Machine) -> Finding:
    if here.leftovers:
        found = ", ".join(f"{name} (pid {pid})" for pid, name in here.leftovers)
        why = f"They still work on the data of a stack in {here.data} that is gone."
        return Finding("leftovers", found, True, why, "kill " + " ".join(str(pid) for pid, _ in here.leftovers))
    if here.stale_lock:
        return Finding("leftovers", f"a lock of process {here.stale_lock}, which is gone; the next start replaces it")
    return Finding("leftovers", "none")


def servers(here: Machine) -> Finding:
    if here.servers_trouble:
        mend = f"unset {here.servers_trouble.partition(' ')[0]}   # or write it so"
        why = "`lienthong up` refuses to start with it."
        return Finding("servers elsewhere", here.servers_trouble, True, why, mend)
    places = {each: f"{each.name} at {each.door} ({', '.join(each.variables)})" for each in here.servers}
    silent = {each: trouble for each, trouble in here.servers.items() if trouble}
    if not silent:
        return Finding("servers elsewhere", "; ".join(places.values()) or "none is named")
    found = "; ".join(f"{places[each]}: {trouble}" for each, trouble in silent.items())
    why = "The services wait for them, and serve nobody meanwhile."
    variables = " ".join(name for each in silent for name in each.variables)
    mend = f"unset {variables}   # it then runs here; or start the server that is named, or name another"
    return Finding("servers elsewhere", found, True, why, mend)


def address(here: Machine) -> Finding:
    if not here.url_trouble:
        return Finding("LIENTHONG_URL", here.url or "not set")
    found = f"{here.url}: {here.url_trouble}"
    why = "Every verb that speaks to a country goes there."
    return Finding("LIENTHONG_URL", found, True, why, "unset LIENTHONG_URL   # or start the country that it names")


def traces(here: Machine) -> Finding:
    if not here.endpoint_trouble:
        return Finding("traces", f"sent to {here.endpoint}" if here.endpoint else "off")
    found = f"{here.endpoint}: {here.endpoint_trouble}"
    why = "Spans are thrown away, and each service says so in its log."
    return Finding("traces", found, True, why, "unset OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


CHECKS: tuple[Callable[[Machine], Finding], ...] = (
    *(system, python, packages, java, kafka_jars, free_ports, disk, memory, data_folder, schema, stack),
    *(clock, letters, open_files, leftovers, servers, address, traces),
)


def examine(here: Machine) -> list[Finding]:
    """Every question's answer, in the order in which one would mend them."""
    return [check(here) for check in CHECKS]
