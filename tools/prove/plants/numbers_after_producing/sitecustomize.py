"""Planted bug: the relay produces first, with the next numbers, and stores the numbers afterwards."""

import asyncio
from importlib import import_module
from typing import Any

relay = import_module("shared.messaging.relay")
eventlog = import_module("shared.messaging.event_log")
events = import_module("shared.messaging.cloudevents")

WAITING_SQL = """
SELECT q.id AS place, q.lane, l.epoch, l.head + row_number() OVER (PARTITION BY q.lane ORDER BY q.id) AS number,
  q.topic, q.sandbox, q.subject, q.version, now() AS posted_at, e.id, e.type, e.at, e.body, e.traceparent
FROM (SELECT * FROM queue WHERE topic = $3 AND lane = ANY($1) ORDER BY id LIMIT $2) q
JOIN lanes_out l USING (topic, lane)
LEFT JOIN events e ON e.sandbox = q.sandbox AND e.subject = q.subject AND e.version = q.version
ORDER BY q.lane, q.id"""
original_step = relay.Relay.step


async def number(self: Any, *places: Any) -> list[Any]:
    """Does nothing: `step` assigns the numbers."""
    return []


async def step(self: Any) -> int:
    rows = await self._database.fetch(WAITING_SQL, self.leases.lanes, self._batch, self._topic)
    if not rows:
        return int(await original_step(self))  # requested replays
    messages = []
    for row in rows:
        body = (row["body"] or "{}").encode()
        headers = events.headers(row, self.source, self._signer, body)
        messages.append((row["lane"], row["subject"].encode(), body, headers))
    offsets = await self._writer.publish(messages)
    await asyncio.sleep(0.1)  # simulates a slow disk: without the pause a kill seldom hits between the two steps
    async with self._database.transaction() as connection:
        logs = await eventlog.lock_log(connection, self._topic, sorted({row["lane"] for row in rows}))
        for row, offset in zip(rows, offsets, strict=True):
            log = logs[row["lane"]]
            log.head = row["number"]
            log.acknowledged((row["epoch"], row["number"]), offset, offset)
        for lane, log in logs.items():
            await eventlog.save_logs(connection, self._topic, {lane: log})
        await connection.executemany(
            "INSERT INTO posted (topic, lane, epoch, number, sandbox, subject, version) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                tuple(r[name] for name in ("topic", "lane", "epoch", "number", "sandbox", "subject", "version"))
                for r in rows
            ],
        )
        await connection.execute("DELETE FROM queue WHERE id = ANY($1)", [row["place"] for row in rows])
    return len(rows)


relay.Relay.number, relay.Relay.step = number, step
