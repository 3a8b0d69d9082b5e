"""A command's talk with the country: what goes wrong is said in one sentence, what comes back in two forms."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lienthong.embedded import Trouble

if TYPE_CHECKING:  # read at once by every command line; the client brings an HTTP library along
    from lienthong.client import Country

Answer = TypeVar("Answer")

Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="LIENTHONG_URL", help="Address of the portal; it names all the others.", metavar="URL"
    ),
]
Sandbox = Annotated[
    str,
    typer.Option(
        "--sandbox",
        envvar="LIENTHONG_SANDBOX",
        help="Which sandbox; the one that runs in real time if left out.",
        metavar="ID",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
Lang = Annotated[
    str, typer.Option("--lang", help="vi or en; the terminal's language (LANG) if left out.", metavar="vi|en")
]

HERE = "http://127.0.0.1:8000"
DEFAULT_SANDBOX = "default"
FASTEST = (
    1_000_000  # sandbox seconds per real second, as the portal has it; also keeps out inf and nan, which are no JSON
)


def ask(url: str, conversation: Callable[[Country], Awaitable[Answer]]) -> Answer:
    """Hold a conversation with the country at `url`; raises Trouble, in one sentence, when it refuses or is silent."""
    from httpx import InvalidURL

    from lienthong.client import Country
    from lienthong.client.http import NotRunning, Problem

    async def whole() -> Answer:
        async with Country(url) as country:
            return await conversation(country)

    try:
        return asyncio.run(whole())
    except (Problem, NotRunning) as refusal:
        raise Trouble(str(refusal)) from refusal
    except UnicodeEncodeError as error:
        raise Trouble(
            f"{error.object!r} holds a byte that is no UTF-8: take it out, or set the terminal to UTF-8."
        ) from error
    except InvalidURL as error:
        raise Trouble(f"'{url}' is no address ({error}): write one such as {HERE}.") from error


def show(answer: Any, as_json: bool, text: str) -> None:
    """`answer` as JSON, or `text` for people."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2) if as_json else text)


def pairs(given: Iterable[str] | None, option: str, form: str, such_as: str) -> dict[str, str]:
    """`key=value` words of an option as what they say. Raises typer.BadParameter."""
    found: dict[str, str] = {}
    for word in given or ():
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise typer.BadParameter(f"'{word}' is no {form}, such as {such_as}.", param_hint=option)
        if key in found:
            raise typer.BadParameter(f"'{key}' is said twice.", param_hint=option)
        found[key] = value
    return found


def run_command(command: Callable[[], object]) -> None:
    """Run a command; a `Trouble` becomes one sentence (and JSON, where `--json` was asked for) and exit status 1."""
    try:
        command()
    except Trouble as trouble:
        if "--json" in sys.argv:
            print(json.dumps({"trouble": str(trouble)}, ensure_ascii=False))
        print(trouble, file=sys.stderr)
        sys.exit(1)
