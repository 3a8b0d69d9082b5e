"""`lienthong demo` tells three journeys to their ends, in two languages, for people and for programs."""

import json
import re
from typing import Any

import pytest

from lienthong.client import Country, Problem
from lienthong.embedded import ports
from tests.support.command import command

RETURNED, REFUSED, WITHDRAWN = [1, 2, 6, 4, 9, 10], [1, 3], [1, 2, 6, 4, 7]


async def test_the_demo_tells_programs_where_every_dossier_came_to(lienthong: Country) -> None:
    done = command("demo", "--json", "--keep", url=lienthong.url)

    assert done.returncode == 0, done.stderr
    returned, refused, withdrawn = reports = json.loads(done.stdout)
    for report in reports:
        known = {"path", "code", "province", "procedure", "statuses", "payment", "result", "reached", "amiss"}
        assert set(report) == known and report["reached"] and not report["amiss"]
        assert all(set(change) == {"status", "event", "at", "real_at"} for change in report["statuses"])
    assert _codes(returned) == RETURNED and returned["payment"]["status"] == "paid" and returned["result"]
    assert _codes(refused) == REFUSED and refused["result"] is None
    assert _codes(withdrawn) == WITHDRAWN and withdrawn["payment"]["status"] == "refunded"

    sandbox = lienthong.enter(_sandbox(done.stderr))
    entries = await sandbox.timeline(returned["code"])
    assert {entry["service"] for entry in entries} == {"portal", "gateway", "payment"}
    await lienthong.delete_sandbox(sandbox.id)


async def test_every_named_path_ends_in_its_expected_state(lienthong: Country) -> None:
    done = command("demo", "--all-moves", "--json", url=lienthong.url)
    assert done.returncode == 0, done.stderr
    reports = {report["path"]: report for report in json.loads(done.stdout)}
    assert len(reports) >= 38 and all(report["reached"] for report in reports.values())
    assert _codes(reports["land-with-a-tax-notice"]) == [1, 2, 4, 6, 4, 9, 10]
    assert _codes(reports["second-supplement"]) == [1, 5, 2, 4, 5, 4, 9, 10]
    assert _codes(reports["withdrawn-during-a-supplement"]) == [1, 5, 7]
    visited = {code for report in reports.values() for code in _codes(report)}
    assert visited == set(range(1, 11)), "between them they meet every state"


def _codes(report: dict[str, Any]) -> list[int]:
    return [change["status"] for change in report["statuses"]]


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "All 3 dossiers ended in their expected state"),
        ("vi", "Cả 3 hồ sơ đã đến đích như dự kiến"),
    ],
)
async def test_the_demo_tells_people_in_their_language_and_leaves_nothing_behind(
    lienthong: Country, lang: str, sentence: str
) -> None:
    done = command("demo", "--lang", lang, url=lienthong.url)
    assert done.returncode == 0, done.stderr
    assert sentence in done.stdout
    with pytest.raises(Problem) as refusal:
        await lienthong.show_sandbox(_sandbox(done.stdout))
    assert refusal.value.type == "sandbox-not-found"


def _sandbox(text: str) -> str:
    found = re.search(r"(?:Sandbox|--sandbox) (s[0-9a-f]+)", text)
    assert found, text
    return found.group(1)


def test_without_a_running_country_the_demo_says_what_to_do() -> None:
    done = command("demo", "--url", f"http://127.0.0.1:{ports.free_base()}", url=None)
    assert done.returncode == 1
    assert "`lienthong up`" in done.stderr and len(done.stderr.strip().splitlines()) == 1
