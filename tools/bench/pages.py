"""What the pages cost in a big country, and whether the console follows a busy one.

A country with many dossiers, all of one citizen, is written into the portal's event log; the provinces work on a part of
them for some days. Then every page is read over one connection, by people who are signed in, one after the other.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
from playwright.async_api import async_playwright

from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from tools import chromium
from tools.bench import citizens
from tools.bench.events import COMMITTED, PATIENCE, Log
from tools.bench.load import percentile
from tools.bench.rows import Aim, Row

BATCH = 2_000  # submissions in one transaction
BACKLOG = 20_000  # submissions that are not applied yet
WORKED_ON = 10  # every so many dossiers, one was decided on
AGE_SECONDS = 60  # of the youngest event: the view of contracts counts a minute, and no door writes so many in one
READS = 15  # of each page, after one that warms up
FRAME_SECONDS = 2.0  # a look of the console every second; a longer gap is a frame that was dropped
VIEWS = ("", "/country", "/dossiers")  # open side by side
JANK_MS = 50  # a longer gap between two pictures of the browser is seen
APPLIED = "SELECT count(*) FROM dossiers WHERE sandbox = $1"
DECIDED = "SELECT subject FROM events WHERE sandbox = $1 AND type = 'dossier.received.v1' ORDER BY 1 LIMIT 1"
# Notes when each part of a view arrived and which dossier is on top of it, and the gaps between the pictures of the browser.
WATCH = """() => {
  window.seen = []; window.gaps = [];
  const top = () => document.querySelector("[data-testid^='story-']")?.textContent.trim() ?? "";
  new MutationObserver(() => seen.push([Date.now(), top()])).observe(document.getElementById("live"), {childList: true});
  let last = performance.now();
  const tick = (now) => { gaps.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""
Page = tuple[str, str]  # name, address


async def measure(stack: Stack, dossiers: int, rate: float, seconds: float) -> list[Row]:
    """Rows of all pages. Raises Trouble if a page does not come or the country does not come to rest."""
    async with Country(stack.urls["portal-api"]) as country, Log(stack, country, await citizens.places(country)) as log:
        async with country.sandbox(seed="bench-pages") as sandbox, _signed_in(country, sandbox) as http:
            code, province = await _fill(log, sandbox, dossiers)
            rows = [
                await _slowest(what, http, pages, dossiers)
                for what, pages in (
                    ("pages of citizens", await _citizens(country, http, code)),
                    ("pages of officers", _officers(country, code, province)),
                    ("views of the console", _console(country, code)),
                )
            ]
        if path := chromium.path():
            async with country.sandbox(seed="bench-console") as sandbox:
                rows += await _follow(log, sandbox, rate, seconds, path)
    return rows


@asynccontextmanager
async def _signed_in(country: Country, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without scripts, in this sandbox, of the citizen to whom all dossiers belong."""
    portal, gateway = country.doors["portal"], country.doors["province_gateway"]
    async with httpx.AsyncClient(follow_redirects=True, timeout=60, headers={"Accept": "text/html"}) as http:
        for door in (portal, gateway):
            await http.get(f"{door}/s/{sandbox.id}")
        chooser = await http.get(f"{portal}/login")
        (address,) = re.findall(r'href="([^"]*login_hint=lan[^"]*)"', chooser.text)
        await http.get(str(chooser.url.join(address.replace("&amp;", "&"))))
        yield http


async def _fill(log: Log, sandbox: Sandbox, many: int) -> tuple[str, str]:
    """Writes the dossiers; returns the code of one that was worked on, and its province."""
    people = (
        await log.country.service("identity").send("GET", "/_lab/people", headers={"X-Sandbox": sandbox.id})
    ).json()
    lan = next(each["number"] for each in people if each["persona"] == "lan")
    log.run_only("portal-worker", "gateway-worker")
    worked_on = max(1, many // WORKED_ON)
    await _written(log, sandbox, 1, worked_on, lan)
    await sandbox.clock.advance("3d")
    await _still(sandbox)
    await _written(log, sandbox, worked_on + 1, many, lan)
    await _still(sandbox)
    for table in (log.portal, log.gateway):
        await table.execute("ANALYZE")
    if many > BACKLOG:
        await asyncio.sleep(AGE_SECONDS)
    code = await log.gateway.fetchval(DECIDED, sandbox.id)
    if code is None:
        raise Trouble("No province worked on its dossiers.")
    return str(code), next(place.province for place in log.places if code.startswith(f"{place.agency}."))


async def _written(log: Log, sandbox: Sandbox, first: int, last: int, applicant: str) -> None:
    now = (await sandbox.clock.read())["now"]
    for start in range(first, last + 1, BATCH):
        await log.submitted(sandbox, start, min(start + BATCH - 1, last), now, applicant)
        await log.portal.execute("NOTIFY relay")
        await _applied(log, sandbox, start - BACKLOG)
    await _applied(log, sandbox, last)


async def _applied(log: Log, sandbox: Sandbox, many: int) -> None:
    """Waits until the gateway has so many dossiers."""
    known, end = -1, time.perf_counter() + PATIENCE
    while (now := await log.gateway.fetchval(APPLIED, sandbox.id)) < many:
        if now > known:
            known, end = now, time.perf_counter() + PATIENCE
        if time.perf_counter() > end:
            raise Trouble(f"The gateway stopped at {now:,} of {many:,} dossiers.")
        await asyncio.sleep(0.05)


async def _still(sandbox: Sandbox) -> None:
    """Waits until nothing is on its way, as long as that takes."""
    while (verdict := await sandbox.settle(60))["verdict"] not in ("still", "held"):
        if not verdict["waiting_for"]:
            raise Trouble(f"The country does not come to rest: {verdict}.")


async def _citizens(country: Country, http: httpx.AsyncClient, code: str) -> list[Page]:
    portal, procedure = country.doors["portal"], f"/procedures/{citizens.PROCEDURE}"
    place = {"province": "37", "commune": "14464"}
    draft = await http.post(f"{portal}{procedure}/apply", data=place, headers={"Origin": portal})
    return [
        ("all procedures", f"{portal}/"),
        ("a search", f"{portal}/?q=khai+sinh"),
        ("a procedure", f"{portal}{procedure}"),
        ("a procedure and its place", f"{portal}{procedure}?province=37&commune=14464"),
        ("a form", str(draft.url)),
        ("a review", f"{draft.url}/review"),
        ("my dossiers", f"{portal}/dossiers"),
        ("a dossier", f"{portal}/dossiers/{code}"),
    ]


def _officers(country: Country, code: str, province: str) -> list[Page]:
    desk = country.doors["province_gateway"]
    inbox = f"{desk}/provinces/{province}"
    return [
        ("the provinces", f"{desk}/"),
        ("an inbox", inbox),
        ("what is received", f"{inbox}?state=received"),
        ("a dossier", f"{inbox}/dossiers/{code}"),
        ("the counter", f"{inbox}/register"),
    ]


def _console(country: Country, code: str) -> list[Page]:
    console = f"{country.doors['portal']}/console"
    names = ("dossiers", "connectors", "faults", "dead-letters", "contracts", "country")
    return [
        ("now", console),
        ("a story", f"{console}/dossiers/{code}"),
        ("why it waits", f"{console}/explain?code={code}"),
        *((name, f"{console}/{name}") for name in names),
    ]


async def _slowest(what: str, http: httpx.AsyncClient, pages: list[Page], stored: int) -> Row:
    """The page whose median is the highest: from the first byte sent to the last received."""
    medians = {name: [await _read(http, address) for _ in range(READS + 1)][1:] for name, address in pages}
    name = max(medians, key=lambda each: statistics.median(medians[each]))
    worst = statistics.median(medians[name]) * 1000
    return Row(
        f"{what}, the slowest of {len(pages)}: 50 % within",
        worst,
        "ms",
        Aim(most=100),
        note=f"{name}; {stored:,} dossiers",
    )


async def _read(http: httpx.AsyncClient, address: str) -> float:
    began = time.perf_counter()
    page = await http.get(address)
    seconds = time.perf_counter() - began
    if page.status_code != 200 or str(page.url).partition("?")[0] != address.partition("?")[0]:
        raise Trouble(f"{address} answered {page.status_code} at {page.url}.")
    return seconds


async def _follow(log: Log, sandbox: Sandbox, rate: float, seconds: float, executable: str) -> list[Row]:
    """Three views open in a browser while dossiers are submitted at `rate` a second."""
    portal = log.country.doors["portal"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        context = await browser.new_context()
        views = [await context.new_page() for _ in VIEWS]
        for view, address in zip(views, VIEWS, strict=True):
            await view.goto(f"{portal}/s/{sandbox.id}")
            await view.goto(f"{portal}/console{address}")
            await view.evaluate(WATCH)
        await log.write_at_rate(sandbox, int(rate * seconds), rate)
        seen = [await view.evaluate("seen") for view in views]
        gaps = [gap for view in views for gap in await view.evaluate("gaps")]
        await browser.close()
    committed = await log.portal.fetch(COMMITTED.format(key="subject", table="events"), sandbox.id)
    at = {row["code"]: row["at"].timestamp() * 1000 for row in committed}
    lags = sorted(moment - at[code] for moment, code in seen[-1] if code in at)
    late = [after[0] - before[0] for each in seen for before, after in pairwise(each)]
    dropped = sum(gap > FRAME_SECONDS * 1000 for gap in late)
    janky = sum(gap > JANK_MS for gap in gaps)
    if not lags:
        raise Trouble("The console did not follow.")
    busy = f"{rate:,.0f} submissions/s, {len(VIEWS)} views open"
    return [
        Row("console, from the commit until a view shows it: 50 % within", percentile(lags, 50), "ms", note=busy),
        Row("… 99 % within", percentile(lags, 99), "ms", note=busy),
        Row(f"… looks that came later than after {FRAME_SECONDS:.0f} s", dropped, f"of {len(late)}", note=busy),
        Row(f"… pictures of the browser later than {JANK_MS} ms", janky, f"of {len(gaps)}", note=busy),
    ]
