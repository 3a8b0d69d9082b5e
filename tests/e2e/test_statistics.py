"""Reporting: the counts agree with the dossiers, and are rebuilt from the first event while new ones come in."""

import asyncio
import json
from collections import Counter

from lienthong import sync
from lienthong.client import Country, Sandbox
from tests.support.command import command

PROCEDURE, PROVINCE, COMMUNE = "1.001776", "37", "14464"


async def counted(sandbox: Sandbox, codes: list[str]) -> Counter[str]:
    """State → dossiers, as the citizen reads them one by one."""
    lan = sandbox.citizen("lan")
    return Counter([(await lan.dossier(code))["status"]["slug"] for code in codes])


async def agrees(sandbox: Sandbox, codes: list[str]) -> bool:
    statistics = await sandbox.statistics()
    assert statistics["behind"] == 0
    return Counter(statistics["states"]) == await counted(sandbox, codes)


async def test_statistics_agree_with_the_dossiers_also_after_a_rebuild_under_load(
    lienthong: Country, sandbox: Sandbox
) -> None:
    lan = sandbox.citizen("lan")
    codes: list[str] = []

    async def submit(many: int) -> None:
        for _ in range(many):
            codes.append((await lan.submit(PROCEDURE, province=PROVINCE, commune=COMMUNE))["code"])

    await submit(5)
    await sandbox.settle()
    assert await agrees(sandbox, codes)
    await sandbox.clock.advance("2d")
    assert await agrees(sandbox, codes)
    load = asyncio.create_task(submit(15))
    before = (await lienthong.projections())[0]["generation"]
    assert (await lienthong.rebuild_projection("statistics"))["generation"] > before
    await load
    await sandbox.settle()
    assert await agrees(sandbox, codes)
    await sandbox.clock.advance("20d")
    assert await agrees(sandbox, codes)
    (province,) = (await sandbox.statistics(PROVINCE))["provinces"]
    assert (province["province"], province["dossiers"]) == (PROVINCE, len(codes))


def test_the_command_lists_and_rebuilds(lienthong_sync: sync.Country) -> None:
    listed = command("projection", "list", "--json", url=lienthong_sync.url)
    assert [row["name"] for row in json.loads(listed.stdout)] == ["statistics"]
    rebuilt = command("projection", "rebuild", url=lienthong_sync.url)
    assert rebuilt.returncode == 0 and "statistics is being computed again" in rebuilt.stdout
    unknown = command("projection", "rebuild", "statistic", url=lienthong_sync.url)
    assert unknown.returncode == 1 and "There is: statistics." in unknown.stderr
