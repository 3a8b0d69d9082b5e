"""What can be written into the forms of the citizen pages, and when: the page says what is wrong, and keeps the rest."""

from __future__ import annotations

import secrets
from urllib.parse import quote, urlencode, urljoin

import pytest

from contracts import lifecycle as law
from services.portal.domain import INDICATORS
from tests.support.country import URLS, Country, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE
from tests.support.office import Office
from tests.support.pages import HOSTILE, Browser, Forms, begun, component_of, is_calm, refusal_of, state_of
from tests.support.specimens import a_docx, a_pdf

each_hostile = pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
SEARCH = {"/": ("q", "field", "event"), f"/procedures/{COPY}": ("province", "commune"), "/dossiers": ("after",)}
WHERE = {"province": PROVINCE, "commune": COMMUNE}


@each_hostile
async def test_an_address_can_say_anything(browser: Browser, value: str) -> None:
    await browser.sign_in()
    for path, names in SEARCH.items():
        for name in names:
            page = await browser.get(f"{path}?{urlencode({name: value})}")
            assert is_calm(page) and page.status_code in (200, 404, 422), (path, name)
    for path in ("/procedures/{}", "/apply/{}", "/apply/{}/review", "/dossiers/{}", "/dossiers/{}/slip", "/nothing/{}"):
        page = await browser.get(path.format(quote(value[:1000], safe="") or "%20"))
        assert is_calm(page) and page.status_code in (200, 404, 422), path
    for path in ("/login/return?state={}", "/login/return?state=x&code={}", "/login/return?error={}", "/language/{}"):
        page = await browser.get(path.format(quote(value[:1000], safe="") or "%20"))
        assert is_calm(page) and page.status_code in (403, 404, 422), path


@each_hostile
async def test_a_place_can_be_anything(browser: Browser, value: str) -> None:
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    for name in WHERE:
        answer = await browser.send(page, "/apply", **{**WHERE, name: value})
        assert is_calm(answer) and answer.status_code in (404, 409, 422), answer.text


@each_hostile
@pytest.mark.parametrize("name", ["acts", "payer_group", "return_by", "note", "paper-other", "key", "csrf"])
async def test_every_field_of_an_application_can_say_anything(browser: Browser, name: str, value: str) -> None:
    await browser.sign_in()
    form = await begun(browser)
    answer = await browser.send(form, form.url.path, **{"note": "Giữ lại", name: value})
    assert is_calm(answer), answer.text
    if answer.url.path.endswith("/review"):
        answer = await browser.send(answer, "/submit")
        assert is_calm(answer) and (answer.status_code == 409 or state_of(answer) == "submitted")
    else:
        assert answer.status_code == (409 if name == "csrf" else 422) and "errors" in Forms(answer.text).ids, (
            answer.text
        )
        assert name == "note" or "Giữ lại" in answer.text
    again = await browser.get(form.url.path)
    assert is_calm(again) and again.status_code == 200


async def test_a_form_without_its_fields_says_so_or_takes_what_is_usual(browser: Browser, submitted: str) -> None:
    form = await begun(browser)
    (csrf,) = {each["fields"]["csrf"] for each in Forms(form.text).forms if "csrf" in each["fields"]}
    for path in (form.url.path, f"{form.url.path}/submit", *(f"/dossiers/{submitted}/{each}" for each in FORMS)):
        for fields in ({}, {"csrf": csrf}, {"csrf": csrf, "stranger": "x"}):
            answer = await browser.http.post(urljoin(URLS["portal"], path), data=fields, follow_redirects=True)
            assert is_calm(answer) and answer.status_code in (200, 409, 422), (path, fields)


FORMS = {
    "supplement": ("supplement_note", "key", "csrf"),
    "withdraw": ("reason", "key", "csrf"),
    "rate": (INDICATORS[0], "comment", "key", "csrf"),
    "pay": ("key", "csrf"),
}


