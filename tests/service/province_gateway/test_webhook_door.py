"""The webhook door out: signed, in order per dossier, again until it is taken, and nobody waits for another's receiver."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from standardwebhooks.webhooks import Webhook

from contracts import lifecycle as law
from services.province_gateway.doors.webhook import SCHEDULE, Webhooks
from shared import receivers
from shared.receivers import AllowedHosts
from tests.service.portal.sending import kept
from tests.support.connector import Connector
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import CODE, FREE, an_event, hear
from tests.support.receiver import Received, Receiver, Writer, cut, hang, receiving, status

SUBMITTED = {"submitted_at": "2026-06-09T08:00:00.000+07:00", "procedure": FREE}
OTHER = CODE.replace("0001", "0002")
SHORT = 0.3  # s; until a request is given up


class Door:
    """A connected province with its receiver; the worker's sender runs when the test says so."""

    def __init__(self, connector: Connector, receiver: Receiver) -> None:
        self.connector, self.receiver = connector, receiver
        self.country, self.sandbox, self.secret = connector.country, connector.sandbox, ""
        gateway: Any = connector.country.gateway
        self.webhooks = Webhooks(gateway, gateway.bell, gateway.allowed_hosts)
        self.gateway = gateway

    async def connect(self, **more: Any) -> Door:
        await self.connector.mode({"mode": "external", "via": "webhook", "url": self.receiver.url, **more})
        drawn = (await self.connector.draw()).json()
        self.connector.key, self.secret = drawn["key"], drawn["secret"]
        return self

    async def hears(self, *types: str, code: str = CODE) -> None:
        facts = {law.DOSSIER_SUBMITTED: SUBMITTED}
        await hear(self.gateway, *(an_event(type, self.sandbox.id, code, **facts.get(type, {})) for type in types))

    async def send(self) -> None:
        """Send everything that is due."""
        await self.webhooks.send_due((self.sandbox.id, self.connector.province), asyncio.Event())

    async def listed(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.connector.ask("GET", "/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    async def errors(self) -> list[str]:
        """The errors of all attempts, by delivery and attempt."""
        return [attempt["error"] for row in await self.listed() for attempt in row["log"]]

    async def resend(self, **which: str) -> int:
        answer = await self.connector.ask("POST", "/deliveries/resend", json=which)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["resent"])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def door(sandbox: Sandbox, receiver: Receiver) -> Door:
    return await Door(Connector(sandbox), receiver).connect()


async def test_the_public_library_verifies_each_delivery(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    (received,) = door.receiver.received
    event = Webhook(door.secret).verify(received.body, received.headers)
    assert received.headers["content-type"] == "application/cloudevents+json"
    assert (event["id"], event["type"], event["subject"]) == (
        received.headers["webhook-id"],
        law.DOSSIER_SUBMITTED,
        CODE,
    )
    (row,) = await door.listed()
    assert (row["state"], row["attempts"], row["log"][0]["status"]) == ("delivered", 1, 204)
    await door.send()
    assert len(door.receiver.received) == 1, "once is enough"


async def test_binary_mode_has_the_attributes_in_headers(door: Door) -> None:
    await door.connect(content_mode="binary")
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    (received,) = door.receiver.received
    assert Webhook(door.secret).verify(received.body, received.headers)["dossier_code"] == CODE
    attributes = {name: received.headers[f"ce-{name}"] for name in ("specversion", "type", "subject", "dossierversion")}
    assert attributes == {"specversion": "1.0", "type": law.DOSSIER_SUBMITTED, "subject": CODE, "dossierversion": "1"}
    assert received.headers["content-type"] == "application/json"


async def test_while_a_secret_is_replaced_both_verify(door: Door) -> None:
    before = door.secret
    await door.connect()
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    (received,) = door.receiver.received
    for secret in (before, door.secret):
        Webhook(secret).verify(received.body, received.headers)
    assert len(received.headers["webhook-signature"].split()) == 2


async def test_later_events_of_a_dossier_wait_for_it_and_others_do_not(door: Door) -> None:
    async def refuse_one(received: Received, writer: Writer) -> None:
        await status(500 if received.event["subject"] == CODE else 204)(received, writer)

    door.receiver.answers = [refuse_one]
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await door.hears(law.DOSSIER_SUBMITTED, code=OTHER)
    await door.send()
    door.receiver.answers = [status(204)]
    assert sorted(door.receiver.told) == [(CODE, law.DOSSIER_SUBMITTED), (OTHER, law.DOSSIER_SUBMITTED)]
    assert [row["state"] for row in await door.listed()].count("waiting") in (1, 2)
    await door.sandbox.move(seconds=5)
    await door.send()
    ours = [type for code, type in door.receiver.told if code == CODE]
    assert ours[-2:] == [law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED]
    assert [row["state"] for row in await door.listed()] == ["delivered"] * 3


async def test_it_is_tried_again_by_the_clock_of_the_sandbox_then_given_up_and_sent_when_told(door: Door) -> None:
    door.receiver.answers = [status(500, "bị lỗi".encode())]
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await door.send()
    for number, wait in enumerate(SCHEDULE, 1):
        await door.send()
        assert len(door.receiver.received) == number, "not before its time"
        await door.sandbox.move(seconds=wait.total_seconds())
        await door.send()
    first, second = await door.listed()
    assert (first["state"], first["attempts"], second["state"]) == ("given_up", len(SCHEDULE) + 1, "waiting")
    assert {(a["status"], a["error"], a["head"]) for a in first["log"]} == {(500, "answers 500", "bị lỗi")}
    (row,) = (await door.country.ask("gateway", "GET", "/api/v1/connectors", headers=door.sandbox.header)).json()
    assert (row["last_error"], row["waiting"], row["given_up"]) == ("answers 500", 2, 1)
    (connector,) = (await door.gateway.pending(door.sandbox.id))["connectors"]
    assert "its receiver answers 500" in connector["text"] and "lienthong resend" in connector["text"]
    door.receiver.answers = [status(200)]
    await door.sandbox.move(days=9)
    await door.send()
    assert len(door.receiver.received) == len(SCHEDULE) + 1
    assert await door.resend(dossier=CODE) == 2
    await door.send()
    assert [type for _, type in door.receiver.told[-2:]] == [law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED]


async def test_410_ends_the_attempts_at_once(door: Door) -> None:
    door.receiver.answers = [status(410)]
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    assert [row["state"] for row in await door.listed(state="given_up")] == ["given_up"]


async def test_settle_waits_for_what_is_due_and_the_clock_stops_at_each_retry(door: Door) -> None:
    door.receiver.answers = [status(500)]
    await door.hears(law.DOSSIER_SUBMITTED)
    before = await door.gateway.pending(door.sandbox.id)
    assert before["under_way"] == ["1 delivery is being sent to the receiver of province 37"]
    await door.send()
    after = await door.gateway.pending(door.sandbox.id)
    assert (after["under_way"], after["next_due"]) == ([], "2026-06-09T08:00:05.000+07:00")


MISBEHAVIOUR = {
    "hangs": (hang, "did not answer within 0.3 s"),
    "500": (status(500), "answers 500"),
    "not modified": (status(304), "answers 304"),
    "redirects": (status(302, b"", "Location: http://127.0.0.1:1/"), "redirects are not followed"),
    "ends in mid-answer": (cut, "broke the connection in mid-answer"),
}


@pytest.mark.parametrize("behaviour", MISBEHAVIOUR)
async def test_a_receiver_that_misbehaves_is_named_and_disturbs_nobody_else(
    country: Country, door: Door, behaviour: str
) -> None:
    answer, words = MISBEHAVIOUR[behaviour]
    door.receiver.answers = [answer]
    async with receiving() as healthy:
        neighbour = await Door(Connector(await country.sandbox()), healthy).connect()
        async with asyncio.TaskGroup() as group:
            job = group.create_task(door.webhooks.run())
            try:
                for each in (door, neighbour):
                    await each.hears(law.DOSSIER_SUBMITTED)
                await asyncio.gather(door.receiver.asked.wait(), healthy.asked.wait())
                while not await neighbour.listed(state="delivered"):
                    pass  # each look is a request
            finally:
                job.cancel()
    if answer is hang:
        door.webhooks.timeout = SHORT
    await door.send()
    assert words in (await door.errors())[0]
    (row,) = await door.listed(state="waiting")
    assert row["next_try"] == "2026-06-09T08:00:05.000+07:00"


async def test_an_answer_of_20_mb_is_not_read_to_its_end(door: Door) -> None:
    door.receiver.answers = [status(200, b"x" * 20_000_000)]
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    (row,) = await door.listed(state="delivered")
    assert row["log"][0]["head"] == "x" * 200


async def test_a_name_is_checked_by_the_address_that_it_leads_to(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(door.receiver.url.rsplit(":", 1)[-1].split("/")[0])
    door.receiver.url = f"http://receiver.test:{port}/events"
    leads_to = ["127.0.0.1", "127.0.0.1", "192.0.2.1"]  # when it is set, and at both deliveries
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        return await resolve(leads_to.pop(0) if host == "receiver.test" else host, *args, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    await door.connect()
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.hears(law.DOSSIER_SUBMITTED, code=OTHER)
    await door.send()
    assert [each.headers["host"] for each in door.receiver.received] == [f"receiver.test:{port}"]
    assert sorted(await door.errors())[1].startswith("receiver.test, which leads to 192.0.2.1, is no loopback address")


async def test_a_slow_receiver_gets_four_requests_at_a_time_and_is_not_waited_for(door: Door) -> None:
    door.receiver.answers, door.webhooks.timeout = [hang], SHORT
    for number in range(6):
        await door.hears(law.DOSSIER_SUBMITTED, code=CODE.replace("0001", f"01{number:02}"))
    await door.send()
    assert len(door.receiver.received) == 6 and len(await door.errors()) == 6
    sql = "UPDATE deliveries SET next_try = NULL, claimed_until = clock_timestamp() + $2::interval WHERE sandbox = $1"
    await door.gateway.database.pool.execute(sql, door.sandbox.id, timedelta(seconds=10))
    assert (await door.gateway.pending(door.sandbox.id))["under_way"] == [], "ten seconds without an answer: silent"


async def test_what_a_worker_claimed_and_did_not_finish_is_sent_by_another(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    (claim,) = await door.webhooks._claim((door.sandbox.id, "37"), 4)
    await door.send()
    assert door.receiver.received == [], "another worker has it"
    await door.gateway.database.pool.execute(
        "UPDATE deliveries SET claimed_until = clock_timestamp() WHERE sandbox = $1", door.sandbox.id
    )
    await door.send()
    assert [each.event["id"] for each in door.receiver.received] == [claim.delivery.id]


async def test_the_job_hears_of_connectors_and_deliveries(sandbox: Sandbox, receiver: Receiver) -> None:
    door = Door(Connector(sandbox), receiver)
    async with asyncio.TaskGroup() as group:
        job = group.create_task(door.webhooks.run())
        try:
            await door.connect()
            await door.hears(law.DOSSIER_SUBMITTED)
            await receiver.asked.wait()
        finally:
            job.cancel()


async def test_papers_have_addresses_and_wait_while_the_portal_signs_none(door: Door) -> None:
    lan = await door.sandbox.sign_in("lan")
    paper = await kept(lan)
    await lan.submitted(procedure=FREE, papers=[{"id": paper["id"]}])
    await door.sandbox.carry()
    async with door.country.silent("portal", "/addresses"):
        await door.send()
    assert (door.receiver.received, await door.errors()) == ([], []), "the receiver was not asked"
    await door.gateway.database.pool.execute("UPDATE deliveries SET claimed_until = NULL")
    await door.send()
    assert door.receiver.received[0].event["data"]["papers"][0]["address"].startswith("http://")


async def test_resend_sends_in_order_what_it_is_asked_for(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await door.send()
    first, second = await door.listed()
    assert await door.resend(event=second["id"]) == 1
    await door.send()
    assert await door.resend(since=first["at"]) == 2
    await door.send()
    told = [type for _, type in door.receiver.told]
    assert told == [first["type"], second["type"], second["type"], first["type"], second["type"]]
    assert (await door.listed())[1]["attempts"] == 3
    missing = await door.connector.ask("POST", "/deliveries/resend", json={"event": "nobody"})
    problem(missing, 404, "delivery-not-found")
    both = await door.connector.ask("POST", "/deliveries/resend", json={"event": "x", "dossier": CODE})
    assert pointers(both) == [""]
    pull = await Connector(door.sandbox, "01").connect()
    refused = await pull.ask("POST", "/deliveries/resend", json={"since": first["at"]})
    problem(refused, 409, "not-told-by-webhook")


async def test_a_receiver_is_checked_before_its_province_is_connected(door: Door) -> None:
    row = (await door.country.ask("portal", "GET", f"/_lab/sandboxes/{door.sandbox.id}")).json()

    async def checked(url: str, **headers: str) -> Any:
        path = f"{door.connector.path}/connector/receiver"
        headers = headers or {"X-API-Key": row["api_key"]}
        return await door.country.ask("gateway", "POST", path, json={"url": url}, headers=headers)

    assert (await checked(door.receiver.url)).json() == {"trouble": None}
    assert (await checked("http://127.0.0.1:1/")).json() == {"trouble": "nobody listens on 127.0.0.1:1"}
    assert "WEBHOOK_ALLOWED_HOSTS" in problem(await checked("http://192.0.2.1/"), 409, "receiver-not-allowed")["detail"]
    assert pointers(await checked("ftp://a.test")) == ["/url"]
    problem(await checked(door.receiver.url, **door.sandbox.header), 401, "sandbox-key-needed")


async def test_the_secret_is_shown_only_when_it_is_drawn_and_only_for_webhooks(door: Door) -> None:
    headers = door.sandbox.header
    shown = await door.country.ask("gateway", "GET", f"{door.connector.path}/connector", headers=headers)
    assert shown.status_code == 200 and door.secret.startswith("whsec_") and door.secret not in shown.text
    await door.connector.mode({"mode": "external", "via": "pull"})
    assert (await door.connector.draw()).json()["secret"] is None


async def test_https_is_verified_for_the_name_of_the_receiver(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(self_signed(tmp_path, "localhost")) as door.receiver:
        await door.connect()
        await door.hears(law.DOSSIER_SUBMITTED)
        await door.send()
        assert "the certificate of localhost" in (await door.errors())[0]
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
        monkeypatch.setattr(receivers, "authorities", ssl.create_default_context)
        await door.resend(dossier=CODE)
        await door.send()
        assert len(door.receiver.received) == 1, "trusted, although it is called by its address"
    async with receiving(self_signed(tmp_path, "elsewhere")) as door.receiver:
        await door.connect()
        await door.resend(dossier=CODE)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "elsewhere.pem"))
        await door.send()
        assert "is not valid for localhost" in (await door.errors())[-1]


def self_signed(folder: Path, name: str) -> ssl.SSLContext:
    """The TLS of a server with a certificate for a name, which is `NAME.pem` in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (folder / f"{name}.pem").write_bytes(certificate)
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def test_an_entry_that_is_no_host_is_refused() -> None:
    AllowedHosts("hooks.example.vn, 10.0.0.0/8, [fd00::1]:443, host.docker.internal:9000").require_valid()
    for wrong in ("10.0.0.1/33", "http://a.vn", "a:b", "a:99999", "10.0.0"):
        with pytest.raises(ValueError, match="is no host"):
            AllowedHosts(wrong).require_valid()
