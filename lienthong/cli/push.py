"""`lienthong push`: a simulated province pushes its dossiers over the adapter API, to a receiver of yours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.addresses import address_fault
from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show
from lienthong.cli.language import output_language
from lienthong.cli.provinces import province_code
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.pushing import Pushed

TEXTS = {
    "en": {
        "pushed": "{dossiers} dossiers pushed in {calls} calls; {refused} refused.",
        "none": "The receiver answers, but province {province} has no dossiers in sandbox {sandbox}. A scenario has some, such as "
        "`lienthong sandbox create --scenario counter-and-post` in province 37; the page docs/legacy.md has an example.",
    },
    "vi": {
        "pushed": "Đã gửi {dossiers} hồ sơ trong {calls} lần gọi; {refused} bị từ chối.",
        "none": "Bên nhận có trả lời, nhưng tỉnh {province} chưa có hồ sơ nào trong sandbox {sandbox}. Kịch bản có sẵn hồ sơ, như "
        "`lienthong sandbox create --scenario counter-and-post` ở tỉnh 37; xem ví dụ ở docs/legacy.md.",
    },
}


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command()(push)


def push(
    province: Annotated[
        str,
        typer.Option(
            help="Code of the province.", metavar="CODE", parser=province_code, autocompletion=complete.provinces
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to", help="Base URL of the receiver; of its wrapper for profiles with bare arrays.", metavar="URL"
        ),
    ],
    profile: Annotated[
        str,
        typer.Option(
            help=f"How the province pushes: {complete.listed('profiles')}.",
            metavar="PROFILE",
            autocompletion=complete.profiles,
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
    if fault := address_fault(to):
        raise Trouble(f"--to: {fault}")

    async def requests(country: Country) -> Pushed:
        import httpx

        from lienthong.pushing import Pushing, Receiver, profile_of

        how = await profile_of(country, profile)
        (row,) = [row for row in await country.provinces() if row["code"] == province] or [{"agency_code": ""}]
        receiver = Receiver(to, row["agency_code"], username, password, login, integration)
        async with httpx.AsyncClient(trust_env=False) as http:
            return await Pushing(country.enter(sandbox), province, receiver, how, http).push_all(tell)

    def tell(line: str) -> None:
        print(line, file=sys.stderr if json else sys.stdout, flush=True)

    pushed = ask(url, requests, True, parallel=True)
    facts: dict[str, Any] = {"dossiers": len(pushed.objects), "calls": pushed.calls, "refused": pushed.refused}
    texts = TEXTS["vi" if output_language() == "vi" else "en"]
    words = texts["pushed" if pushed.objects or pushed.refused else "none"]
    show(facts, json, words.format(**{**facts, "refused": len(pushed.refused)}, province=province, sandbox=sandbox))
    if pushed.refused:
        raise typer.Exit(1)
