"""The plans of the statements that run with every request and batch: a table is small when it is planned for."""

from __future__ import annotations

import re

import pytest

from shared.messaging.idempotency import LOOK_SQL
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.save_statement import CLAUSES, save_statement
from tests.service.core.parcels import Parcel

LOCK = (
    "SELECT d.* FROM {table} d JOIN unnest($1::text[], $2::text[]) t (a, b) ON d.sandbox = a AND d.code = b FOR UPDATE"
)
PARKED = "SELECT sandbox FROM parked JOIN unnest($1::text[], $2::text[]) t (a, b) ON sandbox = a AND subject = b"


def saves(clause: str) -> str:
    return save_statement("{table}", tuple(each for each in CLAUSES if each.name == clause))


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("replies", saves("replied")),
        ("timers", saves("timers_dropped")),
        ("replies", LOOK_SQL),
        ("counters", LOOK_SQL),
        ("parked", PARKED),
        ("", LOCK),
    ],
)
async def test_a_small_table_is_read_by_its_key_as_a_large_one(
    own_runtime: MessagingRuntime[Parcel], table: str, statement: str
) -> None:
    """Or the plan, which a connection keeps, reads all of the table when it has grown."""
    statement = statement.replace("{table}", own_runtime.documents.table)
    table = table or own_runtime.documents.table
    values = ", ".join(["NULL"] * max(map(int, re.findall(r"\$(\d+)", statement))))
    async with own_runtime.database.transaction() as connection:
        await connection.execute(f"ANALYZE {table}; SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {statement}")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE asked ({values})"))
        await connection.execute("DEALLOCATE asked")
    assert "Index" in plan and f"Seq Scan on {table}" not in plan, plan
