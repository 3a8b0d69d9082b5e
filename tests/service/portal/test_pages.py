"""The citizen pages, as a browser without scripts uses them."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from contracts import lifecycle as law
from services.portal.domain import INDICATORS
from tests.support.country import URLS, Country, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE
from tests.support.office import Office
from tests.support.pages import Browser, Forms, begun, component_of, state_of
from tests.support.specimens import a_pdf

PORTAL = URLS["portal"]


async def test_a_procedure_is_found_without_diacritics_and_its_page_says_what_is_needed(browser: Browser) -> None:
    found = await browser.get("/?q=trich+luc+ho+tich")
    assert found.status_code == 200 and f"procedure-{COPY}" in Forms(found.text).ids
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    assert {"fee", "limit", "apply"} <= Forms(page.text).ids
    english = await browser.get(f"/language/en?next=/procedures/{COPY}")
    assert 'lang="en"' in english.text and "Time limit" in english.text


async def test_an_application_from_the_page_of_the_procedure_to_the_dossier(browser: Browser, sandbox: Sandbox) -> None:
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    chooser = await browser.send(page, "/apply")
    assert chooser.url.host == "identity.test", "who applies signs in first"
    (address,) = re.findall(r'href="([^"]*login_hint=lan[^"]*)"', chooser.text)
    form = await browser.http.get(urljoin(str(chooser.url), address.replace("&amp;", "&")), follow_redirects=True)
    assert form.status_code == 200 and "application" in Forms(form.text).ids, form.text
    component = next(each for each in Forms(form.text).ids if each.startswith("file-"))
    wrong = await browser.send(
        form, form.url.path, {component: ("x.pdf", b"not a file", "application/pdf")}, note="Giữ lại"
    )
    assert wrong.status_code == 422 and f"error-{component}" in Forms(wrong.text).ids and "Giữ lại" in wrong.text
    review = await browser.send(
        wrong, form.url.path, {component: ("x.pdf", a_pdf(), "application/pdf")}, note="Giữ lại"
    )
    assert review.url.path.endswith("/review") and "x.pdf" in review.text, review.text
    first = await browser.send(review, "/submit")
    again = await browser.send(review, "/submit")
    assert first.url == again.url and "state" in Forms(first.text).ids, "a double click submits once"
    assert 'data-state="submitted"' in first.text
    await sandbox.carry()
    listed = await browser.get("/dossiers")
    assert str(first.url).rpartition("/")[2] in listed.text
    slip = await browser.get(f"{first.url.path}/slip")
    assert slip.headers["content-type"] == "application/pdf" and slip.content.startswith(b"%PDF")


async def test_under_the_public_name_the_sign_in_returns_with_its_scheme(
    browser: Browser, country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS ends at a proxy in front of the portal, so the request itself is plain HTTP."""
    secure = country.portal.settings.model_copy(update={"portal_url": PORTAL.replace("http:", "https:")})
    monkeypatch.setattr(country.portal, "settings", secure)
    returns = []
    for host in ("portal.test", "127.0.0.1:8000"):
        leads = await browser.http.get(f"{PORTAL}/login", headers={"Host": host})
        returns += parse_qs(urlsplit(leads.headers["location"]).query)["redirect_uri"]
    assert returns == ["https://portal.test/login/return", "http://127.0.0.1:8000/login/return"]


