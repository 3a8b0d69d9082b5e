"""`lienthong partner`: programs of provinces that open payments at the payment platform themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show, verbs
from lienthong.cli.language import output_language

if TYPE_CHECKING:
    from lienthong.client.payments import Partner

partners = verbs("Register programs that open payments at the payment platform themselves, as provinces do.")
Code = Annotated[str, typer.Argument(help="MaDoiTac of the partner, such as STC-NB.", metavar="CODE")]
KEPT = "Not named: stays as it is; '': cleared."
TEXTS = {
    "en": {
        "none": "There is no partner.",
        "gone": "{code} is removed; its orders stay.",
        "nowhere": "nowhere",
        "trouble": "Note: {trouble} now. CONFIRM is sent again until it is answered; until then the clock does not "
        "advance.",
    },
    "vi": {
        "none": "Chưa có đối tác nào.",
        "gone": "Đã xoá {code}; các giao dịch vẫn còn.",
        "nowhere": "không có",
        "trouble": "Lưu ý: {trouble_vi}. CONFIRM sẽ được gửi lại đến khi có trả lời; trước đó đồng hồ không tiến.",
    },
}


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(partners, name="partner")


@partners.command()
def add(
    code: Code,
    confirm: Annotated[
        str | None,
        typer.Option(help=f"Where the platform sends CONFIRM, by default nowhere. {KEPT}", metavar="URL"),
    ] = None,
    back: Annotated[
        str | None,
        typer.Option("--return", help=f"Where the payer's browser goes after a payment. {KEPT}", metavar="URL"),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Register a partner, or change the addresses that are named; prints secret and addresses of its messages."""
    partner = ask(
        url,
        lambda country: country.enter(sandbox).payments.register(code, confirm_url=confirm, return_url=back),
        json,
    )
    trouble = ("", _texts()["trouble"].format(**partner)) if partner["trouble"] else ()
    show(partner, json, "\n".join((_lines(partner), *trouble)))


@partners.command("list")
def list_all(sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """List the partners, with their secrets."""
    rows = ask(url, lambda country: country.enter(sandbox).payments.partners(), json)
    show(rows, json, "\n\n".join(map(_lines, rows)) or _texts()["none"])


@partners.command()
def remove(code: Code, sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Remove a partner; its orders stay."""
    ask(url, lambda country: country.enter(sandbox).payments.remove(code), json)
    show({"removed": code}, json, _texts()["gone"].format(code=code))


def _lines(partner: Partner) -> str:
    keypay, nowhere = partner["keypay"], _texts()["nowhere"]
    rows = {
        "MaDoiTac": partner["partner"],
        "secret": partner["secret"],
        "INIT": partner["init"],
        "QUERY": partner["query"],
        "GET_BILL": partner["get_bill"],
        "CONFIRM": partner["confirm_url"] or nowhere,
        "return": partner["return_url"] or nowhere,
        "wrapper": partner["wrapper"],
        "KeyPay": f"{keypay['base']}  client_id {keypay['client_id']}",
        "hash_key_1": keypay["hash_key_1"],
        "hash_key_2": keypay["hash_key_2"],
    }
    return "\n".join(f"{name:10} {value}" for name, value in rows.items())


def _texts() -> dict[str, str]:
    return TEXTS["vi" if output_language() == "vi" else "en"]
