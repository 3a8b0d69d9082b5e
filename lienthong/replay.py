"""Exports a sandbox's run and repeats it: seed, start, and every call that changed something (persona, operation, arguments).

The same seed and calls give the same events per dossier; only the sandbox's id, the order of event ids and real times differ.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from lienthong.client import Citizen, Country, Sandbox
from lienthong.client.concurrency import gather
from lienthong.client.http import Problem, ServiceClient, every_row

FORMAT = "lienthong-replay/1"
SERVICES = ("portal", "gateway", "payment")  # these record calls
EVENT_SERVICES = ("portal", "gateway")  # these publish events
REPEATED = (429, 500, 502, 503, 504)  # an HTTP fault: the same call is repeated
ATTEMPTS = 20
WITHIN_SANDBOX = re.compile(r"^(/_lab/sandboxes|/s)/[^/?]+")
PERSONAL_NUMBER = re.compile(r"[0-9]{12}")
MODE = re.compile(r"/_lab/sandboxes/[^/]+/modes/")
PARTNER = re.compile(r"/_lab/partners/([^/]+)")
# Of INIT, in the order in which it is signed: what every one here has, in place of what its sender wrote.
INIT = {
    "LoaiBanTin": "INIT",
    "PhienBan": "1.0.6",
    "MaDoiTac": "",
    "MaThamChieu": "",
    "SoTien": "",
    "LoaiHinhThanhToan": "PAY",
    "MaKenhThanhToan": "1",
    "MaThietBi": "1",
    "NgonNgu": "vi-VN",
    "MaTienTe": "VND",
    "MaNganHang": "PAYMENT",
    "ThongTinGiaoDich": "",
    "ThoiGianGD": "20260609080000",
    "Ip": "127.0.0.1",
}
TRANSACTION = re.compile(r"/checkout/([^/]+)/pay")
Notify = Callable[[str], None]


@dataclass(frozen=True)
class Difference:
    """A difference between two runs: an event or the outcome of a call, on either side (None: missing)."""

    where: str
    recorded: Any
    replayed: Any


@dataclass
class ReplayResult:
    """The result of repeating a run."""

    sandbox: str
    calls: int = 0
    events: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not self.differences


# --- export ---------------------------------------------------------------------------------------------------------------
async def export(sandbox: Sandbox, settle_seconds: float = 10) -> dict[str, Any]:
    """What is needed to repeat a sandbox's run, and its events. First settles, for at most `settle_seconds`."""
    country = sandbox.country
    verdict = await sandbox.settle(settle_seconds)
    row = await country.show_sandbox(sandbox.id)
    personas = {each["number"]: each["persona"] for each in await sandbox.people()}
    own = {"people": row["people"], "organisations": row["organisations"]}
    parts = await gather(*(_recorded(sandbox, service) for service in SERVICES))
    references = await _references(sandbox)
    names = (
        await _names(sandbox) if any(call["caller"].startswith("partner/") for part in parts for call in part) else {}
    )
    calls = sorted((call for part in parts for call in part), key=lambda call: datetime.fromisoformat(call["real_at"]))
    return {
        "format": FORMAT,
        "sandbox": {
            **{name: row[name] for name in ("seed", "begins_at", "rate")},
            **{name: value for name, value in own.items() if value},
        },
        "calls": [_call(call, personas, references, names) for call in calls],
        "settled": verdict["verdict"],
        "events": await events_by_dossier(sandbox),
    }


async def _references(sandbox: Sandbox) -> dict[str, str]:
    """Transaction of a checkout → the reference of its payment. Another seed gives other transactions."""
    orders = await gather(*map(sandbox.payments.orders, await sandbox.dossiers()))
    return {order["transaction"]: order["reference"] for of_one in orders for order in of_one}


async def _names(sandbox: Sandbox) -> dict[str, str]:
    """What a province calls a dossier → its code here: a replay has no province that calls it otherwise."""

    async def name(code: str) -> str:
        try:
            return str((await sandbox.views(code))["code_of_province"])
        except Problem:  # its province has not got it
            return code

    codes = await sandbox.dossiers()
    return dict(zip(await gather(*map(name, codes)), codes, strict=True))


async def _recorded(sandbox: Sandbox, service: str) -> list[dict[str, Any]]:
    return await every_row(sandbox.country.service(service).send, f"/_lab/sandboxes/{sandbox.id}/recorded")