async def test_what_is_missing_is_added_on_the_page(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    await office.made(
        submitted, law.REQUEST_SUPPLEMENT, reason="Thiếu ảnh <b>4x6</b>", items=["Ảnh 4x6"], answer_days=5
    )
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    assert state_of(page) == "supplement_requested" and "Thiếu ảnh &lt;b&gt;4x6&lt;/b&gt;" in page.text
    empty = await browser.send(page, "/supplement")
    assert empty.status_code == 422 and "error-files" in Forms(empty.text).ids
    for upload in (("trống.pdf", b""), ("a\u202eb.pdf", a_pdf())):
        bad = await browser.send(page, "/supplement", {"files": (*upload, "application/pdf")})
        assert bad.status_code == 422 and "error-files" in Forms(bad.text).ids, upload[0]
    for note in ("a\x00b", "x" * 3000):
        bad = await browser.send(page, "/supplement", supplement_note=note)
        assert bad.status_code == 422 and "error-supplement_note" in Forms(bad.text).ids
    sent = await browser.send(page, "/supplement", {"files": ("anh.pdf", a_pdf(), "application/pdf")})
    assert sent.status_code == 200 and "send-supplement" not in Forms(sent.text).ids
    again = await browser.send(page, "/supplement", {"files": ("anh.pdf", a_pdf(), "application/pdf")})
    assert again.status_code == 200, "the form that was sent twice has one effect"
    late = await browser.send(page, "/supplement", key="another", supplement_note="Thêm nữa")
    assert late.status_code == 409 and "error-supplement" in Forms(late.text).ids


async def test_a_fee_is_paid_at_the_checkout_after_it_was_declined(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    await office.made(submitted, law.RECEIVE)
    fee = await office.made(submitted, law.DEMAND_FEE)
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    assert state_of(page) == "financial_obligation", fee
    checkout = await browser.send(page, "/pay")
    assert checkout.url.host == "payment.test"
    html = {"Accept": "text/html"}
    for outcome in ("failed", "success"):
        action = urljoin(str(checkout.url), Forms(checkout.text).forms[0]["action"])
        back = await browser.http.post(action, data={"outcome": outcome}, headers=html, follow_redirects=True)
        assert back.url.path == f"/s/{sandbox.id}/dossiers/{submitted}" and state_of(back) == "financial_obligation"
    async with asyncio.timeout(20):
        while "pay" in Forms((await browser.get(f"/dossiers/{submitted}")).text).ids:
            pass  # the confirmation of the platform is on its way


async def test_a_withdrawal_needs_a_reason_and_is_asked_once(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    page = await browser.get(f"/dossiers/{submitted}")
    for reason in ("", " ", "x" * 501, "\x07"):
        refused = await browser.send(page, "/withdraw", reason=reason)
        assert refused.status_code == 422 and "error-reason" in Forms(refused.text).ids, reason
    asked = await browser.send(page, "/withdraw", reason="Đổi ý\x1b[2J".replace("\x1b[2J", ""))
    assert "withdrawal" in Forms(asked.text).ids and "open-withdraw" not in Forms(asked.text).ids
    stale = await browser.send(page, "/withdraw", reason="Lần nữa", key="another")
    assert stale.status_code == 409 and "error-withdraw" in Forms(stale.text).ids, "it says what happened meanwhile"
    assert 'data-testid="written">Lần nữa<' in stale.text, "and what was written is not lost"


async def test_the_result_is_downloaded_and_the_handling_is_rated(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    for does in (law.RECEIVE, law.DEMAND_FEE, law.WAIVE_FEE, law.START, law.FINISH, law.RETURN):
        await office.made(submitted, does, **({"reason": "Được miễn"} if does == law.WAIVE_FEE else {}))
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    assert state_of(page) == "result_returned"
    file = await browser.get(f"/dossiers/{submitted}/result")
    assert file.content.startswith(b"%PDF")
    few = await browser.send(page, "/rate", attitude="2")
    assert few.status_code == 422 and "error-rate" in Forms(few.text).ids
    rated = await browser.send(page, "/rate", **dict.fromkeys(INDICATORS, "2"), comment="Nhanh")
    assert rated.status_code == 200 and "send-rating" not in Forms(rated.text).ids


async def test_a_dossier_of_another_person_a_form_of_another_session_and_no_session(
    browser: Browser, sandbox: Sandbox, submitted: str
) -> None:
    page = await browser.get(f"/dossiers/{submitted}")
    await browser.sign_in("minh")
    assert (await browser.get(f"/dossiers/{submitted}")).status_code == 404
    other = await browser.send(page, "/withdraw", reason="Không phải tôi")
    assert "refusal" in Forms(other.text).ids and other.status_code == 409
    browser.http.cookies.clear()
    await browser.get(f"/s/{sandbox.id}")
    asked = await browser.get(f"/dossiers/{submitted}")
    assert asked.url.host == "identity.test", "who is not signed in signs in first"
    for path in ("/nothing", "/procedures/9.999999", "/apply/nothing"):
        assert (await browser.get(path)).status_code in (200, 404)


async def test_what_was_written_when_the_session_ended_is_there_after_the_sign_in(
    browser: Browser, submitted: str
) -> None:
    page = await browser.get(f"/dossiers/{submitted}")
    browser.end_session()
    chooser = await browser.send(page, "/withdraw", reason="Tôi viết dở")
    assert chooser.url.host == "identity.test"
    back = await browser.sign_in_at(chooser)
    assert back.url.path == f"/dossiers/{submitted}" and "Tôi viết dở" in back.text


async def test_the_files_of_an_application_whose_session_had_ended_are_there_after_the_sign_in(
    browser: Browser,
) -> None:
    await browser.sign_in()
    form = await begun(browser)
    component = component_of(form)
    browser.end_session()
    sent = {component: ("tờ khai.pdf", a_pdf(), "application/pdf")}
    back = await browser.sign_in_at(await browser.send(form, form.url.path, sent, note="Tôi viết dở"))
    assert back.status_code == 200 and back.url.path == form.url.path and "Tôi viết dở" in back.text
    (paper,) = re.findall(r'<option value="(\w+)" selected>tờ khai.pdf</option>', back.text)
    field = component.replace("file-", "paper-")
    review = await browser.send(back, form.url.path, note="Tôi viết dở", **{field: paper})
    assert review.url.path.endswith("/review") and "tờ khai.pdf" in review.text
    assert 'data-state="submitted"' in (await browser.send(review, "/submit")).text


async def test_a_file_that_does_not_fit_is_named_after_the_sign_in(browser: Browser) -> None:
    await browser.sign_in()
    form = await begun(browser)
    component = component_of(form)
    browser.end_session()
    sent = {component: ("x.pdf", b"not a file", "application/pdf")}
    back = await browser.sign_in_at(await browser.send(form, form.url.path, sent, note="Tôi viết dở"))
    assert back.status_code == 422 and f"error-{component}" in Forms(back.text).ids and "Tôi viết dở" in back.text


async def test_the_files_of_a_supplement_are_kept_through_a_sign_in_and_through_a_file_that_does_not_fit(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    await office.made(submitted, law.REQUEST_SUPPLEMENT, reason="Thiếu ảnh", items=["Ảnh 4x6"], answer_days=5)
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    browser.end_session()
    sent = [("files", (f"{n}.pdf", a_pdf(b"/Lang (v%d) " % n), "application/pdf")) for n in (1, 2)]
    back = await browser.sign_in_at(await browser.send(page, "/supplement", sent, supplement_note="Đây ạ"))
    assert back.url.path == f"/dossiers/{submitted}" and "Đây ạ" in back.text
    assert back.text.count('data-testid="kept-paper"') == 2
    wrong = await browser.send(back, "/supplement", {"files": ("x.pdf", b"not a file", "application/pdf")})
    assert wrong.status_code == 422 and wrong.text.count('data-testid="kept-paper"') == 2
    before = len((await (await sandbox.sign_in()).dossier(submitted))["papers"])
    assert (await browser.send(wrong, "/supplement")).status_code == 200
    assert len((await (await sandbox.sign_in()).dossier(submitted))["papers"]) == before + 2


async def test_nobody_else_gets_the_files_of_a_form(browser: Browser) -> None:
    await browser.sign_in()
    form = await begun(browser)
    component = component_of(form)
    browser.end_session()
    chooser = await browser.send(form, form.url.path, {component: ("lan.pdf", a_pdf(), "application/pdf")})
    assert (await browser.sign_in_at(chooser, "minh")).status_code == 409
    mine = await begun(browser)
    assert "lan.pdf" not in mine.text


async def test_a_form_of_another_session_of_the_same_person_comes_back_with_what_was_written(browser: Browser) -> None:
    await browser.sign_in()
    form = await begun(browser)
    component = component_of(form)
    await browser.sign_in()
    sent = {component: ("lan.pdf", a_pdf(), "application/pdf")}
    back = await browser.send(form, form.url.path, sent, note="Tôi viết dở")
    assert back.status_code == 409 and "errors" in Forms(back.text).ids
    assert "Tôi viết dở" in back.text and " selected>lan.pdf<" in back.text


async def test_pages_load_nothing_from_elsewhere_and_run_no_foreign_script(browser: Browser) -> None:
    page = await browser.get("/?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text and "&lt;script&gt;" in page.text
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    for address in re.findall(r'(?:href|src)="([^"]*)"', page.text):
        assert address.startswith(("/", "#", "data:,")), address
    sheet = await browser.get(re.findall(r'href="(/design/[^"]*css[^"]*)"', page.text)[0])
    assert sheet.headers["content-type"].startswith("text/css") and "immutable" in sheet.headers["cache-control"]
    assert (await browser.get("/design/layout.html")).status_code == 404
    assert (await browser.get("/design/..%2Fpages.py")).status_code == 404


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "/\tx", "javascript:1"])
async def test_no_link_of_ours_leads_elsewhere(browser: Browser, path: str) -> None:
    answer = await browser.http.get(urljoin(PORTAL, "/language/en"), params={"next": path})
    assert answer.headers["location"] == "/"
