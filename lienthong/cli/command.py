"""Shared by all verbs: common options, requests to the running country, output as text or JSON, errors in one sentence."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lienthong.cli import complete
from lienthong.cli.language import output_language, use_language
from lienthong.embedded import Trouble
from lienthong.shown import shown, shown_in, shown_lines

if TYPE_CHECKING:  # every command line imports this file; the client imports an HTTP library
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


def ask(url: str, requests: Callable[[Country], Awaitable[Answer]], as_it_is: bool = False) -> Answer:
    """Run `requests` on the country at `url`. Raises Trouble if a request is refused or nothing answers.

    as_it_is  for JSON and files; otherwise the answer is for people, and its texts are `shown`
    """
    from httpx import InvalidURL

    from lienthong.client import Country
    from lienthong.client.http import NotRunning, Problem

    async def run() -> Answer:
        async with Country(url) as country:
            return await requests(country)

    try:
        answer = asyncio.run(run())
        return answer if as_it_is else shown_in(answer)
    except Problem as refusal:
        raise Trouble(shown(refusal.text(output_language())), refusal.document) from refusal
    except NotRunning as error:
        raise Trouble(shown(str(error))) from error
    except UnicodeEncodeError as error:
        raise Trouble(
            f"{error.object!r} contains a byte that is not UTF-8: remove it, or set the terminal to UTF-8."
        ) from error
    except InvalidURL as error:
        raise Trouble(f"'{url}' is not a valid address ({error}): write one such as {DEFAULT_URL}.") from error


def show(answer: Any, as_json: bool, text: str) -> None:
    """Print `answer` as JSON, or `text` for people."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2) if as_json else text)


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


def run_command(command: Callable[[], object]) -> None:
    """Run a command; a `Trouble` becomes one sentence (with `--json` also its problem document) and exit status 1."""
    try:
        try:
            command()
        except OSError as error:  # a file or folder that a user named; a full disk
            raise Trouble(f"{error.filename or 'A file'}: {error.strerror or error}.") from error
    except Trouble as trouble:
        if "--json" in sys.argv:
            print(json.dumps(trouble.document, ensure_ascii=False))
        print(shown_lines(str(trouble)), file=sys.stderr)
        sys.exit(1)
