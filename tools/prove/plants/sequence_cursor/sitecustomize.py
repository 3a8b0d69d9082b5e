"""Planted: the relay goes on from the last id it saw. Ids are drawn before the commit, so a lower one may come later."""

from importlib import import_module
from typing import Any

relay: Any = import_module("shared.messaging.relay")

# As the relay's own statement, but for the WHERE: what lies above a cursor, kept in a table as a cursor would be.
relay.NUMBER_SQL = (
    relay.NUMBER_SQL.replace(
        "taken AS (",
        "seen AS (SELECT coalesce(max(last), 0) AS last FROM planted_cursor), taken AS (",
    )
    .replace(
        "WHERE topic = $5 AND lane = ANY(ARRAY(SELECT lane FROM mine)) ORDER BY id",
        "WHERE topic = $5 AND lane = ANY(ARRAY(SELECT lane FROM mine)) AND id > (SELECT last FROM seen) ORDER BY id",
    )
    .replace(
        "moved AS (",
        "kept AS (INSERT INTO planted_cursor SELECT max(id) FROM taken HAVING max(id) IS NOT NULL), moved AS (",
    )
)
numbered = relay.Relay.number


async def number(self) -> None:  # type: ignore[no-untyped-def]
    await self._database.pool.execute("CREATE TABLE IF NOT EXISTS planted_cursor (last bigint)")
    await numbered(self)


relay.Relay.number = number
