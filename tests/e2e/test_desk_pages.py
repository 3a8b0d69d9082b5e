"""An officer's days at the pages of a province, in a real browser, while the citizen's page is open."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from playwright.async_api import Page

from lienthong.client import Sandbox
from tests.support.browser import SIZES, Visitors
from tests.support.tabs import COMMUNE, COPY, PROVINCE, CitizenTab
from tools.screens.days import move

FREE = "1.001776"  # social allowance: no fee, ten working days
APPLICANT = {"name": "Trần Ngọc Lan", "id": "037190900123"}

at_every_size = pytest.mark.parametrize("size", SIZES)


@pytest.fixture
async def officer(visitors: Visitors, sandbox: Sandbox, size: str) -> Page:
    """At the list of provinces; the simulated officers wait for the clock, which is frozen."""
    page = await visitors.page(size)
    await page.goto(f"{sandbox.country.doors['province_gateway']}/s/{sandbox.id}")
    return page


async def sees_mode(page: Page, mode: str) -> None:
    await page.locator(f'[data-testid="mode"][data-mode="{mode}"]').wait_for()


@at_every_size
async def test_a_citizens_open_page_follows_what_an_officer_does_without_being_loaded_again(
    officer: Page, visitors: Visitors, sandbox: Sandbox, size: str
) -> None:
    lan = sandbox.citizen("lan")
    code = (await lan.submit(FREE, PROVINCE, COMMUNE))["code"]
    await sandbox.settle()
    citizen = CitizenTab(await visitors.page(size), sandbox)
    await citizen.enter()
    await citizen.page.goto(f"{citizen.portal}/dossiers/{code}")
    await citizen.press("persona-lan")
    await citizen.sees_state("submitted")
    await citizen.page.evaluate("window.untouched = true")

    await officer.get_by_test_id(f"province-{PROVINCE}").click()
    await sees_mode(officer, "simulated")
    await officer.get_by_test_id("take-over").click()
    await sees_mode(officer, "manual")
    await officer.get_by_test_id("state").select_option("submitted")
    await officer.wait_for_url("**state=submitted**")
    await officer.get_by_test_id(f"dossier-{code}").click()
    await move(officer, "receive")
    await citizen.sees_state("received")
    due = await citizen.sees("due")

    await move(officer, "request_supplement", reason="Thiếu ảnh", items="Ảnh 4x6\nBản sao giấy khai sinh")
    await citizen.sees_state("supplement_requested")
    assert await citizen.sees("supplement-reason") == "Thiếu ảnh"
    assert "Bản sao giấy khai sinh" in await citizen.page.inner_text("main")
    await lan.supplement(code, note="Tôi gửi sau ở quầy.")
    await sandbox.settle()
    await officer.reload()
    await move(officer, "resume")
    await citizen.sees_state("in_processing")
    assert await citizen.sees("due") == due, "no working day has passed"
    for does, state in (("finish", "result_ready"), ("return", "result_returned")):
        await move(officer, does)
        await citizen.sees_state(state)
    await citizen.sees("result")
    lines = await citizen.page.locator('[data-testid="story"] > li').count()
    assert lines == await officer.locator('[data-testid="story"] > li').count(), "both tell the same story"
    assert await citizen.page.evaluate("window.untouched"), "the page was never loaded again"
    address = await officer.get_by_test_id("slip-01").get_attribute("href")
    slip = await officer.request.get(urljoin(officer.url, address))
    assert (await slip.body()).startswith(b"%PDF")


@at_every_size
async def test_an_officer_is_told_what_is_missing_and_refuses_with_a_reason(
    officer: Page, sandbox: Sandbox, size: str
) -> None:
    lan = sandbox.citizen("lan")
    code = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    await sandbox.settle()
    await officer.get_by_test_id(f"province-{PROVINCE}").click()
    await officer.get_by_test_id("take-over").click()
    await officer.get_by_test_id("code").fill(code.lower())
    await officer.get_by_test_id("search").click()
    await officer.get_by_test_id("open-refuse").click()
    await officer.get_by_test_id("do-refuse").click()
    await officer.get_by_test_id("error-reason").wait_for()
    form = officer.get_by_test_id("move-refuse")
    await form.get_by_test_id("reason").fill("Không thuộc thẩm quyền")
    await form.get_by_test_id("do-refuse").click()
    await officer.locator('[data-state="refused_at_reception"]').wait_for()
    await officer.get_by_test_id("slip-03").wait_for()
    await sandbox.settle()
    assert (await lan.dossier(code))["status"]["slug"] == "refused_at_reception"


@at_every_size
async def test_a_dossier_is_registered_at_the_counter_and_the_province_given_back(
    officer: Page, sandbox: Sandbox, size: str
) -> None:
    await officer.get_by_test_id(f"province-{PROVINCE}").click()
    await officer.get_by_test_id("take-over").click()
    await officer.get_by_test_id("register").click()
    await officer.get_by_test_id("procedure").select_option(COPY)
    await officer.get_by_test_id("commune").select_option(COMMUNE)
    await officer.get_by_test_id("name").fill(APPLICANT["name"])
    await officer.get_by_test_id("id").fill("123")
    await officer.get_by_test_id("send").click()
    await officer.get_by_test_id("error-id").wait_for()
    assert await officer.get_by_test_id("name").input_value() == APPLICANT["name"], "what was written is kept"
    await officer.get_by_test_id("id").fill(APPLICANT["id"])
    await officer.get_by_test_id("send").dblclick()
    await officer.get_by_test_id("story").wait_for()
    (dossier,) = await sandbox.province(PROVINCE).dossiers()
    assert dossier["applicant"] == APPLICANT["name"], "two clicks register once"
    await officer.get_by_test_id("give-back").click()
    await sees_mode(officer, "simulated")
