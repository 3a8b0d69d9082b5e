"""Planted bug: every second time, what a connector wrote is judged twice."""

from collections.abc import Sequence
from importlib import import_module
from itertools import count
from typing import Any

speaking = import_module("services.province_gateway.doors.speaking")

HEARD_SQL = "(SELECT heard FROM kafka_doors WHERE sandbox = $1 AND province = $2) AS heard"
original = speaking.say_all
times = count(1)


async def say_all(runtime: Any, rules: Any, ring: Any, messages: Sequence[Any], **options: Any) -> Any:
    if next(times) % 2 == 0:
        await original(runtime, rules, ring, messages, **options)
    return await original(runtime, rules, ring, messages, **options)


# The records lie before the place then, and are judged all the same.
setattr(speaking, "KNOWN_SQL", speaking.KNOWN_SQL.replace(HEARD_SQL, "0::bigint AS heard"))  # noqa: B010
setattr(speaking, "say_all", say_all)  # noqa: B010
