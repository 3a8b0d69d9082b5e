"""`lienthong listen | trigger | verdicts`: be a province's connector from a terminal, and see what its messages are worth."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.addresses import address_fault
from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show
from lienthong.cli.connector import Province
from lienthong.cli.language import output_language
from lienthong.cli.members import Members, set_members
from lienthong.cli.provinces import province_code
from lienthong.embedded import Trouble
from lienthong.judgement import judgement_lines, outcome_lines
from lienthong.shown import shown

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.client.connectors import Connector

SUBSCRIPTION = "lienthong-listen"  # the cursor that `listen` keeps at the gateway
WAIT = 30.0  # s; of one long poll
LONGEST_PAUSE = 10.0  # s; between two tries to forward an event
FORWARD_TIMEOUT = 15.0  # s
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command()(listen)
    app.command()(trigger)
    app.command()(verdicts)


def listen(
    province: Province,
    forward_to: Annotated[
        str | None,
        typer.Option(help="POST each event to this address; it is told again until it is taken.", metavar="URL"),
    ] = None,
    after: Annotated[
        int | None, typer.Option(help="Begin behind this delivery; if left out, where you stopped.", min=0, metavar="N")
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    as_json: JsonLines = False,
) -> None:
    """Print what a connected province is told, from where you stopped, until Ctrl-C; forward it to a program."""
    if forward_to is not None and (fault := address_fault(forward_to)):
        raise Trouble(fault)
    try:
        ask(
            url,
            lambda country: _listen(country.enter(sandbox).connector(province), forward_to, after, as_json),
            parallel=True,
        )
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # the reader of the pipe has ended, such as `head`
        sys.stderr.close()


async def _listen(connector: Connector, forward_to: str | None, after: int | None, as_json: bool) -> None:
    cursor = await connector.kept_cursor(SUBSCRIPTION) if after is None else after
    while True:
        for event in await connector.deliveries(after=cursor, wait=WAIT):
            cursor = event["delivery"]
            if forward_to is None:
                _print_delivery(event, None, as_json)
                await connector.keep_cursor(SUBSCRIPTION, cursor)
            else:
                reply = await _forward(event, forward_to)
                await connector.keep_cursor(SUBSCRIPTION, cursor)
                _print_delivery(event, reply, as_json)


async def _forward(event: dict[str, Any], address: str) -> dict[str, Any]:
    """Send an event until it is taken (2xx); returns status, milliseconds and the beginning of the reply."""
    import asyncio

    import httpx

    headers, pause, trouble = {"Content-Type": "application/cloudevents+json"}, 1.0, ""
    async with httpx.AsyncClient(trust_env=False, timeout=FORWARD_TIMEOUT) as http:
        while True:
            begun = time.perf_counter()
            try:
                response = await http.post(address, json=event, headers=headers)
                if response.is_success:
                    milliseconds = round((time.perf_counter() - begun) * 1000)
                    return {"status": response.status_code, "ms": milliseconds, "body": response.text[:500]}
                reason = f"{address} answers {response.status_code}: {response.text[:200]}"
            except (httpx.InvalidURL, UnicodeError) as error:
                raise Trouble(f"'{address}' is no address: write one such as http://127.0.0.1:9000.") from error
            except httpx.ConnectError:
                reason = f"no connection to {address} can be made: start your program there"
            except httpx.TimeoutException:
                reason = f"{address} does not answer within {FORWARD_TIMEOUT:g} s"
            except httpx.TransportError:
                reason = f"{address} broke the connection, or does not answer in HTTP"
            if reason != trouble:
                typer.echo(shown(f"{event['delivery']}: {reason}; it is sent again until it is taken."), err=True)
                trouble = reason
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _print_delivery(event: dict[str, Any], reply: dict[str, Any] | None, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**event, **({"reply": reply} if reply else {})}, ensure_ascii=False))
    else:
        back = f"  → {reply['status']} ({reply['ms']} ms) {reply['body']}".rstrip() if reply else ""
        typer.echo(shown(f"{event['delivery']:>5}  {event['time']}  {event['type']:32}  {event['subject']}{back}"))
    sys.stdout.flush()


def trigger(
    type: Annotated[
        str,
        typer.Argument(help="Event type, such as dossier.received.v1.", metavar="TYPE", autocompletion=complete.events),
    ],
    dossier: Annotated[str, typer.Option("--dossier", help="Code of the dossier.", metavar="CODE")],
    province: Annotated[
        str | None,
        typer.Option(
            help="Whose connector speaks; if left out, that of the dossier.",
            metavar="CODE",
            parser=province_code,
            autocompletion=complete.provinces,
        ),
    ] = None,
    set: Members = None,
    result: Annotated[
        str | None,
        typer.Option(
            help="For dossier.result_ready.v1: the PDF that is the result, or its address; handed in first.",
            metavar="FILE|URL",
        ),
    ] = None,
    as_outsider: Annotated[
        bool, typer.Option(help="Say it even if it is sure to be rejected, as a program would; the verdict is kept.")
    ] = False,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Say an event as a province's connector would, with a body made from contract and dossier; prints the verdict."""

    async def requests(country: Country) -> dict[str, Any]:
        inside = country.enter(sandbox)
        connector = inside.connector(province or await _province_of(inside, dossier))
        if result is not None:
            await connector.hand_in_result(dossier, result if "://" in result else _read(result))
        event = await connector.example(type, dossier)
        set_members(event["data"], set or ())
        if not as_outsider and (verdict := await connector.check(event))["outcome"] == "rejected":
            return verdict
        return await connector.say(event)

    verdict = ask(url, requests, as_json)
    show(verdict, as_json, "\n".join(outcome_lines(verdict, output_language())))
    if verdict["outcome"] == "rejected":
        raise typer.Exit(1)


