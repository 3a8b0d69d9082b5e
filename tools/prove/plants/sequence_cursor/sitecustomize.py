"""Planted bug: the relay continues after the last id it read. Ids are assigned before commit: a lower one may come later."""

from importlib import import_module
from typing import Any

relay: Any = import_module("shared.messaging.relay")

# The relay's own statement, but it only takes ids above a cursor, which is stored in a table.
CHANGES = {
    "taken AS (": "seen AS (SELECT coalesce(max(last), 0) AS last FROM planted_cursor), taken AS (",
    "ORDER BY id LIMIT $2": "AND id > (SELECT last FROM seen) ORDER BY id LIMIT $2",
    "moved AS (": (
        "kept AS (INSERT INTO planted_cursor SELECT max(id) FROM taken HAVING max(id) IS NOT NULL), moved AS ("
    ),
}
for text, change in CHANGES.items():
    if relay.NUMBER_SQL.count(text) != 1:
        raise AssertionError(f"the statement of the relay has changed: {text!r} is not in it once")
    relay.NUMBER_SQL = relay.NUMBER_SQL.replace(text, change)
original_number = relay.Relay.number


async def number(self: Any, *places: Any) -> Any:
    await self._database.pool.execute("CREATE TABLE IF NOT EXISTS planted_cursor (last bigint)")
    return await original_number(self, *places)


relay.Relay.number = number
