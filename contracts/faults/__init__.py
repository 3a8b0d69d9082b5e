"""The named faults: what can be made to go wrong in a sandbox, where it shows, and what it teaches."""

from __future__ import annotations

from contracts.faults import http, identity, officers, payment
from contracts.faults.kinds import Kind, NamedFault, Setting

__all__ = ["CATALOGUE", "FAULTS", "Kind", "NamedFault", "Setting"]

CATALOGUE: tuple[NamedFault, ...] = (*http.FAULTS, *identity.FAULTS, *payment.FAULTS, *officers.FAULTS)
FAULTS = {fault.name: fault for fault in CATALOGUE}
