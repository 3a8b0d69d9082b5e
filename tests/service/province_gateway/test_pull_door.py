"""The pull door: what a connector is told, in order, once, and to nobody else."""

from __future__ import annotations

import asyncio
import json

import pytest

from contracts import lifecycle as law
from contracts.topics import FROM_PROVINCE
from services.province_gateway import arrival
from tests.service.portal.sending import kept
from tests.support.connector import Connector
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import CODE, FREE, PROVINCE, an_event, hear
from tests.support.specimens import a_pdf

SUBMITTED = {"submitted_at": "2026-06-09T08:00:00.000+07:00"}
OTHER = CODE.replace("0001", "0002")


@pytest.fixture
async def connector(sandbox: Sandbox) -> Connector:
    return await Connector(sandbox).connect()


async def hears(connector: Connector, *types: str, code: str = CODE) -> None:
    """Let the gateway read these events of the portal."""
    facts = {law.DOSSIER_SUBMITTED: {**SUBMITTED, "procedure": FREE}}
    sandbox = connector.sandbox
    await hear(sandbox.country.gateway, *(an_event(type, sandbox.id, code, **facts.get(type, {})) for type in types))


async def is_heard(connector: Connector) -> None:
    """Wait until the gateway has noted that the connector asked."""
    sql = "SELECT heard_at FROM connectors WHERE sandbox = $1 AND province = $2"
    async with asyncio.timeout(20):
        while not await connector.country.gateway.database.pool.fetchval(sql, connector.sandbox.id, connector.province):
            pass


