"""`python -m tools.screens`, run by `make screens`: every page as a picture, in both languages, light and dark, desktop and phone.

A citizen's day and an officer's day are walked in a real browser on a new stack; each page on the way is photographed.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from lienthong.cli.command import run_command
from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble, ports
from lienthong.embedded.stack import Stack

ROOT = Path(__file__).parents[2]
PROVINCE, COMMUNE, PROCEDURE = "37", "14464", "2.000635"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Look:
    lang: str
    theme: str
    size: str

    @property
    def name(self) -> str:
        return f"{self.lang}-{self.theme}-{self.size}"


LOOKS = [Look(lang, theme, size) for lang in ("vi", "en") for theme in ("light", "dark") for size in SIZES]


def screens(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = ROOT / "docs/screens",
    only: Annotated[str, typer.Option(help="Only looks whose name begins so, such as vi-light-desktop.")] = "",
) -> None:
    """Photograph every page; prints the name of each picture."""
    path = next((found for name in NAMES if (found := shutil.which(name))), "")
    if not path:
        raise Trouble("No Chromium is installed (Debian, Ubuntu: apt-get install chromium).")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lienthong-screens-") as home:
        Path(home).chmod(0o755)  # PostgreSQL runs as another user if we are root
        with Stack(Path(home) / "data", ports.free_base()) as stack:
            asyncio.run(_all(stack, path, folder, only))


async def _all(stack: Stack, executable: str, folder: Path, only: str) -> None:
    async with Country(stack.urls["portal-api"]) as country, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"], chromium_sandbox=False
        )
        for look in LOOKS:
            if look.name.startswith(only):
                async with country.sandbox(seed="screens", name="Thử nghiệm") as sandbox:
                    await _walk(stack, browser, sandbox, look, folder)
        await browser.close()


async def _walk(stack: Stack, browser: Browser, sandbox: Sandbox, look: Look, folder: Path) -> None:
    width, height = SIZES[look.size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=look.theme,  # type: ignore[arg-type]
        locale="vi-VN" if look.lang == "vi" else "en-GB",
        device_scale_factor=1,
    )
    taken = 0

    async def take(page: Page, name: str) -> None:
        nonlocal taken
        taken += 1
        path = folder / f"{look.name}-{taken:02}-{name}.png"
        await page.screenshot(path=path, full_page=True)
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path, flush=True)

    await _days(stack, context, sandbox, look, take)
    await context.close()


Take = Callable[[Page, str], Awaitable[None]]


async def _days(stack: Stack, context: BrowserContext, sandbox: Sandbox, look: Look, take: Take) -> None:
    portal, gateway = stack.urls["portal-api"], stack.urls["gateway-api"]
    await sandbox.set_mode(PROVINCE, "manual")
    citizen, officer = await context.new_page(), await context.new_page()
    await citizen.goto(f"{portal}/s/{sandbox.id}")
    if look.lang == "en":
        await citizen.get_by_test_id("language").click()
    await take(citizen, "find")
    await citizen.get_by_test_id("q").fill("trich luc")
    await citizen.get_by_test_id("search").click()
    await take(citizen, "found")
    await citizen.get_by_test_id(f"procedure-{PROCEDURE}").click()
    await citizen.get_by_test_id("province").select_option(PROVINCE)
    await citizen.get_by_test_id("commune").select_option(COMMUNE)
    await citizen.get_by_test_id("apply").wait_for()
    await take(citizen, "procedure")
    await citizen.get_by_test_id("apply").click()
    await take(citizen, "login")
    await citizen.get_by_test_id("persona-lan").click()
    await citizen.get_by_test_id("note").fill("Xin nhận kết quả trước thứ Sáu.")
    await take(citizen, "application")
    await citizen.get_by_test_id("continue").click()
    await citizen.get_by_test_id("submit").wait_for()
    await take(citizen, "review")
    await citizen.get_by_test_id("submit").click()
    await citizen.get_by_test_id("state").wait_for()
    code = str(await citizen.get_by_test_id("code").text_content())
    await sandbox.settle()
    await officer.goto(f"{gateway}/s/{sandbox.id}")
    await take(officer, "provinces")
    await officer.get_by_test_id(f"province-{PROVINCE}").click()
    await take(officer, "inbox")
    await officer.get_by_test_id(f"dossier-{code}").click()
    await take(officer, "desk-dossier")
    await _move(officer, "request_supplement", reason="Thiếu ảnh chân dung", items="Ảnh 4x6")
    await citizen.locator('[data-state="supplement_requested"]').wait_for()
    await take(citizen, "supplement")
    await citizen.get_by_test_id("supplement_note").fill("Tôi gửi kèm ảnh.")
    await citizen.get_by_test_id("send-supplement").click()
    await sandbox.settle()
    await officer.reload()
    await _move(officer, "receive")
    await _move(officer, "demand_fee")
    await citizen.get_by_test_id("pay").wait_for()
    await take(citizen, "to-pay")
    await citizen.get_by_test_id("pay").click()
    await take(citizen, "checkout")
    await citizen.get_by_test_id("success").click()
    await sandbox.settle()
    for does in ("start", "finish", "return"):
        await officer.reload()
        await _move(officer, does)
    await citizen.locator('[data-state="result_returned"]').wait_for()
    await take(citizen, "returned")
    await take(officer, "desk-returned")
    await citizen.goto(f"{portal}/dossiers")
    await take(citizen, "dossiers")
    for view in (
        "",
        "/dossiers",
        f"/dossiers/{code}?step=3",
        f"/explain?code={code}",
        "/faults",
        "/contracts",
        "/country",
    ):
        await citizen.goto(f"{portal}/console{view}")
        name = view.strip("/").partition("?")[0].replace(f"dossiers/{code}", "story") or "now"
        await take(citizen, f"console-{name}")
    await officer.goto(f"{gateway}/provinces/{PROVINCE}/register")
    await take(officer, "register")
    await officer.goto(f"{gateway}/provinces/{PROVINCE}/dossiers/{code}/slips/05")
    await take(officer, "refused")


async def _move(officer: Page, does: str, **fields: str) -> None:
    await officer.get_by_test_id(f"open-{does}").click()
    form = officer.get_by_test_id(f"move-{does}")
    for name, value in fields.items():
        await form.get_by_test_id(name).fill(value)
    await form.get_by_test_id(f"do-{does}").click()
    await officer.locator(f'[data-testid="move-{does}"][open]').wait_for(state="detached")


if __name__ == "__main__":
    run_command(lambda: typer.run(screens))
