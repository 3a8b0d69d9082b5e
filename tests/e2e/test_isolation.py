"""Two sandboxes with one seed live the same story side by side, and neither sees anything of the other."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from lienthong.client import Country, Dossier, Problem, Sandbox
from lienthong.journeys import travel
from tests.support.records import WireRecord, records

MAY_DIFFER = {"ce_sandbox", "ce_source", "ce_sequence", "ce_epoch", "ce_signature", "traceparent"}


@dataclass(frozen=True)
class Twins:
    """Two sandboxes of one seed, their dossiers, and one dossier more that only `first` has."""

    first: Sandbox
    second: Sandbox
    codes: tuple[list[str], list[str]]
    alone: Dossier


@pytest.fixture(scope="module")
async def twins(lienthong: Country) -> AsyncIterator[Twins]:
    async with lienthong.sandbox(seed="twins") as first, lienthong.sandbox(seed="twins") as second:
        codes = await asyncio.gather(_live(first), _live(second))
        alone = await first.citizen("hoa").submit("1.000894", "92", "31120")
        await first.settle()
        yield Twins(first, second, codes, alone)


async def _live(sandbox: Sandbox) -> list[str]:
    """The three journeys, one after the other; their dossiers' codes."""
    ended = [await travel.travel(sandbox, journey, lambda *_: None) for journey in travel.THREE]
    assert all(each.reached for each in ended)
    return [each.dossier["code"] for each in ended]


def test_the_same_seed_gives_the_same_codes(twins: Twins) -> None:
    first, second = twins.codes
    assert first == second and len(set(first)) == len(travel.THREE)


def test_the_same_seed_gives_the_same_events_byte_for_byte(lienthong_kafka: dict[str, str], twins: Twins) -> None:
    first, second = (_stories(lienthong_kafka, sandbox) for sandbox in (twins.first, twins.second))
    del first[twins.alone["code"]]
    assert first == second
    assert set(first) == set(twins.codes[0])


def _stories(kafka: dict[str, str], sandbox: Sandbox) -> dict[str, list[tuple[bytes, bytes, dict[str, bytes]]]]:
    """Per dossier what lies in Kafka, without what may differ between sandboxes."""
    stories: dict[str, list[tuple[bytes, bytes, dict[str, bytes]]]] = {}
    for record in records(kafka, sandbox.id):
        assert record.header("ce_source").endswith(f"/{sandbox.id}")
        story = stories.setdefault(record.header("ce_subject"), [])
        story.append((record.key, record.value, _constant(record)))
    return stories


def _constant(record: WireRecord) -> dict[str, bytes]:
    return {name: value for name, value in record.headers.items() if name not in MAY_DIFFER}


async def test_a_dossier_of_one_sandbox_is_unknown_in_the_other(twins: Twins) -> None:
    code, there = twins.alone["code"], twins.second
    owner = there.citizen("hoa")

    assert code not in {dossier["code"] for dossier in await owner.dossiers()}
    assert await there.timeline(code) == []
    for asked in (owner.dossier(code), there.province("92").dossier(code), owner.withdraw(code, "Không phải của tôi")):
        with pytest.raises(Problem) as refusal:
            await asked
        assert refusal.value.status == 404 and refusal.value.type == "dossier-not-found"
    assert code not in await _codes_in_province(there, "92")
    assert code in await _codes_in_province(twins.first, "92")


async def _codes_in_province(sandbox: Sandbox, province: str) -> set[str]:
    return {dossier["code"] for dossier in await sandbox.province(province).dossiers()}


async def test_the_clock_of_one_sandbox_moves_nothing_in_the_other(twins: Twins) -> None:
    before = await twins.second.clock.read()
    await twins.first.clock.advance("1d")
    assert await twins.second.clock.read() == before


async def test_a_token_opens_only_its_own_sandbox(twins: Twins) -> None:
    token = await twins.first.citizen("lan").sign_in()
    country = twins.first.country
    foreign = {"Authorization": f"Bearer {token}", "X-Sandbox": twins.second.id}
    for door, path in (
        (country.portal, "/api/v1/dossiers"),
        (country.identity, f"/s/{twins.second.id}/userinfo"),
    ):
        with pytest.raises(Problem) as refusal:
            await door.send("GET", path, headers=foreign)
        assert refusal.value.status in (401, 403)
