"""Recorded conversations with the adapter API, of every service, wrapper, reverse call and payment, played on the country.

tests/data/legacy/NAME.json, written from the facts that `source` names:
source     integration.md, paragraphs
style      session, wrapper, reverse or payment
given      dossier: <code> is pushed before
exchanges  each with what a program sends (`request`), and the form of the answer (`answer`). Where the network speaks first,
           `request` is the form of what it sends, and `answer` is what the program replies
at         login, share, integration        the address of a session
           GET /…, POST /…                  behind the address of the wrapper; of a GET, `request` is the query
           init, query, get_bill, wrapper   an address of a partner
           keypay …                         behind the address of KeyPay
           submission, call …               what makes the network speak; `path` is the end of the address that it then asks
           payer pays, payer fails          the same; without `path` nobody is told
headers    of a GET or POST: sent besides; of what the network sends: their form, names in lower case
signs      members of a signed message in their order, by `at`; `at answer` for an answer
secret     what signs the message that the network sends
vectors    messages whose checksums were computed with sha256sum and openssl, each with its secret

A value in <> is filled in: what `Player` knows, or what an earlier answer had under this name. <checksum> signs its message.

Forms of requests and answers: tests/support/recorded_forms.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lienthong.client import Connector, Country, Sandbox
from tests.support.legacy_program import Envelope, Json, MessageLost, opencps_dossier, read
from tests.support.receiver import Received, Writer, receiving, status
from tests.support.recorded_forms import checksum, compare, fill

REPOSITORY = Path(__file__).parents[2]
RECORDS = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in REPOSITORY.glob("tests/data/legacy/*.json")
}
NAMES = sorted(RECORDS)
PROVINCE, COMMUNE, AGENCY, COPY = "37", "14464", "H42.14464", "2.000635"
START = "2026-06-09T09:00:00+07:00"  # the day of every recorded time
LONGEST_REPORT = 12  # lines
PATIENCE = 30  # seconds until the network speaks
PLATFORM = ("init", "query", "get_bill", "wrapper")
JAVA = {"Accept": "application/json", "Content-Type": "application/json", "Charset": "utf-8", "dstcode": "VN:GOV:G22"}
SAYS_YES = json.dumps({"error_code": 0, "message": "Thành công", "MaLoi": "00"}).encode()
FILE = status(200, b"%PDF-1.4\n%%EOF\n", "Content-Type: application/pdf")


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_conversation(player: Player, name: str) -> None:
    faults = await player.play(name)
    assert not faults, "\n".join([*faults[:LONGEST_REPORT], f"{len(faults)} in all"])


def test_every_service_has_a_conversation() -> None:
    document = (REPOSITORY / "docs" / "legacy.md").read_text(encoding="utf-8")
    table = document.split("<!-- printed from contracts/legacy/services -->")[1].split(
        "<!-- end of what was printed -->"
    )[0]
    services = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert services and set(services) <= set(NAMES)
    for service in services:
        exchanges = RECORDS[service]["exchanges"]
        assert any(service in (each["request"].get("service"), each["at"].rpartition("/")[2]) for each in exchanges), (
            service
        )


@pytest.mark.parametrize(
    ("name", "vector"),
    [
        pytest.param(name, each, id=f"{name}-{each['of']}")
        for name in NAMES
        for each in RECORDS[name].get("vectors", [])
    ],
)
def test_a_checksum_that_was_computed_elsewhere(name: str, vector: Json) -> None:
    made = checksum(
        RECORDS[name]["signs"][vector["of"]], vector["message"], vector["secret"], keyed="keypay" in vector["of"]
    )
    assert made == vector["checksum"]


def test_a_literal_message_is_signed() -> None:
    """The text of an INIT and of a KeyPay order, each as it stands in integration.md 4.1 and 4.4."""
    init = (
        "INIT|1.0.6|DVC-H42|4711_5f7c1f0c9a7e4d0|8000|PAY|1|1|vi-VN|VND|PAYMENT|"
        "THANH TOAN HO SO H42.14464-260609-0001|20260609090000|192.0.2.10|bi-mat-hu-cau-1"
    )
    assert (
        hashlib.sha256(init.encode()).hexdigest() == "500340d1cf8c61f24d189b5a947f9eba0f6e31db04a7ec8ed6f0e446136144ff"
    )
    order = b"0|DVC-H42|PAY|8000|20260609-4713|3.0"
    made = hmac.new(b"khoa-hu-cau-1", order, hashlib.sha256).hexdigest()
    assert made == "442e6cfdb12f384e7e900eaa70fdef6d8b5bf4cd537f08eed04ab9dd232f2199"


@pytest.mark.parametrize(
    ("form", "value", "pointer"),
    [
        ({"error_code": {"$is": "zero"}}, {"error_code": "00"}, "/error_code"),
        ({"error_code": {"$is": "zero"}}, {"error_code": False}, "/error_code"),
        (
            {"result": {"$list": {"MATTHC": {"$is": "text"}}}},
            {"result": [{"MATTHC": "1"}, {"MATTHC": ""}]},
            "/result/1/MATTHC",
        ),
        ({"result": {"$list": {}, "least": 1}}, {"result": []}, "/result"),
        ({"result": {"$list": {}, "some": {"A": 1}}}, {"result": [{"A": 2}]}, "/result"),
        ({"message": {"$json": {"result": []}}}, {"message": '{"result": {}}'}, "/message/result"),
        ({"$optional": {"NgayHenTra": {"$is": "time14"}}}, {"NgayHenTra": "20260632000000"}, "/NgayHenTra"),
        ({"MaLoi": {"$not": "00"}}, {"MaLoi": "00"}, "/MaLoi"),
        ({"UrlThanhToan": {"$is": "url"}}, {}, "/UrlThanhToan"),
    ],
)
def test_another_answer_is_found_at_its_place(form: Any, value: Any, pointer: str) -> None:
    faults = list(compare(form, value, {}))
    assert faults and all(each.startswith(f"{pointer}: ") for each in faults), faults


@pytest.fixture(scope="module")
async def player(lienthong: Country) -> AsyncIterator[Player]:
    wish: Any = {"seed": "recorded", "start": START}
    async with lienthong.sandbox(**wish) as sandbox, httpx.AsyncClient(timeout=60) as http, receiving() as receiver:
        origin = receiver.url.removesuffix("/events")
        # …/nps is where OpenCPS is told (integration.md 1.11), but for what belongs to payments (4.2, 4.3).
        connector = await sandbox.connect(PROVINCE, "legacy", url=f"{origin}/o/rest/nps")
        partner = await sandbox.payments.register("DVC-H42", confirm_url=f"{origin}/DvcPayment/Confirm")
        player = Player(sandbox, connector, http, dict(partner), origin)
        receiver.answers = [player.answer]
        await player.begin()
        yield player


class Player:
    """Plays conversations in one sandbox, as the program of one province and of one partner, and as their receiver."""

    def __init__(
        self, sandbox: Sandbox, connector: Connector, http: httpx.AsyncClient, partner: Json, origin: str
    ) -> None:
        self._sandbox, self._connector, self._http, self._partner = sandbox, connector, http, partner
        self._adapter: Json = connector.credentials["legacy"]
        self._program = Envelope(http, self._adapter)
        self._known: Json = {name: self._adapter[name] for name in ("username", "password", "agency")}
        self._known |= {"receiver": origin, "partner": partner["partner"], "secret": partner["secret"]}
        self._known |= {"client-id": partner["keypay"]["client_id"]}
        self._names: Json = {}  # what is filled in now
        self._signs: dict[str, str] = {}
        self._awaited: Json | None = None
        self._arrived = asyncio.Event()
        self._faults: list[str] = []

    async def begin(self) -> None:
        represented = [each for person in await self._sandbox.people() for each in person["represents"]]
        self._known["tax-code"] = next(each["id"] for each in represented if each["kind"] == "organisation")
        self._known["session"] = await self._program.log_in()

    async def play(self, name: str) -> list[str]:
        """What is otherwise than recorded: file, exchange (counted from 1), JSON pointer."""
        record, number = RECORDS[name], 100 + NAMES.index(name)
        codes = {f"code-{digit}": f"{AGENCY}-260609-{number}{digit}" for digit in range(2, 6)}
        self._names = {**self._known, "number": str(number), "code": f"{AGENCY}-260609-{number}1", **codes}
        self._signs = record.get("signs", {})
        if record.get("given") == "dossier":
            await self._push()
        faults = []
        for place, exchange in enumerate(record["exchanges"], 1):
            try:
                different = await self._play(exchange)
            except (MessageLost, KeyError) as error:
                different = [f"{error!r}"]
            faults += [f"{name}.json, exchange {place}, {fault}" for fault in different]
        return faults

    async def _push(self) -> None:
        at, due = "20260609090000", "20260609170000"
        who = {"ChuHoSo": "Nguyễn Thị Hư Cấu", "DonViXuLy": "UBND Xã Gia Viễn", "NgayTiepNhan": at, "NgayHenTra": due}
        dossier = opencps_dossier(
            MaHoSo=self._names["code"], MaTTHC=COPY, TrangThaiHoSo="2", TrichYeuHoSo="Trích lục", **who
        )
        answer = await self._program.write(dossier, "False")
        assert self._program.acknowledged(answer), answer

    async def _play(self, exchange: Json) -> list[str]:
        at = exchange["at"]
        self._names.pop("checksum", None)  # of an earlier exchange
        if "path" in exchange:
            return await self._hear(exchange)
        if at.startswith("payer "):
            await self._cause(at)
            await self._sandbox.settle()
            return []
        request = self._signed(at, fill(exchange["request"], self._names))
        answer = await self._send(exchange, request)
        if members := self._signs.get(f"{at} answer"):
            self._names["checksum"] = checksum(members, answer, self._secret(at), keyed=False)
        return list(compare(fill(exchange["answer"], self._names), answer, self._names))

    async def _send(self, exchange: Json, request: Any) -> Any:
        at = exchange["at"]
        if at in ("share", "integration", "login"):
            text = json.dumps(request, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
            address = self._adapter["base"] + self._adapter[at]
            return read(await self._http.post(address, content=text.encode(), headers=JAVA))
        if at in PLATFORM:
            answer = await self._http.post(self._partner[at], json=request)
        elif at.startswith("keypay "):
            answer = await self._http.post(
                f"{self._partner['keypay']['base']}/{at.removeprefix('keypay ')}", json=request
            )
        else:
            method, path = at.split(" ", 1)
            sent = {"params": request} if method == "GET" else {"json": request}
            headers = exchange.get("headers", {})
            answer = await self._http.request(method, self._adapter["wrapper"] + path, headers=headers, **sent)
        is_pdf = answer.status_code == 200 and answer.content.startswith(b"%PDF-")
        return answer.content if is_pdf else read(answer)

    async def _hear(self, exchange: Json) -> list[str]:
        """Let the network speak, and wait until it has; the faults of what it says."""
        self._awaited, self._faults = exchange, []
        self._arrived.clear()
        try:
            await self._cause(exchange["at"])
            async with asyncio.timeout(PATIENCE):
                await self._arrived.wait()
            await self._sandbox.settle()  # so that it would be sent again by now, if the reply was not taken
        except TimeoutError:
            return [f"nothing was sent to {exchange['path']}"]
        finally:
            self._awaited = None
        return self._faults

    async def _cause(self, at: str) -> None:
        if at == "submission":
            self._names["code"] = (await self._sandbox.citizen("lan").submit(COPY, PROVINCE, COMMUNE))["code"]
        elif at == "payer pays":
            await self._sandbox.payments.pay(self._names["address"])
        elif at == "payer fails":
            await self._sandbox.payments.fail(self._names["address"])
        else:
            await self._connector.call(at.removeprefix("call "), self._names["code"])

    async def answer(self, received: Received, writer: Writer) -> None:
        """What the program replies to the network; yes, where no conversation awaits it."""
        awaited, path = self._awaited, received.path.partition("?")[0]
        if path.endswith(".pdf"):
            await FILE(received, writer)
        elif awaited is None or path.rpartition("/")[2] != awaited["path"].rpartition("/")[2]:
            await status(200, SAYS_YES, "Content-Type: application/json")(received, writer)
        elif self._arrived.is_set():
            self._faults.append(f"sent again, although it was answered: {received.body.decode()[:300]}")
            await status(200, SAYS_YES, "Content-Type: application/json")(received, writer)
        else:
            try:
                self._faults += self._compare(awaited, path, received)
                reply = json.dumps(fill(awaited["answer"], self._names), ensure_ascii=False).encode()
            except Exception as error:
                self._faults.append(f"{error!r}: {received.body.decode()[:300]}")
                reply = SAYS_YES
            self._arrived.set()
            await status(200, reply, "Content-Type: application/json")(received, writer)

    def _compare(self, awaited: Json, path: str, received: Received) -> Iterator[str]:
        if not path.endswith(awaited["path"]):
            yield f"sent to {path}, not to …{awaited['path']}"
        body = json.loads(received.body)
        if members := self._signs.get(awaited["at"]):
            secret = fill(awaited["secret"], self._names)
            self._names["checksum"] = checksum(members, body, secret, keyed=False)
        for fault in compare(awaited.get("headers", {}), received.headers, self._names):
            yield f"header {fault}"
        yield from compare(fill(awaited["request"], self._names), body, self._names)

    def _signed(self, at: str, request: Any) -> Any:
        if members := self._signs.get(at):
            made = checksum(members, request, self._secret(at), keyed="keypay" in at)
            return fill(request, {"checksum": made})
        return request

    def _secret(self, at: str) -> str:
        return str(self._partner["keypay"]["hash_key_1"] if "keypay" in at else self._partner["secret"])