def _read(file: str) -> bytes:
    """Raises typer.BadParameter."""
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read ({error.strerror}).", param_hint="--result") from error


async def _province_of(sandbox: Any, dossier: str) -> str:
    """The connected province that has the dossier. Raises Trouble."""
    from lienthong.client import Problem

    provinces = [row["province"] for row in await sandbox.connectors()]
    for province in provinces:
        try:
            await sandbox.province(province).dossier(dossier)
            return str(province)
        except Problem:
            continue
    connected = ", ".join(provinces) or "none is"
    raise Trouble(f"No connected province has dossier {dossier} (connected: {connected}): name one with --province.")


def verdicts(
    province: Annotated[
        str | None,
        typer.Option(
            help="Only this province.", metavar="CODE", parser=province_code, autocompletion=complete.provinces
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Also print new ones, until Ctrl-C.")] = False,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    as_json: JsonLines = False,
) -> None:
    """Print the verdicts on what connectors said: what became of it, or what is wrong with it and how to mend it."""
    try:
        ask(url, lambda country: _verdicts(country.enter(sandbox), province, follow, as_json), parallel=True)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        sys.stderr.close()


async def _verdicts(sandbox: Any, province: str | None, follow: bool, as_json: bool) -> None:
    import asyncio

    provinces = [province] if province else [row["province"] for row in await sandbox.connectors()]
    await asyncio.gather(*(_verdicts_of(sandbox.connector(each), follow, as_json) for each in provinces))


async def _verdicts_of(connector: Connector, follow: bool, as_json: bool) -> None:
    after, wait = 0, 0.0
    while True:
        for row in await connector.verdicts(after=after, wait=wait):
            after = row["number"]
            if as_json:
                typer.echo(json.dumps(row, ensure_ascii=False))
            else:
                typer.echo("\n".join(shown(line) for line in judgement_lines(row, output_language())))
        sys.stdout.flush()
        if not follow:
            return
        wait = WAIT
