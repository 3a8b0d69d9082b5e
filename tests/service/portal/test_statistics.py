"""Statistics are computed from events alone: in any order of the two topics, once in effect, and again from the beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, Reaction
from contracts.models import TYPE_OF, DossierReceived
from contracts.topics import FROM_PROVINCE
from services.portal.reporting.country import figures
from services.portal.reporting.projection import NAME, after, project
from shared.messaging import cloudevents, projection
from shared.messaging.cloudevents import Event
from shared.messaging.consumer import HandlerExists, Handlers
from shared.messaging.lanes import Position
from shared.messaging.positions import Positions
from shared.messaging.projection import ProjectionReader
from tests.support.country import Country, Sandbox, problem
from tests.support.factories import MORNING, PROVINCE, Said, a_record, an_event, an_event_of

A, B = "H42.14464-20260609-0000001", "H42.14464-20260609-0000002"
LANE = [Said("", "", "", b"", 0).lane]


class Reporting:
    """The projection of a country, read as its worker reads it, with numbers that no other test uses."""

    def __init__(self, country: Country) -> None:
        self.portal = country.portal
        self.projection = projection.named(country.portal.projections, NAME)
        self.readers = {name: self.reader(name) for name in ("portal", "gateway")}

    def reader(self, source: str) -> ProjectionReader:
        return ProjectionReader(self.portal.database, self.projection, source, self.portal.signer)

    async def hears(self, source: str, *events: Said) -> list[str]:
        """Read these events as the next of their lane; gives the reasons why some were skipped."""
        reader = self.readers[source]
        position = (await Positions(NAME, source).read(self.portal.database, LANE))[LANE[0]]
        numbers = count(position.expected)
        records = [a_record(each, source, next(numbers), epoch=max(position.epoch, 1)) for each in events]
        if (await reader.apply(records)).reassign:  # the first batch of a reader only tells it the generation
            return (await reader.apply(records)).skipped
        return []


@pytest.fixture
async def reporting(country: Country) -> Reporting:
    for source in ("portal", "gateway"):
        await Positions(NAME, source).begin(country.portal.database, dict.fromkeys(LANE, Position()))
    return Reporting(country)


async def states(country: Country, sandbox: Sandbox, **query: Any) -> dict[str, int]:
    answer = await country.ask(
        "portal", "GET", "/api/v1/statistics", params={"wait": 0, **query}, headers=sandbox.header
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["dossiers"] == sum(found["states"].values()) == sum(each["dossiers"] for each in found["provinces"])
    return dict(found["states"])


def story(sandbox: Sandbox, code: str, *types: str) -> list[Said]:
    return [an_event(type, sandbox.id, code) for type in types]


async def test_a_dossier_counts_where_its_events_lead(country: Country, sandbox: Sandbox, reporting: Reporting) -> None:
    await reporting.hears(
        "portal", *story(sandbox, A, law.DOSSIER_SUBMITTED), *story(sandbox, B, law.DOSSIER_SUBMITTED)
    )
    assert await states(country, sandbox) == {"submitted": 2}
    await reporting.hears("gateway", *story(sandbox, A, law.DOSSIER_RECEIVED, law.PROCESSING_STARTED))
    assert await states(country, sandbox) == {"submitted": 1, "in_processing": 1}
    assert await states(country, sandbox, province=PROVINCE) == {"submitted": 1, "in_processing": 1}
    assert await states(country, sandbox, province="01") == {}


async def test_which_topic_is_read_first_changes_nothing(
    country: Country, sandbox: Sandbox, reporting: Reporting
) -> None:
    await reporting.hears("gateway", *story(sandbox, A, law.DOSSIER_RECEIVED, law.PROCESSING_STARTED))
    await reporting.hears("portal", *story(sandbox, A, law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED))
    assert await states(country, sandbox) == {"in_processing": 1}


async def test_two_readers_at_the_same_moment_lose_nothing(country: Country, sandbox: Sandbox) -> None:
    def events(*types: str) -> list[Event]:
        texts = {"id": "", "traceparent": "", "sandbox": sandbox.id, "subject": A}
        places = {"lane": LANE[0], "offset": 0, "epoch": 1, "number": 1, "version": 1}
        return [Event(**places, **texts, source="", type=type, time=MORNING, body=b"") for type in types]

    database = country.portal.database

    async def portal_topic() -> None:
        async with database.transaction() as connection:
            await project(connection, events(law.DOSSIER_SUBMITTED))

    async with database.transaction() as connection:
        await project(connection, events(law.DOSSIER_RECEIVED, law.PROCESSING_STARTED))
        other = asyncio.create_task(portal_topic())
        done, _ = await asyncio.wait([other], timeout=0.3)
        assert not done, "it waits for the row that this transaction has written"
    await other
    assert await states(country, sandbox) == {"in_processing": 1}


async def test_an_event_that_comes_again_counts_once(country: Country, sandbox: Sandbox, reporting: Reporting) -> None:
    position = (await Positions(NAME, "gateway").read(country.portal.database, LANE))[LANE[0]]
    events = story(sandbox, A, law.DOSSIER_RECEIVED, law.FEE_DEMANDED)
    numbered = list(enumerate(events, start=position.expected))
    records = [a_record(each, "gateway", number, epoch=max(position.epoch, 1)) for number, each in numbered]
    reader = reporting.reader("gateway")
    assert (await reader.apply(records)).reassign
    for _ in range(3):
        await reader.apply(records)
    assert await states(country, sandbox) == {"financial_obligation": 1}


async def test_a_missing_number_is_asked_for(country: Country, sandbox: Sandbox, reporting: Reporting) -> None:
    await reporting.hears("gateway", *story(sandbox, A, law.DOSSIER_RECEIVED))
    position = (await Positions(NAME, "gateway").read(country.portal.database, LANE))[LANE[0]]
    (late,) = story(sandbox, A, law.PROCESSING_STARTED)
    outcome = await reporting.readers["gateway"].apply(
        [a_record(late, "gateway", position.expected + 1, epoch=position.epoch)]
    )
    assert outcome.asks == {LANE[0]: position.place}
    assert await states(country, sandbox) == {"received": 1}


async def places(country: Country, sandbox: Sandbox, *, now: datetime = MORNING, province: str | None = None) -> Any:
    found = await figures(country.portal.database, sandbox.id, now, province)
    return {place: (of.dossiers, of.on_time, of.overdue, of.online) for place, of in found.items()}


@pytest.mark.parametrize("first", ["portal", "gateway"])
async def test_places_due_dates_and_channels_are_counted_in_either_order(
    country: Country, sandbox: Sandbox, reporting: Reporting, first: str
) -> None:
    told = {
        "portal": [an_event(law.DOSSIER_SUBMITTED, sandbox.id, A)],
        "gateway": [
            an_event(law.DOSSIER_RECEIVED, sandbox.id, A, due_at="2026-06-10T17:00:00+07:00"),
            an_event(law.DOSSIER_REGISTERED, sandbox.id, B),
        ],
    }
    for source in (first, *(each for each in told if each != first)):
        await reporting.hears(source, *told[source])
    assert await places(country, sandbox) == {PROVINCE: (2, 1, 0, 1)}, "one of the two waits for its reception"
    assert await places(country, sandbox, province=PROVINCE) == {"14464": (2, 1, 0, 1)}
    assert await places(country, sandbox, province="01") == {}
    later = MORNING + timedelta(days=2)
    assert await places(country, sandbox, now=later) == {PROVINCE: (2, 0, 1, 1)}
    due = {"previous_due_at": "2026-06-10T17:00:00+07:00", "due_at": "2026-06-12T17:00:00+07:00"}
    await reporting.hears("gateway", an_event(law.DOSSIER_RESCHEDULED, sandbox.id, A, **due))
    assert await places(country, sandbox, now=later) == {PROVINCE: (2, 1, 0, 1)}


@pytest.mark.parametrize(("on_time", "counts"), [(True, (1, 1, 0, 0)), (False, (1, 0, 1, 0))])
async def test_a_result_stays_on_time_or_overdue_for_ever(
    country: Country, sandbox: Sandbox, reporting: Reporting, on_time: bool, counts: tuple[int, ...]
) -> None:
    moves = (law.DOSSIER_RECEIVED, law.PROCESSING_STARTED)
    ready = an_event(law.DOSSIER_RESULT_READY, sandbox.id, A, on_time=on_time)
    await reporting.hears("gateway", *story(sandbox, A, *moves), ready, *story(sandbox, A, law.DOSSIER_RESULT_RETURNED))
    assert await places(country, sandbox, now=MORNING + timedelta(days=400)) == {PROVINCE: counts}


async def test_a_dossier_without_a_result_or_with_an_open_request_is_not_late(
    country: Country, sandbox: Sandbox, reporting: Reporting
) -> None:
    await reporting.hears("gateway", *story(sandbox, A, law.DOSSIER_RECEIVED, law.DOSSIER_STOPPED))
    await reporting.hears("gateway", *story(sandbox, B, law.DOSSIER_RECEIVED, law.SUPPLEMENT_REQUESTED))
    assert await places(country, sandbox, now=MORNING + timedelta(days=400)) == {PROVINCE: (2, 1, 0, 0)}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"[]"),
        b'{"due_at": "2026-06-10", "authority": 7}',
        b'{"due_at": "0001-01-01T00:00:00+14:00"}',
        b'{"authority": {"commune": "\\u0000"}, "on_time": "x"}',
    ],
    ids=repr,
)
async def test_a_body_that_nobody_can_read_still_counts_its_dossier(
    country: Country, sandbox: Sandbox, reporting: Reporting, body: bytes
) -> None:
    for type in (law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED, law.PROCESSING_STARTED, law.DOSSIER_RESULT_READY):
        await reporting.hears("gateway", an_event_of(type, sandbox.id, A, body))
    assert await states(country, sandbox) == {"result_ready": 1}
    assert await places(country, sandbox, province=PROVINCE) == {"": (1, 1, 0, 0)}


async def test_a_sandbox_that_is_deleted_has_no_statistics(country: Country, reporting: Reporting) -> None:
    sandbox = await country.sandbox()
    await country.portal.ownership.delete(sandbox.id)
    await reporting.hears("gateway", *story(sandbox, A, law.DOSSIER_RECEIVED))
    sql = "SELECT count(*) FROM reported_dossiers WHERE sandbox = $1"
    assert await country.portal.database.pool.fetchval(sql, sandbox.id) == 0


def final_and_moving() -> Sequence[tuple[str, str]]:
    return [(state.slug, event) for state in LIFECYCLE.states for event in FROM_PROVINCE]


@pytest.mark.parametrize(("slug", "event"), final_and_moving())
def test_the_counted_state_is_the_one_of_the_portals_copy(slug: str, event: str) -> None:
    (state,) = [each for each in LIFECYCLE.states if each.slug == slug]
    move = LIFECYCLE.move_for_event(state, event)
    applies = LIFECYCLE.reaction(state, event) is Reaction.APPLY and move is not None
    assert after(state.code, event) == (move.then.code if applies and move else state.code)


@pytest.mark.parametrize(
    "event", [law.WITHDRAWAL_REQUESTED, law.PAYMENT_CONFIRMED, law.DOSSIER_RATED, cloudevents.VOID]
)
def test_what_the_portal_publishes_moves_no_dossier(event: str) -> None:
    assert all(after(state.code, event) == state.code for state in LIFECYCLE.states)


async def test_a_rebuild_starts_from_the_first_event_and_readers_notice(
    country: Country, sandbox: Sandbox, reporting: Reporting
) -> None:
    await reporting.hears("gateway", *story(sandbox, A, law.DOSSIER_RECEIVED))
    before = (await country.ask("portal", "GET", "/_lab/projections")).json()
    rebuilt = (await country.ask("portal", "POST", f"/_lab/projections/{NAME}/rebuild")).json()
    assert rebuilt["generation"] == before[0]["generation"] + 1
    assert (await Positions(NAME, "gateway").read(country.portal.database, LANE))[LANE[0]].place == (0, 1)
    assert await states(country, sandbox) == {}
    (again,) = story(sandbox, A, law.DOSSIER_RECEIVED)
    record = a_record(again, "gateway", 1)
    assert (await reporting.readers["gateway"].apply([record])).reassign, (
        "it reads the positions again, and applies nothing"
    )
    assert await states(country, sandbox) == {}
    assert not (await reporting.readers["gateway"].apply([record])).reassign
    assert await states(country, sandbox) == {"received": 1}


async def test_an_unknown_projection_is_named_with_those_there_are(country: Country) -> None:
    answer = await country.ask("portal", "POST", "/_lab/projections/statistic/rebuild")
    assert problem(answer, 404, "projection-not-found")["projections"] == [NAME]


async def test_an_event_that_has_no_number_yet_is_behind(country: Country, sandbox: Sandbox) -> None:
    statistics = projection.named(country.portal.projections, NAME)

    async def goal() -> projection.Goal:
        return await projection.goal(country.portal.database, statistics, country.portal.service)

    async def behind(goal: projection.Goal) -> int:
        return await projection.behind(country.portal.database, statistics, country.portal.service, goal)

    earlier = await goal()
    before = await behind(earlier)
    await (await sandbox.sign_in()).submitted()
    assert await behind(await goal()) == before + 1
    assert await behind(earlier) == before, "nobody waits for what is published later"


async def test_statistics_of_a_province_that_is_none_are_refused(country: Country, sandbox: Sandbox) -> None:
    answer = await country.ask("portal", "GET", "/api/v1/statistics", params={"province": "99"}, headers=sandbox.header)
    problem(answer, 404, "province-not-found")


def test_a_second_handler_for_one_event_type_is_refused() -> None:
    handlers = Handlers(TYPE_OF)
    handlers.on(DossierReceived)(lambda event, work: None)
    with pytest.raises(HandlerExists, match="a second listener as a projection"):
        handlers.on(DossierReceived)
