"""Papers in use: fetched by address, handed in with dossiers, results among them; and the page about them, in curl."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
import uvicorn

from services.portal.papers import results, store
from services.portal.papers.store import Paper, PaperNotFound
from shared.errors import NotReady
from tests.service.portal.sending import PDF, kept, listed, person, send
from tests.support.country import Citizen, Country, pointers, problem
from tests.support.specimens import a_pdf

PAGE = Path(__file__).parents[3] / "docs" / "papers.md"
CODE, OTHER = "H42.14464-20260609-0000001", "H42.14464-20260609-0000002"


# --- addresses ------------------------------------------------------------------------------------------------------------
async def test_an_address_expires_by_the_sandbox_clock_and_a_fresh_one_is_had(country: Country, lan: Citizen) -> None:
    paper = await kept(lan)
    await lan.sandbox.move(minutes=14, seconds=59)
    assert (await country.http.get(paper["address"])).status_code == 200
    await lan.sandbox.move(seconds=1)
    problem(await country.http.get(paper["address"]), 410, "address-expired")
    fresh = (await lan.ask("GET", f"/papers/{paper['id']}")).json()
    assert fresh["address_expires_at"] == "2026-06-09T08:30:00.000+07:00"
    assert (await country.http.get(fresh["address"])).content == a_pdf()


CHANGES: dict[str, Callable[[str], str]] = {
    "another name": lambda url: url.replace("khai-sinh", "khai-tu"),
    "a later end": lambda url: re.sub(r"expires=\d+", "expires=9999999999", url),
    "an end beyond all numbers": lambda url: re.sub(r"expires=\d+", "expires=" + "9" * 400, url),
    "the same end, written in another way": lambda url: url.replace("expires=", "expires=0"),
    "another file": lambda url: re.sub(r"/[0-9a-f]{64}\?", f"/{'0' * 64}?", url),
    "no signature to speak of": lambda url: re.sub(r"signature=\w+", "signature=%C3%A1", url),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
async def test_a_changed_address_is_refused(country: Country, lan: Citizen, change: Callable[[str], str]) -> None:
    address = change((await kept(lan))["address"])
    problem(await country.http.get(address), 403, "address-not-valid")


@pytest.mark.parametrize(
    "part",
    ["name=%00", "signature=%00", "expires=soon", "expires=%2B1", "expires=1_0", "expires=1%0A", "name=" + "a" * 300],
)
async def test_what_cannot_be_part_of_an_address_is_named(country: Country, lan: Citizen, part: str) -> None:
    name = part.split("=")[0]
    address = re.sub(rf"{name}=[^&]+", part, (await kept(lan))["address"])
    assert pointers(await country.http.get(address)) == [f"/query/{name}"]


async def test_the_address_of_one_sandbox_opens_nothing_in_another(country: Country, lan: Citizen) -> None:
    other = await country.sandbox(seed="seed-1", start="2026-06-09T08:00:00+07:00")
    await kept(await other.sign_in("lan"))
    address = (await kept(lan))["address"].replace(lan.sandbox.id, other.id)
    problem(await country.http.get(address), 403, "address-not-valid")


# --- for dossiers ---------------------------------------------------------------------------------------------------------
async def test_owned_gives_what_is_there_and_names_what_is_not(country: Country, lan: Citizen) -> None:
    citizen = await person(lan)
    paper = await kept(lan)
    here = (country.portal, lan.sandbox.id, citizen.id)
    assert await store.owned(*here, []) == {}
    found = await store.owned(*here, [paper["id"], paper["id"]])
    assert [each.name for each in found.values()] == ["khai-sinh.pdf"]
    for bad in ("0" * 64, "a\x00", "\ud800", ""):
        with pytest.raises(PaperNotFound) as refused:
            await store.owned(*here, [paper["id"], bad], pointer="/papers/{}/paper")
        assert refused.value.facts["errors"] == [
            {"pointer": "/papers/1/paper", "detail": f"your store has no paper {bad}"}
        ]
    minh = await person(await lan.sandbox.sign_in("minh"))
    with pytest.raises(PaperNotFound):
        await store.owned(country.portal, lan.sandbox.id, minh.id, [paper["id"]])


async def test_a_paper_is_digitised_once_and_reused_ever_after(country: Country, lan: Citizen) -> None:
    citizen = await person(lan)
    identity = (await kept(lan))["id"]
    here = (country.portal, lan.sandbox.id, citizen.id)

    async def now() -> Paper:
        return (await store.owned(*here, [identity]))[identity]

    assert store.digitisation(await now(), CODE) == store.DIGITISED
    for dossier in (CODE, CODE, OTHER):  # a repeated request notes it again; a later dossier changes nothing
        await store.note_use(*here, dossier, {identity: "KQ01"})
    assert (await now()).dossier == CODE
    assert store.digitisation(await now(), CODE) == store.DIGITISED
    assert store.digitisation(await now(), OTHER) == store.FROM_COMPONENT
    shown = (await lan.ask("GET", f"/papers/{identity}")).json()
    assert (shown["dossier"], shown["component"]) == (CODE, "KQ01")


def test_a_message_says_what_a_paper_is_and_has_no_bytes() -> None:
    paper = Paper("a" * 64, "a.pdf", PDF, 9, "a" * 64, store.RESULT, CODE, None, datetime(2026, 6, 9))
    assert store.message(paper, "KQ01", "electronic", OTHER) == {
        "component": "KQ01",
        "name": "a.pdf",
        "media_type": PDF,
        "size": 9,
        "sha256": "a" * 64,
        "form": "electronic",
        "digitisation": store.FROM_RESULT,
    }
    assert store.message(dataclasses.replace(paper, dossier=None), "KQ01", "copy", OTHER)["digitisation"] == 1
    by_hand = store.message(None, "KQ01", "original", OTHER)
    assert by_hand == {"component": "KQ01", "form": "original", "digitisation": store.NOT_DIGITISED}


# --- results --------------------------------------------------------------------------------------------------------------
@asynccontextmanager
async def a_province(country: Country, status: int, content: bytes) -> AsyncIterator[list[httpx.Request]]:
    """The province's result door, answering so."""
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response | None:
        if not re.fullmatch(r"/api/v1/provinces/37/dossiers/[^/]+/result", request.url.path):
            return None
        asked.append(request)
        return httpx.Response(status, content=content, request=request)

    async with country.fault("gateway", answer):
        yield asked


