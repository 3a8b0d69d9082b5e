"""A developer at the console, in a real browser: every control is used, and what strangers wrote is shown, never run."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Dialog, Page

from contracts import lifecycle as law
from contracts.schemas import schema
from lienthong.client import Country, Sandbox
from lienthong.embedded import ports
from lienthong.embedded.stack import Stack
from tests.support.browser import Visitors, Watch
from tests.support.tabs import COMMUNE, COPY, PROVINCE
from tools.prove.faults.poison import Poison, write

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
HOSTILE = f"{SCRIPT}\x00\x1b[2J\x1b]0;owned\x07\u202egnp.exe"


class HostilePoison(Poison):
    """An event that fits no contract, with text that would act where it is not escaped."""

    def body(self, code: str) -> str:
        return json.dumps({"dossier_code": code, "reason": HOSTILE}, ensure_ascii=False)


POISON = HostilePoison("a hostile reason", "province_gateway", "portal", law.DOSSIER_REFUSED, valid=False)


@dataclass
class Desk:
    """The console of one sandbox, which was made there. `dialogs`: what the page asked in a window of its own."""

    page: Page
    country: Country
    stack: Stack
    sandbox: Sandbox
    watch: Watch
    dialogs: list[str]

    async def press(self, name: str) -> None:
        await self.page.get_by_test_id(name).click()

    async def sees(self, name: str, text: str = "") -> str:
        """The text of an element, as soon as it has `text` in it."""
        element = self.page.get_by_test_id(name).filter(has_text=text)
        await element.wait_for()
        return await element.inner_text()

    async def goto(self, view: str) -> None:
        await self.page.goto(f"{self.country.url}/console{view}")

    async def dead_letter(self) -> str:
        """The code of a new dossier, whose next event the portal cannot apply."""
        code = str((await self.sandbox.citizen("lan").submit(COPY, PROVINCE, COMMUNE))["code"])
        await self.sandbox.settle(timeout_seconds=60)
        assert await write(self.stack.database_url("province_gateway"), POISON, (self.sandbox.id, code))
        await self.sandbox.settle(timeout_seconds=60)
        return code


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home: Path = tmp_path_factory.mktemp("console")
    with Stack(home / "data", ports.free_base(), durable=False) as stack:
        yield stack


@pytest.fixture
async def desk(stack: Stack, chromium: Browser) -> AsyncIterator[Desk]:
    """At the console, in a sandbox that was made there; English."""
    async with Country(stack.urls["portal-api"]) as country:
        visitors = Visitors(chromium, country)
        page = await visitors.page()
        dialogs: list[str] = []

        async def answered(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            await dialog.accept()

        page.on("dialog", answered)
        await page.goto(f"{country.url}/language/en?next=/console")
        await page.locator("#name").fill(SCRIPT)
        await page.get_by_test_id("post--_lab-sandboxes").click()
        await page.get_by_test_id("sandbox").filter(has_text=SCRIPT).wait_for()
        sandbox = country.enter((await page.get_by_test_id("sandbox-id").inner_text()).strip())
        await sandbox.set_mode(PROVINCE, "manual")
        yield Desk(page, country, stack, sandbox, visitors.watch, dialogs)
        await visitors.leave()
        assert (visitors.watch.faults, dialogs) == ([], [])


async def test_the_clock_is_turned_and_a_fault_is_switched_on_and_off(desk: Desk) -> None:
    due = datetime.fromisoformat((await desk.sandbox.show())["now"]) + timedelta(days=3)
    await desk.page.get_by_test_id("by").fill("3d")
    await desk.page.locator("summary", has_text="curl").first.click()
    advance = desk.page.locator("form.api", has=desk.page.get_by_test_id("by"))
    assert '"by":"3d"' in str(await advance.locator("[data-curl]").text_content())
    await advance.locator("button:not([data-copy])").click()
    await desk.sees("outcome", "clock/advance: OK")
    await desk.sees("now", f"{due:%d/%m/%Y}")
    await desk.sees("clock", f"{due:%d/%m/%Y}")
    await desk.goto("/faults")
    fault = desk.page.get_by_test_id("fault-payment-declined")
    await fault.locator("> summary").click()
    await fault.locator("button:not([data-copy])").click()
    await desk.sees("outcome", "faults: OK")
    await desk.page.locator("[data-testid^=rule-]").wait_for()
    listed = await desk.country.portal.json("GET", f"/_lab/sandboxes/{desk.sandbox.id}/faults")
    assert [rule["fault"] for rule in listed] == ["payment-declined"]
    await desk.page.locator("form.api[data-api=DELETE] button:not([data-copy])").click()
    await desk.page.locator("[data-testid^=rule-]").wait_for(state="detached")


async def test_a_curl_is_copied_and_does_what_its_control_does(desk: Desk) -> None:
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await desk.page.get_by_test_id("by").fill("2d")
    advance = desk.page.locator("form.api", has=desk.page.get_by_test_id("by"))
    await advance.locator("summary", has_text="curl").click()
    await advance.locator("[data-copy]").click()
    await desk.sees("outcome", "Copied")
    copied = await desk.page.evaluate("navigator.clipboard.readText()")
    before = datetime.fromisoformat((await desk.sandbox.show())["now"])
    await asyncio.to_thread(
        subprocess.run, ["bash", "-c", f"{copied} --fail --silent"], check=True, capture_output=True, timeout=60
    )
    after = datetime.fromisoformat((await desk.sandbox.show())["now"])
    assert after - before == timedelta(days=2)


async def test_a_dead_letter_is_edited_with_a_diff_and_redriven(desk: Desk) -> None:
    code = await desk.dead_letter()
    await desk.goto("/dead-letters")
    await desk.page.locator("[data-testid^=letter-portal-]").click()
    body = desk.page.get_by_test_id("body")
    stored = await body.input_value()
    assert json.loads(stored)["reason"] == HOSTILE and "\\u0000\\u001b[2J" in stored and "\\u202e" in stored
    whole = schema(law.DOSSIER_REFUSED)["examples"][0] | {"dossier_code": code, "province": PROVINCE}
    await body.fill(json.dumps({**whole, "dossier_code": "H42.0"}, indent=2))
    difference = desk.page.get_by_test_id("diff")
    assert any(SCRIPT in line for line in await difference.locator("del").all_inner_texts())
    assert any("H42.0" in line for line in await difference.locator("ins").all_inner_texts())
    await desk.press("save")
    await desk.sees("outcome", "/dossier_code")
    assert "status of 422" in desk.watch.faults.pop(), "the browser itself notes it in its console"
    assert "H42.0" in await body.input_value(), "what was written is still there"
    await body.fill(json.dumps(whole, indent=2, ensure_ascii=False))
    await desk.page.get_by_test_id("letter").locator("h2").click()
    await desk.press("save")
    await desk.sees("diff-before", SCRIPT)
    await desk.press("redrive")
    await desk.sees("outcome", "applied 1")
    await desk.sees("no-letters")
    assert (await desk.sandbox.citizen("lan").dossier(code))["status"]["slug"] == "refused_at_reception"
    await desk.goto(f"/dossiers/{code}")
    await desk.page.locator(".sequence text", has_text=law.DOSSIER_REFUSED).click()
    headers = await desk.sees("headers")
    assert "ce_sequence: " in headers and "ce_epoch: 1" in headers
    assert "\\u0000" in await desk.sees("payload", SCRIPT)


async def test_all_that_the_filter_shows_are_redriven(desk: Desk) -> None:
    one, other = await desk.dead_letter(), await desk.dead_letter()
    letters = {each["subject"]: each["id"] for each in await desk.sandbox.dead_letters("portal")}
    whole = schema(law.DOSSIER_REFUSED)["examples"][0] | {"province": PROVINCE}
    await desk.sandbox.edit_dead_letter("portal", str(letters[one]), {**whole, "dossier_code": one})
    await desk.goto("/dead-letters")
    await desk.page.get_by_test_id("type").select_option(law.DOSSIER_RATED)
    await desk.press("filter")
    await desk.sees("no-letters")
    await desk.page.get_by_test_id("type").select_option(law.DOSSIER_REFUSED)
    await desk.press("filter")
    await desk.page.locator("summary", has_text="curl").first.click()
    curl = await desk.page.locator("[data-curl]").first.inner_text()
    assert f"X-Sandbox: {desk.sandbox.id}" in curl and f'{{"type":"{law.DOSSIER_REFUSED}"}}' in curl
    await desk.press("redrive-all-portal")
    assert "failed 1" in await desk.sees("outcome", "applied 1")
    await desk.page.get_by_test_id(f"letter-portal-{letters[one]}").wait_for(state="detached")
    await desk.page.get_by_test_id(f"letter-portal-{letters[other]}").wait_for()


async def test_what_somebody_is_writing_stays_while_the_view_is_renewed(desk: Desk) -> None:
    await desk.dead_letter()
    await desk.goto("/dead-letters")
    await desk.page.locator("[data-testid^=letter-portal-]").click()
    await desk.page.get_by_test_id("body").fill('{"half": "written"}')
    await desk.page.get_by_test_id("letter").locator("h2").click()
    await desk.dead_letter()
    await desk.page.locator("[data-testid^=letter-portal-]").nth(1).wait_for()
    assert await desk.page.get_by_test_id("body").input_value() == '{"half": "written"}'
    assert '"half"' in " ".join(await desk.page.get_by_test_id("diff").locator("ins").all_inner_texts())


async def test_a_sandbox_is_deleted_after_a_question(desk: Desk) -> None:
    await desk.press(f"delete--_lab-sandboxes-{desk.sandbox.id}")
    await desk.page.wait_for_url("**/console")
    assert await desk.sees("sandbox-id", "default")
    assert len(desk.dialogs) == 1
    desk.dialogs.clear()
    assert desk.sandbox.id not in {row["id"] for row in await desk.country.list_sandboxes()}
