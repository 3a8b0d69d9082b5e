"""A citizen's papers: send, list, and fetch by a signed address."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from contracts.file_types import ACCEPTED
from services.portal import queries
from services.portal.api.views import CitizenDep, PortalDep
from services.portal.auth import Citizen
from services.portal.papers import results, store
from services.portal.papers.store import Paper
from services.portal.runtime import Portal
from shared.errors import BodyDoesNotFit
from shared.runtime import known_sandbox
from shared.sandbox import files
from shared.sandbox.clock import wire
from shared.sandbox.registry import Sandbox
from shared.sandbox.validity import Validity
from shared.text import Exact, Shown, Text
from shared.web import file_response
from shared.web.dependencies import SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

SECONDS = "^[0-9]{1,500}$"
PATH = "/api/v1/papers"  # a body sent here may be larger than elsewhere
router = Router(tags=["papers"])
BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
ANY_KIND = {kind.media_type: BYTES for kind in ACCEPTED}
REQUEST_BODY = {"requestBody": {"required": True, "content": ANY_KIND}}


class StoredPaperView(BaseModel):
    """A paper in your store. Anyone with `address` can fetch the file until `address_expires_at`: sandbox time, or real
    time for a client whose tokens have real times; sandbox time ends it, too.
    """

    id: str
    name: str
    media_type: str
    size: int  # bytes
    sha256: str
    kind: str  # uploaded | result
    dossier: str | None
    component: str | None
    stored_at: str
    address: str
    address_expires_at: str

    @classmethod
    async def of(cls, portal: Portal, sandbox: Sandbox, citizen: Citizen, paper: Paper) -> StoredPaperView:
        address = await portal.files.address(sandbox, paper.sha256, paper.name, citizen.valid.times)
        facts = {name: getattr(paper, name) for name in cls.model_fields if hasattr(paper, name)}
        return cls(
            **{name: wire(fact) if isinstance(fact, datetime) else fact for name, fact in facts.items()},
            address=address.url,
            address_expires_at=wire(address.expires_at),
        )


@router.post(
    PATH,
    summary="Send a paper; the body is the file. Sending the same file again gives the same paper.",
    status_code=201,
    response_model=StoredPaperView,
    responses={
        200: {"model": StoredPaperView, "description": "Your store already has this paper."},
        **problem_responses(400, 401, 403, 404, 413, 415, 422, 503),
    },
    openapi_extra=REQUEST_BODY,
)
async def send_paper(
    request: Request,
    response: Response,
    citizen: CitizenDep,
    portal: PortalDep,
    name: Annotated[Shown, Query(description="Name of the file, without a path", examples=["khai-sinh.pdf"])],
    sha256: Annotated[str, Query(pattern=files.HASH, description="SHA-256 of the file, hexadecimal")],
) -> StoredPaperView:
    citizen.check_time((await known_sandbox(portal, citizen.sandbox)).now)
    try:
        content = await request.body()
    except ClientDisconnect:
        raise BodyDoesNotFit(("", "was not received completely; send it again")) from None
    media_type = request.headers.get("content-type", "")
    paper, new = await store.receive(
        portal, portal.files, citizen, content, name=name, media_type=media_type, sha256=sha256
    )
    response.status_code = 201 if new else 200
    return await StoredPaperView.of(portal, await known_sandbox(portal, citizen.sandbox), citizen, paper)


@router.get(PATH, summary="Your papers, newest first.", responses=problem_responses(401, 403, 422))
async def my_papers(
    request: Request, response: Response, citizen: CitizenDep, portal: PortalDep, page: PageDep
) -> list[StoredPaperView]:
    sandbox = await known_sandbox(portal, citizen.sandbox)
    citizen.check_time(sandbox.now)
    cut = await store.newest(portal, citizen, page)
    return [await StoredPaperView.of(portal, sandbox, citizen, paper) for paper in announce(request, response, cut)]


@router.get(
    f"{PATH}/{{id}}",
    summary="One of your papers, with a new address.",
    responses=problem_responses(401, 403, 404, 422),
)
async def my_paper(
    id: Annotated[Text, Path(max_length=200)], citizen: CitizenDep, portal: PortalDep
) -> StoredPaperView:
    sandbox = await known_sandbox(portal, citizen.sandbox)
    citizen.check_time(sandbox.now)
    papers = await store.owned(portal, citizen.sandbox, citizen.id, [id], pointer="/path/id")
    return await StoredPaperView.of(portal, sandbox, citizen, papers[id])


def _seconds(text: str) -> int:
    """Raises AddressNotValid for another spelling of a number than the one that was signed."""
    if text != str(int(text)):
        raise files.AddressNotValid("Use the address exactly as you received it, or request a new one.")
    return int(text)


@router.get(
    f"{files.PATH}/{{sandbox}}/{{sha256}}",
    summary="Fetch a file by its signed address.",
    response_class=Response,
    responses={
        200: {"content": ANY_KIND, "description": "The file."},
        304: {"description": "Not modified: If-None-Match contains its ETag, the SHA-256."},
        **problem_responses(403, 404, 410, 422),
    },
)
async def fetch_file(
    request: Request,
    sandbox: SandboxPath,
    sha256: Annotated[str, Path(pattern=files.HASH)],
    portal: PortalDep,
    name: Annotated[Exact, Query(max_length=200)],
    expires: Annotated[
        str, Query(pattern=SECONDS, description="Seconds since 1970: real time with sandbox_expires, else sandbox time")
    ],
    signature: Annotated[Exact, Query(max_length=200)],
    sandbox_expires: Annotated[
        str | None, Query(pattern=SECONDS, description="Seconds since 1970, sandbox time")
    ] = None,
) -> Response:
    sandbox_now = await known_sandbox(portal, sandbox)
    valid = Validity(0, _seconds(expires), _seconds(sandbox_expires) if sandbox_expires is not None else None)
    file = await portal.files.fetch(sandbox_now, sha256, name, valid, signature)
    return file_response.response(file, name, request.headers)


@router.get(
    "/api/v1/dossiers/{code}/result",
    summary="The result of a dossier, stored as one of your papers; fetch it at its address.",
    responses=problem_responses(401, 403, 404, 502, 503),
)
async def result(code: Text, citizen: CitizenDep, portal: PortalDep) -> StoredPaperView:
    sandbox = await known_sandbox(portal, citizen.sandbox)
    citizen.check_time(sandbox.now)
    dossier = await queries.dossier(portal, citizen, code)
    return await StoredPaperView.of(
        portal, sandbox, citizen, await results.result_of(portal, portal.files, citizen, code, dossier.province)
    )
