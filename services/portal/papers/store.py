"""A citizen's store at the portal (kho dữ liệu điện tử): uploaded papers and received results, for reuse.

The id of a paper is the SHA-256 of its content, so the same file is always the same paper. Content stays in this
database and is fetched by signed addresses; events carry `message(...)`, which has no content.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text

from contracts import file_names, file_types
from shared.errors import BodyDoesNotFit, Refusal
from shared.runtime import Runtime, in_sandbox
from shared.sandbox.files import Files, hash_of
from shared.storage.page import TOKEN, Cut, Page

if TYPE_CHECKING:
    from services.portal.auth import Citizen

UPLOADED, RESULT = "uploaded", "result"
# Values of the code list `digitisation_state` (from a provincial system; see docs/papers.md).
NOT_DIGITISED, DIGITISED, FROM_COMPONENT, FROM_RESULT = 0, 1, 2, 3
Form = Literal["original", "copy", "electronic"]
IDS = re.compile(r"[0-9a-f]{64}")
PAPER_SQL = """
SELECT p.sha256 AS id, p.name, f.media_type, f.size, p.sha256, p.kind, p.dossier, p.component, p.stored_at
FROM papers p JOIN files f USING (sandbox, sha256) WHERE p.sandbox = $1 AND p.owner = $2"""


class HashMismatch(Refusal):
    """The received content does not have the declared SHA-256."""


class PaperNotFound(Refusal):
    """This citizen's store has no such paper in this sandbox."""

    def __init__(self, *missing: tuple[str, str]) -> None:
        """`missing`: JSON pointer and id of each."""
        super().__init__(
            "Send them with POST /api/v1/papers first; GET /api/v1/papers lists your papers.",
            errors=[
                {"pointer": pointer, "detail": f"your store has no paper {identity}"} for pointer, identity in missing
            ],
        )


def papers_table(metadata: MetaData) -> None:
    table = Table(
        "papers",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("owner", Text, primary_key=True),  # personal number, 12 digits
        Column("sha256", Text, primary_key=True),  # of a row of `files`
        Column("name", Text, nullable=False),
        Column("kind", Text, nullable=False),  # uploaded | result
        Column("dossier", Text),  # of a result: its dossier; of an uploaded paper: the first dossier that used it
        Column("component", Text),  # the component at its first use
        Column("stored_at", DateTime(timezone=True), nullable=False),  # sandbox time
    )
    Index("papers_newest", table.c.sandbox, table.c.owner, table.c.stored_at, table.c.sha256)


@dataclass(frozen=True)
class Paper:
    """A file in a citizen's store.

    id         SHA-256 of the content, hexadecimal
    size       bytes
    kind       "uploaded" | "result"
    dossier    of a result: its dossier; else the first dossier that used the paper, or None
    component  the component at its first use
    stored_at  sandbox time
    """

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    kind: str
    dossier: str | None
    component: str | None
    stored_at: datetime


async def receive(
    runtime: Runtime,
    files: Files,
    citizen: Citizen,
    content: bytes,
    *,
    name: str,
    media_type: str,
    sha256: str,
) -> tuple[Paper, bool]:
    """Check and store an uploaded paper. Returns the paper and whether it is new; a known paper keeps its name.

    media_type, sha256  as declared by the sender
    raises              HashMismatch, and the refusals of `file_types`
    """
    name = file_names.name_of(name)
    kind = await asyncio.to_thread(_checked, content, sha256.lower())
    file_types.agree(kind, media_type, name)
    return await keep(runtime, files, citizen, content, kind, name)


def _checked(content: bytes, declared: str) -> file_types.Kind:
    sha256 = hash_of(content)
    if content and sha256 != declared:
        detail = "Send the complete file again, with its own hash."
        raise HashMismatch(detail, said=declared, found=sha256, size=len(content))
    return file_types.kind_of(content)


async def keep(
    runtime: Runtime,
    files: Files,
    citizen: Citizen,
    content: bytes,
    kind: file_types.Kind,
    name: str,
    *,
    result_of: str | None = None,
) -> tuple[Paper, bool]:
    async with in_sandbox(runtime, citizen.sandbox) as (connection, sandbox):
        citizen.check_time(sandbox.now)
        sha256 = await files.put(connection, sandbox, content, kind.media_type)
        # An uploaded paper that is now received as a result becomes a result. Nothing else changes a stored paper.
        new = await connection.fetchval(
            "INSERT INTO papers (sandbox, owner, sha256, name, kind, dossier, stored_at) VALUES ($1,$2,$3,$4,$5,$6,$7) "
            "ON CONFLICT (sandbox, owner, sha256) DO UPDATE SET kind = EXCLUDED.kind, dossier = EXCLUDED.dossier, "
            f"component = NULL WHERE EXCLUDED.kind = '{RESULT}' RETURNING xmax = 0",
            sandbox.id,
            citizen.id,
            sha256,
            name,
            RESULT if result_of else UPLOADED,
            result_of,
            sandbox.now,
        )
        row = await connection.fetchrow(f"{PAPER_SQL} AND p.sha256 = $3", sandbox.id, citizen.id, sha256)
        assert row is not None  # inserted above, in this transaction
        return Paper(**row), bool(new)


