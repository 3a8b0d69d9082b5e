"""`lienthong connect | disconnect | connectors`: let a program of your own decide for a province, and see what it does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete, connector_kafka, connector_legacy
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, print_table, show
from lienthong.cli.connector_legacy import adapter_words
from lienthong.cli.language import output_language
from lienthong.cli.provinces import province_code

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.client.types import ConnectorRow

Province = Annotated[
    str,
    typer.Option(
        "--province",
        help="Code of the province.",
        metavar="CODE",
        parser=province_code,
        autocompletion=complete.provinces,
    ),
]
TEXTS = {
    "en": {
        "connected": "Province {province} is connected via {via}; its gate is {gate}. Sandbox: {sandbox}.",
        "key": "key",
        "address": "address",
        "previous": "The key before is valid until {until}.",
        "secret": "secret",
        "posted": "Each event is posted to {url} ({content_mode}); anything but 2xx within 15 s is tried again. Verify each:",
        "trouble": "Note: {trouble} now. What is not taken is sent again; `lienthong deliveries` shows the attempts.",
        "told": "Be told (each reply says in `Link` how to go on):",
        "speak": "Speak (CODE is the code of a dossier, which a delivery has in `subject`; the reply is the verdict):",
        "play": "Play it from this terminal: `lienthong listen --province {province}{flag}`, "
        "`lienthong trigger dossier.received.v1 --province {province}{flag} --dossier CODE`.",
        "disconnected": "Province {province} is {mode} again. The connector's key has ended.",
        "not connected": "Province {province} was not connected: it is {mode}, and nothing was changed.",
        "still external": "The connector's key has ended. Province {province} is still external, as every province without "
        "a mode of its own: `lienthong mode reset '*'` ends that.",
        "none": "No province is connected: `lienthong connect --province 37 --via pull` connects one.",
    },
    "vi": {
        "connected": "Tỉnh {province} đã kết nối qua {via}; mức kiểm tra {gate}. Sandbox: {sandbox}.",
        "key": "khoá",
        "address": "địa chỉ",
        "previous": "Khoá trước còn hiệu lực đến {until}.",
        "secret": "bí mật",
        "posted": "Mỗi tin được POST tới {url} ({content_mode}); không trả lời 2xx trong 15 giây thì gửi lại. Kiểm tra chữ ký:",
        "trouble": "Lưu ý: {trouble}. Tin chưa nhận được sẽ gửi lại; `lienthong deliveries` cho xem các lần gửi.",
        "told": "Nhận tin (mỗi lần trả lời, `Link` cho biết chỗ tiếp theo):",
        "speak": "Gửi tin (CODE là mã hồ sơ, ở `subject` của tin đã nhận; trả lời là kết luận kiểm tra):",
        "play": "Làm thử ngay ở đây: `lienthong listen --province {province}{flag}`, "
        "`lienthong trigger dossier.received.v1 --province {province}{flag} --dossier CODE`.",
        "disconnected": "Tỉnh {province} trở lại chế độ {mode}. Khoá của hệ thống kết nối hết hiệu lực.",
        "not connected": "Tỉnh {province} không có kết nối: tỉnh đang ở chế độ {mode}, không có gì thay đổi.",
        "still external": "Khoá của hệ thống kết nối hết hiệu lực. Tỉnh {province} vẫn ở chế độ external như mọi tỉnh không "
        "có chế độ riêng: `lienthong mode reset '*'` để kết thúc.",
        "none": "Chưa tỉnh nào kết nối: `lienthong connect --province 37 --via pull` để kết nối.",
    },
}


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command()(connect)
    app.command()(disconnect)
    app.command()(connectors)


def connect(
    province: Province,
    via: Annotated[
        str,
        typer.Option(
            help=f"How it is told: {complete.listed('doors')} (the adapter API).",
            metavar="DOOR",
            autocompletion=complete.doors,
        ),
    ],
    receiver: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="For webhook: the address of the connector's receiver; for legacy: of its reverse calls.",
            metavar="URL",
        ),
    ] = None,
    binary: Annotated[
        bool, typer.Option("--binary", help="For webhook: send events in binary mode (ce-… headers), not structured.")
    ] = False,
    gate: Annotated[
        str | None,
        typer.Option(
            help="strict, or lenient: take what can be taken. Default: strict, over legacy lenient.",
            metavar="GATE",
            autocompletion=complete.gates,
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help=f"For legacy: how the adapter API answers: {complete.listed('profiles')}. Default: plain.",
            metavar="PROFILE",
            autocompletion=complete.profiles,
        ),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    country: Annotated[
        str,
        typer.Option(
            "--country", envvar="LIENTHONG_URL", help="Address of the portal (elsewhere --url).", metavar="URL"
        ),
    ] = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Let a program of your own decide for a province; prints its key, its addresses and a working line each way.

    Each time it draws a new key or password, and sets door, gate, address and profile: what is left out has its default.
    """

    async def requests(country: Country) -> dict[str, Any]:
        inside = country.enter(sandbox)
        connector = await inside.connect(province, via, url=receiver, binary=binary, gate=gate, profile=profile)
        row = next(each for each in await inside.modes() if each["province"] == province)
        return {
            **connector.credentials,
            **{name: row[name] for name in ("via", "url", "content_mode", "gate", "adapter")},
        }

    facts = ask(country, requests, json)
    show(facts, json, _instructions(facts))