def _call(
    call: dict[str, Any], personas: dict[str, str], references: dict[str, str], names: dict[str, str]
) -> dict[str, Any]:
    """A recorded call as persona, operation and arguments, without the sandbox's id and secrets."""
    fields = {
        "service": call["service"],
        "persona": personas.get(call["caller"]),
        "operation": f"{call['method']} {WITHIN_SANDBOX.sub(lambda match: match[1] + '/{sandbox}', call['path'])}",
        "arguments": call["body"],
        "key": call["key"],
    }
    if call["caller"].startswith("desk/"):
        fields["desk"] = call["caller"].removeprefix("desk/")
    if call["caller"].startswith("connector/"):
        fields["connector"] = call["caller"].removeprefix("connector/")
    if call["caller"].startswith("partner/"):
        fields["partner"], facts = call["caller"].removeprefix("partner/"), call["body"]
        fields["arguments"] = {**facts, "MaHoSo": names.get(facts["MaHoSo"], facts["MaHoSo"])}
    if match := TRANSACTION.search(call["path"]):
        fields["reference"] = references.get(match[1])
    return {name: value for name, value in fields.items() if value is not None}


async def events_by_dossier(sandbox: Sandbox) -> dict[str, list[dict[str, Any]]]:
    """All events of a sandbox, by dossier: first the portal's, then the province's, each in order."""
    events: dict[str, list[dict[str, Any]]] = {}
    for service in EVENT_SERVICES:
        rows = await every_row(sandbox.country.service(service).send, f"/_lab/sandboxes/{sandbox.id}/events")
        for row in rows:
            event = {name: row[name] for name in ("service", "version", "id", "event", "at", "data")}
            events.setdefault(row["subject"], []).append(event)
    return dict(sorted(events.items()))


# --- replay ---------------------------------------------------------------------------------------------------------------
async def replay(
    country: Country,
    run: dict[str, Any],
    *,
    seed: str | None = None,
    keep: bool = False,
    notify: Notify = lambda line: None,
) -> ReplayResult:
    """Repeat a run in a new sandbox and compare the events.

    seed  use another seed than the run's, to see what depends on it
    """
    begins = run["sandbox"]
    wish = {
        "seed": seed or begins["seed"],
        "start": begins["begins_at"],
        "name": f"replay of seed {begins['seed']}"[:100],
        "people": begins.get("people"),
        "organisations": begins.get("organisations"),
    }
    async with country.sandbox(**wish, keep=keep) as sandbox:
        result = ReplayResult(sandbox.id)
        player = _Player(sandbox)
        for number, call in enumerate(run["calls"], start=1):
            notify(f"{number} of {len(run['calls'])}: {call.get('persona') or call['service']} {call['operation']}")
            await sandbox.settle()
            try:
                await player.repeat(call)
            except Problem as problem:
                where = f"call {number}, {call['operation']}"
                result.differences.append(Difference(where, "succeeded", str(problem)))
            result.calls = number
        await sandbox.settle()
        events = await events_by_dossier(sandbox)
        result.events = sum(map(len, events.values()))
        result.differences += differences(run["events"], events)
    return result


def differences(recorded: dict[str, list[Any]], replayed: dict[str, list[Any]]) -> list[Difference]:
    """For each dossier the first event that differs."""
    result = []
    for code in sorted(recorded.keys() | replayed.keys()):
        pairs = _pairs(recorded.get(code, []), replayed.get(code, []))
        if (first := next(((one, other) for one, other in pairs if one != other), None)) is not None:
            event = first[0] or first[1]
            result.append(Difference(f"{code}, {event['service']} event {event['version']}", *first))
    return result


