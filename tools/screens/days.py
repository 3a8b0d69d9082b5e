"""A citizen's day and an officer's day, walked in a real browser: every page that the two see."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from playwright.async_api import BrowserContext, FilePayload, Page

from lienthong.client import Country, Sandbox

PROVINCE, COMMUNE, PROCEDURE = "37", "14464", "2.000635"
COMPONENT = "2.000635.01-TP01"
NO_PAPER = FilePayload(name="anh.pdf", mimeType="application/pdf", buffer=b"no paper")
See = Callable[[Page, str], Awaitable[None]]


class Days:
    """Two people, each with a page of one browser.

    see  called with every page, and a name for it, as soon as it is complete
    """

    def __init__(self, country: Country, sandbox: Sandbox, citizen: Page, officer: Page, see: See) -> None:
        self.portal, self.gateway = str(country.doors["portal"]), str(country.doors["province_gateway"])
        self.sandbox, self.citizen, self.officer, self.see = sandbox, citizen, officer, see
        self.code = ""

    async def find(self, *, in_english: bool) -> None:
        """From the list of procedures to the form of an application."""
        citizen = self.citizen
        await citizen.goto(f"{self.portal}/s/{self.sandbox.id}")
        if in_english:
            await citizen.get_by_test_id("language").click()
        await self.see(citizen, "find")
        await citizen.get_by_test_id("q").fill("trich luc")
        await citizen.get_by_test_id("search").click()
        await self.see(citizen, "found")
        await citizen.get_by_test_id(f"procedure-{PROCEDURE}").click()
        await citizen.get_by_test_id("province").select_option(PROVINCE)
        await citizen.get_by_test_id("commune").select_option(COMMUNE)
        await citizen.get_by_test_id("apply").wait_for()
        await self.see(citizen, "procedure")
        await citizen.get_by_test_id("apply").click()
        await self.see(citizen, "login")
        await citizen.get_by_test_id("persona-lan").click()
        await citizen.get_by_test_id("application").wait_for()

    async def submit(self) -> None:
        citizen = self.citizen
        await citizen.get_by_test_id("note").fill("Xin nhận kết quả trước thứ Sáu.")
        await self.see(citizen, "application")
        await citizen.get_by_test_id(f"file-{COMPONENT}").set_input_files(NO_PAPER)
        await citizen.get_by_test_id("continue").click()
        await citizen.get_by_test_id("errors").wait_for()
        await self.see(citizen, "application-errors")
        await citizen.get_by_test_id("continue").click()
        await citizen.get_by_test_id("submit").wait_for()
        await self.see(citizen, "review")
        await citizen.get_by_test_id("submit").click()
        await citizen.get_by_test_id("state").wait_for()
        self.code = str(await citizen.get_by_test_id("code").text_content())
        await citizen.get_by_test_id("open-withdraw").click()
        await citizen.get_by_test_id("withdraw").click()
        await citizen.get_by_test_id("error-reason").wait_for()
        await self.see(citizen, "withdraw")
        await citizen.goto(f"{self.portal}/dossiers/{self.code}")
        await self.sandbox.settle()

    async def take_over(self) -> None:
        """The officer's way to the dossier."""
        officer = self.officer
        await officer.goto(f"{self.gateway}/s/{self.sandbox.id}")
        await self.see(officer, "provinces")
        await officer.get_by_test_id(f"province-{PROVINCE}").click()
        await officer.get_by_test_id("inbox").wait_for()
        await self.see(officer, "inbox")
        await officer.get_by_test_id(f"dossier-{self.code}").click()
        await officer.get_by_test_id("state").wait_for()
        await self.see(officer, "desk-dossier")

    async def supplement(self) -> None:
        citizen, officer = self.citizen, self.officer
        await officer.get_by_test_id("open-request_supplement").click()
        await officer.get_by_test_id("do-request_supplement").click()
        await officer.get_by_test_id("error-reason").wait_for()
        await self.see(officer, "desk-errors")
        await officer.goto(f"{self.gateway}/provinces/{PROVINCE}/dossiers/{self.code}")
        await move(officer, "request_supplement", reason="Thiếu ảnh chân dung", items="Ảnh 4x6")
        await citizen.locator('[data-state="supplement_requested"]').wait_for()
        await self.see(citizen, "supplement")
        await citizen.get_by_test_id("supplement_note").fill("Tôi gửi kèm ảnh.")
        await citizen.get_by_test_id("send-supplement").click()
        await citizen.get_by_test_id("send-supplement").wait_for(state="detached")
        await self.sandbox.settle()
        await officer.reload()

    async def pay(self) -> None:
        """Once declined, then paid."""
        citizen, officer = self.citizen, self.officer
        await move(officer, "receive")
        await move(officer, "demand_fee")
        await citizen.get_by_test_id("pay").wait_for()
        await self.see(citizen, "to-pay")
        await citizen.get_by_test_id("pay").click()
        await citizen.get_by_test_id("failed").wait_for()
        await self.see(citizen, "checkout")
        await citizen.get_by_test_id("failed").click()
        await citizen.get_by_test_id("unconfirmed").wait_for()
        await self.see(citizen, "declined")
        await citizen.get_by_test_id("pay").click()
        await citizen.get_by_test_id("success").wait_for()
        checkout = citizen.url
        await citizen.get_by_test_id("success").click()
        await citizen.get_by_test_id("state").wait_for()
        await self.sandbox.settle()
        await citizen.goto(checkout)
        await citizen.get_by_test_id("why").wait_for()
        await self.see(citizen, "checkout-paid")
        await citizen.get_by_test_id("back").click()
        await citizen.get_by_test_id("state").wait_for()

    async def finish(self) -> None:
        citizen, officer = self.citizen, self.officer
        for does in ("start", "finish", "return"):
            await officer.reload()
            await move(officer, does)
        await citizen.locator('[data-state="result_returned"]').wait_for()
        await self.see(citizen, "returned")
        await self.see(officer, "desk-returned")
        await citizen.goto(f"{self.portal}/dossiers")
        await self.see(citizen, "dossiers")

    async def console(self) -> None:
        """What a developer sees of the same country."""
        views = ("", "/dossiers", f"/dossiers/{self.code}?step=3", f"/explain?code={self.code}")
        boards = ("/connectors", "/faults", "/dead-letters", "/contracts", "/contracts?type=dossier.received.v1")
        for view in (*views, *boards, "/country", f"/country?province={PROVINCE}", "/country?wall=1"):
            await self.citizen.goto(f"{self.portal}/console{view}")
            name = view.strip("/").replace(f"dossiers/{self.code}", "story").replace(self.code, "") or "now"
            await self.see(self.citizen, f"console-{re.sub(r'[^a-z]+', '-', name.partition('=')[0]).strip('-')}")

    async def what_is_not_there(self) -> None:
        citizen, officer = self.citizen, self.officer
        await citizen.goto(f"{self.portal}/nothing-here")
        await self.see(citizen, "no-page")
        await citizen.goto(f"{self.portal}/dossiers/nothing-here")
        await self.see(citizen, "no-dossier")
        await officer.goto(f"{self.gateway}/provinces/{PROVINCE}/register")
        await self.see(officer, "register")
        await officer.get_by_test_id("send").click()
        await officer.get_by_test_id("errors").wait_for()
        await self.see(officer, "register-errors")
        await officer.goto(f"{self.gateway}/provinces/{PROVINCE}/dossiers/{self.code}/slips/05")
        await self.see(officer, "refused")


async def walk(
    country: Country, sandbox: Sandbox, context: BrowserContext, see: See, *, in_english: bool = False
) -> None:
    """Both days, in a sandbox that nobody has used."""

    async def see_loaded(page: Page, name: str) -> None:
        await page.locator("body").wait_for(state="attached")  # a page that loads itself again has none for a moment
        await see(page, name)

    await sandbox.set_mode(PROVINCE, "manual")
    days = Days(country, sandbox, await context.new_page(), await context.new_page(), see_loaded)
    await days.find(in_english=in_english)
    await days.submit()
    await days.take_over()
    await days.supplement()
    await days.pay()
    await days.finish()
    await days.console()
    await days.what_is_not_there()


async def move(officer: Page, does: str, **fields: str) -> None:
    """Make a move on the page of a dossier; the page then shows what can be done next."""
    await officer.get_by_test_id(f"open-{does}").click()
    form = officer.get_by_test_id(f"move-{does}")
    for name, value in fields.items():
        await form.get_by_test_id(name).fill(value)
    await form.get_by_test_id(f"do-{does}").click()
    await officer.locator(f'[data-testid="move-{does}"][open]').wait_for(state="detached")
