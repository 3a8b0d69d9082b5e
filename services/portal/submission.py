"""What comes with a submission, checked before its transaction: papers, for whom it is, where it is received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.catalogue import PAYER_GROUPS, Choice, Place
from contracts.filing import Capacity, Owner, Paper
from contracts.identity import OWNER_KINDS, fault_of
from services.portal.auth import Citizen
from services.portal.papers import store
from services.portal.runtime import Portal
from shared.errors import BodyDoesNotFit, Refusal
from shared.runtime import known_sandbox

AUTHORISATION = "authorisation"  # component under which the paper of an authorised person is handed in


class NoRightToRepresent(Refusal):
    """Nothing says that this person may act for that owner."""


async def papers_of(
    portal: Portal, citizen: Citizen, handed_in: Sequence[tuple[str, str]], code: str = ""
) -> tuple[Paper, ...]:
    """Papers out of the citizen's store, as (component, id). Raises PaperNotFound, naming each by its pointer."""
    if not handed_in:
        return ()
    citizen.check_time((await known_sandbox(portal, citizen.sandbox)).now)  # who may not ask learns nothing of papers
    ids = [identity for _, identity in handed_in]
    known = await store.owned(portal, citizen.sandbox, citizen.id, ids, pointer="/papers/{}/id")
    return tuple(
        Paper(**store.message(known[identity], component, "electronic", code)) for component, identity in handed_in
    )


async def note_use(portal: Portal, citizen: Citizen, code: str, handed_in: Sequence[tuple[str, str]]) -> None:
    """After the commit: note which papers the dossier uses, so that their next use is known as a repeated one."""
    if handed_in:
        components = {identity: component for component, identity in handed_in}
        await store.note_use(portal, citizen.sandbox, citizen.id, code, components)


def owner_of(
    citizen: Citizen, capacity: Capacity, named: Mapping[str, str | None] | None, handed_in: Sequence[Paper]
) -> Owner | None:
    """For whom it is; None: for the citizen.

    A representative acts for a child, an organisation's for it: the identity provider vouches. An authorised person
    hands in the authorisation as a paper. Raises BodyDoesNotFit, NoRightToRepresent.
    """
    if capacity == "self":
        if named is not None:
            raise BodyDoesNotFit(("/owner", "leave it out, or say in what `capacity` you act for somebody else"))
        return None
    if named is None:
        raise BodyDoesNotFit(("/owner", f"say for whom you act as {capacity}"))
    kind = str(named["kind"])
    if (needed := OWNER_KINDS.get(capacity, kind)) != kind:
        raise BodyDoesNotFit(("/owner/kind", f"is {needed} for whoever acts as {capacity}"))
    identity = str(named["id"])
    vouched = next((each for each in citizen.represents if (each.kind, each.id) == (kind, identity)), None)
    if vouched is not None:
        return Owner(vouched.kind, vouched.id, vouched.name)
    if capacity != "authorised_person":
        known = [f"{each.kind} {each.id}" for each in citizen.represents]
        detail = f"You may act for: {', '.join(known) or 'nobody'}. With an authorisation, file as authorised_person."
        raise NoRightToRepresent(detail, capacity=capacity, owner=identity)
    if not any(paper.component == AUTHORISATION for paper in handed_in):
        detail = f"Hand in the authorisation (giấy ủy quyền) as a paper with component `{AUTHORISATION}`."
        raise NoRightToRepresent(detail, capacity=capacity, owner=identity)
    if fault := fault_of(kind, identity):
        raise BodyDoesNotFit(("/owner/id", fault))
    if not named["name"]:
        raise BodyDoesNotFit(("/owner/name", "is needed: nobody vouches for this owner"))
    return Owner("organisation" if kind == "organisation" else "person", identity, str(named["name"]))


def payer_group(group: str) -> str:
    """A group of the catalogue; raises BodyDoesNotFit naming them."""
    if group not in PAYER_GROUPS:
        raise BodyDoesNotFit(("/payer_group", f"'{group}' is none of {', '.join(PAYER_GROUPS)}"))
    return group


def reception(choice: Choice, place: Place | None, at: datetime) -> Place | None:
    """The desk that receives, when it is not the competent agency's. Raises what `Choice.received_at` refuses."""
    if place is None:
        return None
    desk = choice.received_at(place, at)
    return None if desk == choice.place else desk
