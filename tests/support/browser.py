"""A real browser for tests: the machine's Chromium, driven by Playwright, and a watch over all that its pages do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, async_playwright

from lienthong.client import Country
from tools import chromium

PATIENCE = 60_000  # ms: a page that is not there after this, on a busy machine, will not come
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


def executable() -> str:
    """Path of the browser; without one the test is skipped, but fails where CI is set."""
    path = chromium.path()
    if not path and os.environ.get("CI"):
        pytest.fail(chromium.MISSING)
    if not path:
        pytest.skip(chromium.MISSING)
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


class Watch:
    """What the pages of a browser do that no page of ours may do: `faults` says each in words.

    pages  how many pages were loaded
    """

    def __init__(self, country: Country) -> None:
        self._own = {urlsplit(str(address)).netloc for address in country.doors.values()}
        self._refused: set[str] = set()  # addresses of pages with a status from 400 on: the console repeats them
        self.faults: list[str] = []
        self.pages = 0

    def over(self, context: BrowserContext) -> None:
        context.on("request", self._asked)
        context.on("response", self._answered)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"an error of a script: {error.error}"))

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._own:
            self.faults.append(f"a request elsewhere: {request.url}")

    def _answered(self, response: Response) -> None:
        if not response.headers.get("content-type", "").startswith("text/html"):
            return
        self.pages += 1
        policy = response.headers.get("content-security-policy", "")
        if "unsafe-" in policy or "default-src 'none'" not in policy:
            self.faults.append(f"a policy that is too wide, of {response.url}: {policy}")
        if response.status >= 400:
            self._refused.add(response.url)

    def _said(self, message: ConsoleMessage) -> None:
        is_refusal = message.text.startswith("Failed to load resource") and message.location["url"] in self._refused
        if message.type in ("error", "warning") and not is_refusal:
            self.faults.append(f"{message.type} in the console: {message.text} ({message.location['url']})")


class Visitors:
    """Makes browsers of people who do not know each other, all under one watch."""

    def __init__(self, browser: Browser, country: Country) -> None:
        self._browser, self.watch = browser, Watch(country)
        self._contexts: list[BrowserContext] = []

    async def context(self, size: str = "desktop", **options: Any) -> BrowserContext:
        """`options` as for Playwright, such as java_script_enabled."""
        context = await self._browser.new_context(viewport=SIZES[size], locale="vi-VN", **options)
        context.set_default_timeout(PATIENCE)
        self.watch.over(context)
        self._contexts.append(context)
        return context

    async def page(self, size: str = "desktop", **options: Any) -> Page:
        """The first page of a new visitor."""
        return await (await self.context(size, **options)).new_page()

    async def leave(self) -> None:
        for context in self._contexts:
            await context.close()
