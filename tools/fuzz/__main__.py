"""`python -m tools.fuzz`, run by `make fuzz`: generated requests against the four services of a new stack.

Schemathesis has an environment of its own (tools/fuzz/requirements.txt): it needs other versions of our libraries.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx
import typer

from lienthong.cli.command import run_command
from lienthong.client import Country
from lienthong.embedded import Trouble, ports
from lienthong.embedded.stack import Stack

# Service → the role that serves its API.
ROLES = {
    "portal": "portal-api",
    "province_gateway": "gateway-api",
    "identity_mock": "identity",
    "payment_mock": "payment",
}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
CONNECTORS = "connectors"  # the tag of their operations
# Its body is a PDF and nothing else, which Schemathesis cannot generate.
FILE_ONLY = "PUT /api/v1/provinces/{province}/dossiers/{code}/result"
NOBODY = "http://127.0.0.1:9/"  # a receiver that is not there
PHASES = "examples,coverage,fuzzing,stateful"
KNOWN = 0.8  # share of the requests with a value that exists
PATIENCE = ("wait", "timeout_seconds")  # seconds that a request may wait, up to 120
IMPATIENT = 0.95  # share of requests that do not wait
COUNTED = re.compile(r'lienthong_requests_total\{method="(\w+)",route="([^"]*)",status="(\d+)"\} (\S+)')


def fuzz(
    python: Annotated[Path, typer.Option(help="Python of the environment that has Schemathesis.")],
    examples: Annotated[int, typer.Option(help="Generated requests per operation and phase.", min=1)] = 200,
    seed: Annotated[int, typer.Option(help="Determines the requests.")] = 1,
    phases: Annotated[str, typer.Option(help="Phases of Schemathesis, with commas; coverage takes longest.")] = PHASES,
    service: Annotated[list[str] | None, typer.Option(help=f"Only this one of {', '.join(ROLES)}. Repeatable.")] = None,
) -> None:
    """Send generated requests to every operation of every service; exit status 1 if one breaks its document."""
    broken, python = [], python.absolute()  # it is started in another folder
    for name in service or ():
        if name not in ROLES:
            raise typer.BadParameter(f"'{name}' is none of {', '.join(ROLES)}.", param_hint="--service")
    with tempfile.TemporaryDirectory(prefix="lienthong-fuzz-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL runs as another user if we are root
        with Stack(home / "data", ports.free_base()) as stack:
            at_start = answered(stack)
            for name in service or ROLES:
                print(f"\n=== {name}", flush=True)
                if run_schemathesis(python, stack, name, examples, seed, phases, home):
                    broken.append(name)
            if "province_gateway" in (service or ROLES):
                print("\n=== province_gateway, as the connector of a province", flush=True)
                if run_schemathesis(python, stack, "province_gateway", examples, seed, phases, home, CONNECTORS):
                    broken.append(f"province_gateway ({CONNECTORS})")
            counts = answered(stack) - at_start
            asyncio.run(journey(stack))
    faults = {each: count for each, count in counts.items() if each.status.startswith("5")}
    print(f"\n{counts.total():,} requests answered, {sum(faults.values()):,} of them with 5xx.")
    for each, count in faults.items():
        print(f"  {each.service}: {each.method} {each.route}: {count} times {each.status}")
    print("A journey on the same stack afterwards reached its end.")
    if broken or faults:
        raise Trouble(f"Not as documented: {', '.join(broken) or 'the responses with 5xx'}; see above.")


def run_schemathesis(
    python: Path, stack: Stack, service: str, examples: int, seed: int, phases: str, home: Path, tag: str = ""
) -> int:
    """These phases over one service, in a new sandbox; returns the exit status of Schemathesis.

    tag  only operations with this one
    """
    url = stack.urls[ROLES[service]]
    document = httpx.get(f"{url}/openapi.json", timeout=60).raise_for_status().json()
    given = asyncio.run(prepare(stack, service, is_connector=tag == CONNECTORS))
    config = home / f"{service}.toml"
    config.write_text(configuration(document, given))
    options = {
        "checks": ",".join(CHECKS),
        "max-examples": examples,
        "seed": seed,
        "phases": phases,
        "request-timeout": 150,  # a wait takes up to 120
    }
    command = [python, "-m", "schemathesis.cli", "--config-file", config, "--no-color", "run", f"{url}/openapi.json"]
    arguments = [f"--{name}={value}" for name, value in options.items()]
    arguments += [f"--include-tag={tag}"] if tag else []
    arguments += [f"--exclude-name={FILE_ONLY}"] if service == "province_gateway" else []
    return subprocess.run(
        [*map(str, command), *arguments, "--continue-on-failure", "--generation-database=none"],
        cwd=home,
        env={**os.environ, **{_variable(name): value for name, value in given.headers.items()}},
        check=False,
    ).returncode


@dataclass(frozen=True)
class Given:
    """A sandbox with one dossier: header → credential, and parameter → value that exists.

    deleted_id  a sandbox that was deleted: what changes a whole sandbox meets this one
    """

    sandbox_id: str
    deleted_id: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]


async def prepare(stack: Stack, seed: str, *, is_connector: bool) -> Given:
    """A new sandbox with one submitted dossier. `is_connector`: its province is connected, and its key signs in."""
    async with Country(stack.urls["portal-api"]) as country:
        sandbox, deleted = await country.new_sandbox(seed=seed), await country.new_sandbox(seed=seed)
        await country.delete_sandbox(deleted.id)
        lan = sandbox.citizen("lan")
        dossier = await lan.submit("2.000635", province="37", commune="14464")
        key = (await sandbox.show())["api_key"]
        token = (await sandbox.connect("37", "webhook", url=NOBODY)).key if is_connector else lan.token
        headers = {"Authorization": token, "X-API-Key": key, **stack.internal_headers}
        return Given(
            sandbox.id, deleted.id, headers, {"sandbox": sandbox.id, "province": "37", "code": dossier["code"]}
        )


def configuration(document: Mapping[str, Any], given: Given) -> str:
    """Which credential belongs to which security scheme of the document, and known values of parameters."""
    lines = ["suppress-health-check = ['all']", "[headers]", f"X-Sandbox = '{given.sandbox_id}'"]
    known = {name: (f"'{value}'", KNOWN) for name, value in given.parameters.items()}
    for name, (value, probability) in {**known, **dict.fromkeys(PATIENCE, ("0", IMPATIENT))}.items():
        lines += [f"[dictionaries.{name}]", f"values = [{value}]"]
        lines += [f"[parameters.{name}]", f"dictionary = '{name}'", f"probability = {probability}"]
    names = {name.lower(): name for name in given.headers}
    for scheme, facts in document.get("components", {}).get("securitySchemes", {}).items():
        header = names.get(facts.get("name", "authorization").lower())
        kind = {"http": "bearer", "apiKey": "api_key"}.get(facts["type"])
        if header and kind:
            lines += [f"[auth.openapi.{scheme}]", f'{kind} = "${{{_variable(header)}}}"']
    for method in ("DELETE", "PUT"):  # these would end the sandbox, or give it another clock, for all that follow
        lines += [
            "[[operations]]",
            f"include-name = '{method} /_lab/sandboxes/{{sandbox}}'",
            f"parameters = {{sandbox = '{given.deleted_id}'}}",
        ]
    for method in ("DELETE", "POST"):  # these would replace the key of the connector
        lines += [
            "[[operations]]",
            f"include-name = '{method} /api/v1/provinces/{{province}}/connector'",
            "parameters = {province = '01'}",
        ]
    return "\n".join(lines)


class Answered(NamedTuple):
    service: str
    method: str
    route: str
    status: str


def answered(stack: Stack) -> Counter[Answered]:
    """How many requests the services have answered so far; some with 503, while the stack started."""
    counts = Counter[Answered]()
    for service, role in ROLES.items():
        text = httpx.get(f"{stack.urls[role]}/metrics", timeout=60).raise_for_status().text
        for method, route, status, count in COUNTED.findall(text):
            counts[Answered(service, method, route, status)] = int(float(count))
    return counts


async def journey(stack: Stack) -> None:
    """One dossier from submission to its end. Raises if the stack no longer works."""
    async with Country(stack.urls["portal-api"]) as country, country.sandbox(seed="after") as sandbox:
        lan = sandbox.citizen("lan")
        dossier = await lan.submit("1.001193", province="37", commune="14464")
        await sandbox.clock.advance("30d")
        await sandbox.wait_for(event="dossier.result_returned.v1", code=dossier["code"])


def _variable(header: str) -> str:
    return "FUZZ_" + header.upper().replace("-", "_")


if __name__ == "__main__":
    run_command(lambda: typer.run(fuzz))
