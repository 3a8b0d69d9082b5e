"""`lienthong up | status | down | reset`: start, inspect, stop and delete the embedded stack."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli.command import DEFAULT_URL, ask, print_table
from lienthong.embedded import Trouble
from lienthong.shown import shown

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.embedded.stack import Stack, Status

Data = Annotated[Path, typer.Option("--data", help="Folder of databases, broker, logs and secrets.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
DEFAULT_DATA = Path(".lienthong")


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command()(up)
    app.command()(status)
    app.command()(down)
    app.command("reset")(reset_data)


def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything is ready; the stack keeps running.")
    ] = False,
    port_base: Annotated[
        int | None,
        typer.Option(
            "--port-base", min=1024, max=65526, help="Use ten ports from here instead of 8000–8005, 9092–9094, 5432."
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Start PostgreSQL, Kafka and every service, and print their addresses; Ctrl-C stops everything.

    With --detach, a stack that already runs in the folder is left running, and its addresses are printed.
    """
    from lienthong.cli import signals
    from lienthong.embedded import elsewhere
    from lienthong.embedded.stack import Stack, running

    if detach and running(data.absolute()) and _is_same(running_stack := Stack.attach(data.absolute()), port_base):
        running_stack.wait_ready(_to_stderr)
        _show(_status_of(running_stack), as_json, None)
        return
    stack = Stack(data, port_base, detached=detach, external=elsewhere.named(os.environ))
    ready = False
    with signals.as_interrupt():
        try:
            seconds = stack.start(_to_stderr)
            ready = True
            _show(stack.status(), as_json, seconds)
            if not detach:
                _follow(stack)
        except KeyboardInterrupt:
            _to_stderr("Stopping: services first, then Kafka and PostgreSQL.")
            stack.stop()
            if not ready:
                raise Trouble("Interrupted while starting; everything is stopped again.") from None


