"""What a connector says over HTTP: one verdict for each message, and the same effect as an officer's move."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.schemas import errors
from tests.support.connector import Connector
from tests.support.country import Citizen, Country, Sandbox, problem
from tests.support.factories import COPY, FREE, told
from tests.support.specimens import a_pdf


@pytest.fixture
async def connector(sandbox: Sandbox) -> Connector:
    return await Connector(sandbox).connect()


@pytest.fixture
async def code(sandbox: Sandbox, connector: Connector, lan: Citizen) -> str:
    """A dossier that the connector was told about."""
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    return code


async def verdicts(connector: Connector, **query: Any) -> list[dict[str, Any]]:
    answer = await connector.ask("GET", "/verdicts", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


async def test_a_whole_journey_by_a_connector_with_its_own_facts(
    country: Country, sandbox: Sandbox, connector: Connector, lan: Citizen, code: str
) -> None:
    officer = {"officer": "Nguyễn Thị Cán Bộ"}
    verdict = await connector.says(law.DOSSIER_RECEIVED, code, **officer)
    assert (verdict["outcome"], verdict["became"]) == (
        "accepted",
        {"event": law.DOSSIER_RECEIVED, "state": "received"},
    )
    assert (await connector.shown(code))["demands"] == [], "nobody demands a fee for it"
    await connector.says(law.FEE_DEMANDED, code)
    await sandbox.carry()
    paid = await lan.ask("POST", f"/dossiers/{code}/payments", {"method": "qr"})
    assert (await lan.dossier(code))["status"]["slug"] == "financial_obligation", paid.text
    await connector.says(law.FEE_PAID, code)
    assert (await connector.hand_in(code, a_pdf())).status_code == 200
    for type in (law.PROCESSING_STARTED, law.DOSSIER_RESULT_READY, law.DOSSIER_RESULT_RETURNED):
        await connector.says(type, code, **({"result_number": "17/TLHT"} if type == law.DOSSIER_RESULT_READY else {}))
    await sandbox.carry()
    assert (await lan.dossier(code))["status"]["slug"] == "result_returned"
    assert (await connector.shown(code))["result_number"] == "17/TLHT"
    published = await told(country.gateway, sandbox.id, code)
    assert published[0]["officer"] == officer["officer"] and published[4]["result_number"] == "17/TLHT"
    kept = await verdicts(connector)
    assert [row["number"] for row in kept] == [1, 2, 3, 4, 5, 6]
    assert {row["outcome"] for row in kept} == {"accepted"} and {row["door"] for row in kept} == {"http"}


async def test_what_is_rejected_changes_nothing_and_says_what_would_be_accepted(
    connector: Connector, code: str
) -> None:
    event = await connector.example(law.DOSSIER_RESULT_READY, code)
    before = await connector.shown(code)
    answer = await connector.say(event)
    verdict = answer.json()
    assert (answer.status_code, verdict["outcome"], verdict["became"]) == (422, "rejected", None)
    assert verdict["errors"][0]["rule"] and law.DOSSIER_RECEIVED in verdict["lawful_now"]
    assert await connector.shown(code) == before
    assert (await connector.say(verdict["example"])).json()["outcome"] == "accepted"
    assert [row["outcome"] for row in await verdicts(connector)] == ["rejected", "accepted"]


async def test_the_same_message_again_is_a_duplicate_and_its_id_with_another_body_is_refused(
    country: Country, connector: Connector, code: str
) -> None:
    event = await connector.example(law.DOSSIER_RECEIVED, code)
    outcomes = [(await connector.say(event)).json()["outcome"] for _ in range(2)]
    assert outcomes == ["accepted", "duplicate"]
    event["data"]["officer"] = "Another"
    answer = await connector.say(event)
    assert (answer.status_code == 422 and answer.json()["errors"][0]["rule"] == "LT-ENV-057") or answer.json()["errors"]
    assert len(await told(country.gateway, connector.sandbox.id, code)) == 1


async def test_at_the_same_time_one_message_has_one_effect(country: Country, connector: Connector, code: str) -> None:
    event = await connector.example(law.DOSSIER_RECEIVED, code)
    answers = await asyncio.gather(*(connector.say(event) for _ in range(5)))
    assert sorted(answer.json()["outcome"] for answer in answers) == ["accepted", *["duplicate"] * 4]
    assert len(await told(country.gateway, connector.sandbox.id, code)) == 1
    assert [row["number"] for row in await verdicts(connector)] == [1, 2, 3, 4, 5]


async def test_the_binary_mode_is_read_too(connector: Connector, code: str) -> None:
    event = await connector.example(law.DOSSIER_RECEIVED, code)
    data = event.pop("data")
    headers = {f"ce-{name}": str(value) for name, value in event.items() if name != "datacontenttype"}
    answer = await connector.ask("POST", "/events", json=data, headers=headers)
    assert answer.json()["outcome"] == "accepted", answer.text


async def test_a_batch_gets_a_list_each_judged_after_the_one_before(connector: Connector, code: str) -> None:
    received = await connector.example(law.DOSSIER_RECEIVED, code)
    answer = await connector.say([received, received, {"specversion": "1.0"}])
    assert answer.status_code == 422
    assert [verdict["outcome"] for verdict in answer.json()] == ["accepted", "duplicate", "rejected"]


async def test_a_dossier_handed_in_at_the_counter_begins_there(
    country: Country, sandbox: Sandbox, connector: Connector
) -> None:
    answer = await connector.ask(
        "GET", "/dossiers/H42.14464-260609-0077/example", params={"type": law.DOSSIER_REGISTERED}
    )
    event = answer.json()
    code = event["subject"]
    answers = await asyncio.gather(*(connector.say({**event, "id": f"m{number}"}) for number in range(3)))
    assert sorted(answer.json()["outcome"] for answer in answers) == ["accepted", "rejected", "rejected"]
    await sandbox.carry()
    assert (await connector.shown(code))["status"]["slug"] == "submitted"
    assert (await connector.says(law.DOSSIER_RECEIVED, code))["became"]["state"] == "received"
    assert await connector.told() == [], "a connector is not told what it said"


async def test_a_check_has_no_effect_and_leaves_no_verdict(connector: Connector, code: str) -> None:
    event = await connector.example(law.DOSSIER_RECEIVED, code)
    answer = await connector.say(event, to="/check")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted")
    open_to_all = await connector.country.ask(
        "gateway", "POST", f"{connector.path}/check", json={}, headers=connector.sandbox.header
    )
    assert open_to_all.status_code == 422 and open_to_all.json()["outcome"] == "rejected"
    assert await verdicts(connector) == [] and (await connector.shown(code))["status"]["slug"] == "submitted"


async def test_lenient_takes_what_can_be_taken_mended(country: Country, sandbox: Sandbox, lan: Citizen) -> None:
    connector = await Connector(sandbox).connect(gate="lenient")
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    event = await connector.example(law.DOSSIER_RECEIVED, code)
    event["data"]["working_days"] = 1
    answer = await connector.say(event)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted_with_deviations"), answer.text
    (published,) = await told(country.gateway, sandbox.id, code)
    assert published["working_days"] != 1 and published["due_at"] == (await connector.shown(code))["due_at"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a": 1, "a": 2}',
        b'\xef\xbb\xbf{"specversion": "1.0"}',
        b'{"id": "\\u0000", "specversion": "1.0"}',
        b"\xff\xfe",
        json.dumps({"specversion": "1.0", "data": "x" * 3_000_000}).encode(),
        b"null",
    ],
    ids=lambda body: str(body[:24]),
)
async def test_whatever_comes_gets_a_verdict(connector: Connector, body: bytes) -> None:
    headers = {"Content-Type": "application/cloudevents+json"}
    answer = await connector.ask("POST", "/events", content=body, headers=headers)
    assert answer.status_code == 422 and answer.json()["outcome"] == "rejected", answer.text
    (kept,) = await verdicts(connector)
    assert kept["errors"] == answer.json()["errors"] and kept["errors"][0]["rule"].startswith("LT-ENV")
    assert kept.get("head", "") in ("", body[:200].hex())


async def test_no_member_of_a_body_can_disturb_us(country: Country, connector: Connector, code: str) -> None:
    more = {"work": 1, "event": 2, "dossier": 3, "self": 4, "type": 5}
    await connector.says(law.DOSSIER_RECEIVED, code, **more)
    rows = await country.gateway.database.fetch(
        "SELECT body FROM events WHERE sandbox = $1 AND subject = $2", connector.sandbox.id, code
    )
    body = json.loads(rows[0]["body"])
    assert body.items() >= more.items() and errors(law.DOSSIER_RECEIVED, body) == []


async def test_who_may_speak(country: Country, sandbox: Sandbox, connector: Connector, code: str) -> None:
    event = await connector.example(law.DOSSIER_RECEIVED, code)
    row = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()
    for headers, status, slug in (
        ({}, 401, "connector-key-missing"),
        (sandbox.header, 401, "sandbox-key-needed"),
        ({"Authorization": "Bearer x"}, 401, "connector-key-unknown"),
    ):
        problem(
            await country.ask("gateway", "POST", f"{connector.path}/events", json=event, headers=headers), status, slug
        )
    elsewhere = await Connector(sandbox, "01").connect()
    answer = await elsewhere.say(event)
    assert answer.status_code == 422 and "another province" in answer.text, "its own door, and not its dossier"
    headers = {"X-API-Key": row["api_key"], "Content-Type": "application/cloudevents+json"}
    owner = await country.ask("gateway", "POST", f"{connector.path}/events", json=event, headers=headers)
    assert owner.json()["outcome"] == "accepted", "the owner of the sandbox plays the province"
    await connector.mode(None)
    problem(await connector.say(event), 409, "not-connected")


async def test_verdicts_are_in_the_timeline_and_wake_who_follows(connector: Connector, code: str) -> None:
    followed, _ = await asyncio.gather(verdicts(connector, wait=60), connector.says(law.DOSSIER_RECEIVED, code))
    assert [row["type"] for row in followed] == [law.DOSSIER_RECEIVED]
    timeline = await connector.country.ask("gateway", "GET", f"/_lab/timeline/{code}", headers=connector.sandbox.header)
    (line,) = [line for line in timeline.json() if line["kind"] == "verdict"]
    assert line["text_en"] == "The connector said dossier.received.v1: accepted"
    (row,) = (
        await connector.country.ask("gateway", "GET", "/api/v1/connectors", headers=connector.sandbox.header)
    ).json()
    assert row["verdicts"] == {"accepted": 1} and row["said_at"] is not None


async def test_what_is_heard_late_is_judged_by_when_it_happened(
    sandbox: Sandbox, connector: Connector, code: str
) -> None:
    """The connector says two things at once, and they wait before they are heard, as in a topic."""
    first = (await connector.example(law.DOSSIER_RECEIVED, code))["data"]
    moment = first["received_at"]
    await sandbox.move(minutes=10)
    await connector.says(law.DOSSIER_RECEIVED, code, **first)
    verdict = await connector.says(law.PROCESSING_STARTED, code, started_at=moment)
    assert verdict["outcome"] == "accepted"
    early = await connector.example(law.DOSSIER_RESULT_READY, code)
    early["data"]["ready_at"] = "2020-01-01T08:00:00+07:00"
    answer = await connector.say(early)
    assert "LT-LAW-040" in [error["rule"] for error in answer.json()["errors"]]
