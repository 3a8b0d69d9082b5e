"""Papers sent as they should be, for tests that change one part of the sending."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx

from services.portal import auth
from tests.support.country import Citizen, Country, Sandbox
from tests.support.specimens import a_pdf

PDF, DOCX = "application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def send(citizen: Citizen, content: Any, **change: str) -> httpx.Response:
    """A PDF sent as it should be, parts of the sending changed."""
    said = {"name": "khai-sinh.pdf", "media_type": PDF, **change}
    sha256 = said.get("sha256") or hash_of(content)
    params = {"name": said["name"], "sha256": sha256}
    headers = {"Content-Type": said["media_type"]}
    return await citizen.ask("POST", "/papers", params=params, content=content, headers=headers, key="")


async def kept(citizen: Citizen, content: bytes = b"", **change: str) -> dict[str, Any]:
    answer = await send(citizen, content or a_pdf(), **change)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def listed(citizen: Citizen, **params: Any) -> httpx.Response:
    answer = await citizen.ask("GET", "/papers", params=params)
    assert answer.status_code == 200, answer.text
    return answer


async def person(citizen: Citizen) -> auth.Citizen:
    return await citizen.sandbox.country.portal.tokens.citizen(f"Bearer {citizen.token}", None)


async def count(country: Country, table: str, sandbox: Sandbox) -> int:
    rows = await country.portal.database.fetch(f"SELECT count(*) FROM {table} WHERE sandbox = $1", sandbox.id)
    return int(rows[0]["count"])
