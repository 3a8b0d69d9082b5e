"""Drafts of applications: what a citizen has written so far. Kept here, so that nothing is lost when a session ends."""

from __future__ import annotations

import secrets

import msgspec

from services.portal.refusals import DraftNotFound
from services.portal.runtime import Portal
from shared.storage.value import Value


class Draft(Value, frozen=True):
    """An application before it is submitted. Its id is the idempotency key of the submission.

    person  personal number of whoever has signed in with it first; empty before
    acts    "self", or `kind id` of whom the person represents
    papers  component → id of a paper in the person's store
    code    the dossier that it has become; empty before
    """

    id: str
    procedure: str
    province: str
    commune: str | None
    person: str = ""
    acts: str = "self"
    payer_group: str = "ordinary"
    return_by: str = ""
    note: str = ""
    papers: dict[str, str] = msgspec.field(default_factory=dict)
    code: str = ""


def new_draft(procedure: str, province: str, commune: str | None) -> Draft:
    return Draft(secrets.token_hex(16), procedure, province, commune)


async def save(portal: Portal, sandbox_id: str, draft: Draft) -> None:
    await portal.database.pool.execute(
        "INSERT INTO drafts (sandbox, id, body) SELECT id, $2, $3 FROM sandboxes WHERE id = $1 AND NOT deleted "
        "FOR KEY SHARE ON CONFLICT (sandbox, id) DO UPDATE SET body = EXCLUDED.body, changed_at = clock_timestamp()",
        *(sandbox_id, draft.id, msgspec.json.encode(draft).decode()),
    )


async def load(portal: Portal, sandbox_id: str, id: str, person: str) -> Draft:
    """The draft of a person, or one that nobody has signed in with yet. Raises DraftNotFound."""
    rows = await portal.database.fetch("SELECT body FROM drafts WHERE sandbox = $1 AND id = $2", sandbox_id, id)
    draft = msgspec.json.decode(rows[0]["body"], type=Draft) if rows else None
    if draft is None or draft.person not in ("", person):
        raise DraftNotFound("Begin again from the page of the procedure.")
    return draft


async def stash(portal: Portal, sandbox_id: str, fields: dict[str, str]) -> str:
    """Keep the fields of a form whose session had ended; returns the id under which `stashed` finds them."""
    id = secrets.token_hex(16)
    await portal.database.pool.execute(
        "INSERT INTO drafts (sandbox, id, body) SELECT id, $2, $3 FROM sandboxes WHERE id = $1 AND NOT deleted "
        "FOR KEY SHARE",
        *(sandbox_id, f"form {id}", msgspec.json.encode(fields).decode()),
    )
    return id


async def stashed(portal: Portal, sandbox_id: str, id: str) -> dict[str, str]:
    """The fields of such a form; none if there is none."""
    rows = await portal.database.fetch(
        "SELECT body FROM drafts WHERE sandbox = $1 AND id = $2", sandbox_id, f"form {id}"
    )
    return msgspec.json.decode(rows[0]["body"], type=dict[str, str]) if rows else {}
