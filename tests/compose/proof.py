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
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lienthong.client import Country as Client
from lienthong.client import Entry
from lienthong.embedded import ports

ROOT = Path(__file__).resolve().parents[2]
PROJECT = IMAGE = "lienthong-proof"
NAMES = ("PORTAL", "GATEWAY", "IDENTITY", "PAYMENT", "PORTAL_WORKER", "GATEWAY_WORKER")
USUAL = {
    **{name: 8000 + step for step, name in enumerate(NAMES)},
    "KAFKA": 9092,
    "KAFKA_OUTSIDE": 9094,
    "POSTGRES": 5432,
}
CALLERS = re.compile(r"LIENTHONG_|COMPOSE_|KAFKA_|\w+_DATABASE_")  # variables that would bend what is proven
OBEYED = {"kafka": 143}  # how a JVM ends that was asked to; everybody else: 0
ROLES = {"portal-api": "PORTAL", "portal-worker": "PORTAL", "identity": "IDENTITY", "payment": "PAYMENT"}
ROLES |= {"gateway-api": "PROVINCE_GATEWAY", "gateway-worker": "PROVINCE_GATEWAY"}
THIS_MACHINE = "host.docker.internal"  # as the containers call it; programs on it listen on the bridge's address
BRIDGE = "{{(index .IPAM.Config 0).Gateway}}"
LIST = ("ls", "/var/lib/lienthong/secrets")
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

    def __init__(self, access: Path) -> None:
        self.access = access
        taken = [port for port in USUAL.values() if not ports.is_free(port)]
        base = ports.free_base()
        others = {name: base + place for place, name in enumerate(USUAL)}
        self.ports = others if taken else USUAL
        bridge = run("docker", "network", "inspect", "bridge", "--format", BRIDGE, environment=os.environ).strip()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not CALLERS.match(name)},
            **{f"LIENTHONG_{name}_PORT": str(port) for name, port in self.ports.items()},
            "LIENTHONG_IMAGE": IMAGE,
            "LIENTHONG_URL": self.url("PORTAL"),
            "LIENTHONG_WEBHOOK_ALLOWED_HOSTS": THIS_MACHINE,
            "RECEIVER_ADDRESS": bridge,
            "RECEIVER_NAME": THIS_MACHINE,
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

    def sign_in(self) -> None:
        """Take over the passwords of the owner, as docs/compose.md says."""
        (self.access / "librdkafka.properties").write_text(self.secret("kafka", "librdkafka.properties"))
        self.environment |= {
            "LIENTHONG_ACCESS": str(self.access),
            "KAFKA_SASL_PASSWORD": self.secret("kafka", "KAFKA_SASL_PASSWORD"),
            "PGPASSWORD": self.secret("postgres", "POSTGRES_PASSWORD"),
        }

    def secret(self, service: str, name: str) -> str:
        return self.compose("exec", "-T", service, "cat", f"/run/lienthong/{name}")

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
    for words, hint in ((("docker", "version"), NO_DOCKER), (("docker", "compose", "version"), NO_COMPOSE)):
        if not shutil.which("docker") or subprocess.run(words, capture_output=True, check=False).returncode:
            raise NotProven(hint)


