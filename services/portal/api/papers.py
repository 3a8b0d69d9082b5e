"""A citizen's papers: send, look, and fetch by a signed address."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from services.portal import queries
from services.portal.api.views import CitizenDep, PortalDep
from services.portal.papers import results, store
from services.portal.papers.file_types import ACCEPTED
from services.portal.papers.store import Paper
from services.portal.runtime import Portal
from shared.errors import BodyDoesNotFit
from shared.runtime import known_sandbox
from shared.sandbox import files
from shared.sandbox.clock import wire
from shared.sandbox.registry import Sandbox
from shared.text import Exact, Shown, Text
from shared.web import file_response
from shared.web.dependencies import SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

PATH = "/api/v1/papers"  # a body sent here may be larger than elsewhere
router = APIRouter(tags=["papers"])
HASH = r"^[0-9A-Fa-f]{64}$"
BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
ANY_KIND = {kind.media_type: BYTES for kind in ACCEPTED}
SENT = {"requestBody": {"required": True, "content": ANY_KIND}}


class StoredPaperView(BaseModel):
    """A paper in your store; whoever has `address` gets the file, until `address_expires_at` in sandbox time."""

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
    async def of(cls, portal: Portal, here: Sandbox, paper: Paper) -> StoredPaperView:
        address = await portal.files.address(here, paper.sha256, paper.name)
        facts = {name: getattr(paper, name) for name in cls.model_fields if hasattr(paper, name)}
        return cls(
            **{name: wire(fact) if isinstance(fact, datetime) else fact for name, fact in facts.items()},
            address=address.url,
            address_expires_at=wire(address.expires_at),
        )


@router.post(
    PATH,
    summary="Send a paper; the body is the file. The same file again is the same paper.",
    status_code=201,
    response_model=StoredPaperView,
    responses={
        200: {"model": StoredPaperView, "description": "It was here already."},
        **problem_responses(400, 401, 403, 404, 413, 415, 422, 503),
    },
    openapi_extra=SENT,
)
async def send_paper(
    request: Request,
    response: Response,
    citizen: CitizenDep,
    portal: PortalDep,
    name: Annotated[Shown, Query(description="Name of the file, without a path", examples=["khai-sinh.pdf"])],
    sha256: Annotated[str, Query(pattern=HASH, description="SHA-256 of the file, hexadecimal")],
) -> StoredPaperView:
    citizen.check_time((await known_sandbox(portal, citizen.sandbox)).now)
    try:
        content = await request.body()
    except ClientDisconnect:
        raise BodyDoesNotFit(("", "ended before all of it had come; send it again")) from None
    media_type = request.headers.get("content-type", "")
    paper, new = await store.receive(
        portal, portal.files, citizen, content, name=name, media_type=media_type, sha256=sha256
    )
    response.status_code = 201 if new else 200
    return await StoredPaperView.of(portal, await known_sandbox(portal, citizen.sandbox), paper)


@router.get(PATH, summary="Your papers, newest first.", responses=problem_responses(401, 403, 422))
async def my_papers(
    request: Request, response: Response, citizen: CitizenDep, portal: PortalDep, page: PageDep
) -> list[StoredPaperView]:
    here = await known_sandbox(portal, citizen.sandbox)
    citizen.check_time(here.now)
    cut = await store.newest(portal, citizen, page)
    return [await StoredPaperView.of(portal, here, paper) for paper in announce(request, response, cut)]


@router.get(
    f"{PATH}/{{id}}",
    summary="One of your papers, with a fresh address.",
    responses=problem_responses(401, 403, 404, 422),
)
async def my_paper(
    id: Annotated[Text, Path(max_length=200)], citizen: CitizenDep, portal: PortalDep
) -> StoredPaperView:
    here = await known_sandbox(portal, citizen.sandbox)
    citizen.check_time(here.now)
    found = await store.owned(portal, citizen.sandbox, citizen.id, [id], pointer="/path/id")
    return await StoredPaperView.of(portal, here, found[id])


@router.head(f"{files.PATH}/{{sandbox}}/{{sha256}}", summary="A file's facts.", include_in_schema=False)
@router.get(
    f"{files.PATH}/{{sandbox}}/{{sha256}}",
    summary="A file, by the signed address that you were given.",
    response_class=Response,
    responses={
        200: {"content": ANY_KIND, "description": "The file."},
        304: {"description": "You have it: If-None-Match names its ETag, which is its SHA-256."},
        **problem_responses(403, 404, 410, 422),
    },
)
async def fetch_file(
    request: Request,
    sandbox: SandboxPath,
    sha256: Annotated[str, Path(pattern=HASH)],
    portal: PortalDep,
    name: Annotated[Exact, Query(max_length=200)],
    expires: Annotated[int, Query(description="Seconds since 1970, sandbox time")],
    signature: Annotated[Exact, Query(max_length=200)],
) -> Response:
    here = await known_sandbox(portal, sandbox)
    file = await portal.files.fetch(here, sha256, name, expires, signature)
    return file_response.response(file, name, request.headers, head=request.method == "HEAD")


@router.get(
    "/api/v1/dossiers/{code}/result",
    summary="The result of a dossier, kept as a paper of yours; fetch it at its address.",
    responses=problem_responses(401, 403, 404, 502, 503),
)
async def result(code: Text, citizen: CitizenDep, portal: PortalDep) -> StoredPaperView:
    here = await known_sandbox(portal, citizen.sandbox)
    citizen.check_time(here.now)
    dossier = await queries.dossier(portal, citizen, code)
    return await StoredPaperView.of(
        portal, here, await results.result_of(portal, portal.files, citizen, code, dossier.province)
    )
