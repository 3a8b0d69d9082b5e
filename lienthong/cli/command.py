"""Shared by all verbs: common options, requests to the running country, output as text or JSON, errors in one sentence."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer
from typer.core import TyperGroup

from lienthong.cli import complete
from lienthong.cli.language import output_language, use_language
from lienthong.embedded import Trouble
from lienthong.shown import shown, shown_in, shown_lines

if TYPE_CHECKING:  # every command line imports this file; --help needs no client
    from lienthong.client import Country

Answer = TypeVar("Answer")

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="LIENTHONG_URL",
        help="Address of the portal; the portal knows the addresses of all other services.",
        metavar="URL",
    ),
]
Sandbox = Annotated[
    str,
    typer.Option(
        "--sandbox",
        envvar="LIENTHONG_SANDBOX",
        help="Id of the sandbox; if left out, the default sandbox, which runs in real time.",
        metavar="ID",
        autocompletion=complete.sandboxes,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
Lang = Annotated[
    str,
    typer.Option(
        "--lang",
        help="vi or en; if left out, the language of the terminal (LANG).",
        metavar="vi|en",
        callback=use_language,
        autocompletion=complete.languages,
    ),
]

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_SANDBOX = "default"
FASTEST = (
    1_000_000  # sandbox seconds per real second: the portal's limit; it also excludes inf and nan, which JSON lacks
)


class Verbs(TyperGroup):
    """A group of verbs whose help shows the first sentence of each in full."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        verbs = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.get_short_help_str(limit=1000)) for name, verb in verbs if verb])


def verbs(help: str) -> typer.Typer:
    """A group of verbs; without a verb it shows its help."""
    return typer.Typer(cls=Verbs, no_args_is_help=True, help=help)


def ask(
    url: str,
    requests: Callable[[Country], Coroutine[Any, Any, Answer]],
    as_it_is: bool = False,
    *,
    parallel: bool = False,
) -> Answer:
    """Run `requests` on the country at `url`. Raises Trouble if a request is refused or nothing answers.

    as_it_is  for JSON and files; otherwise the answer is for people, and its texts are `shown`
    parallel  some requests run at the same time, in an event loop; to load one takes longer than a request
    """
    from lienthong.client.http import NotRunning, Problem

    try:
        answer = _in_a_loop(url, requests) if parallel else _one_by_one(url, requests)
        return answer if as_it_is else shown_in(answer)
    except Problem as refusal:
        raise Trouble(shown(refusal.text(output_language())), refusal.document) from refusal
    except NotRunning as error:
        raise Trouble(shown(str(error))) from error
    except UnicodeEncodeError as error:
        around = error.object[max(0, error.start - 20) : error.end + 20]
        raise Trouble(
            f"{around!r} contains a byte or character that is not UTF-8: remove it, or set the terminal to UTF-8."
        ) from error


def _in_a_loop(url: str, requests: Callable[[Country], Coroutine[Any, Any, Answer]]) -> Answer:
    import asyncio

    from lienthong.client import Country

    async def run() -> Answer:
        async with Country(url) as country:
            return await requests(country)

    return asyncio.run(run())


def _one_by_one(url: str, requests: Callable[[Country], Coroutine[Any, Any, Answer]]) -> Answer:
    from lienthong.cli.blocking import BlockingHttp
    from lienthong.client import Country

    async def run() -> Answer:
        country = Country(url)
        await country.open(http)
        return await requests(country)

    http, work = BlockingHttp(), run()
    try:
        work.send(None)
    except StopIteration as end:
        return cast(Answer, end.value)
    finally:
        work.close()
        http.close()
    raise RuntimeError("These requests wait for something else: ask(parallel=True).")


def show(answer: Any, as_json: bool, text: str) -> None:
    """Print `answer` as JSON, or `text` for people."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2) if as_json else text)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, fold: Sequence[str] = ()) -> None:
    """Print a table, with what is `shown` of each cell; in a file or pipe every row is one line.

    fold  headings of the columns that are folded on a terminal that is too narrow; default: all
    """
    cells = [tuple(map(shown, row)) for row in rows]
    if not sys.stdout.isatty():
        _print_lines([tuple(headings), *cells])
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=bool(fold) and heading not in fold)
    for row in cells:
        table.add_row(*map(Text, row))  # as text: markup of rich in it would be run
    Console().print(table)


def _print_lines(rows: Sequence[Sequence[str]]) -> None:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def pairs(words: Iterable[str] | None, option: str, form: str, example: str) -> dict[str, str]:
    """The `key=value` words of an option as a dict. Raises typer.BadParameter."""
    values: dict[str, str] = {}
    for word in words or ():
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise typer.BadParameter(f"'{word}' is not {form}: write it like {example}.", param_hint=option)
        if key in values:
            raise typer.BadParameter(f"'{key}' is given twice.", param_hint=option)
        values[key] = value
    return values


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Reads a number of an option. Click's own ranges take nan, and its sentences are in one language."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if least <= value <= most:
            return value
        bounds = (f"a number from {least:g} to {most:,.0f}", f"số từ {least:g} đến {most:,.0f}")
        if most == math.inf:
            bounds = (f"a number, {least:g} or greater", f"số, từ {least:g} trở lên")
        raise typer.BadParameter(
            f"'{text}' phải là {bounds[1]}." if output_language() == "vi" else f"'{text}' must be {bounds[0]}."
        )

    return parse


def run_command(command: Callable[[], object]) -> None:
    """Run a command; a `Trouble` becomes one sentence (with `--json` also its problem document) and exit status 1."""
    try:
        try:
            command()
        except OSError as error:  # about a file or folder that a user named; or a full disk, a server without a reply
            about = f"{error.filename}: " if error.filename else ""
            raise Trouble(f"{about}{error.strerror or str(error) or type(error).__name__}.") from error
    except Trouble as trouble:
        if "--json" in sys.argv:
            print(json.dumps(trouble.document, ensure_ascii=False))
        print(shown_lines(str(trouble)), file=sys.stderr)
        sys.exit(1)
