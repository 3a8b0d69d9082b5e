"""A real browser for tests: the machine's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """Path of the browser; without one the test is skipped, but fails where CI is set."""
    path = next((found for name in NAMES if (found := shutil.which(name))), "")
    if not path and os.environ.get("CI"):
        pytest.fail("no Chromium is installed (Debian, Ubuntu: apt-get install chromium)")
    if not path:
        pytest.skip("no Chromium is installed (Debian, Ubuntu: apt-get install chromium)")
    return path


@asynccontextmanager
async def a_browser(*arguments: str) -> AsyncIterator[Browser]:
    """`arguments`: options of Chromium's command line, such as names that lead to this machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(), args=["--no-sandbox", *arguments], chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            await browser.close()
