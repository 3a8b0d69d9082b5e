"""Planted bug: the place from which a connector's outbox is read on moves before its records have their effect."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

speaking = import_module("services.province_gateway.doors.speaking")

MOVE_SQL = "UPDATE kafka_doors SET heard = $3 WHERE sandbox = $1 AND province = $2 AND heard < $3"
original = speaking.say_all


async def say_all(
    runtime: Any, rules: Any, ring: Any, messages: Sequence[Any], *, offsets: Sequence[int] = (), **options: Any
) -> Any:
    if offsets:
        place = (messages[0].sandbox_id, messages[0].province)
        await runtime.database.pool.execute(MOVE_SQL, *place, offsets[-1] + 1)
    # As the product does, but `heard` is behind the records already: they are judged without looking at it.
    return await original(runtime, rules, ring, messages, **options)


speaking.say_all = say_all