def status(
    data: Data = DEFAULT_DATA,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="LIENTHONG_URL",
            help="Portal of a country that runs elsewhere, such as in containers; --data has precedence.",
            metavar="URL",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Show each process, what it waits for, and how much data is kept; exit status 1 unless all are ready."""
    from lienthong.embedded.stack import Stack, lock_pid, running

    folder = data.absolute()
    if url and data == DEFAULT_DATA and not _runs_at(url, folder):
        _show_remote(url, as_json)
        return
    if not running(folder):
        if as_json:
            print(json.dumps({"running": False, "ready": False, "data": str(folder), "processes": []}))
        elif holder := lock_pid(folder):
            print(f"Not running in {folder}: process {holder} ended without cleaning up. `lienthong up` starts again.")
        else:
            print(f"Not running in {folder}. `lienthong up` starts it.")
        raise typer.Exit(1)
    from lienthong.cli import sizes
    from lienthong.embedded.plan import ROLES

    stack = Stack.attach(folder)
    now = _status_of(stack)
    urls = {role.name: stack.urls[role.name] for role in ROLES if role.api} if "services" in stack.plan.parts else {}
    _show({**now, **sizes.facts(urls, folder)}, as_json, None)
    if not now["ready"]:
        raise typer.Exit(1)


def down(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Stop the stack that runs in a folder; its data stays."""
    from lienthong.embedded.stack import Stack, running

    folder = data.absolute()
    was_running = running(folder)
    if was_running:
        Stack.attach(folder).stop()
    if as_json:
        print(json.dumps({"stopped": was_running, "data": str(folder)}))
    else:
        print(f"Stopped; the data stays in {folder}." if was_running else f"Nothing was running in {folder}.")


def reset_data(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Delete databases, broker data, logs and secrets of a stopped stack; downloads stay in the user's cache."""
    from lienthong.embedded.stack import reset

    names = reset(data)
    if as_json:
        print(json.dumps({"deleted": names, "data": str(data.absolute())}))
    else:
        print(
            f"Deleted from {data.absolute()}: {', '.join(names)}."
            if names
            else f"Nothing to delete in {data.absolute()}."
        )


def _is_same(stack: Stack, port_base: int | None) -> bool:
    """Whether a running stack is what the options ask for."""
    return port_base in (None, stack.plan.port_base)


def _runs_at(url: str, folder: Path) -> bool:
    """Whether `url` is the stack of this folder: its supervisor gives more details than the HTTP APIs."""
    from lienthong.embedded.stack import Stack, running

    return running(folder) and Stack.attach(folder).urls["portal-api"] == url.rstrip("/")


def _show_remote(url: str, as_json: bool) -> None:
    """Show a country that runs elsewhere: each role's address and what it waits for. Exit status 1 unless all are ready."""
    rows = ask(url, _remote_rows, as_json, parallel=True)
    ready = all(row["ready"] for row in rows)
    if as_json:
        print(json.dumps({"running": True, "ready": ready, "url": url, "processes": rows}, ensure_ascii=False))
    else:
        for row in rows:
            print(f"{row['name']:<15} {row['door']:<30} {row['waiting_for'] or 'ready'}")
    if not ready:
        raise typer.Exit(1)


async def _remote_rows(country: Country) -> list[dict[str, Any]]:
    """[{"name", "door", "ready", "waiting_for"}], one per role, from the addresses that the portal gives."""
    import asyncio

    from lienthong.embedded.plan import ROLES
    from lienthong.embedded.probe import waiting_for

    urls = {role.name: country.doors[role.url_variable.removesuffix("_URL").lower()] for role in ROLES}
    waits = await asyncio.gather(*map(waiting_for, urls.values()))
    return [
        {"name": name, "door": url, "ready": wait is None, "waiting_for": wait}
        for (name, url), wait in zip(urls.items(), waits, strict=True)
    ]


def _status_of(stack: Stack) -> Status:
    try:
        return stack.status()
    except ConnectionError as error:
        raise Trouble(f"{error} It is just starting or stopping: try again.") from None


def _show(now: Status, as_json: bool, seconds: float | None) -> None:
    """Print a status, and how long the start took if `seconds` is given."""
    facts: dict[str, Any] = {"running": True, **now}
    if seconds is not None:
        facts["seconds"] = round(seconds, 2)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False), flush=True)
        return
    for name, address in _pages(now).items():
        print(shown(f"{name:<9} {address}"))
    print()
    rows = []
    for row in sorted(now["processes"], key=lambda row: (not row["door"], row["name"] in ("kafka", "postgres"))):
        ready = "yes" if row["ready"] else f"waits for {row['waiting_for']}"
        restarts = f"{row['restarts']}, last: {row['last_exit']}" if row["restarts"] else "0"
        rows.append((row["name"], row["door"], str(row["pid"] or "–"), row["state"], restarts, ready))
    print_table(("process", "address", "pid", "state", "restarts", "ready"), rows)
    ready = f"Ready after {seconds:.1f} s" if seconds is not None else "Ready" if now["ready"] else "Not ready"
    print(shown(f"{ready}. Logs: {now['data']}/log"))
    if (portal := _portal(now)) != DEFAULT_URL:
        print(shown(f"So that other commands find it: export LIENTHONG_URL={portal}"))
    if any(row["state"] != "external" for row in now["processes"] if row["name"] in ("kafka", "postgres")):
        print(shown(f"Kafka, PostgreSQL: sign in with the files in {now['data']}/access"))
    for outside in (row["outside"] for row in now["processes"] if row.get("outside")):
        print(shown(f"Kafka for connectors of provinces: {outside} (SASL/SCRAM)"))
    if "folders" in now:
        from lienthong.cli import sizes

        folders = (f"{name} {sizes.readable(size)}" for name, size in now["folders"].items())
        print(f"On disk: {', '.join(folders)}.")
        print()
        print_table(*sizes.table(now))
        print(f"\n{sizes.retention(now)}")


def _pages(now: Status) -> dict[str, str]:
    """Who → the address of their pages."""
    doors, portal = {row["name"]: row["door"] for row in now["processes"]}, _portal(now)
    return {"citizens": f"{portal}/", "officers": f"{doors['gateway-api']}/", "console": f"{portal}/console"}


def _portal(now: Status) -> str:
    return next(str(row["door"]) for row in now["processes"] if row["name"] == "portal-api")


def _follow(stack: Stack) -> None:
    """Print a line when a process ended and was restarted; returns when another command stopped the stack."""
    from lienthong.embedded.stack import running

    seen: dict[str, int] = {}
    while running(stack.plan.data):
        with contextlib.suppress(ConnectionError):
            for row in stack.status()["processes"]:
                if row["restarts"] > seen.get(row["name"], 0):
                    _to_stderr(f"{row['name']} ended ({row['last_exit']}) and was started again; see {row['log']}")
                seen[row["name"]] = row["restarts"]
        time.sleep(1.0)
    _to_stderr("The stack was stopped by another command.")


def _to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
