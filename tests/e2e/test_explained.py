"""A confirmation that never arrived: the console and the terminal give one explanation, and what mends it mends it."""

from __future__ import annotations

import shlex

from playwright.async_api import Page

from lienthong import sync
from lienthong.client import Sandbox
from lienthong.client.province import Province
from tests.support.browser import Visitors
from tests.support.command import command
from tests.support.tabs import CitizenTab

FAULT, CAUSE = "confirmation-missing", "confirmation-held-by-fault"


async def explained(page: Page, lang: str) -> tuple[str, str]:
    """What the console says of the held confirmation, and of what mends it."""
    if await page.evaluate("document.documentElement.lang") != lang:
        await page.get_by_test_id("language").click()
    await page.locator(f'html[lang="{lang}"]').wait_for()
    card = page.locator(f'[data-cause="{CAUSE}"]')
    return await card.get_by_test_id("sentence").inner_text(), await card.get_by_test_id("mend").inner_text()


async def test_a_confirmation_that_never_arrived_is_explained_alike_in_console_and_terminal(
    lienthong_sync: sync.Country, sandbox: Sandbox, manual: Province, visitors: Visitors
) -> None:
    rule = (await sandbox.faults.on(FAULT))["id"]
    lan = CitizenTab(await visitors.page(), sandbox)
    code = await lan.submitted()
    await manual.do(code, "receive")
    await lan.press("pay")
    await lan.press("success")
    assert (await sandbox.settle())["verdict"] == "held"
    await lan.page.reload()
    await lan.sees("unconfirmed")

    console = await visitors.page()
    await console.goto(f"{lan.portal}/s/{sandbox.id}/console/explain?code={code}")
    for lang in ("vi", "en"):
        sentence, mend = await explained(console, lang)
        told = command("explain", code, "--sandbox", sandbox.id, "--lang", lang, url=lienthong_sync.url)
        assert told.returncode == 0 and f"- {sentence}\n  → {mend}\n" in told.stdout
        assert rule in sentence and f"lienthong fault off {rule}" in mend

    words = shlex.split(mend.split("`")[1])
    assert command(*words[1:], url=lienthong_sync.url).returncode == 0, "what mends it can be typed as it stands"
    await sandbox.settle()
    await lan.no_longer_sees("unconfirmed")
    assert await lan.sees("paid") == "8.000 đ"
    await console.locator(f'[data-cause="{CAUSE}"]').wait_for(state="detached")
    await manual.do(code, "start")
    await lan.sees_state("in_processing")
