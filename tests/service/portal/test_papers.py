"""The door where papers come in: what is kept, and every way in which a file is no paper."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.service.portal.sending import DOCX, PDF, count, hash_of, kept, listed, send
from tests.support.country import Citizen, Country, pointers, problem
from tests.support.specimens import a_docx, a_jpeg, a_pdf, a_png, an_archive, an_odt

LIMIT = 10 << 20


# --- sending and looking --------------------------------------------------------------------------------------------------
async def test_a_paper_is_kept_and_comes_back_by_its_address(country: Country, lan: Citizen) -> None:
    content = a_pdf()
    answer = await send(lan, content, name="Giấy khai sinh.pdf")
    assert answer.status_code == 201
    paper = answer.json()
    address = paper.pop("address")
    assert paper == {
        "id": hash_of(content),
        "name": "Giấy khai sinh.pdf",
        "media_type": PDF,
        "size": len(content),
        "sha256": hash_of(content),
        "kind": "uploaded",
        "dossier": None,
        "component": None,
        "stored_at": "2026-06-09T08:00:00.000+07:00",
        "address_expires_at": "2026-06-09T08:15:00.000+07:00",
    }
    file = await country.http.get(address)  # without a token
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, content, PDF)
    assert file.headers["content-disposition"].startswith('attachment; filename="Giay khai sinh.pdf"')
    assert (file.headers["etag"], file.headers["x-content-type-options"]) == (f'"{hash_of(content)}"', "nosniff")
    head = await country.http.head(address)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(content)))
    again = await country.http.get(address, headers={"If-None-Match": file.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("name", "media_type", "content"),
    [
        ("a.png", "image/png", a_png()),
        ("a.JPEG", "image/jpeg", a_jpeg()),
        ("to-khai.docx", DOCX, a_docx()),
        ("to-khai.odt", "application/vnd.oasis.opendocument.text", an_odt()),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
async def test_every_accepted_type_can_be_sent(lan: Citizen, name: str, media_type: str, content: bytes) -> None:
    assert (await kept(lan, content, name=name, media_type=media_type))["media_type"] == media_type


async def test_the_same_file_again_is_the_same_paper(country: Country, lan: Citizen) -> None:
    first = await send(lan, a_pdf())
    again = await send(lan, a_pdf(), name="ten-khac.pdf", sha256=hash_of(a_pdf()).upper())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json(), "it keeps the name it has"
    assert len((await listed(lan)).json()) == 1


async def test_the_same_file_sent_many_times_at_once_is_one_paper(country: Country, lan: Citizen) -> None:
    answers = await asyncio.gather(*(send(lan, a_pdf()) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert await count(country, "papers", lan.sandbox) == await count(country, "files", lan.sandbox) == 1


async def test_two_citizens_with_one_file_have_a_paper_each(country: Country, lan: Citizen) -> None:
    minh = await lan.sandbox.sign_in("minh")
    for citizen, name in ((lan, "cua-lan.pdf"), (minh, "cua-minh.pdf")):
        assert (await kept(citizen, name=name))["name"] == name
    assert await count(country, "papers", lan.sandbox) == 2
    assert await count(country, "files", lan.sandbox) == 1


async def test_another_citizens_paper_does_not_exist(lan: Citizen) -> None:
    paper = await kept(lan)
    minh = await lan.sandbox.sign_in("minh")
    assert (await listed(minh)).json() == []
    body = problem(await minh.ask("GET", f"/papers/{paper['id']}"), 404, "paper-not-found")
    assert body["errors"] == [{"pointer": "/path/id", "detail": f"your store has no paper {paper['id']}"}]


async def test_ids_are_the_same_in_every_run(country: Country, lan: Citizen) -> None:
    twin = await country.sandbox(seed="seed-1", start="2026-06-09T08:00:00+07:00")
    papers_ = [await kept(each) for each in (lan, await twin.sign_in("lan"))]
    assert papers_[0]["address"] != papers_[1]["address"]
    for paper in papers_:
        del paper["address"]
    assert papers_[0] == papers_[1]


async def test_papers_are_listed_newest_first_in_pages(lan: Citizen) -> None:
    for number in range(5):
        await kept(lan, a_pdf(b"/N %d" % number), name=f"{number}.pdf")
        if number != 2:  # 2 and 3 are of the same moment
            await lan.sandbox.move(minutes=1)
    whole = [paper["name"] for paper in (await listed(lan)).json()]
    assert (whole[0], set(whole[1:3]), whole[3:]) == ("4.pdf", {"2.pdf", "3.pdf"}, ["1.pdf", "0.pdf"])
    seen, answer = [], await listed(lan, page_size=2)
    while True:
        seen.append([paper["name"] for paper in answer.json()])
        link = answer.links.get("next")
        if link is None:
            break
        answer = await lan.sandbox.country.ask(
            "portal", "GET", link["url"], headers={"Authorization": f"Bearer {lan.token}"}
        )
    assert seen == [whole[:2], whole[2:4], whole[4:]]
    assert pointers(await lan.ask("GET", "/papers", params={"page_token": "MA"})) == ["/query/page_token"]


async def test_a_name_is_kept_as_nfc(lan: Citizen) -> None:
    name = "Giấy ủy quyền.pdf"
    assert (await kept(lan, name=unicodedata.normalize("NFD", name)))["name"] == name


async def test_a_deleted_sandbox_takes_its_papers_with_it(country: Country) -> None:
    sandbox = await country.sandbox(seed="gone")
    lan = await sandbox.sign_in("lan")
    paper = await kept(lan)
    assert (await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")).status_code < 300
    problem(await country.http.get(paper["address"]), 404, "sandbox-not-found")
    problem(await send(lan, a_pdf()), 404, "sandbox-not-found")
    sweep = asyncio.create_task(country.portal.sweep())
    async with asyncio.timeout(20):
        while not await country.portal.database.fetch("SELECT FROM sandboxes WHERE id = $1 AND swept", sandbox.id):
            pass
    sweep.cancel()
    assert await count(country, "papers", sandbox) == await count(country, "files", sandbox) == 0


# --- bad input ------------------------------------------------------------------------------------------------------------
BOMB = a_docx({"word/media/image1.bmp": bytes(8 << 20)})
REFUSED: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("wrong hash", a_pdf(), {"sha256": "0" * 64}, 400, "paper-hash-mismatch"),
    ("a program", b"MZ" + bytes(99), {}, 415, "paper-type-not-accepted"),
    ("a web page", b"<html>", {"name": "a.html", "media_type": "text/html"}, 415, "paper-type-not-accepted"),
    ("an archive", an_archive({"a.pdf": a_pdf()}), {"media_type": "application/zip"}, 415, "paper-type-not-accepted"),
    ("a picture called PDF", a_png(), {}, 415, "paper-type-mismatch"),
    ("wrong header", a_pdf(), {"media_type": "image/png"}, 415, "paper-type-mismatch"),
    ("form header", a_pdf(), {"media_type": "application/x-www-form-urlencoded"}, 415, "paper-type-mismatch"),
    ("wrong extension", a_pdf(), {"name": "khai-sinh.exe"}, 415, "paper-type-mismatch"),
    ("zip bomb", BOMB, {"name": "a.docx", "media_type": DOCX}, 413, "paper-unpacks-too-large"),
    ("pixel bomb", a_png(60_000, 60_000), {"name": "a.png", "media_type": "image/png"}, 413, "paper-unpacks-too-large"),
    ("half a file", a_pdf()[:90], {}, 400, "paper-damaged"),
    ("a locked file", a_pdf(b"/Encrypt 5 0 R"), {}, 415, "paper-not-safe"),
    ("an archive that leads out", a_docx({"../x": b""}), {"name": "a.docx", "media_type": DOCX}, 415, "paper-not-safe"),
]


@pytest.mark.parametrize(
    ("content", "change", "status", "slug"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_a_file_that_is_no_paper_is_refused(
    country: Country, lan: Citizen, content: bytes, change: dict[str, str], status: int, slug: str
) -> None:
    problem(await send(lan, content, **change), status, slug)
    assert await count(country, "files", lan.sandbox) == await count(country, "papers", lan.sandbox) == 0


async def test_a_refusal_says_what_was_found(lan: Citizen) -> None:
    body = problem(await send(lan, a_pdf(), sha256="0" * 64), 400, "paper-hash-mismatch")
    assert (body["said"], body["found"], body["size"]) == ("0" * 64, hash_of(a_pdf()), len(a_pdf()))
    body = problem(await send(lan, a_png()), 415, "paper-type-mismatch")
    assert (body["said"], body["found"]) == (PDF, "image/png")
    body = problem(await send(lan, BOMB, name="a.docx", media_type=DOCX), 413, "paper-unpacks-too-large")
    assert body["unpacked_bytes"] > body["limit_bytes"]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.pdf",
        "/etc/a.pdf",
        "..\\a.pdf",
        "C:\\a.pdf",
        "a\n.pdf",
        "gpj\u202efdp.pdf",
        ".pdf",
        "",
        "\u3164",
        "a" * 300,
    ],
)
async def test_a_name_that_is_more_than_a_name_is_refused(lan: Citizen, name: str) -> None:
    assert pointers(await send(lan, a_pdf(), name=name)) == ["/query/name"]


async def test_a_name_with_the_character_nul_is_refused(lan: Citizen) -> None:
    assert pointers(await send(lan, a_pdf(), name="a\x00.pdf")) == ["/query/name"]


@pytest.mark.parametrize("sha256", ["0" * 63, "x" * 64, "%00", " " * 64])
async def test_what_is_no_hash_is_named(lan: Citizen, sha256: str) -> None:
    assert pointers(await send(lan, a_pdf(), sha256=sha256)) == ["/query/sha256"]


async def test_a_request_without_name_hash_and_body_is_told_what_is_missing(lan: Citizen) -> None:
    assert pointers(await lan.ask("POST", "/papers", key="")) == ["/query/name", "/query/sha256"]
    assert pointers(await send(lan, b"")) == [""]


async def test_a_paper_of_just_the_limit_is_kept(lan: Citizen) -> None:
    most = a_pdf(b" " * (LIMIT - 500))
    largest = most + b" " * (LIMIT - len(most))
    assert len(largest) == LIMIT
    assert (await kept(lan, largest))["size"] == LIMIT


async def test_a_paper_over_the_limit_is_refused_said_or_unsaid(country: Country, lan: Citizen) -> None:
    large = a_pdf() + bytes(LIMIT)

    async def in_pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(large), 1 << 20):
            yield large[at : at + (1 << 20)]

    for content in (large, in_pieces()):
        body = problem(await send(lan, content, sha256=hash_of(large)), 413, "body-too-large")
        assert str(LIMIT) in body["detail"]
    assert await count(country, "files", lan.sandbox) == 0


async def test_a_sender_who_hangs_up_is_no_fault_of_ours(country: Country, lan: Citizen) -> None:
    heard = iter([{"type": "http.request", "body": a_pdf(), "more_body": True}, {"type": "http.disconnect"}])
    said: list[Any] = []

    async def receive() -> Any:
        return next(heard)

    async def answer(message: Any) -> None:
        said.append(message)

    query = f"name=a.pdf&sha256={hash_of(a_pdf())}".encode()
    headers = [(b"authorization", f"Bearer {lan.token}".encode()), (b"content-type", PDF.encode())]
    headers.append((b"host", b"127.0.0.1"))
    scope = {"type": "http", "method": "POST", "path": "/api/v1/papers", "query_string": query, "headers": headers}
    await country.apps["portal"](scope, receive, answer)
    assert said[0]["status"] == 499
    assert await count(country, "files", lan.sandbox) == 0


async def test_other_doors_keep_their_own_limit(lan: Citizen) -> None:
    answer = await lan.ask("POST", "/dossiers", content=bytes(2 << 20), headers={"Content-Type": "application/json"})
    assert "1048576" in problem(answer, 413, "body-too-large")["detail"]


async def test_nobody_sends_or_looks_without_a_good_token(country: Country, lan: Citizen) -> None:
    stranger = Citizen(lan.sandbox, "nobody")
    problem(await send(stranger, a_pdf()), 401, "token-not-valid")
    paper = await kept(lan)
    await lan.sandbox.move(hours=2)
    for answer in (
        await send(lan, a_pdf(b"/N 2")),
        await lan.ask("GET", "/papers"),
        await lan.ask("GET", f"/papers/{paper['id']}"),
    ):
        problem(answer, 401, "token-expired")
    assert await count(country, "papers", lan.sandbox) == 1
