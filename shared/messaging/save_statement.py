"""The statement that saves a transaction: one for everything that it writes, whatever the number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import count


@dataclass(frozen=True)
class Clause:
    """One part of the save statement.

    sql      in which `{rows}` stands for the rows to write, and `{table}` for the table of documents
    columns  "name type" of each value of a row
    after    the clause from whose result this one reads, instead of rows of its own
    """

    name: str
    sql: str
    columns: str = ""
    after: str = ""


# One statement for everything that a transaction writes; `ordinal` is the order within a set of rows.
CLAUSES = (
    Clause(
        "documents",
        "INSERT INTO {table} (sandbox, code, lane, version, last_at, body, traceparent) "
        "SELECT sandbox, code, lane, version, last_at, body::jsonb, traceparent FROM {rows} "
        "ON CONFLICT (sandbox, code) "
        "DO UPDATE SET version = EXCLUDED.version, last_at = EXCLUDED.last_at, body = EXCLUDED.body, "
        "traceparent = EXCLUDED.traceparent",
        "sandbox text, code text, lane int2, version int, last_at timestamptz, body text, traceparent text",
    ),
    Clause(
        "new_events",
        "SELECT * FROM {rows}",
        "topic text, sandbox text, subject text, version int, id text, type text, lane int2, at timestamptz, "
        "body text, traceparent text",
    ),
    Clause(
        "logged",
        "INSERT INTO events (sandbox, subject, version, id, type, lane, at, body, traceparent) "
        "SELECT sandbox, subject, version, id, type, lane, at, body, traceparent FROM new_events",
        after="new_events",
    ),
    Clause(  # its ids follow the order of publishing
        "queued",
        "INSERT INTO queue (topic, lane, sandbox, subject, version) "
        "SELECT topic, lane, sandbox, subject, version FROM new_events ORDER BY ordinal",
        after="new_events",
    ),
    Clause(
        "timers_set",
        "INSERT INTO timers (sandbox, subject, kind, due, lane, at_once) "
        "SELECT sandbox, subject, kind, due, lane, at_once FROM {rows} "
        "ON CONFLICT (sandbox, subject, kind) DO UPDATE SET due = EXCLUDED.due, at_once = EXCLUDED.at_once",
        "sandbox text, subject text, kind text, due timestamptz, lane int2, at_once bool",
    ),
    Clause(
        "timers_dropped",
        "DELETE FROM timers t USING {rows} WHERE (t.sandbox, t.subject, t.kind) = (new.sandbox, new.subject, new.kind)",
        "sandbox text, subject text, kind text",
    ),
    Clause(
        "calls_added",
        "INSERT INTO calls (sandbox, kind, key, data, traceparent) "
        "SELECT sandbox, kind, key, data::jsonb, traceparent FROM {rows} ON CONFLICT DO NOTHING",
        "sandbox text, kind text, key text, data text, traceparent text",
    ),
    Clause(
        "counted",
        "INSERT INTO counters (sandbox, name, value) SELECT sandbox, name, value FROM {rows} "
        "ON CONFLICT (sandbox, name) DO UPDATE SET value = EXCLUDED.value",
        "sandbox text, name text, value int",
    ),
    Clause(  # at most one row; without LIMIT 1 a plan made for an empty table scans all replies later
        "replied",
        "UPDATE replies r SET status = new.status, body = new.body FROM (SELECT * FROM {rows} LIMIT 1) new "
        "WHERE (r.sandbox, r.caller, r.route, r.key) = (new.sandbox, new.caller, new.route, new.key)",
        "sandbox text, caller text, route text, key text, status int, body text",
    ),
)

# A reply to a key that nobody has claimed: fails with a unique violation if another request has used the key meanwhile.
STORED_REPLY = Clause(
    "replied",
    "INSERT INTO replies (sandbox, caller, route, key, status, body, body_hash, request) "
    "SELECT sandbox, caller, route, key, status, body, body_hash, request FROM {rows} RETURNING 1",
    f"{CLAUSES[-1].columns}, body_hash text, request text",
)

# In place of the last two, and before all others, where nothing was locked before: the statement then fails if the sandbox
# has changed or is gone, if another request has drawn a number (division by zero), or has used a key (unique violation).
AT_ONCE = (
    Clause(
        "unchanged",  # every change of a sandbox raises its version
        "SELECT FROM sandboxes s JOIN (SELECT * FROM {rows} LIMIT 1) new ON s.id = new.sandbox "
        "WHERE s.version = new.version AND NOT s.deleted FOR KEY SHARE OF s",
        "sandbox text, version int8",
    ),
    *CLAUSES[:-2],
    Clause(
        "counted",
        f"{CLAUSES[-2].sql} WHERE counters.value = EXCLUDED.value - 1 RETURNING 1",
        CLAUSES[-2].columns,
    ),
    STORED_REPLY,
)
STILL_SO = (
    "1 / (EXISTS (SELECT FROM unchanged) AND (SELECT count(*) FROM counted) = (SELECT count(*) FROM replied))::int"
)


@cache
def save_statement(table: str, clauses: tuple[Clause, ...], result: str = "") -> str:
    """Clauses as one statement; the parameters are the columns of each that has rows of its own, in order."""
    parameters = count(1)

    def part(clause: Clause) -> str:
        columns = [column.split() for column in clause.columns.split(", ") if column]
        arrays = ", ".join(f"${next(parameters)}::{type}[]" for _, type in columns)
        rows = f"unnest({arrays}) WITH ORDINALITY AS new ({', '.join([name for name, _ in columns] + ['ordinal'])})"
        return f"{clause.name} AS ({clause.sql.format(table=table, rows=rows)})"

    return f"WITH {', '.join(map(part, clauses))} SELECT {result}"
