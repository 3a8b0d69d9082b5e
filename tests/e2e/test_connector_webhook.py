"""A province's own connector behind the webhook door, on the whole country: told by POST, answers by POST."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from lienthong import sync
from lienthong.client import Connector, Problem, Sandbox
from tests.support.command import command
from tests.support.receiver import Receiver, receiving, status
from tests.support.specimens import a_pdf

PROVINCE, COMMUNE, COPY, FREE = "37", "14464", "2.000635", "1.001776"

pytestmark = pytest.mark.lienthong(seed="webhook")


class Program:
    """An integrator's connector: verifies what it is sent, and answers over HTTP with its key."""

    def __init__(self, connector: Connector, receiver: Receiver) -> None:
        self.receiver, self.webhook = receiver, Webhook(connector.credentials["secret"])
        self.events, self.headers = connector.credentials["events"], {"Authorization": f"Bearer {connector.key}"}
        self.seen = set[str]()

    async def work(self) -> None:
        async with httpx.AsyncClient(headers=self.headers, timeout=60) as http:
            for received in self.receiver.received:
                event = self.webhook.verify(received.body, received.headers)
                if event["id"] not in self.seen:  # a delivery can come twice
                    self.seen.add(event["id"])
                    await self.answer(http, event)

    async def answer(self, http: httpx.AsyncClient, event: dict[str, Any]) -> None:
        if event["type"] == "dossier.submitted.v1":
            await self.say(http, "dossier.received.v1", event["subject"])
            await self.say(http, "dossier.fee_demanded.v1", event["subject"])
        if event["type"] == "payment.confirmed.v1":
            address = self.events.replace("/events", f"/dossiers/{event['subject']}/result")
            done = await http.put(address, content=a_pdf(), headers={"Content-Type": "application/pdf"})
            done.raise_for_status()
            for type in ("processing_started", "result_ready", "result_returned"):
                await self.say(http, f"dossier.{type}.v1", event["subject"])

    async def say(self, http: httpx.AsyncClient, type: str, code: str) -> None:
        address = self.events.removesuffix("/events")
        made = (await http.get(f"{address}/dossiers/{code}/example", params={"type": type})).content
        answer = await http.post(self.events, content=made, headers={"Content-Type": "application/cloudevents+json"})
        assert answer.json()["outcome"] == "accepted", answer.text


async def test_a_whole_journey_by_webhook_although_the_receiver_fails_in_between(sandbox: Sandbox) -> None:
    lan = sandbox.citizen("lan")
    async with receiving() as receiver:
        connector = await sandbox.connect(PROVINCE, "webhook", url=receiver.url)
        assert connector.credentials["trouble"] is None
        program = Program(connector, receiver)
        code = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
        await sandbox.settle()
        await program.work()
        await sandbox.settle()
        receiver.answers = [status(500), status(500), status(204)]
        await lan.pay(code)
        verdict = await sandbox.settle()
        assert any("its receiver answers 500" in each["detail"] for each in verdict["waiting_for"]), verdict
        (waiting,) = await connector.sent(state="waiting")
        assert (waiting["type"], waiting["attempts"]) == ("payment.confirmed.v1", 1)
        await sandbox.clock.advance("1h")
        (delivered,) = [row for row in await connector.sent(dossier=code) if row["type"] == waiting["type"]]
        assert [each["error"] for each in delivered["log"]] == ["answers 500", "answers 500", ""]
        await program.work()
        await sandbox.settle()
        assert (await lan.dossier(code))["status"]["slug"] == "result_returned"
        assert {row["outcome"] for row in await connector.verdicts()} == {"accepted"}


async def test_a_dossier_from_before_is_told_from_its_beginning_and_again_when_asked(sandbox: Sandbox) -> None:
    code = (await sandbox.citizen("lan").submit(FREE, PROVINCE, COMMUNE))["code"]
    await sandbox.settle()
    async with receiving() as receiver:
        connector = await sandbox.connect(PROVINCE, "webhook", url=receiver.url, binary=True)
        await sandbox.settle()
        (first,) = receiver.received
        assert (first.headers["ce-type"], first.headers["ce-subject"]) == ("dossier.submitted.v1", code)
        assert await connector.resend(dossier=code) == 1
        await sandbox.settle()
        assert [each.headers["webhook-id"] for each in receiver.received] == [first.headers["webhook-id"]] * 2


async def test_an_address_that_may_not_be_called_changes_nothing(sandbox: Sandbox) -> None:
    with pytest.raises(Problem, match="receiver-not-allowed"):
        await sandbox.connect(PROVINCE, "webhook", url="http://192.0.2.1/events")
    assert await sandbox.connectors() == []


def test_the_command_says_what_to_paste_and_what_is_wrong(
    lienthong_sync: sync.Country, sandbox_sync: sync.Sandbox
) -> None:
    def run(*words: str) -> Any:
        return command(*words, url=lienthong_sync.url, LIENTHONG_SANDBOX=sandbox_sync.id, LANG="C.UTF-8")

    words = ("connect", "--province", PROVINCE, "--via", "webhook", "--binary", "--url", "http://127.0.0.1:1/in")
    printed = run(*words)
    assert printed.returncode == 0, printed.stderr
    for part in ("whsec_", "(binary)", "nobody listens on 127.0.0.1:1", "pip install standardwebhooks", "require("):
        assert part in printed.stdout
    code = sandbox_sync.citizen("lan").submit(FREE, PROVINCE, COMMUNE)["code"]
    sandbox_sync.settle()
    (row,) = json.loads(run("deliveries", "--province", PROVINCE, "--dossier", code, "--json").stdout)
    assert row["state"] == "waiting" and row["log"][0]["error"].startswith("cannot be reached")
    assert "cannot be reached" in run("connectors").stdout
    assert "cannot be reached" in run("deliveries", "--province", PROVINCE).stdout
    again = run("resend", row["id"], "--province", PROVINCE)
    assert again.stdout == "Sent again, in order: 1.\n", again.stderr
    for wrong, hint in (((), "say which"), (("nobody",), "delivery-not-found"), (("--since", "noon"), "RFC 3339")):
        refused = run("resend", *wrong, "--province", PROVINCE)
        assert refused.returncode != 0 and hint in refused.stderr, refused.stderr