async def test_it_is_told_what_the_portal_says_in_order_with_the_same_ids(connector: Connector) -> None:
    await hears(connector, law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await hears(connector, law.DOSSIER_SUBMITTED, code=OTHER)
    told = await connector.told()
    assert [(event["delivery"], event["type"], event["subject"], event["dossierversion"]) for event in told] == [
        (1, law.DOSSIER_SUBMITTED, CODE, 1),
        (2, law.WITHDRAWAL_REQUESTED, CODE, 2),
        (3, law.DOSSIER_SUBMITTED, OTHER, 1),
    ]
    assert told[0]["source"] == f"/portal/{connector.sandbox.id}" and told[0]["data"]["procedure"] == FREE
    assert await connector.told(after=0) == told, "the same again"
    assert await connector.told() == [] and [event["delivery"] for event in await connector.told(after=1)] == [2, 3]
    assert [event["delivery"] for event in await connector.told(after=0, limit=1)] == [1]


async def test_the_link_continues_behind_the_last_event(connector: Connector) -> None:
    await hears(connector, law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    answer = await connector.ask("GET", "/events", params={"limit": 1})
    assert answer.headers["link"] == f'</api/v1/provinces/{PROVINCE}/events?after=1&wait=0&limit=1>; rel="next"'
    assert (await connector.ask("HEAD", "/events", params={"wait": 60})).status_code == 200, "a HEAD waits for nothing"


async def test_it_is_woken_by_what_is_new(connector: Connector) -> None:
    told, _ = await asyncio.gather(connector.told(wait=60), hears(connector, law.DOSSIER_SUBMITTED))
    assert [event["type"] for event in told] == [law.DOSSIER_SUBMITTED]


async def test_a_wait_ends_when_the_server_stops(connector: Connector) -> None:
    stopping = connector.country.gateway.stopping
    waiting = asyncio.create_task(connector.told(wait=60))
    stopping.set()
    try:
        assert await waiting == []
    finally:
        stopping.clear()


async def test_a_province_with_officers_delivers_nothing(sandbox: Sandbox) -> None:
    connector = await Connector(sandbox).connect()
    await connector.mode(None)
    await hears(connector, law.DOSSIER_SUBMITTED)
    problem(await connector.ask("GET", "/events"), 409, "not-connected")
    rows = await sandbox.country.gateway.database.fetch("SELECT FROM deliveries WHERE sandbox = $1", sandbox.id)
    assert rows == []


async def test_a_cursor_of_another_place_is_refused(connector: Connector) -> None:
    assert pointers(await connector.ask("GET", "/events", params={"after": 7})) == ["/query/after"]
    for query in ({"after": "-1"}, {"wait": "61"}, {"limit": "0"}, {"after": "+1"}):
        assert pointers(await connector.ask("GET", "/events", params=query)) == [f"/query/{next(iter(query))}"]


async def test_only_the_key_of_the_province_opens_its_door(country: Country, connector: Connector) -> None:
    path = f"{connector.path}/events"
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        answer = await country.ask("gateway", "GET", path, headers=headers)
        problem(answer, 401, "connector-key-missing")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for key in ("x", f"ltc.{connector.sandbox.id}.37.{'0' * 32}", f"ltc.nobody.37.{'0' * 32}"):
        answer = await country.ask("gateway", "GET", path, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code in (401, 404), answer.text
    other = await Connector(await country.sandbox()).connect()
    headers = {"Authorization": f"Bearer {other.key}", "X-Sandbox": connector.sandbox.id}
    problem(await country.ask("gateway", "GET", path, headers=headers), 403, "sandbox-mismatch")
    elsewhere = await Connector(connector.sandbox, "01").connect()
    headers = {"Authorization": f"Bearer {elsewhere.key}"}
    assert (
        problem(await country.ask("gateway", "GET", path, headers=headers), 403, "other-province")["key_province"]
        == "01"
    )


async def test_a_key_is_replaced_without_haste_and_revoked_at_once(country: Country, connector: Connector) -> None:
    before = connector.key
    await connector.connect()
    for key in (before, connector.key):
        connector.key, current = key, connector.key
        assert await connector.told() == []
        connector.key = current
    row = (await country.ask("portal", "GET", f"/_lab/sandboxes/{connector.sandbox.id}")).json()
    answer = await country.ask(
        "gateway", "DELETE", f"{connector.path}/connector", headers={"X-API-Key": row["api_key"]}
    )
    assert answer.status_code == 204
    problem(await connector.ask("GET", "/events"), 401, "connector-key-unknown")


async def test_credentials_are_drawn_for_the_owner_of_the_sandbox_alone(sandbox: Sandbox) -> None:
    connector = Connector(sandbox)
    problem(await connector.draw(), 409, "not-connected")
    await connector.connect()
    refused = await connector.draw(**sandbox.header)
    assert "api_key" in problem(refused, 401, "sandbox-key-needed")["detail"]
    shown = await connector.country.ask("gateway", "GET", f"{connector.path}/connector", headers=sandbox.header)
    assert shown.status_code == 200 and connector.key not in shown.text


async def test_the_list_says_what_each_connector_has_not_acknowledged(country: Country, connector: Connector) -> None:
    async def listed() -> dict[str, object]:
        answer = await country.ask("gateway", "GET", "/api/v1/connectors", headers=connector.sandbox.header)
        (row,) = answer.json()
        return dict(row)

    assert (await listed())["heard_at"] is None
    await hears(connector, law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await connector.told()
    row = await listed()
    assert (row["province"], row["via"], row["gate"], row["waiting"], row["deliveries"]) == (
        "37",
        "pull",
        "strict",
        2,
        2,
    )
    assert row["heard_at"] is not None and row["waiting_since"] is not None and row["said_at"] is None
    await connector.told(after=1)
    assert (await listed())["waiting"] == 1, "who asks for what comes after has what came before"


async def test_papers_come_with_an_address_that_gives_the_file(connector: Connector) -> None:
    lan = await connector.sandbox.sign_in("lan")
    paper = await kept(lan, name="khai-sinh.pdf")
    await lan.submitted(procedure=FREE, papers=[{"id": paper["id"]}])
    await connector.sandbox.carry()
    (event,) = await connector.told()
    (sent,) = [each for each in event["data"]["papers"] if "sha256" in each]
    file = await connector.country.http.get(sent["address"])
    assert (file.status_code, file.content) == (200, a_pdf())


async def test_while_the_portal_signs_no_address_a_delivery_with_papers_waits(connector: Connector) -> None:
    lan = await connector.sandbox.sign_in("lan")
    paper = await kept(lan)
    await lan.submitted(procedure=FREE, papers=[{"id": paper["id"]}])
    await connector.sandbox.carry()
    async with connector.country.silent("portal", "/addresses"):
        problem(await connector.ask("GET", "/events"), 503, "not-ready")
    assert len(await connector.told()) == 1


async def test_a_subscription_keeps_its_cursor(connector: Connector) -> None:
    await hears(connector, law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)

    async def next_of(name: str) -> list[int]:
        answer = await connector.ask("GET", "/events", params={"subscription": name})
        return [event["delivery"] for event in answer.json()]

    assert await next_of("mine") == [1, 2] == await next_of("mine"), "until it is acknowledged"
    kept = await connector.ask("PUT", "/subscriptions/mine", json={"cursor": 1})
    assert kept.json() == {"name": "mine", "cursor": 1}
    assert await next_of("mine") == [2] and await next_of("another") == [1, 2]
    assert (await connector.ask("GET", "/subscriptions/mine")).json()["cursor"] == 1
    assert pointers(await connector.ask("PUT", "/subscriptions/mine", json={"cursor": 3})) == ["/cursor"]
    both = await connector.ask("GET", "/events", params={"subscription": "mine", "after": 1})
    assert pointers(both) == ["/query/after"]


async def test_the_same_as_server_sent_events_until_the_key_is_revoked(connector: Connector) -> None:
    await hears(connector, law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    country, headers = connector.country, {"Accept": "text/event-stream", "Last-Event-ID": "1"}
    streaming = asyncio.create_task(connector.ask("GET", "/events", headers=headers))
    await is_heard(connector)  # its key was valid when it asked
    row = (await country.ask("portal", "GET", f"/_lab/sandboxes/{connector.sandbox.id}")).json()
    await country.ask("gateway", "DELETE", f"{connector.path}/connector", headers={"X-API-Key": row["api_key"]})
    await hears(connector, law.DOSSIER_SUBMITTED, code=OTHER)
    answer = await streaming
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line[6:])["delivery"] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert told in ([], [2]), "the test's transport gives a response when it is complete"


async def test_a_stream_ends_when_the_server_stops(connector: Connector) -> None:
    stopping = connector.country.gateway.stopping
    stopping.set()
    try:
        answer = await connector.ask("GET", "/events", headers={"Accept": "text/event-stream"})
        assert answer.text == "retry: 1000\n\n"
    finally:
        stopping.clear()
    wrong = await connector.ask("GET", "/events", headers={"Last-Event-ID": "x"})
    assert pointers(wrong) == ["/header/last-event-id"]


@pytest.mark.parametrize(
    ("type", "meant"),
    [("dossier.recieved.v1", "dossier.received.v1"), ("received", "dossier.received.v1"), ("nosuch", "")],
)
async def test_an_unknown_type_is_answered_with_those_that_a_province_says(
    connector: Connector, type: str, meant: str
) -> None:
    path = f"/dossiers/{CODE}/example"
    refused = problem(await connector.ask("GET", path, params={"type": type}), 404, "event-type-unknown")
    assert refused["known"] == list(FROM_PROVINCE)
    assert (f"Did you mean {meant}?" in refused["detail"]) == bool(meant)


async def test_an_example_waits_for_a_dossier_that_is_still_on_its_way(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sent(*_: object) -> bool:
        return code != OTHER

    monkeypatch.setattr(arrival, "_sent", sent)
    code, params = CODE, {"type": law.DOSSIER_RECEIVED}
    asking = asyncio.create_task(connector.ask("GET", f"/dossiers/{CODE}/example", params=params))
    done, _ = await asyncio.wait([asking], timeout=2 * arrival.SOON)
    assert not done, "it waits: the portal has the dossier"
    await hears(connector, law.DOSSIER_SUBMITTED)
    assert (await asking).json()["subject"] == CODE
    code = OTHER
    problem(await connector.ask("GET", f"/dossiers/{OTHER}/example", params=params), 404, "dossier-not-found")