def comes_up_from_no_image(country: Country) -> None:
    begun = time.monotonic()
    country.compose("build", "--no-cache")
    built = time.monotonic() - begun
    seconds = built + country.up()
    say("from no image of ours to healthy", f"{seconds:.1f} s, of which {built:.1f} s build the image without cache")
    size = int(country.docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    say("image", f"{size / 1e6:.0f} MB")


def is_the_same_from_everywhere(country: Country) -> None:
    """Two addresses of everything, and behind both the same issuer, keys, topics and databases."""
    script = Path(__file__).with_name("look_around.py")
    kafka, postgres = (f"127.0.0.1:{country.ports[name]}" for name in ("KAFKA", "POSTGRES"))
    outside = (country.url("PORTAL"), country.url("IDENTITY"), kafka, f"lienthong@{postgres}")
    inside = ("http://portal-api:8000", "http://identity:8002", "kafka:29092", "lienthong@postgres:5432")
    stranger = json.loads(country.python(str(script), *outside))
    refused = {name: stranger[name] for name in ("topics", "databases")}
    if refused != {"topics": "KafkaConnectionError", "databases": "InvalidPasswordError"}:
        raise NotProven(f"without passwords: {refused}")
    country.sign_in()
    here = json.loads(country.python(str(script), *outside))
    passwords = ("--env", "KAFKA_SASL_PASSWORD", "--env", "PGPASSWORD")
    network = ("--network", f"{PROJECT}_default")
    words = ("run", "--rm", "--interactive", *network, *passwords, IMAGE, "python", "-", *inside)
    there = json.loads(country.docker(*words, given=script.read_bytes()))
    if here != there:
        raise NotProven(f"seen from this machine: {here}\nseen from a container: {there}")
    told = (here["issuer"], here["doors"]["issuer"], here["doors"]["kafka"], here["doors"]["kafka_outside"])
    connectors = f"127.0.0.1:{country.ports['KAFKA_OUTSIDE']}"
    if told != (country.url("IDENTITY"), country.url("IDENTITY"), kafka, connectors):
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


def shares_no_secret(country: Country) -> None:
    """Each container has the secrets of its own service, and its own database's address."""
    seen = {name: country.compose("exec", "-T", name, *LIST).split() for name in ROLES}
    for name, files in seen.items():
        urls = [file for file in files if file.endswith("_DATABASE_URL")]
        if urls != [f"{ROLES[name]}_DATABASE_URL"] or "POSTGRES_PASSWORD" in files:
            raise NotProven(f"{name} can read {files}")
    say("secrets in each container", "its own")


def stops_in_order(country: Country) -> None:
    running = {name for name, each in country.containers().items() if each["State"]["Running"]}
    begun = time.monotonic()
    country.compose("stop")
    seconds = time.monotonic() - begun
    codes = {name: each["State"]["ExitCode"] for name, each in country.containers().items() if name in running}
    if codes != {name: OBEYED.get(name, 0) for name in running} or seconds > STOP_SECONDS:
        raise NotProven(f"stopping took {seconds:.1f} s; exit statuses: {codes}")
    say("stopped by SIGTERM, each by itself", f"{seconds:.1f} s")


def told_of(url: str, sandbox_id: str = "", code: str = "") -> tuple[str, str, list[Entry]]:
    """The story of a dossier in a sandbox of its own; both are made anew where no `code` is given."""

    async def ask() -> tuple[str, str, list[Entry]]:
        async with Client(url) as client:
            here = client.enter(sandbox_id or (await client.create_sandbox(seed="kept"))["id"])
            dossier = code or (await here.citizen("lan").submit("1.001776", "37", "14464"))["code"]
            if not code:
                await here.clock.advance("30d")
            verdict = await here.settle()
            if verdict["verdict"] != "still":
                raise NotProven(f"it does not come to rest: {verdict}")
            return here.id, dossier, await here.timeline(dossier)

    return asyncio.run(ask())


def comes_up_alone_with_what_it_had(country: Country, sandbox_id: str, code: str, story: list[Entry]) -> None:
    """Containers and image gone, volumes kept: one command brings the country back."""
    country.compose("down")
    country.docker("image", "rm", "--force", IMAGE)
    seconds = country.up()
    again = told_of(country.url("PORTAL"), sandbox_id, code)[-1]
    if again != story:
        raise NotProven(f"before: {story}\nafter: {again}")
    told_of(country.url("PORTAL"))  # and life goes on
    say("`up` alone, image gone, volumes kept", f"{seconds:.1f} s; {len(story)} entries of a story as before")


def leaves_nothing(country: Country) -> None:
    country.compose("down", "--volumes")
    mine = ("--filter", f"label=com.docker.compose.project={PROJECT}", "--quiet")
    lists = ("container", "ls", "--all"), ("volume", "ls"), ("network", "ls")
    left = [country.docker(*words, *mine).split() for words in lists]
    if any(left):
        raise NotProven(f"left behind: {left}")
    say("`docker compose down -v`", "no container, volume or network left")


def prove() -> None:
    refuse_without_docker()
    with tempfile.TemporaryDirectory() as access:
        prove_of(Country(Path(access)))


def prove_of(country: Country) -> None:
    country.forget()
    try:
        comes_up_from_no_image(country)
        is_the_same_from_everywhere(country)
        shares_no_secret(country)
        serves_the_suite(country)
        kept = told_of(country.url("PORTAL"))
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
