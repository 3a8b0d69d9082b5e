"""The catalogue of named faults that can be switched on in a sandbox: their effects, and what clients must do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from contracts.catalogue import COMMUNES, PROCEDURES, PROVINCES
from contracts.faults import adapter, connectors, http, identity, officers, payment
from contracts.faults.kinds import Kind, NamedFault, Setting
from contracts.people import STANDING
from contracts.topics import TOPIC_OF

__all__ = ["CATALOGUE", "FAMILIES", "FAULTS", "TO_MATCH", "Kind", "NamedFault", "Setting"]

CATALOGUE: tuple[NamedFault, ...] = (
    *http.FAULTS,
    *identity.FAULTS,
    *payment.FAULTS,
    *officers.FAULTS,
    *connectors.FAULTS,
    *adapter.FAULTS,
)
FAULTS = {fault.name: fault for fault in CATALOGUE}
FAMILIES = tuple(dict.fromkeys(fault.family for fault in CATALOGUE))
TO_MATCH: Mapping[
    str, Collection[str]
] = {  # attribute → its possible values; those of other attributes are not known in advance
    "service": http.SERVICES,
    "method": http.METHODS,
    "persona": STANDING,  # and the own people of the sandbox
    "province": PROVINCES,
    "commune": COMMUNES,
    "procedure": PROCEDURES,
    "type": TOPIC_OF,
    "asked": adapter.ASKED,
}
