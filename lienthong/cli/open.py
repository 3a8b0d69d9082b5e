"""`lienthong open`: the console, or another page, in the default browser."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show

if TYPE_CHECKING:
    from lienthong.client import Country

Page = Literal["console", "portal", "desk"]


def add_to(app: typer.Typer) -> None:
    app.command("open")(open_page)


def open_page(
    page: Annotated[
        Page, typer.Argument(help="console; portal: the citizens' pages; desk: the officers' pages.", metavar="PAGE")
    ] = "console",
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Open the console in the default browser; without a browser, print its address."""

    async def doors_of(country: Country) -> dict[str, Any]:
        await country.show_sandbox(sandbox)  # refused if there is none
        return country.doors

    doors = ask(url, doors_of, json)
    address = f"{doors['province_gateway' if page == 'desk' else 'portal']}/s/{sandbox}"
    address += "/console" if page == "console" else "/"
    opened = _open(address) if not json else False
    show({"page": page, "url": address, "opened": opened}, json, address)


def _open(address: str) -> bool:
    """Whether a browser was asked to open the address: that of BROWSER, else one with windows of its own."""
    names = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform not in ("darwin", "win32") and not any(map(os.environ.get, names)):
        return False
    import webbrowser

    return webbrowser.open(address)
