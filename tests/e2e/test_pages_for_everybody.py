"""What holds on every page, for everybody: with a screen reader, with keys alone, without scripts, with two clicks for one."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from lienthong.client import Country, Sandbox
from lienthong.client.province import Province
from lienthong.pytest_plugin import run_of
from tests.support.browser import Visitors
from tests.support.tabs import COMMUNE, COMPONENT, COPY, PAPER, PROVINCE, CitizenTab, Keys, PointerWithoutScript
from tools.docs.generate import applications
from tools.docs.pages_page import every_page
from tools.fetched import Missing, NotFetched, node_packages
from tools.screens.days import walk

GRAVE = ("serious", "critical")
IDS = "[...document.querySelectorAll('[data-testid]')].map((each) => each.dataset.testid)"
AWAY = "window.isAway = true; Object.defineProperty(document, 'hidden', {get: () => isAway})"  # behind another page
TOLD = "document.dispatchEvent(new Event('visibilitychange'))"
BACK = f"isAway = false; {TOLD}"
FITS = "document.scrollingElement.scrollWidth <= window.innerWidth"
TWICE = "[...document.querySelectorAll('[id]')].map((each) => each.id).filter((id, at, all) => all.indexOf(id) !== at)"


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config) -> str:
    """The script of axe-core."""
    try:
        packages = node_packages(run_of(pytestconfig), Path(__file__).parent / "axe")
    except Missing as missing:
        pytest.skip(str(missing))
    except NotFetched as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    return (packages / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


async def violations(page: Page, axe: str) -> list[dict[str, Any]]:
    """What axe-core finds on a page under its own policy, which lets in the debugger, but no style of axe's.

    So its rule css-orientation-lock is left out: it copies the style sheets into the page.
    """
    run = "axe.run(document, {resultTypes: ['violations'], preload: false})"
    return list(await page.evaluate(f"async () => {{ {axe}\n; return (await {run}).violations }}"))


def told(violation: dict[str, Any]) -> str:
    """A violation in a few words, with the first element that has it."""
    return f"{violation['id']} ({violation['impact']}): {violation['help']}; {violation['nodes'][0]['html'][:200]}"


long = pytest.mark.long


@pytest.mark.parametrize(
    ("theme", "size"),
    [
        ("light", "desktop"),
        pytest.param("light", "phone", marks=long),
        pytest.param("dark", "desktop", marks=long),
        ("dark", "phone"),
    ],
)
async def test_every_page_is_open_to_all_quiet_and_has_the_marks_that_its_document_lists(
    lienthong: Country, sandbox: Sandbox, visitors: Visitors, axe: str, theme: str, size: str
) -> None:
    """Open to all: axe-core finds nothing grave.

    Quiet: no request elsewhere, no error in the console, no wide policy. `visitors` checks that of every test.
    """
    in_english = theme == "dark"
    context = await visitors.context(size, color_scheme=theme)
    seen: dict[str, set[str]] = {}
    found: dict[str, list[str]] = {}

    async def see(page: Page, name: str) -> None:
        looks = f"[{IDS}, document.documentElement.lang, {FITS}, {TWICE}]"  # at once: the page can load itself again
        ids, lang, fits, twice = await page.evaluate(looks)
        seen[name] = set(ids)
        assert lang == ("en" if in_english else "vi"), name
        assert fits, f"{name} has to be scrolled sideways"
        assert twice == [], f"{name} has two elements with one id"
        found[name] = [told(each) for each in await violations(page, axe) if each["impact"] in GRAVE]

    await walk(lienthong, sandbox, context, see, in_english=in_english)
    assert visitors.watch.pages > len(seen) > 20
    pages = every_page(applications())
    of_the_console = pages.pop("services/portal/console")
    for name, ids in seen.items():
        possible = of_the_console if name.startswith("console") else []
        known = [pattern for page in (*possible, *chain(*pages.values())) for pattern in page.patterns]
        assert not [each for each in ids if not any(pattern.fullmatch(each) for pattern in known)], name
    await lienthong.delete_sandbox(sandbox.id)
    gone = await context.new_page()
    await gone.goto(str(lienthong.doors["portal"]))
    await see(gone, "gone")
    assert not any(found.values()), {name: each for name, each in found.items() if each}


async def test_axe_and_the_watch_would_have_found(lienthong: Country, visitors: Visitors, axe: str) -> None:
    page = await visitors.page()
    bad = "<img src='http://elsewhere.invalid/x.png'><button></button>"
    policy = {"Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'"}
    await page.route(
        "**/bad",
        lambda route: route.fulfill(
            content_type="text/html", headers={"Content-Type": "text/html", **policy}, body=bad
        ),
    )
    await page.goto(f"{lienthong.doors['portal']}/bad")
    await page.evaluate("console.error('no')")
    await page.evaluate("setTimeout(() => { throw new Error('broken') })")
    grave = {each["id"] for each in await violations(page, axe) if each["impact"] in GRAVE}
    assert {"image-alt", "button-name", "html-has-lang"} <= grave
    faults, visitors.watch.faults = " ".join(visitors.watch.faults), []
    for each in ("a request elsewhere", "a policy that is too wide", "error in the console: no", "broken"):
        assert each in faults


async def test_a_dossier_is_submitted_with_the_keyboard_alone(visitors: Visitors, sandbox: Sandbox) -> None:
    lan = CitizenTab(await visitors.page(), sandbox, Keys())
    code = await lan.submitted()
    dossier = await sandbox.citizen("lan").dossier(code)
    assert dossier["note"] == "Xin nhận trước thứ Sáu." and len(dossier["papers"]) == 1
    await lan.press("open-withdraw")
    await lan.write("reason", "Tôi đổi ý.")
    await lan.press("withdraw")
    await lan.sees("withdrawal")


async def test_the_first_key_leads_past_the_menu(visitors: Visitors, sandbox: Sandbox) -> None:
    lan = CitizenTab(await visitors.page(), sandbox)
    await lan.enter()
    await lan.page.keyboard.press("Tab")
    await lan.page.keyboard.press("Enter")
    assert await lan.page.evaluate("document.activeElement.id") == "content"
    await lan.page.keyboard.press("Tab")
    assert await lan.page.evaluate("document.activeElement.dataset.testid") == "q"


async def test_a_dossier_is_submitted_paid_and_followed_without_scripts(
    visitors: Visitors, sandbox: Sandbox, manual: Province
) -> None:
    page = await visitors.page(java_script_enabled=False)
    lan = CitizenTab(page, sandbox, PointerWithoutScript())
    code = await lan.submitted()
    await manual.do(code, "receive")
    await sandbox.settle()
    await page.reload()
    await lan.press("pay")
    await lan.press("success")
    await lan.sees_state("financial_obligation")
    await sandbox.settle()
    await page.reload()
    assert await lan.sees("paid") == "8.000 đ"


async def test_two_clicks_submit_once(visitors: Visitors, sandbox: Sandbox) -> None:
    page = await visitors.page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    lan = CitizenTab(page, sandbox)
    await lan.enter()
    await lan.find()
    await lan.apply()
    await lan.press("continue")
    await page.get_by_test_id("submit").dblclick()
    await lan.sees_state("submitted")
    assert len([url for url in sent if url.endswith("/submit")]) == 1
    assert len(await sandbox.citizen("lan").dossiers()) == 1


async def test_two_clicks_on_what_has_just_appeared_pay_once(
    visitors: Visitors, sandbox: Sandbox, manual: Province
) -> None:
    page = await visitors.page()
    lan = CitizenTab(page, sandbox)
    code = await lan.submitted()
    await manual.do(code, "receive")
    await lan.sees("pay")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    await page.get_by_test_id("pay").dblclick()
    await lan.sees("success")
    assert len(sent) == 1 and len(await sandbox.payments.orders(code)) == 1


async def test_the_back_button_after_a_payment_pays_nothing_twice(
    visitors: Visitors, sandbox: Sandbox, manual: Province
) -> None:
    page = await visitors.page()
    lan = CitizenTab(page, sandbox)
    code = await lan.submitted()
    await manual.do(code, "receive")
    await lan.press("pay")
    checkout = await page.wait_for_url("**/checkout/*") or page.url
    await lan.press("success")
    await lan.sees_state("financial_obligation")
    await sandbox.settle()
    await lan.no_longer_sees("pay")
    await page.go_back()
    await page.wait_for_url(checkout)
    if await page.get_by_test_id("success").count():  # as the browser has kept it
        await lan.press("success")
        await page.wait_for_load_state()
    await page.goto(checkout)
    assert "không thu thêm lần nào" in await lan.sees("why")
    await lan.press("back")
    assert await lan.sees("paid") == "8.000 đ"
    await sandbox.settle()
    assert len(await sandbox.payments.orders(code)) == 1
    fee = (await sandbox.citizen("lan").dossier(code))["fee"]
    assert fee and (fee["status"], fee["amount_dong"]) == ("paid", 8000)


async def test_two_tabs_with_two_personas_do_not_act_for_each_other(visitors: Visitors, sandbox: Sandbox) -> None:
    context = await visitors.context()
    lan = CitizenTab(await context.new_page(), sandbox)
    code = await lan.submitted()
    minh = CitizenTab(await context.new_page(), sandbox)
    await minh.enter()
    await minh.press("logout")
    await minh.press("login")
    await minh.press("persona-minh")
    await minh.sees("signed-in")
    await lan.press("open-withdraw")
    await lan.write("reason", "Tôi đổi ý.")
    await lan.press("withdraw")
    assert "phiên đăng nhập khác" in await lan.sees("refusal")
    assert (await sandbox.citizen("lan").dossier(code))["withdrawal"] == "none"
    await minh.press("menu-dossiers")
    await minh.sees("signed-in")
    assert not await minh.page.get_by_test_id(f"dossier-{code}").count()


async def test_what_a_citizen_is_writing_is_not_taken_away_by_what_happens(
    visitors: Visitors, sandbox: Sandbox, manual: Province
) -> None:
    lan = CitizenTab(await visitors.page(), sandbox)
    code = await lan.submitted()
    await manual.do(code, "request_supplement", reason="Thiếu ảnh", items=["Ảnh 4x6"], answer_days=5)
    await lan.attach("files")
    await lan.write("supplement_note", "Viết dở")
    await lan.page.get_by_test_id("story").click()  # and looks elsewhere on the page
    await manual.do(code, "stop", reason="Ngừng giải quyết")
    assert "vừa có thay đổi" in await lan.sees("behind")
    assert await lan.page.get_by_test_id("supplement_note").input_value() == "Viết dở"
    await lan.press("send-supplement")
    await lan.sees("error-supplement")
    await lan.sees_state("processing_stopped")


async def test_what_happens_while_a_page_is_loaded_or_away_is_shown_as_well(
    visitors: Visitors, sandbox: Sandbox, manual: Province
) -> None:
    page = await visitors.page()
    lan = CitizenTab(page, sandbox)
    code = await lan.submitted()
    await page.add_init_script(AWAY)
    await page.reload()
    await manual.do(code, "receive")
    await sandbox.settle()
    await lan.sees_state("submitted")
    await page.evaluate(BACK)
    await lan.sees_state("financial_obligation")


async def test_more_open_pages_than_a_browser_has_connections_are_all_usable(
    visitors: Visitors, sandbox: Sandbox
) -> None:
    context = await visitors.context()
    lan = CitizenTab(await context.new_page(), sandbox)
    code = await lan.submitted()
    for _ in range(7):
        await lan.page.evaluate(f"{AWAY}; {TOLD}")  # as a browser does with every page but the one in front
        lan = CitizenTab(await context.new_page(), sandbox)
        await lan.page.goto(f"{lan.portal}/dossiers/{code}")
        await lan.sees_state("submitted")


async def test_an_open_page_whose_session_has_ended_stays_as_it_is(
    visitors: Visitors, sandbox: Sandbox, manual: Province
) -> None:
    context = await visitors.context()
    lan = CitizenTab(await context.new_page(), sandbox)
    code = await lan.submitted()
    other = CitizenTab(await context.new_page(), sandbox)
    await other.enter()
    await other.press("logout")
    await other.sees("login")
    async with lan.page.expect_response("**/dossiers/*") as asked:
        await manual.do(code, "receive")
    assert (await asked.value).status == 303
    await lan.sees_state("submitted")
    await lan.press("open-withdraw")
    await lan.write("reason", "Tôi đổi ý.")
    await lan.press("withdraw")
    await lan.press("persona-lan")
    await lan.sees_state("financial_obligation")


async def test_nothing_is_lost_of_a_form_whose_session_has_ended(visitors: Visitors, sandbox: Sandbox) -> None:
    context = await visitors.context()
    lan = CitizenTab(await context.new_page(), sandbox)
    await lan.enter()
    await lan.find()
    await lan.apply()
    await lan.attach(f"file-{COMPONENT}")
    await lan.write("note", "Tôi viết dở.")
    other = CitizenTab(await context.new_page(), sandbox)
    await other.enter()
    await other.press("logout")
    await lan.press("continue")
    await lan.press("persona-lan")
    await lan.sees("application")
    assert await lan.page.get_by_test_id("note").input_value() == "Tôi viết dở."
    paper = lan.page.get_by_test_id(f"paper-{COMPONENT}").locator("option:checked")
    assert await paper.inner_text() == PAPER["name"]
    await lan.press("continue")
    await lan.press("submit")
    await lan.sees_state("submitted")


async def test_a_sign_in_leads_back_to_where_it_began(visitors: Visitors, sandbox: Sandbox) -> None:
    lan = CitizenTab(await visitors.page(), sandbox)
    await lan.enter()
    await lan.page.goto(f"{lan.portal}/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    await lan.press("login")
    await lan.press("persona-lan")
    await lan.sees("signed-in")
    assert lan.page.url.endswith(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
