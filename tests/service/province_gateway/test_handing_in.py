"""A connector hands in its own result: checked as papers are, served in place of ours, demanded where the law demands it."""

from __future__ import annotations

import httpx
import pytest

from contracts import lifecycle as law
from services.province_gateway.doors import fetching
from shared.sandbox.files import hash_of
from tests.support.connector import Connector
from tests.support.country import Citizen, Sandbox, pointers, problem
from tests.support.factories import COPY, told
from tests.support.receiver import Answer, cut, hang, receiving, status
from tests.support.specimens import a_docx, a_pdf, a_png


@pytest.fixture
async def connector(sandbox: Sandbox) -> Connector:
    return await Connector(sandbox).connect()


@pytest.fixture
async def code(sandbox: Sandbox, connector: Connector, lan: Citizen) -> str:
    """A dossier in processing."""
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    await connector.says(law.DOSSIER_RECEIVED, code)
    await connector.says(law.PROCESSING_STARTED, code)
    return code


async def test_the_citizen_gets_the_file_that_the_connector_handed_in(
    sandbox: Sandbox, connector: Connector, lan: Citizen, code: str
) -> None:
    first, second = a_pdf(b"<</first 1>>"), a_pdf(b"<</second 1>>")
    for content in (first, second):
        answer = await connector.hand_in(code, content)
        assert answer.status_code == 200 and answer.json()["size"] == len(content), answer.text
    problem(
        await connector.country.ask("gateway", "GET", f"{connector.path}/dossiers/{code}/result"),
        404,
        "dossier-not-found",
    )
    await connector.says(law.DOSSIER_RESULT_READY, code, result_number="17/TLHT")
    await sandbox.carry()
    address = (await lan.ask("GET", f"/dossiers/{code}/result")).json()["address"]
    file = await connector.country.http.get(address)
    assert file.content == second, "the last one counts"
    problem(await connector.hand_in(code, first), 409, "result-is-final")


async def test_a_result_that_names_its_file_names_the_one_that_was_handed_in(connector: Connector, code: str) -> None:
    sha256 = (await connector.hand_in(code, a_pdf())).json()["sha256"]
    result = {"sha256": "0" * 64, "signature": "c2lnbmVk", "signed_at": "2026-06-09T07:55:00+07:00"}
    answer = await connector.say(await connector.example(law.DOSSIER_RESULT_READY, code, result=result))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, "/data/result/sha256") and "PUT /api/v1" in error["expected"]
    await connector.says(law.DOSSIER_RESULT_READY, code, result={**result, "sha256": sha256})
    published = (await told(connector.country.gateway, connector.sandbox.id, code))[-1]
    assert published["result"] == {**result, "sha256": sha256}


async def test_without_a_file_a_procedure_that_demands_one_has_no_result(connector: Connector, code: str) -> None:
    answer = await connector.say(await connector.example(law.DOSSIER_RESULT_READY, code))
    assert [error["rule"] for error in answer.json()["errors"]] == ["LT-LAW-104"]
    await connector.hand_in(code, a_pdf())
    await connector.says(law.DOSSIER_RESULT_READY, code)


@pytest.mark.parametrize(
    ("content", "media_type", "status", "slug"),
    [
        (b"", "application/pdf", 422, "body-does-not-fit"),
        (b"not a file", "application/pdf", 415, "paper-type-not-accepted"),
        (a_png(), "application/pdf", 415, "paper-type-mismatch"),
        (a_png(), "image/png", 415, "paper-type-mismatch"),
        (a_docx(), "application/pdf", 415, "paper-type-mismatch"),
        (a_pdf()[:-40], "application/pdf", 400, "paper-damaged"),
        (a_pdf(b"<</JavaScript 1>>"), "application/pdf", 415, "paper-not-safe"),
        (b"%PDF-" + b"x" * (10 << 20), "application/pdf", 413, "body-too-large"),
    ],
    ids=lambda part: str(part)[:20],
)
async def test_what_is_no_paper_is_no_result(
    connector: Connector, code: str, content: bytes, media_type: str, status: int, slug: str
) -> None:
    problem(await connector.hand_in(code, content, media_type), status, slug)


