"""Drafts of applications: what a citizen has written so far. Kept here, so that nothing is lost when a session ends."""

from __future__ import annotations

import secrets

import msgspec

from services.portal.auth import Citizen
from services.portal.pages.sessions import NO_END
from services.portal.papers import store
from services.portal.refusals import DraftNotFound
from services.portal.runtime import Portal
from shared.sandbox.validity import Validity
from shared.storage.value import Value


class Draft(Value, frozen=True):
    """An application before it is submitted. Its id is the idempotency key of the submission.

    person  personal number of the first person who signed in with it; empty before
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


class Kept(Value, frozen=True):
    """A form that was sent when nobody was signed in any more, or with another session.

    papers  file field → ids of the papers received in it
    errors  field → sentence
    """

    fields: dict[str, str] = msgspec.field(default_factory=dict)
    papers: dict[str, list[str]] = msgspec.field(default_factory=dict)
    errors: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def status(self) -> int:
        """Of the page that shows it again."""
        return 409 if "form" in self.errors else 422 if self.errors else 200


def new_form() -> str:
    return secrets.token_hex(16)


def nobody(sandbox_id: str, form: str) -> Citizen:
    """The owner of the papers of a form, until somebody signs in and gets them."""
    return Citizen(_key(form), "", 0, sandbox_id, Validity(0, NO_END))


def _key(form: str) -> str:
    return f"form {form}"


async def keep(portal: Portal, sandbox_id: str, form: str, kept: Kept) -> None:
    await portal.database.pool.execute(
        "INSERT INTO drafts (sandbox, id, body) SELECT id, $2, $3 FROM sandboxes WHERE id = $1 AND NOT deleted "
        "FOR KEY SHARE",
        *(sandbox_id, _key(form), msgspec.json.encode(kept).decode()),
    )


async def kept(portal: Portal, citizen: Citizen, form: str) -> Kept:
    """What was kept of a form, nothing if there is none; its papers are from now on the citizen's."""
    rows = await portal.database.fetch(
        "SELECT body FROM drafts WHERE sandbox = $1 AND id = $2", citizen.sandbox, _key(form)
    )
    found = msgspec.json.decode(rows[0]["body"], type=Kept) if rows else Kept()
    if found.papers:
        await store.hand_over(portal, citizen.sandbox, _key(form), citizen.id)
    return found
