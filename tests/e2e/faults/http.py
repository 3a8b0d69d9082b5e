"""What a client sees when the way to a public door is not what it should be."""

from __future__ import annotations

import asyncio
import os

import httpx
import pytest

from tests.e2e.faults.story import Stories
from tests.support.trouble import Trouble

STORIES = Stories()
# A reset is a ReadError, an orderly end a RemoteProtocolError; a container's port forwarding makes one of the other.
RESET = (httpx.ReadError, httpx.RemoteProtocolError) if os.environ.get("LIENTHONG_URL") else httpx.ReadError


@STORIES.of("http-latency")
async def the_answer_comes_late(trouble: Trouble) -> None:
    code = await trouble.submitted()
    path = f"/api/v1/dossiers/{code}"
    async with trouble.on("http-latency", code, match={"service": "portal", "path": path}, settings={"by": "1s"}):
        with pytest.raises(httpx.ReadTimeout):
            await trouble.ask("GET", path, timeout=httpx.Timeout(30, read=0.2))
    assert (await trouble.ask("GET", path)).json()["code"] == code


@STORIES.of("http-error")
async def the_server_fails(trouble: Trouble) -> None:
    key = trouble.key()
    async with trouble.on("http-error", "*", match={"path": "/api/v1/dossiers"}, settings={"status": 502}):
        answer = await trouble.submit(key)
        assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
        assert answer.json()["type"] == "/problems/fault" and answer.json()["fault"] == "http-error"
        assert "retry-after" not in answer.headers
    answer = await trouble.submit(key)
    assert answer.status_code == 201
    await trouble.noted(answer.json())
    assert len(await trouble.lan.dossiers()) == 1, "the first request was not read"


@STORIES.of("http-timeout")
async def the_work_is_done_and_nobody_says_so(trouble: Trouble) -> None:
    key = trouble.key()
    match = {"method": "POST", "path": "/api/v1/dossiers"}
    async with trouble.on("http-timeout", "*", match=match, settings={"after": "1s"}):
        with pytest.raises(RESET):
            await trouble.submit(key)
        (done,) = await trouble.lan.dossiers()
    answer = await trouble.submit(key)
    assert (answer.status_code, answer.json()["code"]) == (201, done["code"]), "the same key, the same answer"
    await trouble.noted(done)
    assert len(await trouble.lan.dossiers()) == 1


@STORIES.of("http-reset")
async def the_connection_breaks(trouble: Trouble) -> None:
    key = trouble.key()
    async with trouble.on("http-reset", "*", match={"service": "portal", "method": "POST"}, times=1):
        with pytest.raises(RESET):
            await trouble.submit(key)
        answer = await trouble.submit(key)
    assert answer.status_code == 201
    await trouble.noted(answer.json())
    assert len(await trouble.lan.dossiers()) == 1, "the first request was not read"


@STORIES.of("http-slow-body")
async def the_answer_drips(trouble: Trouble) -> None:
    code = await trouble.submitted()
    url, headers = f"{trouble.country.portal.url}/api/v1/procedures", {"X-Sandbox": trouble.sandbox.id}
    async with trouble.on("http-slow-body", "*", match={"path": "/api/v1/procedures"}, settings={"over": "2s"}):
        answer = await trouble.http.send(trouble.http.build_request("GET", url, headers=headers), stream=True)
        assert answer.status_code == 200 and int(answer.headers["content-length"]) > 1_000
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.aread(), 0.2)
        await answer.aclose()
    assert len((await trouble.ask("GET", url)).json()) > 10
    assert (await trouble.lan.dossier(code))["code"] == code


@STORIES.of("http-truncated-body")
async def the_answer_stops_in_the_middle(trouble: Trouble) -> None:
    code = await trouble.submitted()
    path, received = f"/api/v1/dossiers/{code}", b""
    async with trouble.on("http-truncated-body", code, match={"path": "/api/v1/dossiers/*"}):
        headers = {"Authorization": f"Bearer {trouble.lan.token}"}
        url = trouble.country.portal.url + path
        async with trouble.http.stream("GET", url, headers=headers) as answer:
            with pytest.raises(httpx.RemoteProtocolError):
                async for piece in answer.aiter_raw():
                    received += piece
        assert 0 < len(received) < int(answer.headers["content-length"])
    assert (await trouble.ask("GET", path)).content.startswith(received)


@STORIES.of("http-too-many-requests")
async def too_many_requests(trouble: Trouble) -> None:
    code = await trouble.submitted()
    path = f"/api/v1/dossiers/{code}"
    async with trouble.on("http-too-many-requests", code, match={"path": path}, settings={"retry_after": 7}, nth=2):
        answers = [await trouble.ask("GET", path) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 429, 200, 429]
        assert answers[1].headers["retry-after"] == "7" and answers[1].json()["type"] == "/problems/fault"
    assert (await trouble.ask("GET", path)).status_code == 200


@STORIES.of("http-stale-answer")
async def a_cache_answers_with_what_was(trouble: Trouble) -> None:
    code = await trouble.submitted()
    path = f"/api/v1/dossiers/{code}"
    async with trouble.on("http-stale-answer", code, match={"path": "/api/v1/dossiers*"}):
        first = await trouble.ask("GET", path)
        assert "age" not in first.headers
        await trouble.sandbox.clock.advance("1d")
        second = await trouble.ask("GET", path)
        assert second.content == first.content and int(second.headers["age"]) >= 0
    now = await trouble.ask("GET", path)
    assert now.json()["status"] != first.json()["status"] and "age" not in now.headers
