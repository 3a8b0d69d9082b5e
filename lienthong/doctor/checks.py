"""Checks of a machine: what is wrong, why it matters, and the command that fixes it. One pure function per check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from lienthong.doctor.machine import Machine

GIB = 1 << 30
DISK = 1 * GIB  # a new stack takes 90 MB; the rest is for the event log and Kafka (docs/observability.md)
MEMORY = 1 * GIB  # an idle stack takes 0.5 GB; Kafka can take 0.2 GB more, PostgreSQL's connections 0.2 GB
OPEN_FILES = 1_024  # an idle Kafka has 180 open files, plus three for each of the 72 partitions it writes
SLACK = timedelta(minutes=2)  # allowed difference between file times and the clock


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    why, fix  only if wrong: why it matters, and the command that fixes it
    """

    name: str
    what: str
    wrong: bool = False
    why: str = ""
    fix: str = ""

    def as_json(self) -> dict[str, Any]:
        facts = asdict(self)
        facts["mend"] = facts.pop("fix")
        return facts


def system(machine: Machine) -> Finding:
    text = f"{machine.platform} {'.'.join(map(str, machine.kernel))}"
    if machine.platform == "linux" and machine.kernel >= (5, 3):
        return Finding("system", text)
    why = "Only Linux 5.3 or newer ends all processes of a stack with the stack."
    return Finding("system", text, True, why, "use Linux, a virtual machine or WSL 2; or `docker compose up`")


def python(machine: Machine) -> Finding:
    text = f"Python {'.'.join(map(str, machine.python))}"
    if machine.python >= (3, 11):
        return Finding("python", text)
    fix = (
        "make setup PYTHON=python3.11"
        if machine.from_repository
        else "python3.11 -m venv venv && venv/bin/pip install lienthong"
    )
    return Finding("python", text, True, "The services need 3.11 or newer.", fix)


def packages(machine: Machine) -> Finding:
    differing = [
        f"{name} {installed or 'missing'}{f' instead of {pinned}' if pinned else ''}"
        for name, (pinned, installed) in machine.packages.items()
        if installed is None or (pinned and installed != pinned)
    ]
    if not differing:
        return Finding("packages", f"{len(machine.packages)} packages in the tested versions")
    more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
    fix = (
        "rm -f .venv/.installed .venv/requirements.txt && make setup"
        if machine.from_repository
        else "pip install --upgrade 'lienthong[stack]'"
    )
    why = "Only the pinned versions were tested together."
    return Finding("packages", ", ".join(differing[:5]) + more, True, why, fix)


def java(machine: Machine) -> Finding:
    if "kafka" in machine.replaced:
        return Finding("java", "not needed: Kafka runs elsewhere")
    if machine.java:
        return Finding("java", f"Java {machine.java}")
    return Finding(
        "java", machine.java_trouble, True, "Apache Kafka needs it.", "apt-get install openjdk-17-jre-headless"
    )


def kafka_jars(machine: Machine) -> Finding:
    if "kafka" in machine.replaced:
        return Finding("kafka", "runs elsewhere")
    if machine.jars:
        return Finding("kafka", "Apache Kafka is downloaded")
    if machine.maven:
        return Finding("kafka", "Apache Kafka is not downloaded yet; the first start does it with Maven")
    why = "Without Maven the first start cannot download Apache Kafka."
    return Finding("kafka", "Apache Kafka is not downloaded, and there is no `mvn`", True, why, "apt-get install maven")


def free_ports(machine: Machine) -> Finding:
    if machine.blocked:
        text = ", ".join(f"{port} ({role})" for role, port in machine.blocked.items())
        return Finding(
            "ports",
            f"blocked: {text}",
            True,
            "Browsers and Node call no server there.",
            "lienthong up --port-base 20000",
        )
    if not machine.taken:
        return Finding("ports", "in use by the stack of this folder" if machine.status else "all free")
    text = ", ".join(
        f"{port} ({name}) by {who or 'a process of another user'}" for name, (port, who) in machine.taken.items()
    )
    if machine.url and not machine.url_trouble:
        return Finding("ports", f"taken: {text}; the country at {machine.url} answers")
    why = "A stack cannot start if other programs use its ports."
    pids = " ".join(dict.fromkeys(who.rpartition("pid ")[2] for _, who in machine.taken.values() if "pid " in who))
    stop = f", or stop them: kill {pids}" if pids else ""
    return Finding("ports", f"taken: {text}", True, why, f"lienthong up --port-base 20000{stop}")


def disk(machine: Machine) -> Finding:
    text = f"{machine.disk_free / GIB:.1f} GiB free"
    if machine.disk_free >= DISK:
        return Finding("disk", text)
    why = "PostgreSQL stops when its disk is full, and every service with it."
    return Finding(
        "disk", text, True, why, f"lienthong down --data {machine.data}; lienthong reset --data {machine.data}"
    )


def memory(machine: Machine) -> Finding:
    text = f"{machine.memory_free / GIB:.1f} GiB available"
    if machine.memory_free >= MEMORY or machine.status is not None:  # a running stack already has its memory
        return Finding("memory", text)
    why = "The kernel ends processes at random when memory runs out."
    return Finding("memory", text, True, why, "ps aux --sort=-rss | head   # and stop programs that you do not need")


def data_folder(machine: Machine) -> Finding:
    if machine.writable and (machine.owner_right or "postgres" in machine.replaced):
        return Finding("data", f"{machine.data} can be written")
    if not machine.writable:
        why = "Databases, broker and logs are kept there."
        return Finding("data", f"{machine.data} cannot be written", True, why, "lienthong up --data ~/lienthong")
    why = "It belongs to another user than the one PostgreSQL would run as now; PostgreSQL refuses such a folder."
    return Finding(
        "data", f"{machine.data}/postgres belongs to another user", True, why, f"lienthong reset --data {machine.data}"
    )


