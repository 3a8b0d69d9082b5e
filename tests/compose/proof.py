"""Proves that docker-compose.yml really comes up, serves the e2e suite, keeps its data and leaves nothing behind.

    python -m tests.compose.proof [options of pytest]
    make compose-proof ARGS="…"         the same, after the commands in COMPOSE_PROOF_PREPARE if that is set

It needs an engine that runs and the Compose plugin; it builds an image of its own and works in a project of its own, on the
documented ports or, where one of them is taken, on others. Exit status 0: everything below was seen.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.client import Country as Client
from lienthong.client import Entry
from lienthong.embedded import ports

ROOT = Path(__file__).resolve().parents[2]
PROJECT = IMAGE = "lienthong-proof"
NAMES = ("PORTAL", "GATEWAY", "IDENTITY", "PAYMENT", "PORTAL_WORKER", "GATEWAY_WORKER")
USUAL = {**{name: 8000 + step for step, name in enumerate(NAMES)}, "KAFKA": 9092, "POSTGRES": 5432}
CALLERS = re.compile(r"LIENTHONG_|COMPOSE_|KAFKA_|\w+_DATABASE_")  # variables that would bend what is proven
OBEYED = {"kafka": 143}  # how a JVM ends that was asked to; everybody else: 0
STOP_SECONDS = 10.0  # docker itself would kill after that
NO_DOCKER = """\
No docker engine answers, so nothing was proven. Start Docker, or name one with DOCKER_HOST. COMPOSE_PROOF_PREPARE may hold
shell commands that do so; they run first, and what they export counts."""
NO_COMPOSE = "`docker compose` is missing: install Docker's Compose plugin, version 2.24 or newer."


class NotProven(Exception):
    """What was seen is not what was promised."""


def say(what: str, seen: object) -> None:
    print(f"{what:<58} {seen}", flush=True)


def run(*words: str, environment: Mapping[str, str], given: bytes | None = None) -> str:
    """What a command prints. Raises NotProven with its last words if it fails."""
    done = subprocess.run(words, cwd=ROOT, env=environment, input=given, capture_output=True, check=False)
    if done.returncode:
        told = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        raise NotProven("\n".join([f"{' '.join(words)[:200]} ended with {done.returncode}:", *told[-60:]]))
    return done.stdout.decode()


class Country:
    """The project on its ports."""

    def __init__(self) -> None:
        taken = [port for port in USUAL.values() if not ports.is_free(port)]
        base = ports.free_base()
        others = {name: base + place for place, name in enumerate(USUAL)}
        self.ports = others if taken else USUAL
        self.environment = {
            **{name: value for name, value in os.environ.items() if not CALLERS.match(name)},
            **{f"LIENTHONG_{name}_PORT": str(port) for name, port in self.ports.items()},
            "LIENTHONG_IMAGE": IMAGE,
            "LIENTHONG_URL": self.url("PORTAL"),
        }
        say("ports", f"{', '.join(map(str, self.ports.values()))}" + (f" ({taken[0]} was taken)" if taken else ""))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def docker(self, *words: str, given: bytes | None = None) -> str:
        return run("docker", *words, environment=self.environment, given=given)

    def compose(self, *words: str) -> str:
        return self.docker("compose", "--project-name", PROJECT, *words)

    def up(self) -> float:
        """The seconds until everything is healthy; who is not has his last words printed."""
        begun = time.monotonic()
        try:
            self.compose("up", "--detach", "--wait")
        except NotProven:
            print(self.compose("ps", "--all"), self.compose("logs", "--tail", "15", "--no-color"), file=sys.stderr)
            raise
        return time.monotonic() - begun

    def python(self, *words: str) -> str:
        return run(sys.executable, *words, environment=self.environment)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What docker knows of every container of ours, by service."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(self.docker("inspect", *ids)) if ids else []
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def forget(self) -> None:
        """Take everything away: containers, volumes, network and image."""
        self.compose("down", "--volumes", "--remove-orphans")
        if self.docker("image", "ls", "--quiet", IMAGE).strip():
            self.docker("image", "rm", "--force", IMAGE)


def refuse_without_docker() -> None:
    if (
        not shutil.which("docker")
        or subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False
        ).returncode
    ):
        raise NotProven(NO_DOCKER)
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        raise NotProven(NO_COMPOSE)


def comes_up_from_no_image(country: Country) -> None:
    begun = time.monotonic()
    country.compose("build", "--no-cache")
    built = time.monotonic() - begun
    seconds = built + country.up()
    say("from no image of ours to healthy", f"{seconds:.1f} s, of which {built:.1f} s build the image without cache")
    whole, below = (megabytes(country, name) for name in (IMAGE, base()))
    say("image", f"{whole} MB" + (f", of which {whole - below} MB are ours; {base()} is {below} MB" if below else ""))


def megabytes(country: Country, image: str) -> int:
    """Size of an image; 0 if the engine does not list it, as some builders keep a base image to themselves."""
    there = country.docker("image", "ls", "--quiet", image).strip()
    return round(int(country.docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6) if there else 0


def base() -> str:
    """The last image that the Dockerfile begins from."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return str(re.findall(r"^FROM (\S+)", text, re.MULTILINE)[-1])


def is_confined(country: Country) -> None:
    loose = []
    containers = country.containers()
    for name, each in containers.items():
        host, user = each["HostConfig"], each["Config"]["User"]
        addresses = {way["HostIp"] for ways in (host["PortBindings"] or {}).values() for way in ways}
        if user.partition(":")[0] in ("", "0", "root") or not host["ReadonlyRootfs"] or host["CapDrop"] != ["ALL"]:
            loose.append(name)
        if addresses - {"127.0.0.1"}:
            loose.append(f"{name} at {addresses}")
    if loose:
        raise NotProven(f"not confined: {', '.join(loose)}")
    say("non-root, read-only, no capabilities, 127.0.0.1 only", f"all {len(containers)} containers")


