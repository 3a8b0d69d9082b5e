"""One dossier in each of the 34 provinces reaches its citizen; portal, province and Kafka tell the same of it."""

import asyncio
import json
import re
from typing import Any

from lienthong.client import Country, Dossier, Sandbox
from lienthong.journeys.travel import LEVEL_2
from tests.support.command import command
from tests.support.records import TO_PORTAL, TO_PROVINCE, records

PROVINCES = 34
RETURNED = 10


async def test_a_dossier_is_returned_in_every_province_and_all_agree_on_its_story(
    lienthong: Country, lienthong_kafka: dict[str, str]
) -> None:
    done = command("demo", "--all-provinces", "--json", "--keep", "--seed", "country", url=lienthong.url)
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert len({report["province"] for report in reports}) == len({report["code"] for report in reports}) == PROVINCES
    assert {report["statuses"][-1]["status"] for report in reports} == {RETURNED}
    assert {bool(report["payment"]) for report in reports} == {True, False}, "with and without a fee"

    found = re.search(r"--sandbox ([\w-]+)", done.stderr)
    assert found, done.stderr
    on_the_wire = _stories_on_the_wire(lienthong_kafka, found.group(1))
    sandbox = lienthong.enter(found.group(1))
    at_the_portal = await _at_the_portal(sandbox)
    for report in reports:
        code, there = report["code"], await sandbox.province(report["province"]).dossier(report["code"])
        here, wire = at_the_portal[code], on_the_wire[code]
        story = [(change["event"], change["at"]) for change in report["statuses"]]
        assert story == [(event, at) for event, at, _ in wire if event in {name for name, _ in story}]
        assert here["status"] == there["status"] and here["status"]["code"] == RETURNED
        facts = {name: value for event, _, body in wire for name, value in body.items()}
        assert here["received_at"] == there["received_at"] == facts["received_at"]
        assert here["due_at"] == there["due_at"] == facts["due_at"]
        assert here["result"] and here["result"]["number"] == there["result_number"] == facts["result_number"]
        assert (here["result"]["ready_at"], here["result"]["returned_at"]) == (
            facts["ready_at"],
            facts["returned_at"],
        )
        assert (here["fee"]["amount_dong"] if here["fee"] else None) == there["fee_dong"] == facts.get("fee_dong")
        assert bool(here["fee"]) == there["paid"] == ("paid_at" in facts)
    await lienthong.delete_sandbox(sandbox.id)


def _stories_on_the_wire(kafka: dict[str, str], sandbox_id: str) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Per dossier (event, time, body) in the order of the wire, what the portal said first."""
    stories: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for topic in (TO_PROVINCE, TO_PORTAL):
        for record in records(kafka, sandbox_id, [topic]):
            step = (record.header("ce_type"), record.header("ce_time"), record.body)
            stories.setdefault(record.header("ce_subject"), []).append(step)
    return stories


async def _at_the_portal(sandbox: Sandbox) -> dict[str, Dossier]:
    """What the citizens of the demo see, by code."""
    lists = await asyncio.gather(*(sandbox.citizen(persona).dossiers() for persona in LEVEL_2))
    return {dossier["code"]: dossier for dossiers in lists for dossier in dossiers}
