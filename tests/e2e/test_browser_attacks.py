"""What web pages of others can do to a running country from the developer's own browser: nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page

from lienthong.client import Country, Sandbox
from tests.support.browser import Visitors, a_browser

EVIL = "evil.example"
REBOUND = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
SERVICES = ("portal", "province_gateway", "identity", "payment")
# What a page can send without being asked: forms, and requests of scripts that need no preflight.
ATTACK = """async ([url, method]) => {
  try {
    const response = await fetch(url, {method, mode: method === 'DELETE' ? 'cors' : 'no-cors', credentials: 'include'});
    return response.type === 'opaque' ? 'opaque' : await response.text();
  } catch (error) { return 'refused'; }
}"""
READ = "async (url) => { const response = await fetch(url); return [response.status, await response.text()]; }"


@asynccontextmanager
async def a_page_of(body: str = "") -> AsyncIterator[str]:
    """Address of a web page on this machine, under a name of its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        content = f"<!doctype html><title>page</title>{body}".encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://{EVIL}:{server.sockets[0].getsockname()[1]}/"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with a_browser(REBOUND) as browser:
        yield await browser.new_page()


def addresses(country: Country) -> dict[str, str]:
    return {name: country.doors[name] for name in SERVICES}


async def made_without_wishes(country: Country, mine: Sandbox) -> set[str]:
    """Sandboxes as a request without a body makes them, and `mine` if it still exists.

    Other tests, and the pages that they run, make others meanwhile, each with a seed or a name.
    """
    rows = await country.list_sandboxes()
    return {row["id"] for row in rows if row["name"] == row["id"] and re.fullmatch("[0-9a-f]{12}", row["seed"])} | {
        row["id"] for row in rows if row["id"] == mine.id
    }


async def test_a_rebound_name_reads_and_changes_nothing(lienthong: Country, sandbox: Sandbox, page: Page) -> None:
    before, key = await made_without_wishes(lienthong, sandbox), (await sandbox.show())["api_key"]
    for address in addresses(lienthong).values():
        origin = f"http://{EVIL}:{urlsplit(address).port}"
        for path in (
            "/healthz",
            "/_lab/sandboxes",
            f"/_lab/sandboxes/{sandbox.id}",
            "/metrics",
            "/openapi.json",
            "/docs",
        ):
            response = await page.goto(origin + path)
            assert response is not None and response.status == 421, path
            text = await response.text()
            assert key not in text and "host-unknown" in text, path
        for method in ("POST", "PUT", "DELETE"):
            await page.evaluate(ATTACK, [f"/_lab/sandboxes/{sandbox.id}", method])
    assert await made_without_wishes(lienthong, sandbox) == before


async def test_a_foreign_page_changes_nothing(lienthong: Country, sandbox: Sandbox, page: Page) -> None:
    before = await made_without_wishes(lienthong, sandbox)
    for address in addresses(lienthong).values():
        paths = ("/_lab/sandboxes", f"/_lab/sandboxes/{sandbox.id}", "/_lab/projections/statistics/rebuild")
        for url in (address + path for path in paths):
            async with a_page_of(f'<form method="post" action="{url}"></form>') as evil:
                await page.goto(evil)
                assert await page.evaluate(ATTACK, [url, "POST"]) in ("opaque", "refused")
                assert await page.evaluate(ATTACK, [url, "DELETE"]) == "refused"
                async with page.expect_response(url) as answered:
                    await page.evaluate("document.forms[0].submit()")
                await page.wait_for_url(url)
                assert (await answered.value).status == 403, url
    assert await made_without_wishes(lienthong, sandbox) == before


async def test_no_page_is_shown_in_a_frame(lienthong: Country, page: Page) -> None:
    portal = addresses(lienthong)["portal"]
    async with a_page_of(f'<iframe src="{portal}/docs"></iframe>') as evil:
        await page.goto(evil)
        frame = page.frames[1]
        await frame.wait_for_load_state()
        assert "Swagger" not in await frame.content() and frame.url.startswith("chrome-error:")


@pytest.mark.parametrize("service", SERVICES)
async def test_the_docs_page_shows_and_sends_a_call_under_a_strict_policy(
    lienthong: Country, visitors: Visitors, service: str
) -> None:
    """`visitors` checks that nothing was asked elsewhere, the console is silent, and the policy has nothing unsafe."""
    page = await visitors.page()
    await page.goto(f"{lienthong.doors[service]}/docs")
    call = page.locator(".opblock", has=page.locator('[data-path="/healthz"]'))
    await call.locator(".opblock-summary-control").click()
    await call.locator(".try-out__btn").click()
    await call.locator(".execute").click()
    assert await call.locator(".live-responses-table td.response-col_status >> nth=-1").inner_text() == "200"
    assert visitors.watch.pages == 1


async def test_a_browser_application_of_another_port_signs_in(lienthong: Country, sandbox: Sandbox, page: Page) -> None:
    identity = addresses(lienthong)["identity"]
    async with a_page_of() as evil:
        await page.goto(evil.replace(EVIL, "localhost"))
        discovery = f"{identity}/s/{sandbox.id}/.well-known/openid-configuration"
        status, text = await page.evaluate(READ, discovery)
        assert status == 200 and "token_endpoint" in text
        send = "async (url) => (await fetch(url, {method: 'POST', headers: {Authorization: 'Bearer x'}})).status"
        assert await page.evaluate(send, f"{identity}/s/{sandbox.id}/userinfo") == 401, "read, after a preflight"
        await page.goto(evil)
        assert await page.evaluate(ATTACK, [discovery, "GET"]) == "refused"
