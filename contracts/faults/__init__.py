"""The named faults: what can be made to go wrong in a sandbox, where it shows, and what it teaches."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from contracts.catalogue import COMMUNES, PROCEDURES, PROVINCES
from contracts.faults import http, identity, officers, payment
from contracts.faults.kinds import Kind, NamedFault, Setting
from contracts.people import STANDING

__all__ = ["CATALOGUE", "FAMILIES", "FAULTS", "TO_MATCH", "Kind", "NamedFault", "Setting"]

CATALOGUE: tuple[NamedFault, ...] = (*http.FAULTS, *identity.FAULTS, *payment.FAULTS, *officers.FAULTS)
FAULTS = {fault.name: fault for fault in CATALOGUE}
FAMILIES = tuple(dict.fromkeys(fault.family for fault in CATALOGUE))
TO_MATCH: Mapping[str, Collection[str]] = {  # what there is to match; of the other names nobody can tell before
    "service": http.SERVICES,
    "method": http.METHODS,
    "persona": STANDING,  # and the sandbox's own
    "province": PROVINCES,
    "commune": COMMUNES,
    "procedure": PROCEDURES,
}
