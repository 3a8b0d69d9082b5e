"""A province's own connector behind the pull door, on the whole country: it hears, decides, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from lienthong import sync
from lienthong.client import Connector, Sandbox
from tests.support.command import PATIENCE, command
from tests.support.receiver import ADDRESS, NAME
from tests.support.specimens import a_pdf

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"
PROVINCE, COMMUNE, COPY, FREE = "37", "14464", "2.000635", "1.001776"
CODE = "H42.14464-20260609-0000001"  # of no dossier

pytestmark = pytest.mark.lienthong(seed="connector")


class Program:
    """An integrator's connector in thirty lines, over HTTP alone: receive, demand the fee, process, return a result."""

    def __init__(self, connector: Connector) -> None:
        self.events, self.headers = connector.credentials["events"], {"Authorization": f"Bearer {connector.key}"}
        self.cursor, self.heard = 0, list[str]()

    def work(self) -> None:
        with httpx.Client(headers=self.headers, timeout=60) as http:
            while batch := http.get(self.events, params={"after": self.cursor}).json():
                for event in batch:
                    self.heard.append(event["type"])
                    self.answer(http, event)
                    self.cursor = event["delivery"]

    def answer(self, http: httpx.Client, event: dict[str, Any]) -> None:
        if event["type"] == "dossier.submitted.v1":
            self.say(http, "dossier.received.v1", event["subject"])
            self.say(http, "dossier.fee_demanded.v1", event["subject"])
        if event["type"] == "payment.confirmed.v1":
            address = self.events.replace("/events", f"/dossiers/{event['subject']}/result")
            http.put(address, content=a_pdf(), headers={"Content-Type": "application/pdf"}).raise_for_status()
            for type in ("processing_started", "result_ready", "result_returned"):
                self.say(http, f"dossier.{type}.v1", event["subject"])

    def say(self, http: httpx.Client, type: str, code: str) -> None:
        address = self.events.removesuffix("/events")
        made = http.get(f"{address}/dossiers/{code}/example", params={"type": type}).content
        answer = http.post(self.events, content=made, headers={"Content-Type": "application/cloudevents+json"})
        assert answer.json()["outcome"] == "accepted", answer.text


async def test_a_whole_journey_by_a_connector(sandbox: Sandbox) -> None:
    lan = sandbox.citizen("lan")
    connector = await sandbox.connect(PROVINCE, "pull")
    program = Program(connector)
    code = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await sandbox.settle()
    program.work()
    await sandbox.settle()
    await lan.pay(code)
    await sandbox.settle()
    program.work()
    await sandbox.settle()
    dossier = await lan.dossier(code)
    assert dossier["status"]["slug"] == "result_returned"
    assert program.heard == ["dossier.submitted.v1", "payment.confirmed.v1"]
    assert {row["outcome"] for row in await connector.verdicts()} == {"accepted"}
    verdict_lines = [entry["text_en"] for entry in await sandbox.timeline(code) if entry["kind"] == "verdict"]
    assert len(verdict_lines) == 5


