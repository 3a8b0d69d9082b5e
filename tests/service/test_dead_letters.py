"""A dead letter of portal or province is edited by its contract, redriven, and its dossier continues."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import CODE, an_event, an_event_of, example, hear

LETTERS = "/_lab/dead-letters"


class Letters:
    """The dead letters of one service in one sandbox."""

    def __init__(self, sandbox: Sandbox, service: str) -> None:
        self.sandbox, self.service = sandbox, service

    async def ask(self, method: str, path: str = "", body: Any = None, *, at: str = LETTERS) -> httpx.Response:
        headers = self.sandbox.header
        return await self.sandbox.country.ask(self.service, method, at + path, headers=headers, json=body)

    async def of(self, event: str, code: str, body: Any) -> int:
        """The id of the dead letter that an event with this body becomes."""
        runtime = self.sandbox.country.apps[self.service].state.runtime
        await hear(runtime, an_event_of(event, self.sandbox.id, code, body))
        return int((await self.ask("GET")).json()[-1]["id"])


@pytest.fixture
def portal(sandbox: Sandbox) -> Letters:
    return Letters(sandbox, "portal")


@pytest.fixture
def gateway(sandbox: Sandbox) -> Letters:
    return Letters(sandbox, "gateway")


async def test_a_reception_without_a_due_date_is_completed_and_the_citizen_sees_it(
    country: Country, portal: Letters, lan: Citizen
) -> None:
    code = await lan.submitted()
    await portal.sandbox.carry()
    right = example(law.DOSSIER_RECEIVED, code)
    wrong = {name: value for name, value in right.items() if name != "due_at"}
    letter = await portal.of(law.DOSSIER_RECEIVED, code, wrong)
    await hear(country.portal, an_event(law.PROCESSING_STARTED, portal.sandbox.id, code))
    assert (await lan.dossier(code))["status"]["slug"] == "submitted"

    refused = await portal.ask("PUT", f"/{letter}/body", {**wrong, "working_days": "1"})
    found = {error["pointer"]: error for error in problem(refused, 422, "body-does-not-fit")["errors"]}
    assert set(found) == {"/due_at", "/working_days"}
    assert found["/due_at"]["detail"].startswith("it is missing; add it. Due at: ")
    assert found["/due_at"]["detail_vi"].startswith("còn thiếu; hãy thêm vào. Ngày hẹn trả: ")

    edited = await portal.ask("PUT", f"/{letter}/body", right)
    assert edited.status_code == 200 and json.loads(edited.json()["original"]) == wrong
    assert edited.json()["changes"] == [{"pointer": "/due_at", "after": right["due_at"]}]
    redriven = (await portal.ask("POST", "", {"type": law.DOSSIER_RECEIVED}, at="/_lab/redrives")).json()["letters"]
    assert [(each["id"], each["outcome"], each["applied"]) for each in redriven] == [(letter, "applied", 2)]
    dossier = await lan.dossier(code)
    assert dossier["status"]["slug"] == "in_processing"
    assert datetime.fromisoformat(dossier["due_at"]) == datetime.fromisoformat(right["due_at"])


async def test_a_submission_that_the_province_could_not_read_is_mended_there(
    country: Country, gateway: Letters
) -> None:
    right = example(law.DOSSIER_SUBMITTED)
    letter = await gateway.of(law.DOSSIER_SUBMITTED, CODE, {**right, "applicant": "Nguyễn Thị Lan"})
    assert (await gateway.ask("PUT", f"/{letter}/body", right)).status_code == 200
    assert (await gateway.ask("POST", f"/{letter}/redrive")).json()["outcome"] == "applied"
    path = f"/api/v1/provinces/37/dossiers/{CODE}"
    shown = await country.ask("gateway", "GET", path, headers=gateway.sandbox.header)
    assert shown.status_code == 200 and shown.json()["code"] == CODE


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"dossier_code": "H42.14464-20260609-0000002"}, "/dossier_code"),
        ({"province": "01"}, "/province"),
        ({"reference": "another"}, "/reference"),
    ],
    ids=str,
)
async def test_an_edit_keeps_what_the_event_is_about(gateway: Letters, change: dict[str, str], place: str) -> None:
    await hear(gateway.sandbox.country.gateway, an_event(law.DOSSIER_SUBMITTED, gateway.sandbox.id))
    right = example(law.PAYMENT_CONFIRMED)
    letter = await gateway.of(law.PAYMENT_CONFIRMED, CODE, {**right, "amount_dong": "eight thousand"})
    refused = await gateway.ask("PUT", f"/{letter}/body", right | change)
    assert pointers(refused) == [place]
    (error,) = refused.json()["errors"]
    assert "an edit does not change what an event is about" in error["detail"] and error["detail_vi"]


async def test_explain_names_the_edit(country: Country, portal: Letters, lan: Citizen) -> None:
    code = await lan.submitted()
    await portal.sandbox.carry()
    letter = await portal.of(law.DOSSIER_RECEIVED, code, {})
    answer = await country.ask("portal", "GET", f"/_lab/explain/{code}", headers=portal.sandbox.header)
    mend = answer.json()["causes"][0]["mend_en"]
    assert f"`lienthong dead edit portal {letter} --sandbox {portal.sandbox.id}`" in mend
