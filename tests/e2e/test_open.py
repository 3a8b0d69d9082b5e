"""`lienthong open`: the page of a sandbox in the default browser, or its address."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from lienthong.sync import Country, Sandbox
from tests.support.command import command

NO_BROWSER = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}


@pytest.mark.parametrize("page", ["console", "portal", "desk"])
def test_the_page_of_the_chosen_sandbox_is_opened_in_the_browser_of_the_user(
    lienthong_sync: Country, sandbox_sync: Sandbox, tmp_path: Path, page: str
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    done = command(
        "open", page, "--sandbox", sandbox_sync.id, url=lienthong_sync.url, **NO_BROWSER | {"BROWSER": str(browser)}
    )
    service = "province_gateway" if page == "desk" else "portal"
    path = "/console" if page == "console" else "/"
    address = f"{lienthong_sync.doors[service]}/s/{sandbox_sync.id}{path}"
    assert (done.returncode, done.stdout) == (0, f"{address}\n"), done.stderr
    assert opened.read_text(encoding="utf-8") == address
    answer = httpx.get(address, follow_redirects=True, headers={"Accept": "text/html"}, timeout=60)
    assert answer.status_code == 200 and sandbox_sync.show()["name"] in answer.text


def test_without_a_browser_the_address_is_printed(lienthong_sync: Country) -> None:
    done = command("open", url=lienthong_sync.url, **NO_BROWSER)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"{lienthong_sync.doors['portal']}/s/default/console\n",
        "",
    )
    told = json.loads(command("open", "--json", url=lienthong_sync.url, **NO_BROWSER).stdout)
    assert told == {"page": "console", "url": done.stdout.strip(), "opened": False}


def test_a_sandbox_that_is_not_there_is_named_and_nothing_opened(lienthong_sync: Country) -> None:
    done = command("open", "--sandbox", "nowhere", url=lienthong_sync.url, **NO_BROWSER)
    assert (done.returncode, done.stdout) == (1, "") and "POST /_lab/sandboxes" in done.stderr


def test_its_help_names_the_pages() -> None:
    done = command("open", "--help", url=None)
    assert done.returncode == 0
    for each in ("console", "portal", "desk", "--sandbox", "default browser"):
        assert each in done.stdout
