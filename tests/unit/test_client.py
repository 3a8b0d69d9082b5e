"""What the client makes of answers, and what the terminal makes of what the client says."""

from dataclasses import replace
from itertools import product
from typing import Any

import httpx
import pytest
import typer
from fastapi import FastAPI, Request, Response

from lienthong import texts
from lienthong.cli import dead, language
from lienthong.client import Country, Dossier, Entry, NotRunning, Wish
from lienthong.client.http import Problem, ServiceClient
from lienthong.client.timeline import SERVICES, merged, status_changes
from lienthong.client.transport import LIMITS
from lienthong.journeys import travel
from lienthong.journeys.travel import READY, REFUSED, RETURNED, WITHDRAWN, JourneyResult
from lienthong.pytest_plugin import MARKER
from shared.http import LIMITS as BETWEEN_SERVICES
from shared.storage.page import LARGEST
from shared.web.paging import PageDep, announce
from shared.web.server import KEEP_ALIVE


def _answer(status: int, **body: Any) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "http://127.0.0.1/x"), **body)


def test_a_problem_keeps_its_type_detail_and_facts() -> None:
    body = {
        "type": "/problems/fee-mismatch",
        "title": "No",
        "status": 409,
        "detail": "Offer 8000 đồng.",
        "fee_dong": 8000,
    }
    problem = Problem.of(_answer(409, json=body))
    assert (problem.type, problem.status, problem.detail) == ("fee-mismatch", 409, "Offer 8000 đồng.")
    assert problem.facts["fee_dong"] == 8000
    assert str(problem) == "409 fee-mismatch: No Offer 8000 đồng. (fee_dong: 8000)"
    assert problem.document == {**body, "type": "/problems/fee-mismatch"}
    assert f"{type(problem).__module__}.{type(problem).__qualname__}" == "lienthong.client.Problem"


def test_a_body_that_does_not_fit_is_told_with_its_pointers() -> None:
    errors = [{"pointer": "/rate", "detail": "must not be negative"}, {"pointer": "/start", "detail": "has no offset"}]
    problem = Problem.of(
        _answer(422, json={"type": "/problems/body-does-not-fit", "detail": "Mend it.", "errors": errors})
    )
    assert str(problem) == "422 body-does-not-fit: /rate: must not be negative; /start: has no offset"


def test_a_problem_can_be_read_in_vietnamese() -> None:
    errors = [{"pointer": "/rate", "detail": "is missing", "detail_vi": "còn thiếu"}]
    body = {"type": "/problems/x", "title": "No.", "title_vi": "Không.", "detail": "Mend it.", "errors": errors}
    assert Problem.of(_answer(422, json=body)).text("vi") == "422 x: Không. /rate: còn thiếu"


def test_an_oauth_error_is_told_in_its_own_words() -> None:
    problem = Problem.of(_answer(400, json={"error": "invalid_grant", "error_description": "Sign in again."}))
    assert problem.detail == "Sign in again."


@pytest.mark.parametrize("body", [{"content": b"<html>"}, {"json": ["odd"]}])
def test_an_answer_that_is_no_problem_document_is_still_told(body: dict[str, Any]) -> None:
    assert "GET http://127.0.0.1/x answered 502" in Problem.of(_answer(502, **body)).detail


def _entry(service: str, at: str, real_at: str = "2026-11-24T08:00:00.000+07:00", **more: Any) -> Entry:
    entry: dict[str, Any] = {"at": at, "real_at": real_at, "service": service, "kind": "event", "data": {}, **more}
    entry |= {"text_vi": "", "text_en": ""}
    return entry  # type: ignore[return-value]


def test_a_story_is_told_in_sandbox_time_whatever_the_offset_then_by_real_time_and_service() -> None:
    first = _entry("gateway", "2026-11-25T01:00:00.000+00:00")
    later = _entry("portal", "2026-11-25T09:00:00.000+07:00")
    heard = _entry("portal", "2026-11-25T09:00:00.000+07:00", real_at="2026-11-24T08:00:00.001+07:00")
    told = _entry("gateway", "2026-11-25T09:00:00.000+07:00")
    assert merged([[later, heard], [first, told]]) == [first, later, told, heard]


def test_a_dossier_that_stays_in_its_state_changes_nothing() -> None:
    story = [
        _entry("portal", "2026-11-25T08:00:00.000+07:00", event="dossier.submitted.v1", status=1),
        _entry("portal", "2026-11-25T09:00:00.000+07:00", event="dossier.fee_demanded.v1", status=6),
        _entry("portal", "2026-11-25T10:00:00.000+07:00", event="payment.confirmed.v1", status=6),
        _entry("portal", "2026-11-25T10:00:00.000+07:00", kind="request"),
    ]
    assert [change["status"] for change in status_changes(story)] == [1, 6]


