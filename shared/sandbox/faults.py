"""Fault rules of a sandbox: when one bites, how its bites are counted, and the note of each.

A rule bites at an edge: a door, a token, a message to a neighbour, an official. Rules travel with the sandbox row, so
each transaction sees them as they are now; only the edges ask for them, and no decision knows that they exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text

from shared.errors import HeldByFault
from shared.sandbox import journal
from shared.sandbox.clock import parse_duration
from shared.sandbox.journal import Line
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection, Database

NONE = "[]"  # the rules of a sandbox without any
NOTED = "fault"  # kind of journal line
COUNTER = ""  # the occasion of the row that counts


class Rule(Struct, frozen=True, omit_defaults=True):
    """One rule as a sandbox row holds it.

    id           names it in its sandbox; `born` tells it from an earlier rule of that name
    edge         where it bites
    match        what must be so, name → pattern (`*` and `?` as in file names); empty: always
    settings     what the fault needs to know, complete
    nth, times, probability   every nth time, only so many times, by lot; none of them: every time
    since, until sandbox time; `until` is the first moment at which it bites no more
    """

    id: str
    fault: str
    edge: str
    born: int
    text_en: str
    text_vi: str
    match: dict[str, str] = {}
    settings: dict[str, Any] = {}
    nth: int | None = None
    times: int | None = None
    probability: float | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def key(self) -> str:
        return f"{self.id}@{self.born}"

    def duration(self, setting: str) -> timedelta:
        """Of a setting that was checked when the rule was made."""
        return parse_duration(self.settings[setting], f"/with/{setting}")

    def seconds(self, setting: str) -> float:
        return self.duration(setting).total_seconds()

    def hold(self, due: datetime | None = None) -> HeldByFault:
        """What says that this rule holds something back: until `due` (sandbox time), or until it is over or off."""
        ends = min((at for at in (due, self.until) if at is not None), default=None)
        return HeldByFault(f"{self.id}: {self.text_en}", ends, rule=self.id, fault=self.fault)

    def fits(self, now: datetime, about: dict[str, str]) -> bool:
        """Whether it looks at this at all: at this time, and with all that it asks for."""
        if (self.since is not None and now < self.since) or (self.until is not None and now >= self.until):
            return False
        return all(fnmatchcase(about.get(name, ""), pattern) for name, pattern in self.match.items())

    def wins(self, here: Sandbox, seen: int) -> bool:
        """Whether it bites the time that is the `seen`th, from 1 on."""
        if self.nth is not None:
            return seen % self.nth == 0
        if self.times is not None:
            return seen <= self.times
        if self.probability is not None:
            return here.draw("fault", self.id, seen) < self.probability
        return True


@dataclass(frozen=True)
class Bite:
    """A rule that bites now. `fresh`: for the first time on this occasion."""

    rule: Rule
    fresh: bool = True


def firings_table(metadata: MetaData) -> Table:
    return Table(
        "firings",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("rule", Text, primary_key=True),  # Rule.key
        Column("occasion", Text, primary_key=True),  # what is asked about again gets the same answer; "": the counter
        Column("seen", BigInteger, nullable=False, server_default="0"),
        Column("fired", BigInteger, nullable=False, server_default="0"),
        Column("bit", Boolean, nullable=False, server_default="false"),
    )


@lru_cache(maxsize=512)
def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules that a sandbox row holds."""
    return tuple(msgspec.json.decode(text, type=list[Rule])) if text != NONE else ()


def on(here: Sandbox, edge: str, *, key: str = "", **about: str) -> Rule | None:
    """The first rule that bites at this edge now, for what is a state and not an occasion: nothing is counted or noted.

    key  for which a probability is drawn once
    """
    for rule in rules_of(here.faults) if here.faults != NONE else ():
        lot = rule.probability is None or here.draw("fault", rule.id, key) < rule.probability
        if rule.edge == edge and lot and rule.fits(here.now, about):
            return rule
    return None


async def keep(connection: Connection, bites: Sequence[tuple[str, Rule, str, datetime]]) -> None:
    """Note bites of which decisions told: sandbox, rule, subject and time of each."""
    await connection.executemany(
        "INSERT INTO firings (sandbox, rule, occasion, seen, fired) VALUES ($1, $2, '', 1, 1) "
        "ON CONFLICT (sandbox, rule, occasion) DO UPDATE SET seen = firings.seen + 1, fired = firings.fired + 1",
        sorted((sandbox, rule.key) for sandbox, rule, _, _ in bites),
    )
    for sandbox, rule, subject, at in bites:
        await journal.note_all(connection, sandbox, [_line(rule, subject, at)])


async def bite(
    connection: Connection, here: Sandbox, edge: str, subject: str, *, occasion: str = COUNTER, **about: str
) -> Bite | None:
    """The first rule that bites at this edge now, counted and noted under `subject` in the caller's transaction.

    occasion  makes the question one and the same: asked again, it is neither counted nor noted again
    about     what rules may match, such as province="37"
    """
    if here.faults == NONE:
        return None
    for rule in rules_of(here.faults):
        if rule.edge == edge and rule.fits(here.now, about):
            found = await _ask(connection, here, rule, occasion)
            if found is not None:
                if found.fresh:
                    await note(connection, here, rule, subject)
                return found
    return None


async def _ask(connection: Connection, here: Sandbox, rule: Rule, occasion: str) -> Bite | None:
    if occasion != COUNTER:
        before = await connection.fetchrow(
            "SELECT bit FROM firings WHERE sandbox = $1 AND rule = $2 AND occasion = $3", here.id, rule.key, occasion
        )
        if before is not None:
            return Bite(rule, fresh=False) if before["bit"] else None
    seen = await connection.fetchval(
        "INSERT INTO firings (sandbox, rule, occasion, seen) VALUES ($1, $2, '', 1) "
        "ON CONFLICT (sandbox, rule, occasion) DO UPDATE SET seen = firings.seen + 1 RETURNING seen",
        *(here.id, rule.key),
    )
    bites = rule.wins(here, seen)
    if occasion != COUNTER:
        await connection.execute(
            "INSERT INTO firings (sandbox, rule, occasion, bit) VALUES ($1, $2, $3, $4)",
            *(here.id, rule.key, occasion, bites),
        )
    if bites:
        await connection.execute(
            "UPDATE firings SET fired = fired + 1 WHERE sandbox = $1 AND rule = $2 AND occasion = ''",
            *(here.id, rule.key),
        )
    return Bite(rule) if bites else None


async def note(connection: Connection, here: Sandbox, rule: Rule, subject: str) -> None:
    """A line in the journal of `subject`: this rule bit now."""
    await journal.note_all(connection, here.id, [_line(rule, subject, here.now)])


def _line(rule: Rule, subject: str, at: datetime) -> Line:
    texts = (f"Sự cố bật sẵn “{rule.id}”: {rule.text_vi}", f"Fault '{rule.id}': {rule.text_en}")
    return Line(subject, at, NOTED, *texts, {"rule": rule.id, "fault": rule.fault, "with": rule.settings})


async def counts(database: Database, sandbox: str) -> list[dict[str, Any]]:
    """How often each rule was looked at here, and how often it bit."""
    rows = await database.fetch(
        "SELECT rule, seen, fired FROM firings WHERE sandbox = $1 AND occasion = '' ORDER BY rule", sandbox
    )
    return [dict(row) for row in rows]
