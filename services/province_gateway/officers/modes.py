"""How a province acts, as the sandbox row says: by hand, or simulated at a tempo and perhaps with decisions for all."""

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

NONE_SET = "{}"  # modes of most sandboxes


class Mode(Struct, frozen=True):
    """manual: nobody acts by themselves; else officers do, at a tempo.

    script  what they decide on every dossier that has no script of its own
    mark    tells these decisions from others: a dossier notes by it how many of their steps were taken
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
    """The provinces that act by another document than before; both as the sandbox row has them."""
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