@each_hostile
@pytest.mark.parametrize("form", FORMS)
async def test_every_field_about_a_dossier_can_say_anything(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str, form: str, value: str
) -> None:
    await sandbox.carry()
    moves = {
        "supplement": [(law.REQUEST_SUPPLEMENT, {"reason": "Thiếu", "items": ["Ảnh"], "answer_days": 5})],
        "pay": [(law.RECEIVE, {}), (law.DEMAND_FEE, {})],
        "rate": [(law.REFUSE, {"reason": "Không đúng"})],
    }
    for does, facts in moves.get(form, []):
        await office.made(submitted, does, **facts)
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    usual = {"rate": dict.fromkeys(INDICATORS, "2"), "withdraw": {"reason": "Đổi ý"}, "supplement": {}, "pay": {}}
    for name in FORMS[form]:
        answer = await browser.send(page, f"/{form}", **{**usual[form], name: value})
        assert is_calm(answer) and answer.status_code in (200, 409, 422), (name, answer.text)
    again = await browser.get(f"/dossiers/{submitted}/{form}")
    assert again.url.path == f"/dossiers/{submitted}" and again.status_code == 200, "its address leads to the dossier"


async def test_a_note_with_what_cannot_be_stored_is_named_beside_its_field(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    await office.made(submitted, law.REQUEST_SUPPLEMENT, reason="Thiếu", items=["Ảnh"], answer_days=5)
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    for note in ("a\x00b", "x" * 2001, "\x1b[2J"):
        answer = await browser.send(page, "/supplement", supplement_note=note)
        assert answer.status_code == 422 and "error-supplement_note" in Forms(answer.text).ids
    sent = await browser.send(page, "/supplement", supplement_note="Tôi gửi sau")
    assert sent.status_code == 200 and "send-supplement" not in Forms(sent.text).ids


@pytest.mark.parametrize(
    ("name", "content", "media_type", "says"),
    [
        ("a.exe", b"MZ\x90\x00", "application/octet-stream", "a.exe"),
        ("a.pdf", b"", "application/pdf", "đang trống"),
        ("a.pdf", a_pdf()[:-20], "application/pdf", "a.pdf"),
        ("a.png", a_pdf(), "image/png", "a.png"),
        ("a.pdf", a_pdf(b"/OpenAction << /S /JavaScript /JS (x) >>"), "application/pdf", "a.pdf"),
        ("\u202efdp.pdf", a_pdf(), "application/pdf", "ký tự ẩn"),
        ("x" * 300 + ".pdf", a_pdf(), "application/pdf", "200 chữ"),
        ("<script>alert(1)</script>.exe", b"MZ", "text/html", "&lt;script&gt;"),
        ("big.pdf", b"%PDF-1.7" + bytes(11 << 20), "application/pdf", "10 MiB"),
    ],
    ids=[
        "a program",
        "empty",
        "cut off",
        "another type",
        "with a program",
        "hidden",
        "long name",
        "script",
        "too large",
    ],
)
async def test_a_file_that_is_no_paper_is_named_beside_its_field(
    browser: Browser, name: str, content: bytes, media_type: str, says: str
) -> None:
    await browser.sign_in()
    form = await begun(browser)
    field = component_of(form)
    answer = await browser.send(form, form.url.path, {field: (name, content, media_type)}, note="Giữ lại")
    assert answer.status_code == 422 and is_calm(answer)
    assert f"error-{field}" in Forms(answer.text).ids and says in answer.text and "Giữ lại" in answer.text


@pytest.mark.parametrize(("name", "content"), [("a.pdf", a_pdf()), ("a.docx", a_docx())])
@pytest.mark.parametrize("media_type", ["application/octet-stream", ""])
async def test_a_browser_that_does_not_know_the_type_of_a_file_can_send_it(
    browser: Browser, name: str, content: bytes, media_type: str
) -> None:
    await browser.sign_in()
    form = await begun(browser)
    answer = await browser.send(form, form.url.path, {component_of(form): (name, content, media_type)})
    assert answer.url.path.endswith("/review") and name in answer.text, answer.text


async def test_more_than_the_portal_reads_at_once_is_refused_on_a_page(browser: Browser) -> None:
    await browser.sign_in()
    form = await begun(browser)
    files = {component_of(form): ("big.pdf", bytes((64 << 20) + 1), "application/pdf")}
    assert "quá lớn" in refusal_of(await browser.send(form, form.url.path, files), 413)
    long = await browser.http.post(urljoin(URLS["portal"], "/logout"), data={"csrf": "x" * (1 << 20)})
    assert refusal_of(long, 413)
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x; charset=utf-7"):
        headers = {"Content-Type": content_type}
        broken = await browser.http.post(form.url, content=b"--x\r\nno form", headers=headers)
        assert refusal_of(broken, 400), content_type


async def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing_of_it(browser: Browser) -> None:
    await browser.sign_in()
    form = await begun(browser)
    browser.end_session()
    asked = await browser.send(form, form.url.path, note="Viết dở\r\ndòng hai", return_by="direct")
    assert asked.url.host == "identity.test", "whoever is not signed in signs in first"
    back = await browser.sign_in_at(asked)
    assert back.url.path == form.url.path and "Viết dở\ndòng hai" in back.text
    assert '<option value="direct" selected>' in back.text
    review = await browser.send(back, form.url.path)
    assert state_of(await browser.send(review, "/submit")) == "submitted"


async def test_a_session_that_ends_before_a_dossier_is_acted_on_leads_back_to_the_dossier(
    browser: Browser, submitted: str
) -> None:
    page = await browser.get(f"/dossiers/{submitted}")
    browser.end_session()
    back = await browser.sign_in_at(await browser.send(page, "/withdraw", reason="Đổi ý"))
    assert back.url.path == f"/dossiers/{submitted}" and "withdrawal" not in Forms(back.text).ids
    assert "Đổi ý" in back.text, "what was written is there"
    browser.end_session()
    assert (await browser.http.get(f"{page.url}/live")).status_code == 204, "an open page does not ask again"
    assert (await browser.send(page, "/logout")).url.path == "/"


async def test_two_people_in_two_tabs_of_one_browser_do_not_act_for_each_other(
    browser: Browser, submitted: str
) -> None:
    of_lan, dossier = await begun(browser), await browser.get(f"/dossiers/{submitted}")
    await browser.sign_in("minh")
    written = await browser.send(of_lan, of_lan.url.path, note="Của Lan")
    assert "phiên đăng nhập khác" in refusal_of(written, 409)
    assert "phiên đăng nhập khác" in refusal_of(await browser.send(dossier, "/withdraw", reason="Không phải tôi"), 409)
    assert refusal_of(await browser.get(of_lan.url.path), 404), "the draft is of another person"
    assert refusal_of(await browser.get(f"/dossiers/{submitted}"), 404)
    of_minh = await begun(browser)
    await browser.sign_in("lan")
    assert refusal_of(await browser.get(of_minh.url.path), 404)
    again = await browser.get(of_lan.url.path)
    assert again.status_code == 200 and "Của Lan" not in again.text


async def test_a_sandbox_that_is_deleted_meanwhile_is_named_with_the_way_back(
    browser: Browser, country: Country, sandbox: Sandbox, submitted: str
) -> None:
    form, dossier = await begun(browser), await browser.get(f"/dossiers/{submitted}")
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    pages = [
        await browser.get("/"),
        await browser.get(f"/dossiers/{submitted}"),
        await browser.send(form, form.url.path, note="Viết dở"),
        await browser.send(dossier, "/withdraw", reason="Đổi ý"),
    ]
    for page in pages:
        assert page.status_code == 404 and is_calm(page)
        assert {"gone", "way-back"} <= Forms(page.text).ids and sandbox.id in page.text
    stream = await browser.http.get(f"{dossier.url}/live", headers={"accept": "text/event-stream"})
    assert stream.status_code == 204, "a page that is still open does not ask again"
    assert refusal_of(await browser.get(f"/s/{sandbox.id}/dossiers/{submitted}"), 404), "from the payment platform"
    assert (await browser.get("/s/default")).status_code == 200


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_while_the_identity_provider_is_down_the_page_says_so(
    browser: Browser, country: Country, lang: str
) -> None:
    await browser.get(f"/language/{lang}")
    chooser = await browser.get("/login")
    async with country.silent("identity"):
        for path in ("/login", "/dossiers", f"/apply/{secrets.token_hex(16)}"):
            sentence = refusal_of(await browser.get(path), 503)
            assert (
                "Hệ thống đăng nhập chưa trả lời" if lang == "vi" else "does not reply yet: the sign-in"
            ) in sentence
        waiting = await browser.get("/dossiers")
        assert "tries" in Forms(waiting.text).ids and waiting.headers["refresh"] == "10", (
            "it tries until there is a reply"
        )
    async with country.silent("identity", "/token"):
        assert refusal_of(await browser.sign_in_at(chooser), 503)
    assert (await browser.sign_in_at(await browser.get("/login"))).url.path == "/dossiers", "and then it works again"


@pytest.mark.parametrize(
    ("fault", "status"),
    [("account-locked", 403), ("consent-refused", 403), ("provider-down", 503), ("code-replayed", 403)],
)
async def test_a_sign_in_that_a_fault_stops_ends_on_a_page(
    browser: Browser, sandbox: Sandbox, fault: str, status: int
) -> None:
    chooser = await browser.get("/login")
    made = await sandbox.lab("/faults", {"fault": fault})
    assert made.status_code == 201, made.text
    assert refusal_of(await browser.sign_in_at(chooser), status)


async def test_while_the_payment_platform_is_down_the_page_says_so(
    browser: Browser, country: Country, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    await office.made(submitted, law.RECEIVE)
    await office.made(submitted, law.DEMAND_FEE)
    await sandbox.carry()
    page = await browser.get(f"/dossiers/{submitted}")
    async with country.silent("payment"):
        silent = await browser.send(page, "/pay")
        assert silent.status_code == 503 and is_calm(silent)
        assert {"error-pay", "pay"} <= Forms(silent.text).ids and "Nền tảng thanh toán" in silent.text
    assert (await browser.send(page, "/pay")).url.host == "payment.test", "the same button works again"


async def test_a_checkout_that_is_none_and_a_form_that_is_none_are_pages(
    browser: Browser, sandbox: Sandbox, office: Office, submitted: str
) -> None:
    await sandbox.carry()
    await office.made(submitted, law.RECEIVE)
    await office.made(submitted, law.DEMAND_FEE)
    await sandbox.carry()
    checkout = await browser.send(await browser.get(f"/dossiers/{submitted}"), "/pay")
    for value in HOSTILE.values():
        for fields in ({"outcome": value}, {"bank": value, "outcome": "failed"}):
            answer = await browser.send(checkout, "/pay", **fields)
            assert is_calm(answer) and answer.status_code in (200, 409, 422), (fields, answer.text)
        unknown = f"{URLS['payment']}/s/{sandbox.id}/checkout/{quote(value[:500], safe='') or 'x'}"
        for address in (unknown, f"{unknown}/pay"):
            refused = await browser.http.get(address, follow_redirects=True)
            assert is_calm(refused) and refused.status_code in (404, 405, 422), address


@each_hostile
async def test_a_request_to_sign_in_that_does_not_fit_is_a_page(browser: Browser, sandbox: Sandbox, value: str) -> None:
    chooser = await browser.get("/login")
    sent = dict(chooser.url.params)
    for name in ("client_id", "redirect_uri"):
        refused = await browser.http.get(chooser.url.copy_with(query=urlencode({**sent, name: value}).encode()))
        assert refusal_of(refused, 400), name
    for name in ("state", "scope", "ui_locales", "login_hint", "prompt", "nonce"):
        address = chooser.url.copy_with(query=urlencode({**sent, name: value}).encode())
        answer = await browser.http.get(address, follow_redirects=True)
        assert is_calm(answer) and answer.status_code in (200, 403, 404), name


async def test_a_fault_on_purpose_is_a_page_for_a_browser_and_a_problem_for_a_program(
    browser: Browser, sandbox: Sandbox
) -> None:
    rule = {"fault": "http-error", "with": {"status": 503}, "match": {"service": "portal"}}
    made = await sandbox.lab("/faults", rule)
    assert made.status_code == 201, made.text
    assert refusal_of(await browser.get("/"), 503)
    answer = await browser.http.get(URLS["portal"] + "/", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_a_page_cannot_do_at_all_is_a_page_with_a_trace(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.portal.pages.catalogue.limit_words", lambda *_: 1 / 0)
    page = await browser.get("/")
    assert page.status_code == 500 and "ZeroDivisionError" not in page.text and "Traceback" not in page.text
    assert "refusal" in Forms(page.text).ids and page.headers["content-type"].startswith("text/html")
