"""Everything that a run collected at its end, for the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tools.prove import rules
from tools.prove.connectors import Said
from tools.prove.ledger import Key, Ledger
from tools.prove.tables import DeadLetter, PaymentTables, ServiceTables

Line = tuple[str, int, str, dict[str, Any]]  # of a timeline: service, version, event type, body


@dataclass
class Evidence:
    """All data of a run, collected at its end.

    views    by sampled dossier: status that citizen and province see through the APIs (None: not found)
    timelines  by sampled dossier: the events in its timeline
    counted  by sandbox: how many dossiers the statistics show, by province and state
    listed   by citizen (sandbox, persona): codes in the list that the citizen reads
    inboxes  by office (sandbox, province): codes in the list that it reads
    people   by citizen: personal number
    lies     what `settle` said too early
    causes   by dossier that has not ended (of the lost ones, a sample): what `explain` says holds it, the main cause first
    """

    ledger: Ledger
    portal: ServiceTables
    gateway: ServiceTables
    payment: PaymentTables
    poison: set[DeadLetter] = field(default_factory=set)
    deleted: list[ServiceTables] = field(default_factory=list)
    uncounted: set[Key] = field(default_factory=set)  # lost with database and broker before the statistics' rebuild
    views: dict[Key, tuple[int | None, int | None]] = field(default_factory=dict)
    timelines: dict[Key, list[Line]] = field(default_factory=dict)
    counted: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    listed: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    inboxes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    people: dict[tuple[str, str], str] = field(default_factory=dict)
    causes: dict[Key, list[str]] = field(default_factory=dict)
    lies: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    said: Said | None = None  # in a run with connectors

    @cached_property
    def connected(self) -> set[Key]:
        """Dossiers of connected provinces."""
        places = self.said.verdicts.keys() if self.said else set()
        return {key for key, each in self.gateway.dossiers.items() if (key[0], each["province"]) in places}

    @property
    def lost(self) -> set[Key]:
        """Dossiers of a deleted database; they are not compared afterwards."""
        return {key for tables in self.deleted for key in tables.known}

    @property
    def comparable(self) -> list[Key]:
        """Dossiers whose two copies must agree: not lost with a database, not parked behind poison."""
        excluded = self.lost | {letter.key for letter in self.poison}
        return sorted(key for key in self.portal.dossiers if key not in excluded)

    @property
    def open(self) -> list[Key]:
        """Dossiers that have not ended in both copies, or have a withdrawal request without an answer."""
        keys = self.portal.dossiers.keys() | self.gateway.dossiers.keys()
        return sorted(key for key in keys if not self._has_ended(key))

    def _has_ended(self, key: Key) -> bool:
        portal_copy, province_copy = self.portal.dossiers.get(key), self.gateway.dossiers.get(key)
        if portal_copy is None or province_copy is None:
            return False
        asked = portal_copy["withdrawal"] == "asked" and portal_copy["state_code"] not in rules.STOPPED
        return not asked and {portal_copy["state_code"], province_copy["state_code"]} <= {*rules.FINAL}


@dataclass
class Finding:
    """One promise: how many items were checked, and its violations."""

    promise: str
    checked: int
    violations: list[str]

    @property
    def holds(self) -> bool:
        return not self.violations and self.checked > 0


Check = Callable[[Evidence], Iterator[str | None]]  # yields per checked item: None, or what is wrong
