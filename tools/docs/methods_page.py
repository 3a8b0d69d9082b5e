"""The list of methods on docs/testing.md: signature and first sentence, from `lienthong.sync`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator

from lienthong import sync

PRINTED_FROM = "lienthong/sync.py"
# Where a test finds an object, and its class.
OBJECTS = {
    "lienthong_sync": sync.Country,
    "sandbox_sync": sync.Sandbox,
    "sandbox_sync.clock": sync.Clock,
    "sandbox_sync.citizen(…)": sync.Citizen,
    "sandbox_sync.province(…)": sync.Province,
    "sandbox_sync.connector(…)": sync.Connector,
    "sandbox_sync.payments": sync.Payments,
    "sandbox_sync.faults": sync.Faults,
}


def parts() -> dict[str, Iterable[str]]:
    return {PRINTED_FROM: list(_lines())}


def _lines() -> Iterator[str]:
    for place, kind in OBJECTS.items():
        yield from (f"`{place}`", "", "```text")
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") or name == "run":
                continue
            yield f"{name}{_signature(method)}"
            yield f"    # {(inspect.getdoc(method) or '').splitlines()[0]}"
        yield from ("```", "")


def _signature(method: object) -> str:
    text = str(inspect.signature(inspect.unwrap(method)))  # type: ignore[arg-type]
    return re.sub(r"^\((self, /|self), ", "(", text).replace("(self, /)", "()").replace("(self)", "()").replace("'", "")
