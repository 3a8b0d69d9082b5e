"""Files of the adapter API: forms are served; a pushed result is fetched, checked, and served in place of ours."""

from __future__ import annotations

import asyncio
import base64

import pytest

from contracts.legacy.rules import NO_FILE
from services.province_gateway.legacy import fetched
from shared.sandbox.files import hash_of
from tests.service.province_gateway.test_legacy_door import CODE, Client, a_dossier
from tests.support.country import Sandbox
from tests.support.factories import PROVINCE, told
from tests.support.receiver import Answer, cut, hang, receiving, status
from tests.support.specimens import a_pdf, a_png

RESULT = f"/api/v1/provinces/{PROVINCE}/dossiers/{CODE}/result"


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


def with_result(url: str, state: str = "9") -> dict[str, object]:
    return a_dossier(TrangThaiHoSo=state, DanhSachGiayToKetQua=[{"TenGiayTo": "Kết quả", "DuongDanTepTinKetQua": url}])


async def result(client: Client) -> bytes:
    answer = await client.country.ask("gateway", "GET", RESULT, headers=client.sandbox.header)
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_the_forms_that_a_procedure_names_are_served(client: Client) -> None:
    (procedure,) = (await client.call("LayThuTuc", maTTHC="1.001193"))["result"]
    urls = [paper["URL"] for case in procedure["THANHPHANHOSO"] for paper in case["GIAYTO"] if paper["URL"]]
    assert urls
    answer = await client.country.http.get(urls[0])
    assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    assert (await client.country.http.get(urls[0] + "x")).status_code == 404
    path = f"{client.password}/KetNoiMotCuaQuocGia/getfile"
    for member in ("DuongDan", "duongDan"):
        given = await client.country.ask("gateway", "POST", f"/legacy/{path}", json={member: urls[0]})
        assert base64.b64decode(given.json()) == answer.content, "the text is the file: clients decode the whole body"
    for elsewhere in ("http://127.0.0.1:8000/_lab/sandboxes", "/etc/passwd", "", None):
        assert (await client.post(path, {"DuongDan": elsewhere}))["error_code"] == "-1"


async def test_a_pushed_result_is_fetched_once_and_is_the_result(client: Client) -> None:
    content = a_pdf(b"<</theirs 1>>")
    async with receiving() as server:
        server.answers = [status(200, content, "Content-Type: application/pdf")]
        assert (await client.push(with_result(f"{server.url}/kq?t=1&download=true")))["error_code"] == 0
        await client.push(with_result(f"{server.url}/kq?t=2&download=true"), update="True")
        await client.push(with_result(f"{server.url}/kq?t=3&download=true", "10"), update="True")
        assert len(server.received) == 1, "its address changes at every push"
    assert await result(client) == content
    assert NO_FILE.id not in await client.rules()


@pytest.mark.parametrize(
    "given",
    [
        status(404),
        status(302, b"", "Location: http://127.0.0.1:1/"),
        status(200, b"%PDF-" + b"x" * (10 << 20), "Content-Type: application/pdf"),
        status(200, b"<html>", "Content-Type: text/html"),
        status(200, a_png(), "Content-Type: image/png"),
        status(200, a_pdf(b"<</JavaScript 1>>"), "Content-Type: application/pdf"),
        cut,
        hang,
    ],
)
async def test_without_a_file_the_dossier_is_taken_and_the_verdict_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch, given: Answer
) -> None:
    monkeypatch.setattr(fetched, "SECONDS", 0.3)
    async with receiving() as server:
        server.answers = [given]
        assert (await client.push(with_result(server.url)))["error_code"] == 0
    assert NO_FILE.id in await client.rules()
    assert (await result(client)).startswith(b"%PDF-"), "one page of ours"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://192.0.2.1/a.pdf",
        "http://127.0.0.1:1/a.pdf",
        "file:///etc/passwd",
        "/kq.pdf",
        "http://u:p@127.0.0.1/a.pdf",
        "gateway",
        "portal",
    ],
)
async def test_addresses_that_may_not_be_called_are_not(client: Client, url: str) -> None:
    settings = client.country.gateway.settings
    own = {"gateway": settings.province_gateway_url, "portal": f"{settings.portal_url}/_lab/sandboxes"}
    assert (await client.push(with_result(own.get(url, url))))["error_code"] == 0
    assert NO_FILE.id in await client.rules()


async def test_the_same_result_pushed_by_many_at_once_is_one(client: Client) -> None:
    async with receiving() as server:
        server.answers = [status(200, a_pdf(), "Content-Type: application/pdf")]
        pushes = (client.push(with_result(f"{server.url}/{n}"), update="True") for n in range(8))
        assert {answer["error_code"] for answer in await asyncio.gather(*pushes)} == {0}
    types = await client.types()
    assert len(types) == len(set(types))


async def test_the_papers_of_a_new_dossier_are_fetched_once_and_the_event_says_what_they_are(client: Client) -> None:
    pdf, png = a_pdf(), a_png()
    async with receiving() as server:
        server.answers = [status(200, pdf), status(200, png), status(200, b"<html>"), status(404)]
        papers: list[dict[str, object]] = [
            {"TenTepDinhKem": f"giấy {n}", "DuongDanTaiTepTin": f"{server.url}/{n}?t=1"} for n in range(4)
        ]
        own = {
            "TenTepDinhKem": "của ta",
            "DuongDanTaiTepTin": f"{client.country.gateway.settings.portal_url}/_lab/sandboxes",
        }
        pushed = a_dossier(TaiLieuNop=[*papers, {"TenTepDinhKem": "không có tệp"}, own])
        assert (await client.push(pushed))["error_code"] == 0
        assert (await client.push(pushed, update="True"))["error_code"] == 0
        assert len(server.received) == 4, "its addresses change at every push"
    registered = (await told(client.country.gateway, client.sandbox.id, CODE))[0]
    stored = [paper for paper in registered["papers"] if "sha256" in paper]
    kinds = {("application/pdf", len(pdf)), ("image/png", len(png))}
    assert {(paper["media_type"], paper["size"]) for paper in stored} == kinds and len(registered["papers"]) == 6
    assert {hash_of(pdf), hash_of(png)} == {paper["sha256"] for paper in stored}
    assert (await client.rules()).count(NO_FILE.id) == 3
