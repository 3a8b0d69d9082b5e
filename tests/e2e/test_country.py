"""One dossier in each of the 34 provinces reaches its citizen; portal, province and Kafka tell the same of it."""

import asyncio
import json
import re
from typing import Any

from lienthong.client import Country, Sandbox
from lienthong.embedded.stack import Stack
from tests.support.command import lienthong, portal
from tests.support.records import TO_PORTAL, TO_PROVINCE, records

PROVINCES = 34
SUBMITTED, RETURNED = 1, 10


async def test_a_dossier_is_returned_in_every_province_and_all_agree_on_its_story(stack: Stack) -> None:
    done = lienthong("demo", "--all-provinces", "--json", "--keep", "--seed", "country", stack=stack)
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert len({report["province"] for report in reports}) == len({report["code"] for report in reports}) == PROVINCES
    assert {report["statuses"][-1]["status"] for report in reports} == {RETURNED}
    assert {bool(report["payment"] and report["payment"]["amount_dong"]) for report in reports} == {True, False}

    found = re.search(r"--sandbox ([\w-]+)", done.stderr)
    assert found, done.stderr
    id = found.group(1)
    on_the_wire = _stories_on_the_wire(stack, id)
    async with Country(portal(stack)) as country:
        sandbox = country.enter(id)
        in_the_provinces = await asyncio.gather(*(_story_in_the_province(sandbox, report) for report in reports))
        for report, (status, told) in zip(reports, in_the_provinces, strict=True):
            at_the_portal = [(change["event"], change["at"]) for change in report["statuses"]]
            moves = {event for event, _ in at_the_portal}
            assert status == RETURNED
            assert at_the_portal == [step for step in on_the_wire[report["code"]] if step[0] in moves]
            assert at_the_portal[1:] == [step for step in told if step[0] in moves]
        await country.delete_sandbox(id)


def _stories_on_the_wire(stack: Stack, sandbox: str) -> dict[str, list[tuple[str, str]]]:
    """Per dossier (event, time) in the order of the wire, what the portal said first."""
    stories: dict[str, list[tuple[str, str]]] = {}
    for topic in (TO_PROVINCE, TO_PORTAL):
        for record in records(stack.kafka_bootstrap, sandbox, [topic]):
            story = stories.setdefault(record.header("ce_subject"), [])
            story.append((record.header("ce_type"), record.header("ce_time")))
    return stories


async def _story_in_the_province(sandbox: Sandbox, report: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """The status of the province's copy, and what the province said, as it remembers it."""
    dossier = await sandbox.province_dossier(report["province"], report["code"])
    told = [
        (str(entry["event"]), entry["at"])
        for entry in await sandbox.timeline(report["code"])
        if entry["service"] == "gateway" and entry["kind"] == "event"
    ]
    return dossier["status"]["code"], told
