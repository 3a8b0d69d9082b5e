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
    doors = ask(url, _doors, json)
    address = f"{doors['province_gateway' if page == 'desk' else 'portal']}/s/{sandbox}"
    address += "/console" if page == "console" else "/"
    opened = _open(address) if not json else False
    show({"page": page, "url": address, "opened": opened}, json, address)


async def _doors(country: Country) -> dict[str, Any]:
    return country.doors


def _open(address: str) -> bool:
    """Whether a browser with windows of its own was asked to open the address."""
    has_windows = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not has_windows:
        return False
    import webbrowser

    return webbrowser.open(address)