def _pairs(ours: Sequence[Any], theirs: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    by_version = {(each["service"], each["version"]): each for each in theirs}
    for each in ours:
        yield each, by_version.pop((each["service"], each["version"]), None)
    yield from ((None, each) for each in by_version.values())


class _Player:
    """Repeats recorded calls in another sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._citizens: dict[str, Citizen] = {}
        self._headers = {"X-Sandbox": sandbox.id}
        self._transactions: dict[str, str] = {}  # reference of a payment → transaction of its checkout here
        self._partners: dict[str, dict[str, Any]] = {}  # MaDoiTac → as it is registered here

    async def repeat(self, call: dict[str, Any]) -> None:
        """Send one call, again after an HTTP fault. Raises Problem if the call is refused."""
        for attempt in range(ATTEMPTS):
            try:
                await self._send(call)
                return
            except Problem as problem:
                if problem.status not in REPEATED or attempt == ATTEMPTS - 1:
                    raise
                await self._sandbox.settle()

    async def _send(self, call: dict[str, Any]) -> None:
        method, _, path = call["operation"].partition(" ")
        options = _content(_by_pull(call.get("arguments")) if MODE.search(path) else call.get("arguments"))
        path = path.replace("{sandbox}", self._sandbox.id)
        headers = {**self._headers, **({"Idempotency-Key": call["key"]} if "key" in call else {})}
        if call["service"] == "portal" and path.startswith("/_lab"):
            await self._sandbox.country.portal.send(method, path, timeout=120.0, headers=headers, **options)
        elif call["service"] == "portal":
            api = path if path.startswith("/api") else f"/api/v1{path}"
            answer = await self._citizen(call["persona"]).ask(method, api, key=call.get("key"), **options)
            if api.endswith("/payments"):
                self._transactions[answer["reference"]] = answer["checkout_url"].rpartition("/")[2]
        elif "connector" in call:
            await self._speak(call["connector"], path, options)
        elif call["service"] == "gateway":
            api = path if path.startswith("/_lab") else f"/api/v1/provinces/{call['desk']}{path}"
            await self._sandbox.country.gateway.send(method, api, headers=headers, **options)
        elif match := PARTNER.fullmatch(path):
            body: dict[str, Any] | None = {} if method == "PUT" else None  # no addresses: nobody is called
            row = await self._sandbox.country.payment.json(method, path, headers=headers, json=body)
            self._partners[match[1]] = row
        elif "partner" in call:
            await self._open(call["partner"], call["arguments"])
        else:
            opened = TRANSACTION.search(path)
            reference = call.get("reference") or (opened[1] if opened else "")
            if (transaction := self._transactions.get(reference)) is not None:
                path = TRANSACTION.sub(f"/checkout/{transaction}/pay", path)
            await self._pay(self._sandbox.country.payment, method, path, options)

    async def _speak(self, province: str, path: str, options: dict[str, Any]) -> None:
        """What a connector said, or handed in. Raises Problem, also for a rejected message."""
        connector = self._sandbox.connector(province)
        if "content" in options:
            await connector.hand_in_result(path.split("/")[2], options["content"])
            return
        verdict = await connector.say(options["json"])
        if verdict["outcome"] == "rejected":
            rules = ", ".join(f"{error['rule']} {error['title']}" for error in verdict["errors"])
            raise Problem("rejected", 422, f"{verdict['type']}: {rules}.", {})

    async def _open(self, code: str, facts: dict[str, Any]) -> None:
        """A partner's INIT, signed with its secret here. Raises Problem."""
        given = {"MaDoiTac": code, **{name: facts[name] for name in ("MaThamChieu", "SoTien", "ThongTinGiaoDich")}}
        message: dict[str, Any] = {**INIT, **given}
        signed = "|".join([*map(str, message.values()), self._partners[code]["secret"]])
        message["MaXacThuc"] = hashlib.sha256(signed.encode()).hexdigest()
        message["ThongTinBienLai"] = {"MaHoSo": facts["MaHoSo"]}
        reply = await self._sandbox.country.payment.json("POST", self._partners[code]["init"], json=message)
        if reply["MaLoi"] != "00":
            raise Problem("init-refused", 422, reply["MoTaLoi"], reply)
        self._transactions[facts["MaGiaoDich"]] = reply["MaGiaoDich"]

    async def _pay(self, payment: ServiceClient, method: str, path: str, options: dict[str, Any]) -> None:
        try:
            await payment.send(method, path, **options)
        except Problem as problem:
            if problem.type != "order-already-paid":  # the first attempt had succeeded before the connection broke
                raise

    def _citizen(self, persona: str) -> Citizen:
        return self._citizens.setdefault(persona, self._sandbox.citizen(persona))


def _by_pull(mode: Any) -> Any:
    """The mode of a province without what a connector's own program needs: nobody is called, no broker is asked."""
    if not isinstance(mode, dict) or mode.get("mode") != "external":
        return mode
    if mode.get("via") == "legacy":  # without an address; what its province is paid as a partner meets its demands
        return {"mode": "external", "via": "legacy", "gate": mode.get("gate")}
    return {"mode": "external", "via": "pull", "gate": mode.get("gate")}


def _content(arguments: Any) -> dict[str, Any]:
    """Options of the httpx request for recorded arguments."""
    if arguments is None:
        return {}
    if isinstance(arguments, dict) and arguments.keys() == {"base64", "media_type"}:
        content = base64.b64decode(cast(str, arguments["base64"]))
        return {"content": content, "media_type": arguments["media_type"]}
    return {"json": arguments}
