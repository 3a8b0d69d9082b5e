"""Checks parts of a submission before its transaction: papers, owner, payer group, place of reception."""

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

AUTHORISATION = "authorisation"  # component of the paper that proves an authorisation


class NoRightToRepresent(Refusal):
    """This person has no proven right to act for that owner."""


async def papers_of(
    portal: Portal, citizen: Citizen, handed_in: Sequence[tuple[str, str]], code: str = ""
) -> tuple[Paper, ...]:
    """Papers from the citizen's store; `handed_in`: (component, id) of each. Raises PaperNotFound with all pointers."""
    if not handed_in:
        return ()
    citizen.check_time(
        (await known_sandbox(portal, citizen.sandbox)).now
    )  # first, so that an expired token reveals nothing about papers
    ids = [identity for _, identity in handed_in]
    known = await store.owned(portal, citizen.sandbox, citizen.id, ids, pointer="/papers/{}/id")
    return tuple(
        Paper(**store.message(known[identity], component, "electronic", code)) for component, identity in handed_in
    )


async def note_use(portal: Portal, citizen: Citizen, code: str, handed_in: Sequence[tuple[str, str]]) -> None:
    """After the commit: note which papers the dossier uses, so that a later use counts as reuse."""
    if handed_in:
        components = {identity: component for component, identity in handed_in}
        await store.note_use(portal, citizen.sandbox, citizen.id, code, components)


def owner_of(
    citizen: Citizen, capacity: Capacity, owner: Mapping[str, str | None] | None, handed_in: Sequence[Paper]
) -> Owner | None:
    """The owner of the dossier; None: the citizen.

    The identity provider confirms who represents a child or an organisation. An authorised person hands in the
    authorisation as a paper. Raises BodyDoesNotFit, NoRightToRepresent.
    """
    if capacity == "self":
        if owner is not None:
            raise BodyDoesNotFit(
                ("/owner", "leave it out, or choose the `capacity` in which you act for another person")
            )
        return None
    if owner is None:
        raise BodyDoesNotFit(("/owner", f"name the owner for whom you act as {capacity}"))
    kind = str(owner["kind"])
    if (needed := OWNER_KINDS.get(capacity, kind)) != kind:
        raise BodyDoesNotFit(("/owner/kind", f"must be {needed} for the capacity {capacity}"))
    identity = str(owner["id"])
    represented = next((item for item in citizen.represents if (item.kind, item.id) == (kind, identity)), None)
    if represented is not None:
        return Owner(represented.kind, represented.id, represented.name)
    if capacity != "authorised_person":
        known = [f"{item.kind} {item.id}" for item in citizen.represents]
        detail = f"You may act for: {', '.join(known) or 'no one'}. With an authorisation, file as authorised_person."
        raise NoRightToRepresent(detail, capacity=capacity, owner=identity)
    if not any(paper.component == AUTHORISATION for paper in handed_in):
        detail = f"Hand in the authorisation (giấy ủy quyền) as a paper with component `{AUTHORISATION}`."
        raise NoRightToRepresent(detail, capacity=capacity, owner=identity)
    if fault := fault_of(kind, identity):
        raise BodyDoesNotFit(("/owner/id", fault))
    if not owner["name"]:
        raise BodyDoesNotFit(("/owner/name", "is needed, because the identity provider does not know this owner"))
    return Owner("organisation" if kind == "organisation" else "person", identity, str(owner["name"]))


def payer_group(group: str) -> str:
    """`group`, if the catalogue has it; raises BodyDoesNotFit with all groups."""
    if group not in PAYER_GROUPS:
        raise BodyDoesNotFit(("/payer_group", f"'{group}' is none of {', '.join(PAYER_GROUPS)}"))
    return group


def reception(choice: Choice, place: Place | None, at: datetime) -> Place | None:
    """The receiving office, if it is not the competent agency. Raises the refusals of `Choice.received_at`."""
    if place is None:
        return None
    office = choice.received_at(place, at)
    return None if office == choice.place else office
