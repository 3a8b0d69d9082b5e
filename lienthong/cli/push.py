"""`lienthong push`: a simulated province pushes its dossiers over the adapter API, to a receiver of yours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show
from lienthong.cli.language import output_language

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.pushing import Pushed

TEXTS = {
    "en": "{dossiers} dossiers pushed in {calls} calls; {refused} refused.",
    "vi": "Đã gửi {dossiers} hồ sơ trong {calls} lần gọi; {refused} bị từ chối.",
}


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command()(push)


def push(
    province: Annotated[
        str, typer.Option(help="Code of the province.", metavar="CODE", autocompletion=complete.provinces)
    ],
    to: Annotated[str, typer.Option("--to", help="Base URL of the receiver.", metavar="URL")],
    profile: Annotated[
        str,
        typer.Option(
            help="How the province pushes, such as array.", metavar="PROFILE", autocompletion=complete.profiles
        ),
    ] = "plain",
    username: Annotated[str, typer.Option(help="For the login of the receiver.", metavar="NAME")] = "",
    password: Annotated[str, typer.Option(envvar="LIENTHONG_PUSH_PASSWORD", help="The same.", metavar="PASSWORD")] = "",
    login: Annotated[str, typer.Option(help="Path of the login, behind the base URL.", metavar="PATH")] = "/login",
    integration: Annotated[
        str, typer.Option(help="Path of the calls, behind the base URL.", metavar="PATH")
    ] = "/integration",
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Push the dossiers of a province over the adapter API to a receiver under test, as a province of this profile does."""

    async def requests(country: Country) -> Pushed:
        import httpx

        from lienthong.pushing import Pushing, Receiver, profile_of

        how = await profile_of(country, profile)
        (row,) = [row for row in await country.provinces() if row["code"] == province] or [{"agency_code": ""}]
        receiver = Receiver(to.rstrip("/"), row["agency_code"], username, password, login, integration)
        async with httpx.AsyncClient(trust_env=False) as http:
            return await Pushing(country.enter(sandbox), province, receiver, how, http).push_all(tell)

    def tell(line: str) -> None:
        print(line, file=sys.stderr if json else sys.stdout, flush=True)

    pushed = ask(url, requests, True, parallel=True)
    facts: dict[str, Any] = {"dossiers": len(pushed.objects), "calls": pushed.calls, "refused": pushed.refused}
    words = TEXTS["vi" if output_language() == "vi" else "en"]
    show(facts, json, words.format(**{**facts, "refused": len(pushed.refused)}))
    if pushed.refused:
        raise typer.Exit(1)