def schema(machine: Machine) -> Finding:
    if not machine.schemas:
        return Finding("schema", "can be checked only while a stack runs")
    other = {name: version for name, version in machine.schemas.items() if version != machine.schema_wanted}
    if not other:
        return Finding("schema", f"version {machine.schema_wanted} in {', '.join(machine.schemas)}")
    text = ", ".join(f"{name} has version {version}" for name, version in other.items())
    why = (
        f"This software needs version {machine.schema_wanted}. A service that cannot migrate its tables does not start."
    )
    logs = f"lienthong logs --level critical --data {machine.data}"
    return Finding("schema", text, True, why, f"{logs}   # to delete all data: lienthong down, lienthong reset")


def stack(machine: Machine) -> Finding:
    if machine.status_trouble:
        why = "It uses its folder and its ports but does not answer."
        return Finding("stack", machine.status_trouble, True, why, f"kill $(cat {machine.data}/lock)")
    if machine.status is None:
        return Finding("stack", f"none runs in {machine.data}")
    late = [row for row in machine.status["processes"] if not row["ready"]]
    if not late:
        return Finding("stack", f"all {len(machine.status['processes'])} processes are ready")
    text = "; ".join(f"{row['name']} waits for {row['waiting_for']}" for row in late)
    why = "A process that waits answers every request with 503."
    return Finding("stack", text, True, why, f"lienthong logs {late[0]['name']} --level warning --data {machine.data}")


def clock(machine: Machine) -> Finding:
    text = f"{machine.now:%Y-%m-%d %H:%M} UTC"
    latest = max(machine.newest, machine.installed)
    if machine.now >= latest - SLACK:
        return Finding("clock", text)
    text += f", but a file in the data folder or package is from {latest:%Y-%m-%d %H:%M}"
    why = "The clock went back: leases, timers and tokens seem valid although they have expired."
    return Finding("clock", text, True, why, "timedatectl set-ntp true")


def letters(machine: Machine) -> Finding:
    if machine.encoding.lower().replace("-", "").replace("_", "") == "utf8":
        return Finding("letters", "UTF-8")
    why = "Vietnamese names cannot be printed."
    return Finding("letters", machine.encoding, True, why, "export LANG=C.UTF-8")


def open_files(machine: Machine) -> Finding:
    if "kafka" in machine.replaced:
        return Finding("open files", "few needed: Kafka runs elsewhere")
    if machine.open_files < 0 or machine.open_files >= OPEN_FILES:  # -1: no limit
        return Finding("open files", "no limit" if machine.open_files < 0 else f"{machine.open_files:,} per process")
    why = "Kafka stops when it reaches the limit."
    return Finding("open files", f"{machine.open_files:,} per process", True, why, f"ulimit -n {4 * OPEN_FILES}")


def leftovers(machine: Machine) -> Finding:
    if machine.leftovers:
        text = ", ".join(f"{name} (pid {pid})" for pid, name in machine.leftovers)
        why = f"They still use the data of a stack in {machine.data} that has ended."
        return Finding("leftovers", text, True, why, "kill " + " ".join(str(pid) for pid, _ in machine.leftovers))
    if machine.stale_lock:
        return Finding(
            "leftovers", f"a lock of process {machine.stale_lock}, which has ended; the next start replaces it"
        )
    return Finding("leftovers", "none")


def servers(machine: Machine) -> Finding:
    if machine.servers_trouble:
        fix = f"unset {machine.servers_trouble.partition(' ')[0]}   # or correct it"
        why = "`lienthong up` does not start with this value."
        return Finding("servers elsewhere", machine.servers_trouble, True, why, fix)
    descriptions = {each: f"{each.name} at {each.shown_as} ({', '.join(each.variables)})" for each in machine.servers}
    silent = {each: trouble for each, trouble in machine.servers.items() if trouble}
    if not silent:
        return Finding("servers elsewhere", "; ".join(descriptions.values()) or "none")
    text = "; ".join(f"{descriptions[each]}: {trouble}" for each, trouble in silent.items())
    why = "The services wait for these servers and answer no requests until then."
    variables = " ".join(name for each in silent for name in each.variables)
    fix = f"unset {variables}   # then the stack starts its own; or start that server, or name another one"
    return Finding("servers elsewhere", text, True, why, fix)


def address(machine: Machine) -> Finding:
    if not machine.url_trouble:
        return Finding("LIENTHONG_URL", machine.url or "not set")
    text = f"{machine.url}: {machine.url_trouble}"
    why = "All commands use this address."
    return Finding("LIENTHONG_URL", text, True, why, "unset LIENTHONG_URL   # or start the services at this address")


def traces(machine: Machine) -> Finding:
    if not machine.endpoint_trouble:
        return Finding("traces", f"sent to {machine.endpoint}" if machine.endpoint else "off")
    text = f"{machine.endpoint}: {machine.endpoint_trouble}"
    why = "Spans are lost, and each service writes this to its log."
    return Finding("traces", text, True, why, "unset OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


NEEDED = (system, python, packages, java, kafka_jars, free_ports, disk, memory, data_folder, schema, stack)
BESIDE = (clock, letters, open_files, leftovers, servers, address, traces)
CHECKS: tuple[Callable[[Machine], Finding], ...] = (*NEEDED, *BESIDE)


def examine(machine: Machine) -> list[Finding]:
    """Results of all checks, in the order in which problems should be fixed."""
    return [check(machine) for check in CHECKS]