def is_the_same_from_everywhere(country: Country) -> None:
    """Two addresses of everything, and behind both the same issuer, keys, topics and databases."""
    script = Path(__file__).with_name("look_around.py")
    kafka, postgres = (f"127.0.0.1:{country.ports[name]}" for name in ("KAFKA", "POSTGRES"))
    outside = (country.url("PORTAL"), country.url("IDENTITY"), kafka, f"lienthong@{postgres}")
    inside = ("http://portal-api:8000", "http://identity:8002", "kafka:29092", "lienthong@postgres:5432")
    here = json.loads(country.python(str(script), *outside))
    words = ("run", "--rm", "--interactive", "--network", f"{PROJECT}_default", IMAGE, "python", "-", *inside)
    there = json.loads(country.docker(*words, given=script.read_bytes()))
    if here != there:
        raise NotProven(f"seen from this machine: {here}\nseen from a container: {there}")
    told = (here["issuer"], here["doors"]["issuer"], here["doors"]["kafka"])
    if told != (country.url("IDENTITY"), country.url("IDENTITY"), kafka):
        raise NotProven(f"the addresses told are {told}")
    say("issuer, keys, topics, databases: host = container", f"{here['issuer']}, {len(here['topics'])} topics")


def serves_the_suite(country: Country) -> None:
    words = sys.argv[1:]
    told = country.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e", *words).strip().splitlines()
    say(f"e2e suite against it{' with ' if words else ''}{' '.join(words)}", told[-1].strip("= "))
    if not re.search(r"\d+ passed", told[-1]):
        raise NotProven("no test passed")
    reports = json.loads(country.python("-m", "lienthong.cli.main", "demo", "--json"))
    say("`lienthong demo` from this machine", f"{len(reports)} journeys ended as they were meant to")


def memory(country: Country) -> None:
    names = [each["Name"].lstrip("/") for each in country.containers().values() if each["State"]["Running"]]
    lines = country.docker("stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *names).splitlines()
    for name, used in sorted(line.split("\t") for line in lines):
        say(f"memory after the suite: {name.removeprefix(PROJECT + '-')}", used.partition(" /")[0])


def stops_in_order(country: Country) -> None:
    running = {name for name, each in country.containers().items() if each["State"]["Running"]}
    begun = time.time()
    country.compose("stop")
    seconds = time.time() - begun
    ended = {name: each["State"] for name, each in country.containers().items() if name in running}
    after = {name: datetime.fromisoformat(state["FinishedAt"]).timestamp() - begun for name, state in ended.items()}
    say(
        "stopped by SIGTERM",
        f"{seconds:.1f} s: " + ", ".join(f"{name} {after[name]:.1f}" for name in sorted(after, key=after.__getitem__)),
    )
    rude = {name: state["ExitCode"] for name, state in ended.items() if state["ExitCode"] != OBEYED.get(name, 0)}
    if rude or seconds > STOP_SECONDS:
        raise NotProven(f"did not end by themselves: {rude}" if rude else f"stopping took {seconds:.1f} s")
    say("exit status", "0 of every service and of PostgreSQL; 143 of Kafka, as a JVM says that it obeyed")


def told_of(url: str, sandbox: str = "", code: str = "") -> tuple[str, str, list[Entry]]:
    """The story of a dossier in a sandbox of its own; both are made anew where no `code` is given."""

    async def ask() -> tuple[str, str, list[Entry]]:
        async with Client(url) as client:
            here = client.enter(sandbox or (await client.create_sandbox(seed="kept"))["id"])
            dossier = code or (await here.citizen("lan").submit("1.001776", "37", "14464"))["code"]
            if not code:
                await here.clock.advance("30d")
            verdict = await here.settle()
            if verdict["verdict"] != "still":
                raise NotProven(f"it does not come to rest: {verdict}")
            return here.id, dossier, await here.timeline(dossier)

    return asyncio.run(ask())


def comes_up_alone_with_what_it_had(country: Country, sandbox: str, code: str, story: list[Entry]) -> None:
    """Containers and image gone, volumes kept: one command brings the country back."""
    country.compose("down")
    country.docker("image", "rm", "--force", IMAGE)
    seconds = country.up()
    again = told_of(country.url("PORTAL"), sandbox, code)[-1]
    if again != story:
        raise NotProven(f"before: {story}\nafter: {again}")
    told_of(country.url("PORTAL"))  # and life goes on
    say(
        "`up` alone, containers and image gone, volumes kept",
        f"{seconds:.1f} s; {len(story)} entries of a story as before",
    )


def leaves_nothing(country: Country) -> None:
    country.compose("down", "--volumes")
    mine = ("--filter", f"label=com.docker.compose.project={PROJECT}", "--quiet")
    left = [
        country.docker(kind, "ls", *more, *mine).split()
        for kind, *more in (("container", "--all"), ("volume",), ("network",))
    ]
    if any(left):
        raise NotProven(f"left behind: {left}")
    say("`docker compose down -v`", "no container, volume or network left")


def prove() -> None:
    refuse_without_docker()
    country = Country()
    country.forget()
    try:
        comes_up_from_no_image(country)
        is_confined(country)
        is_the_same_from_everywhere(country)
        serves_the_suite(country)
        kept = told_of(country.url("PORTAL"))
        memory(country)
        stops_in_order(country)
        comes_up_alone_with_what_it_had(country, *kept)
        leaves_nothing(country)
    finally:
        country.forget()


if __name__ == "__main__":
    try:
        prove()
    except NotProven as reason:
        sys.exit(f"NOT PROVEN. {reason}")
    print("Proven.")