async def newest(runtime: Runtime, citizen: Citizen, page: Page) -> Cut[Paper]:
    """A citizen's papers, newest first; the page token is the id of the last paper before the page."""
    if page.after is not None and not IDS.fullmatch(page.after):
        raise BodyDoesNotFit((f"/query/{TOKEN}", "is no place in this list; take it from the Link of the page before"))
    rows = await runtime.database.fetch(
        f"{PAPER_SQL} AND ($3::text IS NULL OR (p.stored_at, p.sha256) < (SELECT stored_at, sha256 FROM papers "
        f"WHERE sandbox = $1 AND owner = $2 AND sha256 = $3)) "
        f"ORDER BY p.stored_at DESC, p.sha256 DESC LIMIT {page.size + 1:d}",
        citizen.sandbox,
        citizen.id,
        page.after,
    )
    papers = [Paper(**row) for row in rows[: page.size]]
    return Cut(papers, papers[-1].id if len(rows) > page.size else None)


async def owned(
    runtime: Runtime, sandbox_id: str, citizen_id: str, ids: Sequence[str], *, pointer: str = "/papers/{}"
) -> dict[str, Paper]:
    """Id → paper, from a citizen's store. Call it before the transaction that uses the papers.

    pointer  JSON pointer of an id in the request body; `{}` stands for its index in `ids`
    raises   PaperNotFound with every missing id
    """
    papers = await among(runtime, sandbox_id, citizen_id, ids)
    missing = [(pointer.format(index), identity) for index, identity in enumerate(ids) if identity not in papers]
    if missing:
        raise PaperNotFound(*missing)
    return papers


async def among(runtime: Runtime, sandbox_id: str, citizen_id: str, ids: Sequence[str]) -> dict[str, Paper]:
    """Id → paper, of those among `ids` that a citizen's store has."""
    valid_ids = sorted({identity for identity in ids if IDS.fullmatch(identity)})
    rows = await runtime.database.fetch(f"{PAPER_SQL} AND p.sha256 = ANY($3)", sandbox_id, citizen_id, valid_ids)
    return {row["id"]: Paper(**row) for row in rows}


async def hand_over(runtime: Runtime, sandbox_id: str, giver: str, receiver: str) -> None:
    """The papers of one owner become those of another; a paper that the receiver has already stays as it is."""
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        await connection.execute(
            "WITH given AS (DELETE FROM papers WHERE sandbox = $1 AND owner = $2 RETURNING *) "
            "INSERT INTO papers (sandbox, owner, sha256, name, kind, stored_at) "
            "SELECT sandbox, $3, sha256, name, kind, stored_at FROM given ON CONFLICT DO NOTHING",
            *(sandbox.id, giver, receiver),
        )


def digitisation(paper: Paper | None, dossier_code: str) -> int:
    """The digitisation state of a component that this paper, if any, provides (code list in docs/papers.md)."""
    if paper is None:
        return NOT_DIGITISED
    if paper.dossier in (None, dossier_code):
        return DIGITISED
    return FROM_RESULT if paper.kind == RESULT else FROM_COMPONENT


def message(paper: Paper | None, component: str, form: Form, dossier_code: str) -> dict[str, Any]:
    """One item of `papers` in an event; a component handed in on paper has no file."""
    file = (
        {"name": paper.name, "media_type": paper.media_type, "size": paper.size, "sha256": paper.sha256}
        if paper
        else {}
    )
    return {"component": component, **file, "form": form, "digitisation": digitisation(paper, dossier_code)}


async def note_use(runtime: Runtime, sandbox_id: str, owner: str, dossier: str, components: Mapping[str, str]) -> None:
    """Note the first dossier that used each paper (id → component), so that a later use counts as reuse.

    Call it after the dossier is committed, also when the request is repeated: the second call changes nothing.
    """
    await runtime.database.pool.execute(
        "UPDATE papers SET dossier = $3, component = t.component FROM unnest($4::text[], $5::text[]) t (id, component) "
        "WHERE sandbox = $1 AND owner = $2 AND sha256 = t.id AND dossier IS NULL",
        sandbox_id,
        owner,
        dossier,
        list(components),
        list(components.values()),
    )
