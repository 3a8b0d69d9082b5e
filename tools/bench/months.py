"""How long a month of a sandbox takes: 30 days with a supplement, an apology and an overdue result."""

from __future__ import annotations

from lienthong.client import Country
from lienthong.embedded import Trouble
from lienthong.journeys import month
from tools.bench.rows import Aim, Row


async def measure(portal: str, many: int) -> list[Row]:
    """Rows for one dossier and for `many` in one sandbox. Raises Trouble if a dossier does not end as expected."""
    return [
        Row(
            "30 days of a dossier: supplement, apology, overdue, returned", await _seconds(portal, 1), "s", Aim(most=2)
        ),
        Row(f"… of {many} dossiers in one sandbox", await _seconds(portal, many), "s", Aim(most=30)),
    ]


async def _seconds(portal: str, count: int) -> float:
    async with Country(portal) as country, country.sandbox(seed="bench", start=month.START) as sandbox:
        passed = await month.pass_in(sandbox, count)
    if len(passed.reached) != count or not all(each.reached for each in passed.reached):
        raise Trouble(f"After a month not all of {count} dossiers ended as expected.")
    return passed.seconds