async def test_a_story_is_whole_however_many_pages_each_service_tells_it_in() -> None:
    app, length = FastAPI(), 2 * LARGEST + 1
    story: list[dict[str, Any]] = [{**_entry("", "2026-11-25T08:00:00.000+07:00"), "number": n} for n in range(length)]

    @app.get("/_lab/timeline/{code}")
    async def timeline(code: str, page: PageDep, request: Request, response: Response) -> list[dict[str, Any]]:
        assert request.headers["x-sandbox"] == "s1" and code == "A"
        return announce(request, response, page.of([{**line, "service": str(request.url.hostname)} for line in story]))

    country = Country()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        for name in SERVICES:
            setattr(country, name, ServiceClient(http, f"http://{name}"))
        told = await country.enter("s1").timeline("A")
    assert len(told) == len(SERVICES) * length
    assert {(line["service"], dict(line)["number"]) for line in told} == set(product(SERVICES, range(length)))


async def test_a_sandbox_that_not_everybody_heard_of_is_not_left_behind() -> None:
    app, deleted = FastAPI(), []

    @app.post("/_lab/sandboxes")
    async def create() -> dict[str, Any]:
        return {"id": "s1", "lagging": ["payment"]}

    @app.delete("/_lab/sandboxes/{sandbox}", status_code=204)
    async def delete(sandbox: str) -> None:
        deleted.append(sandbox)

    country = Country()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        country.portal = ServiceClient(http, "http://portal")
        with pytest.raises(NotRunning, match="payment did not open the new sandbox"):
            await country.new_sandbox()
    assert deleted == ["s1"]


def test_the_marker_names_every_wish() -> None:
    said = MARKER.partition("(")[2].partition(")")[0].split(", ")
    assert set(said) == {*Wish.__annotations__, "scenario"}


def test_no_client_keeps_an_idle_connection_as_long_as_the_server() -> None:
    """Else the server closes one under a request."""
    for limits in (LIMITS, BETWEEN_SERVICES):
        assert limits.keepalive_expiry is not None and limits.keepalive_expiry < KEEP_ALIVE


def test_a_dead_letter_is_listed_with_its_kind_its_dossier_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = {"service": "portal", "id": 7, "kind": "dossier.received.v1", "subject": "H42-1", "reason": "NotToday"}
    monkeypatch.setattr(dead, "ask", lambda url, conversation, as_it_is: [letter])
    dead.list_dead()
    assert capsys.readouterr().out.split() == ["portal", "7", "dossier.received.v1", "H42-1", "NotToday"]


def _dossier(state: str, fee: str | None) -> Dossier:
    status: Any = {"code": 0, "slug": state, "name_vi": "", "name_en": ""}
    dossier: Any = {"status": status, "fee": fee and {"amount_dong": 8000, "status": fee}}
    return dossier  # type: ignore[no-any-return]


def test_a_journey_has_reached_its_end_only_in_the_meant_state_with_the_money_settled() -> None:
    returned, refused, withdrawn = travel.THREE
    assert JourneyResult(returned, _dossier(RETURNED, "paid")).reached
    assert not JourneyResult(returned, _dossier(READY, "paid")).reached
    assert not JourneyResult(replace(refused, ends=RETURNED), _dossier(REFUSED, None)).reached
    assert JourneyResult(withdrawn, _dossier(WITHDRAWN, "refunded")).reached
    assert not JourneyResult(withdrawn, _dossier(WITHDRAWN, "refund_pending")).reached


def test_the_terminals_language_is_followed_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "vi_VN.UTF-8")
    assert (language.output_language(""), language.output_language("en")) == ("vi", "en")
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert language.output_language("") == "en"
    with pytest.raises(typer.BadParameter, match="write vi or en"):
        language.output_language("fr")


def test_dates_and_money_read_as_people_write_them() -> None:
    assert texts.day_and_hour("2026-11-25T08:00:00.000+07:00", "vi") == "T4 25/11/2026 08:00"
    assert texts.day_and_hour("2026-11-25T08:00:00.000+07:00", "en") == "Wed 25/11/2026 08:00"
    assert (texts.dong(115000, "en"), texts.dong(115000, "vi")) == ("115,000 đ", "115.000 đ")