def disconnect(
    province: Province, sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False
) -> None:
    """Give a province back: its officers, or you, go on from where each dossier stands."""

    async def requests(country: Country) -> dict[str, Any]:
        inside = country.enter(sandbox)
        was_connected = await inside.disconnect(province)
        row = next(row for row in await inside.modes() if row["province"] == province)
        return {**row, "was_connected": was_connected}

    row = ask(url, requests, json)
    outcome = "disconnected" if row["was_connected"] else "not connected"
    show(row, json, _texts()["still external" if row["mode"] == "external" else outcome].format(**row))


def connectors(sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """List the connectors: door, when each was last heard and told, what it has not acknowledged, its verdicts."""
    rows = ask(url, lambda country: country.enter(sandbox).connectors(), json)
    if json or not rows:
        show(rows, json, _texts()["none"])
        return
    headings = ("province", "via", "gate", "asked", "said", "waiting", "verdicts", "last error")
    print_table(headings, map(_cells, rows))


def _cells(row: ConnectorRow) -> tuple[str, ...]:
    waiting = str(row["waiting"])
    if row["waiting_since"]:
        waiting += f", {_ago(row['waiting_since'])}"
    if row["given_up"]:
        waiting += f", {row['given_up']} given up"
    verdicts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(row["verdicts"].items()))
    name = f"{row['province']} {row['name_vi' if output_language() == 'vi' else 'name_en']}"
    how = (" ".join(filter(None, (row["via"], adapter_words(row["adapter"])))) or "–", row["gate"] or "–")
    return (name, *how, _ago(row["heard_at"]), _ago(row["said_at"]), waiting, verdicts or "–", row["last_error"] or "–")


def _ago(moment: str | None) -> str:
    """How long ago it was in real time."""
    if moment is None:
        return "–"
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _instructions(facts: dict[str, Any]) -> str:
    texts, flag = _texts(), "" if facts["sandbox"] == "default" else f" --sandbox {facts['sandbox']}"
    address = facts["events"].removesuffix("/events")
    authorization = f"--header 'Authorization: Bearer {facts['key']}'"
    example = f"curl --silent {authorization} '{address}/dossiers/CODE/example?type=dossier.received.v1'"
    send = "--header 'Content-Type: application/cloudevents+json' --data-binary @-"
    lines = [
        texts["connected"].format(**facts),
        f"  {texts['address']:8} {address}",
        f"  {texts['key']:8} {facts['key']}",
    ]
    if facts["previous_key_until"]:
        lines.append(f"  {texts['previous'].format(until=facts['previous_key_until'])}")
    if facts["legacy"]:
        note = [texts["trouble"].format(**facts)] if facts.get("trouble") else []
        return "\n".join((*lines[:1], *connector_legacy.instructions(facts), *note))
    if facts["kafka"]:
        return "\n".join((*lines, *connector_kafka.instructions(facts), texts["play"].format(**facts, flag=flag)))
    if facts["secret"]:
        told = [texts["posted"].format(**facts), *_verification(facts["secret"])]
        lines.append(f"  {texts['secret']:8} {facts['secret']}")
    else:
        told = [texts["told"], f"  curl --silent {authorization} '{facts['events']}?after=0&wait=30'"]
    if facts.get("trouble"):
        told.append(texts["trouble"].format(**facts))
    return "\n".join(
        (
            *lines,
            *told,
            texts["speak"],
            f"  {example} \\",
            f"    | curl --silent {authorization} {send} {facts['events']}",
            texts["play"].format(**facts, flag=flag),
        )
    )


def _verification(secret: str) -> list[str]:
    """Lines that verify a request with the public libraries of Standard Webhooks."""
    return [
        f"  Python  event = standardwebhooks.Webhook('{secret}').verify(body, headers)  # pip install standardwebhooks",
        f"  Node    event = new (require('standardwebhooks').Webhook)('{secret}').verify(body, headers)  "
        "// npm install standardwebhooks",
    ]


def _texts() -> dict[str, str]:
    return TEXTS["vi" if output_language() == "vi" else "en"]