async def test_a_result_is_asked_for_once_and_kept_as_a_paper(country: Country, lan: Citizen) -> None:
    citizen = await person(lan)
    async with a_province(country, 200, a_pdf()) as asked:
        received = [
            await results.result_of(country.portal, country.portal.files, citizen, CODE, "37") for _ in range(2)
        ]
    assert [request.headers["X-Sandbox"] for request in asked] == [lan.sandbox.id]
    assert received[0] == received[1]
    assert (received[0].kind, received[0].dossier, received[0].name) == ("result", CODE, f"ket-qua-{CODE}.pdf")
    (paper,) = (await listed(lan)).json()
    assert (paper["kind"], paper["dossier"]) == ("result", CODE)
    assert (await country.http.get(paper["address"])).content == a_pdf()
    assert store.digitisation(received[0], OTHER) == store.FROM_RESULT


async def test_a_head_of_a_result_stores_no_paper(country: Country, lan: Citizen) -> None:
    code = await lan.submitted()
    async with a_province(country, 200, a_pdf()):
        head = await lan.ask("HEAD", f"/dossiers/{code}/result")
        assert ((await listed(lan)).json(), head.content) == ([], b"")
        get = await lan.ask("GET", f"/dossiers/{code}/result")
    assert (head.status_code, head.headers["content-length"]) == (get.status_code, get.headers["content-length"])
    assert len((await listed(lan)).json()) == 1


async def test_a_result_that_was_sent_in_before_becomes_a_result(country: Country, lan: Citizen) -> None:
    await kept(lan)
    async with a_province(country, 200, a_pdf()):
        paper = await results.result_of(country.portal, country.portal.files, await person(lan), CODE, "37")
    assert (paper.kind, paper.dossier, paper.name) == ("result", CODE, "khai-sinh.pdf")
    assert (await send(lan, a_pdf())).json()["kind"] == "result"


async def test_a_province_that_is_silent_or_has_nothing_gets_its_own_refusal(country: Country, lan: Citizen) -> None:
    asking = (country.portal, country.portal.files, await person(lan), CODE, "37")
    async with country.silent("gateway", "/result"):
        with pytest.raises(NotReady):
            await results.result_of(*asking)
    async with a_province(country, 500, b""):
        with pytest.raises(NotReady):
            await results.result_of(*asking)
    async with a_province(country, 404, b"{}"):
        with pytest.raises(results.ResultNotThere):
            await results.result_of(*asking)
    for content in (b"", b"<html>", a_pdf()[:50]):
        async with a_province(country, 200, content):
            with pytest.raises(results.ResultNotReadable):
                await results.result_of(*asking)
    assert (await listed(lan)).json() == []


# --- the page -------------------------------------------------------------------------------------------------------------
async def test_the_page_in_curl_works_as_it_is_printed(country: Country, lan: Citizen, tmp_path: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    journey = re.search(r"^ask\(\).*?^print.*?$", (PAGE.parent / "journey.md").read_text(encoding="utf-8"), re.M | re.S)
    assert journey and blocks
    async with a_listener(country) as port:
        (tmp_path / ".curlrc").write_text(f'connect-to = "portal.test:80:127.0.0.1:{port}"\n')
        given = {"PORTAL": "http://portal.test", "TOKEN": lan.token, "CURL_HOME": str(tmp_path), "no_proxy": "*"}
        script = "\n".join(["set -eo pipefail", journey.group(), *blocks]).encode()
        bash = await asyncio.create_subprocess_exec(
            "bash", env={**os.environ, **given}, cwd=tmp_path, stdin=-1, stdout=-1, stderr=-1
        )
        out, err = await asyncio.wait_for(bash.communicate(script), 60)
    assert bash.returncode == 0, err.decode()
    assert out.decode().splitlines() == ["uploaded image/png, 67 bytes", "the same bytes"]


@asynccontextmanager
async def a_listener(country: Country) -> AsyncIterator[int]:
    """The portal on a port of this machine, for programs that only know the network."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(country.apps["portal"], log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        yield int(listening.getsockname()[1])
        server.should_exit = True
        await serving
