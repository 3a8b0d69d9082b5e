"""Fault rules of a sandbox: when a rule fires, how its firings are counted, and the journal line for each.

A rule fires at an edge: an endpoint, a token, a message to a peer, the plan of an official. Rules are part of the sandbox
row, so every transaction sees the current rules. Only the edges evaluate them; the domain code does not know them.
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

NONE = "[]"  # the rules of a sandbox without rules
NOTED = "fault"  # kind of the journal line
COUNTER = ""  # `occasion` of the row that holds the counters


class Rule(Struct, frozen=True, omit_defaults=True):
    """One fault rule in a sandbox row.

    id           its name in the sandbox; `born` distinguishes it from an earlier rule with the same id
    edge         where it fires
    match        attribute → pattern (`*` and `?` as in file names); all must match; empty: always
    settings     the settings of the fault, complete
    nth, times, probability   fires every nth time, only the first `times`, or at random; none of them: every time
    since, until sandbox time; `until` is the first moment at which it no longer fires
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
        """The value of a setting, which was checked when the rule was created."""
        return parse_duration(self.settings[setting], f"/with/{setting}")

    def seconds(self, setting: str) -> float:
        return self.duration(setting).total_seconds()

    def hold(self, due: datetime | None = None) -> HeldByFault:
        """The error with which this rule delays an action: until `due` (sandbox time), or until the rule ends."""
        end = min((at for at in (due, self.until) if at is not None), default=None)
        return HeldByFault(f"{self.id}: {self.text_en}", end, rule=self.id, fault=self.fault)

    def applies(self, now: datetime, about: dict[str, str]) -> bool:
        """Whether the rule covers this case: `now` is in its period, and all its patterns match `about`."""
        if (self.since is not None and now < self.since) or (self.until is not None and now >= self.until):
            return False
        return all(fnmatchcase(about.get(name, ""), pattern) for name, pattern in self.match.items())

    def fires(self, sandbox: Sandbox, seen: int) -> bool:
        """Whether the rule fires at occurrence number `seen`, counted from 1."""
        if self.nth is not None:
            return seen % self.nth == 0
        if self.times is not None:
            return seen <= self.times
        if self.probability is not None:
            return sandbox.draw("fault", self.id, seen) < self.probability
        return True


@dataclass(frozen=True)
class Firing:
    """A rule that fires now. `first_time`: it was evaluated for the first time on this occasion."""

    rule: Rule
    first_time: bool = True


def firings_table(metadata: MetaData) -> Table:
    return Table(
        "firings",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("rule", Text, primary_key=True),  # Rule.key
        Column(
            "occasion", Text, primary_key=True
        ),  # evaluated once, later questions get the same result; "": the counters
        Column("seen", BigInteger, nullable=False, server_default="0"),
        Column("fired", BigInteger, nullable=False, server_default="0"),
        Column("bit", Boolean, nullable=False, server_default="false"),
    )


@lru_cache(maxsize=512)
def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules in the column `faults` of a sandbox row."""
    return tuple(msgspec.json.decode(text, type=list[Rule])) if text != NONE else ()


def has_rule(sandbox: Sandbox, edge: str) -> bool:
    """Whether the sandbox has a rule at this edge, in its period or not."""
    return sandbox.faults != NONE and any(rule.edge == edge for rule in rules_of(sandbox.faults))


def active_rule(sandbox: Sandbox, edge: str, *, key: str = "", **about: str) -> Rule | None:
    """The first rule that holds at this edge now, for a fault that is a state. Nothing is counted or noted.

    key  a probability is drawn once per key
    """
    for rule in rules_of(sandbox.faults) if sandbox.faults != NONE else ():
        is_drawn = rule.probability is None or sandbox.draw("fault", rule.id, key) < rule.probability
        if rule.edge == edge and is_drawn and rule.applies(sandbox.now, about):
            return rule
    return None


async def record(connection: Connection, firings: Sequence[tuple[str, Rule, str, datetime]]) -> None:
    """Count and note firings that decisions reported: sandbox id, rule, subject and time of each."""
    await connection.executemany(
        "INSERT INTO firings (sandbox, rule, occasion, seen, fired) VALUES ($1, $2, '', 1, 1) "
        "ON CONFLICT (sandbox, rule, occasion) DO UPDATE SET seen = firings.seen + 1, fired = firings.fired + 1",
        sorted((sandbox_id, rule.key) for sandbox_id, rule, _, _ in firings),
    )
    for sandbox_id, rule, subject, at in firings:
        await journal.note_all(connection, sandbox_id, [_line(rule, subject, at)])


async def fire(
    connection: Connection, sandbox: Sandbox, edge: str, subject: str, *, occasion: str = COUNTER, **about: str
) -> Firing | None:
    """The first rule that fires at this edge now, counted and noted under `subject` in the caller's transaction.

    occasion  identifies one event: with the same occasion the result is the same, and is not counted or noted again
    about     the attributes that rules can match, such as province="37"
    """
    if sandbox.faults == NONE:
        return None
    for rule in rules_of(sandbox.faults):
        if rule.edge == edge and rule.applies(sandbox.now, about):
            firing = await _evaluate(connection, sandbox, rule, occasion)
            if firing is not None:
                if firing.first_time:
                    await note(connection, sandbox, rule, subject)
                return firing
    return None


async def _evaluate(connection: Connection, sandbox: Sandbox, rule: Rule, occasion: str) -> Firing | None:
    if occasion != COUNTER:
        earlier = await connection.fetchrow(
            "SELECT bit FROM firings WHERE sandbox = $1 AND rule = $2 AND occasion = $3", sandbox.id, rule.key, occasion
        )
        if earlier is not None:
            return Firing(rule, first_time=False) if earlier["bit"] else None
    seen = await connection.fetchval(
        "INSERT INTO firings (sandbox, rule, occasion, seen) VALUES ($1, $2, '', 1) "
        "ON CONFLICT (sandbox, rule, occasion) DO UPDATE SET seen = firings.seen + 1 RETURNING seen",
        sandbox.id,
        rule.key,
    )
    fires = rule.fires(sandbox, seen)
    if occasion != COUNTER:
        await connection.execute(
            "INSERT INTO firings (sandbox, rule, occasion, bit) VALUES ($1, $2, $3, $4)",
            sandbox.id,
            rule.key,
            occasion,
            fires,
        )
    if fires:
        await connection.execute(
            "UPDATE firings SET fired = fired + 1 WHERE sandbox = $1 AND rule = $2 AND occasion = ''",
            sandbox.id,
            rule.key,
        )
    return Firing(rule) if fires else None


async def note(connection: Connection, sandbox: Sandbox, rule: Rule, subject: str) -> None:
    """Write a line into the journal of `subject`: this rule fired now."""
    await journal.note_all(connection, sandbox.id, [_line(rule, subject, sandbox.now)])


def _line(rule: Rule, subject: str, at: datetime) -> Line:
    texts = (f"Sự cố bật sẵn “{rule.id}”: {rule.text_vi}", f"Fault '{rule.id}': {rule.text_en}")
    return Line(subject, at, NOTED, *texts, {"rule": rule.id, "fault": rule.fault, "with": rule.settings})


async def counts(database: Database, sandbox_id: str) -> list[dict[str, Any]]:
    """How often this service evaluated each rule (`seen`), and how often the rule fired (`fired`)."""
    rows = await database.fetch(
        "SELECT rule, seen, fired FROM firings WHERE sandbox = $1 AND occasion = '' ORDER BY rule", sandbox_id
    )
    return [dict(row) for row in rows]
