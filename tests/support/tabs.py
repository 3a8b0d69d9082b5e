"""A citizen at the pages, in the words of a story. Elements are found by their `data-testid`, as everybody can find them."""

from __future__ import annotations

from typing import Protocol

from playwright.async_api import FilePayload, Page

from lienthong.client import Sandbox
from tests.support.specimens import a_pdf

PROVINCE, COMMUNE, COPY = "37", "14464", "2.000635"  # a copy within the day, for a fee
COMPONENT = f"{COPY}.01-TP01"
PAPER = FilePayload(name="to-khai.pdf", mimeType="application/pdf", buffer=a_pdf())
MOST_STOPS = 120  # with the Tab key, from the top of a page to any element of it


class Hands(Protocol):
    """How somebody uses a page."""

    async def press(self, page: Page, name: str) -> None: ...
    async def write(self, page: Page, name: str, text: str) -> None: ...
    async def choose(self, page: Page, name: str, value: str) -> None: ...
    async def attach(self, page: Page, name: str, file: FilePayload) -> None: ...


class Pointer:
    """With mouse or finger."""

    async def press(self, page: Page, name: str) -> None:
        await page.get_by_test_id(name).click()

    async def write(self, page: Page, name: str, text: str) -> None:
        await page.get_by_test_id(name).fill(text)

    async def choose(self, page: Page, name: str, value: str) -> None:
        await page.get_by_test_id(name).select_option(value)

    async def attach(self, page: Page, name: str, file: FilePayload) -> None:
        await page.get_by_test_id(name).set_input_files(file)


class PointerWithoutScript(Pointer):
    """A choice then needs its button."""

    async def choose(self, page: Page, name: str, value: str) -> None:
        await super().choose(page, name, value)
        await page.get_by_test_id("choose-place").click()


class Keys:
    """With the keyboard alone."""

    async def press(self, page: Page, name: str) -> None:
        await self._reach(page, name)
        await page.keyboard.press("Enter")

    async def write(self, page: Page, name: str, text: str) -> None:
        await self._reach(page, name)
        await page.keyboard.type(text)

    async def choose(self, page: Page, name: str, value: str) -> None:
        await self._reach(page, name)
        values: list[str] = await page.evaluate("[...document.activeElement.options].map((each) => each.value)")
        for _ in range(values.index(value)):
            await page.keyboard.press("ArrowDown")
        assert await page.evaluate("document.activeElement.value") == value, "no step through the list leaves the page"
        await self.press(page, "choose-place")

    async def attach(self, page: Page, name: str, file: FilePayload) -> None:
        async with page.expect_file_chooser() as opened:
            await self.press(page, name)
        await (await opened.value).set_files(file)

    async def _reach(self, page: Page, name: str) -> None:
        await page.get_by_test_id(name).wait_for()
        for _ in range(MOST_STOPS):
            if await page.evaluate("document.activeElement?.dataset.testid") == name:
                assert await page.evaluate("document.activeElement.matches(':focus-visible')"), (
                    f"{name} shows its focus"
                )
                return
            await page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not reach {name}")


class CitizenTab:
    """A citizen's page of the portal in one sandbox."""

    def __init__(self, page: Page, sandbox: Sandbox, hands: Hands | None = None) -> None:
        self.page, self.sandbox = page, sandbox
        self.hands = hands or Pointer()
        self.portal = str(sandbox.country.doors["portal"])

    async def press(self, name: str) -> None:
        await self.hands.press(self.page, name)

    async def write(self, name: str, text: str) -> None:
        await self.hands.write(self.page, name, text)

    async def attach(self, name: str, file: FilePayload = PAPER) -> None:
        await self.hands.attach(self.page, name, file)

    async def sees(self, name: str) -> str:
        """The text of an element, as soon as it is there."""
        element = self.page.get_by_test_id(name)
        await element.wait_for()
        return (await element.inner_text()).strip()

    async def sees_state(self, slug: str) -> None:
        await self.page.locator(f'[data-testid="state"][data-state="{slug}"]').wait_for()

    async def no_longer_sees(self, name: str) -> None:
        await self.page.get_by_test_id(name).wait_for(state="detached")

    async def enter(self) -> None:
        await self.page.goto(f"{self.portal}/s/{self.sandbox.id}")

    async def find(self, words: str = "trich luc ho tich") -> None:
        """The page of the procedure, by words without diacritics."""
        await self.write("q", words)
        await self.press("search")
        await self.press(f"procedure-{COPY}")

    async def apply(self, persona: str = "lan") -> None:
        """The form, for a place; whoever is not signed in signs in on the way."""
        await self.hands.choose(self.page, "province", PROVINCE)
        await self.hands.choose(self.page, "commune", COMMUNE)
        await self.press("apply")
        await self.press(f"persona-{persona}")
        await self.sees("application")

    async def submit(self, note: str = "Xin nhận trước thứ Sáu.") -> str:
        """Fill the form in, review, submit; returns the code of the dossier."""
        await self.attach(f"file-{COMPONENT}")
        await self.write("note", note)
        await self.press("continue")
        await self.sees("submit")
        await self.press("submit")
        await self.sees_state("submitted")
        return await self.sees("code")

    async def submitted(self) -> str:
        """The code of a new dossier that this citizen has on the page."""
        await self.enter()
        await self.find()
        await self.apply()
        code = await self.submit()
        await self.sandbox.settle()
        return code
