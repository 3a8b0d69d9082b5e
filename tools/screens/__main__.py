"""`python -m tools.screens`, run by `make screens`: every page as a picture, in both languages, light and dark, desktop and phone.

A citizen's day and an officer's day are walked in a real browser on a new stack; each page on the way is photographed.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.async_api import Browser, Page, async_playwright

from lienthong.cli.command import run_command
from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble, ports
from lienthong.embedded.stack import Stack
from tools import chromium
from tools.screens.days import walk

ROOT = Path(__file__).parents[2]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


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
    path = chromium.path()
    if not path:
        raise Trouble(chromium.MISSING)
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
                    await _walk(country, browser, sandbox, look, folder)
        await browser.close()


async def _walk(country: Country, browser: Browser, sandbox: Sandbox, look: Look, folder: Path) -> None:
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

    await walk(country, sandbox, context, take, in_english=look.lang == "en")
    await context.close()


if __name__ == "__main__":
    run_command(lambda: typer.run(screens))
