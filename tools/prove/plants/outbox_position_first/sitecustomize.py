"""Planted bug: the place from which a connector's outbox is read on moves before its records have their effect."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

speaking = import_module("services.province_gateway.doors.speaking")

MOVE_SQL = "UPDATE kafka_doors SET heard = $3 WHERE sandbox = $1 AND province = $2 AND heard < $3"
HEARD_SQL = "(SELECT heard FROM kafka_doors WHERE sandbox = $1 AND province = $2) AS heard"
original = speaking.say_all


async def say_all(
    runtime: Any, rules: Any, ring: Any, messages: Sequence[Any], *, offsets: Sequence[int] = (), **options: Any
) -> Any:
    if offsets:
        place = (messages[0].sandbox_id, messages[0].province)
        await runtime.database.pool.execute(MOVE_SQL, *place, offsets[-1] + 1)
    return await original(runtime, rules, ring, messages, offsets=offsets, **options)


# The records lie before the place then, and are judged all the same.
setattr(speaking, "KNOWN_SQL", speaking.KNOWN_SQL.replace(HEARD_SQL, "0::bigint AS heard"))  # noqa: B010
setattr(speaking, "say_all", say_all)  # noqa: B010
