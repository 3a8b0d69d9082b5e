"""Invalid bodies at every JSON endpoint of every service: the reply says what to correct, and is never a 500."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from services.province_gateway.api.speak import RAW_BODIES
from shared.errors import BodyDoesNotFit
from shared.strict_json import DEPTH, require_unambiguous
from tests.service.core.test_every_door import APPS, body_schema, fill, routes
from tests.support.country import Citizen, Country, pointers, problem

DEEP = {
    "arrays": b"[" * 10_000 + b"]" * 10_000,
    "objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "never closed": b'{"a":[' * 5_000,
    "one level too many": b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1),
}


def json_endpoints(service: str) -> Iterator[tuple[str, str]]:
    """The endpoints that take JSON; not those at which the gate judges the body."""
    for method, path in routes(service):
        if RAW_BODIES[0].fullmatch(path):
            continue
        content = APPS[service].openapi()["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
        if "application/json" in content:
            yield method, path


async def send(
    country: Country, service: str, method: str, path: str, citizen: Citizen, content: Any
) -> httpx.Response:
    address = re.sub(r"\{\w+\}", "x", path.replace("{sandbox}", citizen.sandbox.id))
    headers = {"Authorization": f"Bearer {citizen.token}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    return await country.ask(service, method, address, content=content, headers=headers)


def test_every_service_has_json_endpoints() -> None:
    assert all(list(json_endpoints(service)) for service in APPS)
    own_readers = ("POST", "/s/{sandbox}/checkout/{transaction}/pay"), ("POST", "/init")
    assert set(own_readers) <= set(json_endpoints("payment")), "also those of the platform"


@pytest.mark.parametrize("content", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("service", APPS)
async def test_a_body_nested_too_deep_is_refused_at_its_root(
    country: Country, lan: Citizen, service: str, content: bytes
) -> None:
    for method, path in json_endpoints(service):
        answer = await send(country, service, method, path, lan, content)
        (error,) = problem(answer, 422, "body-does-not-fit")["errors"]
        assert error == {"pointer": "", "detail": "is nested too deeply; no valid body has more than a few levels"}, (
            path
        )


@pytest.mark.parametrize("service", APPS)
async def test_a_name_that_stands_twice_is_pointed_at(country: Country, lan: Citizen, service: str) -> None:
    """Every object of a body that would fit otherwise: what stands twice is the first name of each."""
    document = APPS[service].openapi()
    for method, path in json_endpoints(service):
        schema = body_schema(document, method, path)
        body = fill(document, schema, "a") if schema else {"a": 1}
        answer = await send(country, service, method, path, lan, twice(body).encode())
        assert set(pointers(answer)) == set(firsts(body, "")), (method, path)
        told = problem(answer, 422, "body-does-not-fit")
        assert all("twice" in error["detail"] for error in told["errors"])


def twice(body: Any) -> str:
    """As JSON, with the first name of every object repeated at its end."""
    if not isinstance(body, dict):
        return json.dumps(body)
    members = [f"{json.dumps(name)}: {twice(value)}" for name, value in body.items()]
    return "{" + ", ".join([*members, *members[:1]]) + "}"


def firsts(body: Any, pointer: str) -> Iterator[str]:
    if isinstance(body, dict):
        yield from (f"{pointer}/{name}" for name in list(body)[:1])
        for name, value in body.items():
            yield from firsts(value, f"{pointer}/{name}")


@pytest.mark.parametrize("service", APPS)
async def test_two_megabytes_are_refused_before_they_are_read(country: Country, lan: Citizen, service: str) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'{"note": "'
        for _ in range(32):
            read += 65_536
            yield b"a" * 65_536
        yield b'"}'

    for method, path in json_endpoints(service):
        read = 0
        announced = await send(country, service, method, path, lan, b'{"note": "' + b"a" * (2 << 20) + b'"}')
        assert problem(announced, 413, "body-too-large")["detail"] == "Send at most 1048576 bytes."
        chunked = await send(country, service, method, path, lan, pieces())
        assert problem(chunked, 413, "body-too-large")["detail"] == "Send at most 1048576 bytes."
        # (httpx's transport without a network hands the pieces over as they are asked for)
        assert read <= (1 << 20) + 65_536, (method, path)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
async def test_numbers_that_json_does_not_have_are_refused(country: Country, lan: Citizen, constant: str) -> None:
    answer = await send(country, "portal", "POST", "/_lab/sandboxes", lan, f'{{"rate": {constant}}}'.encode())
    (error,) = problem(answer, 422, "body-does-not-fit")["errors"]
    assert error == {"pointer": "", "detail": f"contains {constant}, which is not JSON; leave it out, or send null"}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('{"a": 1, "a": 1}', ["/a"]),
        ('{"a": 1, "\\u0061": 2}', ["/a"]),
        ('{"a/b": 1, "c": {"~": 1, "~": 2}, "a/b": 3}', ["/c/~0", "/a~1b"]),
        ('[{"a": 1}, {"a": 1, "b": [{"c": 1, "c": {"d": 1, "d": 2}}]}]', ["/1/b/0/c", "/1/b/0/c/d"]),
        ('{"\\ud800": 1, "\\ud800": 2}', ["/\ud800"]),
        ("{" + ", ".join(['"a": 0'] * 100_000) + "}", ["/a"] * 20),
    ],
    ids=[
        "the same value",
        "written otherwise",
        "letters that pointers escape",
        "deep inside",
        "no text",
        "a hundred thousand",
    ],
)
def test_every_name_that_stands_twice_is_found(body: str, where: list[str]) -> None:
    with pytest.raises(BodyDoesNotFit) as refused:
        require_unambiguous(body.encode())
    assert [error["pointer"] for error in refused.value.errors] == where


@pytest.mark.parametrize(
    "body",
    [
        '{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}',
        '{"a": "\\": ", "b": "a\\":", "c": "\\\\"}',
        '{"a" \t\r\n: 1}',
        "[" * DEPTH + "]" * DEPTH,
        "[]",
        '"a"',
        "",
        '{"a": ',
        '{"a": 1} {"a": 2}',
    ],
)
def test_what_stands_once_passes_and_what_is_no_json_is_left_to_its_reader(body: str) -> None:
    require_unambiguous(body.encode())
    require_unambiguous(body.encode("utf-16") if body else b"")


async def test_a_form_may_say_a_name_twice_as_forms_do(country: Country, lan: Citizen) -> None:
    answer = await country.http.post(
        f"http://identity.test/s/{lan.sandbox.id}/token",
        content=b"grant_type=authorization_code&code=x&code=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), (
        "RFC 6749 section 3.2 has its own word"
    )