PDF_TYPE = "Content-Type: application/pdf"


async def by_address(connector: Connector, code: str, url: str, **more: str) -> httpx.Response:
    return await connector.ask("PUT", f"/dossiers/{code}/result/address", json={"url": url, **more})


@pytest.mark.parametrize("headers", [[PDF_TYPE], ["Content-Type: application/octet-stream"], []])
async def test_a_result_is_fetched_from_its_address(
    sandbox: Sandbox, connector: Connector, lan: Citizen, code: str, headers: list[str]
) -> None:
    content = a_pdf(b"<</fetched 1>>")
    async with receiving() as server:
        server.answers = [status(200, content, *headers)]
        answer = await by_address(connector, code, f"{server.url}/17.pdf", sha256=hash_of(content).upper())
    assert answer.status_code == 200 and answer.json() == {
        "dossier": code,
        "sha256": hash_of(content),
        "size": len(content),
    }
    assert "authorization" not in server.received[0].headers
    await connector.says(law.DOSSIER_RESULT_READY, code)
    await sandbox.carry()
    address = (await lan.ask("GET", f"/dossiers/{code}/result")).json()["address"]
    assert (await connector.country.http.get(address)).content == content


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (status(404), "answers 404"),
        (status(204), "answers 204"),
        (status(302, b"", "Location: http://127.0.0.1:1/"), "redirects are not followed"),
        (status(200, b"%PDF-" + b"x" * (10 << 20), PDF_TYPE), "more than 10 MiB"),
        (cut, "cannot be fetched"),
        (hang, "within 0.2 s"),
        (status(200, b"", PDF_TYPE), "empty"),
    ],
)
async def test_an_address_that_gives_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch, connector: Connector, code: str, given: Answer, words: str
) -> None:
    if given is hang:
        monkeypatch.setattr(fetching, "SECONDS", 0.2)
    async with receiving() as server:
        server.answers = [given]
        answer = await by_address(connector, code, server.url)
    assert words in problem(answer, 422, "body-does-not-fit")["errors"][0]["detail"]
    assert (await connector.shown(code))["status"]["code"] == 4


@pytest.mark.parametrize(
    ("content", "media_type", "code_of_answer", "slug"),
    [
        (b"not a file", PDF_TYPE, 415, "paper-type-not-accepted"),
        (a_png(), "Content-Type: image/png", 415, "paper-type-mismatch"),
        (a_pdf(), "Content-Type: text/html", 415, "paper-type-mismatch"),
        (a_pdf(b"<</JavaScript 1>>"), PDF_TYPE, 415, "paper-not-safe"),
    ],
)
async def test_what_lies_at_the_address_is_checked_as_an_upload(
    connector: Connector, code: str, content: bytes, media_type: str, code_of_answer: int, slug: str
) -> None:
    async with receiving() as server:
        server.answers = [status(200, content, media_type)]
        problem(await by_address(connector, code, server.url), code_of_answer, slug)


async def test_only_allowed_addresses_and_the_file_that_was_meant(connector: Connector, code: str) -> None:
    refused = problem(await by_address(connector, code, "http://192.0.2.1/a.pdf"), 409, "receiver-not-allowed")
    assert "WEBHOOK_ALLOWED_HOSTS" in refused["detail"]
    for url in ("ftp://a/b", "file:///etc/passwd", "http://a b/", "http://u:p@127.0.0.1/"):
        assert pointers(await by_address(connector, code, url)) == ["/url"]
    assert "cannot be fetched" in (await by_address(connector, code, "http://127.0.0.1:2/a.pdf")).text
    async with receiving() as server:
        server.answers = [status(200, a_pdf(), PDF_TYPE)]
        assert pointers(await by_address(connector, code, server.url, sha256="0" * 64)) == ["/sha256"]


async def test_only_the_connector_of_the_dossier_hands_it_in(connector: Connector, code: str) -> None:
    elsewhere = await Connector(connector.sandbox, "01").connect()
    problem(await elsewhere.hand_in(code, a_pdf()), 404, "dossier-not-found")
    elsewhere.province = connector.province
    problem(await elsewhere.hand_in(code, a_pdf()), 403, "other-province")
