"""A citizen's days at the pages of the portal, in a real browser, at a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lienthong.client import Sandbox
from lienthong.client.province import Province
from tests.support.browser import SIZES, Visitors
from tests.support.specimens import a_pdf
from tests.support.tabs import COMPONENT, PAPER, CitizenTab

FITS = "document.scrollingElement.scrollWidth <= window.innerWidth"

at_every_size = pytest.mark.parametrize("size", SIZES)


@pytest.fixture
async def lan(visitors: Visitors, sandbox: Sandbox, size: str) -> CitizenTab:
    return CitizenTab(await visitors.page(size, has_touch=size == "phone"), sandbox)


def content_of(file: Path) -> bytes:
    return file.read_bytes()


async def fits(tab: CitizenTab) -> bool:
    """Whether nothing has to be scrolled sideways (WCAG 1.4.10)."""
    return bool(await tab.page.evaluate(FITS))


@at_every_size
async def test_a_citizen_is_asked_for_more_pays_at_the_second_attempt_and_rates_the_result(
    lan: CitizenTab, manual: Province, sandbox: Sandbox
) -> None:
    await lan.enter()
    await lan.find("trich luc ho tich")
    await lan.apply("lan")
    assert await lan.sees("signed-in") == await lan.sees("applicant")
    await lan.attach(f"file-{COMPONENT}")
    await lan.write("note", "Xin nhận trước thứ Sáu.")
    await lan.press("continue")
    await lan.sees("submit")
    review = await lan.page.inner_text("main")
    assert PAPER["name"] in review and "Xin nhận trước thứ Sáu." in review and await fits(lan)
    await lan.press("submit")
    await lan.sees_state("submitted")
    code = await lan.sees("code")
    assert await fits(lan)
    await sandbox.settle()

    await manual.do(code, "request_supplement", reason="Thiếu ảnh", items=["Ảnh 4x6"], answer_days=5)
    await lan.sees_state("supplement_requested")
    assert await lan.sees("supplement-reason") == "Thiếu ảnh" and "Ảnh 4x6" in await lan.page.inner_text("main")
    await lan.attach("files", {**PAPER, "name": "anh.pdf", "buffer": a_pdf(b"/Lang (vi) ")})
    await lan.write("supplement_note", "Tôi gửi kèm ảnh.")
    await lan.press("send-supplement")
    await lan.no_longer_sees("send-supplement")
    await sandbox.settle()
    await manual.do(code, "receive")
    await sandbox.settle()

    assert await lan.sees("owing") == "8.000 đ"
    for outcome in ("failed", "success"):
        await lan.press("pay")
        assert await lan.sees("amount") == "8.000 đ" and await fits(lan)
        await lan.press(outcome)
        await lan.sees_state("financial_obligation")
        if outcome == "failed":
            await lan.sees("unconfirmed")
    await sandbox.settle()
    await lan.no_longer_sees("pay")
    assert await lan.sees("paid") == "8.000 đ"

    for does in ("start", "finish", "return"):
        await manual.do(code, does)
    await sandbox.settle()
    await lan.sees_state("result_returned")
    async with lan.page.expect_download() as begun:
        await lan.press("result")
    assert content_of(await (await begun.value).path()).startswith(b"%PDF")

    for name in await lan.page.locator('[data-testid$="-2"]').all():
        await name.check()
    await lan.write("comment", "Nhanh và rõ ràng.")
    await lan.press("send-rating")
    await lan.no_longer_sees("send-rating")
    dossier = await sandbox.citizen("lan").dossier(code)
    assert set((dossier["rating"] or {}).values()) == {2}
    assert [paper["name"] for paper in dossier["papers"]] == [PAPER["name"], "anh.pdf"]


@at_every_size
async def test_a_citizen_reads_why_a_dossier_is_refused(lan: CitizenTab, manual: Province, sandbox: Sandbox) -> None:
    code = await lan.submitted()
    await manual.do(code, "refuse", reason="Không thuộc thẩm quyền")
    await lan.sees_state("refused_at_reception")
    assert await lan.sees("reason-of-office") == "Không thuộc thẩm quyền" and await fits(lan)
    await lan.press("menu-dossiers")
    await lan.press(f"dossier-{code}")
    await lan.sees_state("refused_at_reception")


@at_every_size
async def test_a_citizen_withdraws_a_dossier_and_the_office_agrees(
    lan: CitizenTab, manual: Province, sandbox: Sandbox
) -> None:
    code = await lan.submitted()
    await lan.press("open-withdraw")
    await lan.press("withdraw")
    assert "lý do" in await lan.sees("error-reason")
    await lan.write("reason", "Tôi đổi ý.")
    await lan.press("withdraw")
    asked = await lan.sees("withdrawal")
    await sandbox.settle()
    await manual.do(code, "grant_withdrawal")
    await lan.sees_state("withdrawn")
    assert await lan.sees("withdrawal") != asked and await fits(lan)
