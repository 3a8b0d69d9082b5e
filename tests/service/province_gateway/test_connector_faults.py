"""Faults at a connector's door: doubled, late, out of order, left out, held, changed; afterwards it was told everything."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.faults.connectors import HOLDING
from tests.support.connector import Connector
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import CODE, FREE, PROVINCE, an_event, hear

OTHER = CODE.replace("0001", "0002")
FACTS = {law.DOSSIER_SUBMITTED: {"submitted_at": "2026-06-09T08:00:00.000+07:00", "procedure": FREE}}
Told = list[tuple[str, int]]  # last digit of the dossier, dossierversion


class Door:
    """The pull door of one province; the test speaks for the portal."""

    def __init__(self, connector: Connector) -> None:
        self.connector, self.sandbox, self.country = connector, connector.sandbox, connector.country
        self.gateway = self.country.gateway

    async def on(self, fault: str, **more: Any) -> None:
        answer = await self.sandbox.lab("/faults", {"fault": fault, **more})
        assert answer.status_code == 201, answer.text

    async def off(self) -> None:
        answer = await self.country.ask("portal", "DELETE", f"/_lab/sandboxes/{self.sandbox.id}/faults")
        assert answer.status_code == 204, answer.text

    async def bites(self, subject: str = CODE) -> int:
        """How often rules bit; each time there is a line in the timeline of the subject."""
        answer = await self.country.ask("portal", "GET", f"/_lab/sandboxes/{self.sandbox.id}/faults")
        fired = sum(rule["fired"] for rule in answer.json())
        story = await self.gateway.timeline(self.sandbox.id, subject)
        assert sum(line["kind"] == "fault" for line in story) == fired
        return int(fired)

    async def hears(self, *types: str, code: str = CODE) -> None:
        events = (an_event(type, self.sandbox.id, code, **FACTS.get(type, {})) for type in types)
        await hear(self.gateway, *events)
        await self.gateway.conductor.conduct(self.sandbox.id)

    async def told(self) -> Told:
        """What it is told after what it was told before; every reply has numbers without a gap."""
        before = self.connector.after
        events = await self.connector.told()
        assert [event["delivery"] for event in events] == list(range(before + 1, before + 1 + len(events)))
        return [(event["subject"][-1], event.get("dossierversion", 0)) for event in events]

    async def pending(self) -> dict[str, Any]:
        return await self.gateway.pending(self.sandbox.id)


@pytest.fixture
async def door(sandbox: Sandbox) -> Door:
    return Door(await Connector(sandbox).connect())


async def three(door: Door) -> None:
    """Two events of the first dossier, one of another, one more of the first."""
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await door.hears(law.DOSSIER_SUBMITTED, code=OTHER)
    await door.hears(law.WITHDRAWAL_REQUESTED)


async def test_a_doubled_delivery_is_the_same_event_under_the_next_number(door: Door) -> None:
    await door.on("delivery-doubled", match={"province": PROVINCE}, nth=2)
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    first, second, again = await door.connector.told()
    assert again == {**second, "delivery": 3} and first["id"] != second["id"] and await door.bites() == 1
    await door.off()
    await door.connector.mode(None)
    await door.connector.connect()
    assert await door.told() == [], "a history that was told is not told again"


async def test_a_late_delivery_holds_its_dossier_and_no_other_one(door: Door) -> None:
    await door.on("delivery-late", match={"dossier": CODE}, **{"with": {"by": "2h"}}, times=1)
    await three(door)
    assert await door.told() == [("2", 1)] and await door.bites() == 1
    pending = await door.pending()
    assert len(pending["held"]) == 1 and "waiting: 3, the first is dossier.submitted.v1" in pending["held"][0]
    assert pending["next_due"] == "2026-06-09T10:00:00.000+07:00" and pending["under_way"] == []
    await door.sandbox.move(hours=2)
    assert await door.told() == [("1", 1), ("1", 2), ("1", 3)]


async def test_two_dossiers_change_places(door: Door) -> None:
    await door.on("delivery-reordered-across-dossiers", match={"dossier": CODE}, times=1)
    await three(door)
    assert await door.told() == [("2", 1), ("1", 1), ("1", 2), ("1", 3)] and await door.bites() == 1


async def test_two_that_wait_to_be_overtaken_do_not_wait_for_each_other(door: Door) -> None:
    await door.on("delivery-reordered-across-dossiers")
    await door.hears(law.DOSSIER_SUBMITTED)
    assert await door.told() == []
    await door.hears(law.DOSSIER_SUBMITTED, code=OTHER)
    assert await door.told() == [("2", 1), ("1", 1)]


async def test_one_dossier_comes_in_the_wrong_order(door: Door) -> None:
    await door.on("delivery-reordered-within-dossier", match={"dossier": CODE}, times=1)
    await three(door)
    assert await door.told() == [("1", 2), ("1", 1), ("2", 1), ("1", 3)] and await door.bites() == 1


async def test_a_gap_is_filled_later(door: Door) -> None:
    await door.on("delivery-gap", match={"type": law.WITHDRAWAL_REQUESTED}, times=1, **{"with": {"by": "1h"}})
    await three(door)
    assert await door.told() == [("1", 1), ("2", 1), ("1", 3)] and await door.bites() == 1
    await door.sandbox.move(hours=1)
    assert await door.told() == [("1", 2)]


async def test_what_is_held_comes_when_the_rule_is_off_and_is_named_until_then(door: Door) -> None:
    await door.on("delivery-held", id="stop", match={"province": PROVINCE})
    await three(door)
    assert await door.told() == []
    pending = await door.pending()
    assert pending["held"] == [
        f"stop: Deliveries are held back; deliveries of province 37 waiting: 4, the first is dossier.submitted.v1 of {CODE}"
    ]
    assert pending["connectors"] == [] or not pending["connectors"][0]["silent"], (
        "it cannot act on what it was not told"
    )
    outlook = await door.gateway.pending_of(door.sandbox.id, CODE, None)
    assert outlook["outsider"]["held"] == [
        "dossier.submitted.v1 (stop)",
        *["dossier.withdrawal_requested.v1 (stop)"] * 2,
    ]
    await door.off()
    assert await door.told() == [("1", 1), ("1", 2), ("2", 1), ("1", 3)]
    await door.hears(law.WITHDRAWAL_REQUESTED, code=OTHER)
    assert await door.told() == [("2", 2)], "without a rule nothing is kept"


async def test_it_ends_with_its_period(door: Door) -> None:
    await door.on("delivery-held", until="2026-06-09T09:00:00+07:00")
    await door.hears(law.DOSSIER_SUBMITTED)
    assert (await door.pending())["next_due"] == "2026-06-09T09:00:00.000+07:00" and await door.told() == []
    await door.sandbox.move(hours=1)
    assert await door.told() == [("1", 1)]


async def test_what_was_not_evaluated_yet_is_under_way(door: Door) -> None:
    await door.on("delivery-doubled", match={"dossier": OTHER})
    await hear(door.gateway, an_event(law.DOSSIER_SUBMITTED, door.sandbox.id, CODE, **FACTS[law.DOSSIER_SUBMITTED]))
    assert (await door.pending())["under_way"] == ["1 deliveries of province 37 are being prepared"]
    await door.gateway.conductor.conduct(door.sandbox.id)
    assert (await door.pending())["under_way"] == [] and await door.told() == [("1", 1)]


async def test_a_history_meets_the_same_faults(door: Door) -> None:
    await door.connector.mode(None)
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await door.on("delivery-doubled", match={"province": PROVINCE})
    await door.connector.connect()
    assert await door.bites() == len(await door.told()) / 2


async def test_a_member_that_no_contract_knows(door: Door) -> None:
    await door.on("delivery-unknown-field", match={"province": PROVINCE}, nth=2)
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    plain, changed = await door.connector.told()
    assert "added_by_a_later_version" not in plain["data"] and changed["data"].pop("added_by_a_later_version")
    assert changed["data"]["dossier_code"] == CODE and await door.bites() == 1


async def test_a_type_that_it_never_heard_of(door: Door) -> None:
    await door.on("delivery-newer-type", times=1)
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    events = await door.connector.told()
    assert [event["type"] for event in events] == ["dossier.rated.v2", law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED]
    assert "dossierversion" not in events[0] and len({event["id"] for event in events}) == 3
    assert await door.bites() == 1


async def test_the_connection_breaks_once_and_the_cursor_has_not_moved(door: Door) -> None:
    await door.on("delivery-connection-cut", times=1)
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    answer = await door.connector.ask("GET", "/events")
    assert 0 < len(answer.content) < int(answer.headers["content-length"])
    assert await door.told() == [("1", 1), ("1", 2)] and await door.bites() == 1


async def test_a_stream_breaks_in_the_middle_of_an_event(door: Door) -> None:
    await door.on("delivery-connection-cut", match={"type": law.WITHDRAWAL_REQUESTED}, times=1)
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    answer = await door.connector.ask("GET", "/events", headers={"Accept": "text/event-stream"})
    assert answer.text.count("\n\n") == 2 and not answer.text.endswith("\n"), "the retry line and one whole event"
    assert await door.told() == [("1", 1), ("1", 2)]


@pytest.mark.parametrize("fault", HOLDING)
async def test_whatever_was_kept_it_is_told_everything_in_the_end(door: Door, fault: str) -> None:
    await door.on(fault, probability=0.5)
    for code in (CODE, OTHER, CODE.replace("0001", "0003")):
        await door.hears(law.DOSSIER_SUBMITTED, code=code)
    for code in (OTHER, CODE, CODE):
        await door.hears(law.WITHDRAWAL_REQUESTED, code=code)
    told = await door.told()
    await door.off()
    told += await door.told()
    assert sorted(told) == [("1", 1), ("1", 2), ("1", 3), ("2", 1), ("2", 2), ("3", 1)]
    pending = await door.pending()
    assert pending["under_way"] == [] and not pending.get("held")


async def test_by_lot_it_is_always_the_same(country: Country) -> None:
    orders = []
    for _ in range(2):
        door = Door(await Connector(await country.sandbox(seed="lots")).connect())
        await door.on("delivery-reordered-across-dossiers", probability=0.4)
        for number in range(1, 9):
            await door.hears(law.DOSSIER_SUBMITTED, code=CODE.replace("0001", f"000{number}"))
        orders.append(await door.told())
    assert orders[0] == orders[1] and orders[0] != sorted(orders[0])


async def test_a_wrong_rule_is_refused(door: Door) -> None:
    answer = await door.sandbox.lab("/faults", {"fault": "delivery-late", "match": {"type": "dossier.submited.v1"}})
    assert pointers(answer) == ["/match/type"]
    await door.on("delivery-late")
    contradicting = await door.sandbox.lab("/faults", {"fault": "delivery-held"})
    problem(contradicting, 409, "rules-contradict")


async def test_a_revoked_key_opens_nothing_until_the_rule_is_off(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.on("credential-revoked", id="locked-out", match={"province": PROVINCE})
    refused = problem(await door.connector.ask("GET", "/events"), 401, "connector-key-unknown")
    assert refused["rule"] == "locked-out"
    assert (await door.connector.say({"specversion": "1.0"})).status_code == 401
    assert await door.bites("*") == 2
    answer = await door.sandbox.lab("/faults", {"fault": "credential-revoked", "times": 1})
    assert pointers(answer) == ["/times"], "it is a state"
    await door.off()
    assert await door.told() == [("1", 1)]


async def numbers(door: Door) -> list[int]:
    """The numbers of the verdicts that can be read."""
    answer = await door.connector.ask("GET", "/verdicts")
    return [row["number"] for row in answer.json()]


async def test_a_late_verdict_has_its_effect_at_once_and_hides_those_behind_it(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.on("verdict-late", id="slow", times=1, **{"with": {"by": "2h"}})
    message = await door.connector.example(law.DOSSIER_RECEIVED, CODE)
    late = await door.connector.say(message)
    assert late.status_code == 202 and late.json()["outcome"] == "late" and late.json()["id"] == message["id"]
    assert (await door.connector.shown(CODE))["status"]["slug"] == "received" and await door.bites() == 1
    assert (await door.connector.say(message)).json()["outcome"] == "duplicate"
    assert await numbers(door) == []
    pending = await door.pending()
    assert pending["held"] == ["slow: 1 verdicts of province 37 come late, the first at 2026-06-09T10:00:00.000+07:00"]
    assert pending["next_due"] == "2026-06-09T10:00:00.000+07:00"
    await door.sandbox.move(hours=2)
    assert await numbers(door) == [1, 2]
    where = late.json()["verdicts"].removeprefix(door.connector.path)
    assert (await door.connector.ask("GET", where)).json()[0]["outcome"] == "accepted"
    story = await door.gateway.timeline(door.sandbox.id, CODE)
    assert sum(line["kind"] == "verdict" for line in story) == 2


async def test_late_verdicts_come_when_the_rule_is_off(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.on("verdict-late", match={"type": law.DOSSIER_RECEIVED})
    batch = [await door.connector.example(law.DOSSIER_RECEIVED, CODE), {"specversion": "1.0"}]
    answer = await door.connector.say(batch)
    assert [each["outcome"] for each in answer.json()] == ["late", "rejected"] and answer.status_code == 422
    assert await numbers(door) == []
    await door.off()
    assert await numbers(door) == [1, 2] and not (await door.pending()).get("held")
