"""The mode of a province, read from the sandbox row: manual, or simulated with a tempo and perhaps with decisions."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from contracts.catalogue import PROVINCES
from contracts.modes import AT_ONCE, MANUAL, WORKING_CLOCK, in_force
from services.province_gateway.domain import Script
from shared.sandbox.registry import Sandbox

NONE_SET = "{}"  # the column `modes` of a sandbox without modes


class Mode(Struct, frozen=True):
    """manual: no simulated officers; otherwise they act at a tempo.

    script  their decisions on every dossier that has no script of its own
    mark    hash of these decisions; a dossier stores it with the number of their steps that it has taken
    """

    manual: bool = False
    tempo: str = WORKING_CLOCK
    script: Script | None = None
    mark: str = ""

    @property
    def at_once(self) -> bool:
        return self.tempo == AT_ONCE and not self.manual


BY_DEFAULT = Mode()


def mode_of(sandbox: Sandbox, province: str) -> Mode:
    return BY_DEFAULT if sandbox.modes == NONE_SET else _read(sandbox.modes, province)


def changed(before: str, after: str) -> list[str]:
    """The provinces whose mode differs; `before` and `after` are values of the column `modes`."""
    if before == after:
        return []
    old, new = msgspec.json.decode(before), msgspec.json.decode(after)
    return [province for province in PROVINCES if in_force(old, province)[0] != in_force(new, province)[0]]


@lru_cache(maxsize=1024)
def _read(modes: str, province: str) -> Mode:
    document: dict[str, Any] = dict(in_force(msgspec.json.decode(modes), province)[0])
    if document["mode"] == MANUAL:
        return Mode(manual=True)
    decisions = document.get("decisions")
    if decisions is None:
        return Mode(tempo=document["tempo"])
    mark = hashlib.blake2b(msgspec.json.encode(decisions), digest_size=6).hexdigest()
    return Mode(tempo=document["tempo"], script=msgspec.convert(decisions, Script), mark=mark)