async def test_a_stream_brings_what_happens_while_it_is_open(sandbox: Sandbox) -> None:
    connector = await sandbox.connect(PROVINCE, "pull")
    headers = {"Authorization": f"Bearer {connector.key}", "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        http.stream("GET", connector.credentials["events"]) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        code = (await sandbox.citizen("lan").submit(FREE, PROVINCE, COMMUNE))["code"]
        lines = [line async for line in _first(answer.aiter_lines(), "data: ")]
    assert "id: 1" in lines and json.loads(lines[-1].removeprefix("data: "))["subject"] == code


async def _first(lines: AsyncIterator[str], begin: str) -> AsyncIterator[str]:
    """The lines up to the first that begins so."""
    async for line in lines:
        yield line
        if line.startswith(begin):
            return


async def test_switched_in_the_middle_both_ways_nothing_is_lost(sandbox: Sandbox) -> None:
    lan = sandbox.citizen("lan")
    code = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await sandbox.script(code, reception="receive")
    await sandbox.clock.advance("1d")
    before = [event["event"] for event in await sandbox.events(code)]
    connector = await sandbox.connect(PROVINCE, "pull")
    told = await connector.deliveries()
    assert [event["type"] for event in told] == before, "its history, from the beginning"
    await sandbox.clock.advance("3d")
    assert [event["event"] for event in await sandbox.events(code)] == before, "no officer acts meanwhile"
    await lan.pay(code)
    await sandbox.settle()
    assert [event["type"] for event in await connector.deliveries(told[-1]["delivery"])] == ["payment.confirmed.v1"]
    assert (await connector.trigger("dossier.processing_started.v1", code, officer="Bà Hư Cấu"))[
        "outcome"
    ] == "accepted"
    await connector.disconnect()
    await sandbox.clock.advance("30d")
    assert (await lan.dossier(code))["status"]["slug"] == "result_returned", "officers go on from where it stands"
    assert (await sandbox.connectors())[:1] == []


def test_a_person_plays_the_province_from_a_terminal(
    lienthong_sync: sync.Country, sandbox_sync: sync.Sandbox, tmp_path: Path
) -> None:
    where = {"LIENTHONG_SANDBOX": sandbox_sync.id, "LANG": "C.UTF-8"}

    def run(*words: str) -> Any:
        return command(*words, url=lienthong_sync.url, **where)

    assert "No province is connected" in run("connectors").stdout
    printed = run("connect", "--province", PROVINCE, "--via", "pull")
    assert printed.returncode == 0 and "Authorization: Bearer ltc." in printed.stdout, printed.stderr
    code = sandbox_sync.citizen("lan").submit(FREE, PROVINCE, COMMUNE)["code"]
    sandbox_sync.settle()
    early = run("trigger", "dossier.result_ready.v1", "--dossier", code)
    assert early.returncode == 1 and "lawful now: dossier.received.v1" in early.stdout
    assert run("verdicts").stdout == "", "what is sure to be rejected is not said"
    said = run("trigger", "dossier.received.v1", "--dossier", code, "--set", "officer=Bà Hư Cấu")
    assert said.stdout == "accepted: dossier.received.v1 → received\n", said.stderr
    address = f"/api/v1/provinces/{PROVINCE}/dossiers/{code}/example"
    query = {"type": "dossier.processing_started.v1"}
    message = httpx.get(
        lienthong_sync.doors["province_gateway"] + address, params=query, headers=sandbox_sync.headers, timeout=60
    )
    (tmp_path / "message.json").write_bytes(message.content)
    checked = run("contract", "check", str(tmp_path / "message.json"), "--sandbox", sandbox_sync.id)
    assert checked.returncode == 0 and "accepted" in checked.stdout, checked.stderr
    (tmp_path / "message.json").write_bytes(message.content.replace(b"started.v1", b"resumed.v1"))
    assert run("contract", "check", str(tmp_path / "message.json"), "--sandbox", sandbox_sync.id).returncode == 1
    half = run("trigger", "dossier.processing_started.v1", "--dossier", code, "--set", 'officer="\\ud800"')
    assert half.returncode == 1 and "is not UTF-8" in half.stderr and len(half.stderr) < 200, half.stderr
    outsider = run("trigger", "dossier.submitted.v1", "--dossier", code, "--as-outsider")
    assert outsider.returncode == 1 and "LT-ENV" in outsider.stdout
    rows = [json.loads(line) for line in run("verdicts", "--province", PROVINCE, "--json").stdout.splitlines()]
    assert [row["outcome"] for row in rows] == ["accepted", "rejected"]
    listed = json.loads(run("connectors", "--json").stdout)
    assert listed[0]["verdicts"] == {"accepted": 1, "rejected": 1} and listed[0]["waiting"] == 1
    back = run("disconnect", "--province", PROVINCE)
    assert "Province 37 is simulated again" in back.stdout, back.stderr
    assert run("mode", "set", PROVINCE, "manual").returncode == 0
    again = run("disconnect", "--province", PROVINCE)
    assert again.returncode == 0 and "Province 37 was not connected: it is manual" in again.stdout, again.stderr
    assert json.loads(run("disconnect", "--province", PROVINCE, "--json").stdout)["was_connected"] is False


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["connect", "--province", "37", "--via", "pul"], "did you mean pull?"),
        (["connect", "--province", "99", "--via", "pull"], "'99' is no province"),
        (["connect", "--province", "37", "--via", "webhook"], "/url: give the address"),
        (["connect", "--province", "*", "--via", "pull"], "for one province: name its code"),
        (["disconnect", "--province", "*"], "for one province: name its code"),
        (["disconnect", "--province", "99"], "'99' is no province"),
        (["listen", "--province", "37", "--forward-to", "127.0.0.1:9"], "has no scheme"),
        (["listen", "--province", "37"], "lienthong connect --province 37"),
        (["trigger", "dossier.received.v1", "--dossier", CODE], "No connected province"),
        (["trigger", "x.v1", "--province", "37", "--dossier", CODE], 'known: ["dossier.registered.v1"'),
        (["trigger", "received.v1", "--province", "37", "--dossier", CODE], "Did you mean dossier.received.v1?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refusal_is_one_sentence(
    sandbox_sync: sync.Sandbox, lienthong_sync: sync.Country, words: list[str], hint: str
) -> None:
    done = command(*words, url=lienthong_sync.url, LIENTHONG_SANDBOX=sandbox_sync.id)
    assert done.returncode == 1 and hint in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_page_says_what_happens(lienthong_sync: sync.Country, tmp_path: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sources = str(Path(__file__).parents[2])
    given = {**os.environ, "LIENTHONG_URL": lienthong_sync.url, "PATH": here, "PYTHONPATH": sources, "LANG": "C.UTF-8"}
    script = "set -euo pipefail\n" + "\n".join(blocks)
    script = script.replace('("127.0.0.1", 0)', f'("{ADDRESS}", 0)').replace("http://127.0.0.1:{", f"http://{NAME}:{{")
    done = subprocess.run(
        ["bash"], input=script, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    after = lines.index("dossier.submitted.v1")
    assert lines[after + 1 : after + 3] == ["accepted", "duplicate"] and lines[after + 3]
    assert "accepted: dossier.processing_started.v1 → in_processing" in lines
    assert "offset 0 rejected" in lines
    assert "rejected, and the verdict is kept" in lines and list(tmp_path.iterdir()) == []
    assert lines.count("told: dossier.submitted.v1") == 2, "by webhook, and again"


class Receiver:
    """A local program that takes events over HTTP; `refuse`: how many requests it answers with 500 first."""

    def __init__(self) -> None:
        self.refuse, self.taken = 0, list[dict[str, Any]]()

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                refused, receiver.refuse = receiver.refuse > 0, receiver.refuse - 1
                if not refused:
                    receiver.taken.append(event)
                body = b"" if refused else b"taken"
                self.send_response(500 if refused else 202)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def started(*words: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; then Ctrl-C, at which it ends without an error."""
    environment = {**os.environ, "LIENTHONG_URL": url}
    words = (sys.executable, "-m", "lienthong.cli.main", *words)
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=environment, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            yield program
        finally:
            program.send_signal(signal.SIGINT)
            status = program.wait(PATIENCE)
        assert status == 0


def test_listen_forwards_in_order_goes_on_where_it_stopped(
    lienthong_sync: sync.Country, sandbox_sync: sync.Sandbox
) -> None:
    connector = sandbox_sync.connect(PROVINCE, "pull")
    lan = sandbox_sync.citizen("lan")
    codes = [lan.submit(FREE, PROVINCE, COMMUNE)["code"] for _ in range(2)]
    sandbox_sync.settle()
    with Receiver() as receiver:
        receiver.refuse = 1
        words = ("listen", "--province", PROVINCE, "--forward-to", receiver.url, "--json", "--sandbox", sandbox_sync.id)
        with started(*words, url=lienthong_sync.url) as program:
            told = [json.loads(next(lines(program))) for _ in codes]
        assert [event["subject"] for event in told] == codes == [event["subject"] for event in receiver.taken]
        assert told[0]["reply"]["status"] == 202 and told[0]["reply"]["body"] == "taken"
        assert sandbox_sync.connectors()[0]["waiting"] == 0
        nowhere = ("listen", "--province", PROVINCE, "--after", "0", "--forward-to", "http://127.0.0.1:1")
        with started(*nowhere, "--sandbox", sandbox_sync.id, url=lienthong_sync.url) as program:
            assert program.stderr is not None
            assert "no connection to http://127.0.0.1:1 can be made: start your program" in program.stderr.readline()
        lan.withdraw(codes[0], "Tôi đổi ý")
        sandbox_sync.settle()
        with started(*words, url=lienthong_sync.url) as program:
            assert json.loads(next(lines(program)))["type"] == "dossier.withdrawal_requested.v1"
    assert connector.kept_cursor("lienthong-listen") == 3


def lines(program: subprocess.Popen[str]) -> Iterator[str]:
    assert program.stdout is not None
    return program.stdout
