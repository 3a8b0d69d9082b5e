"""The mode of a province, read from the sandbox row: simulated with a tempo and perhaps decisions, manual, or external."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from contracts.catalogue import PROVINCES
from contracts.gate.verdict import Leniency
from contracts.legacy.profiles import PLAIN, PROFILES, Profile
from contracts.modes import AT_ONCE, BINARY, EXTERNAL, LEGACY, SIMULATED, WORKING_CLOCK, in_force
from services.province_gateway.domain import Script
from shared.errors import Refusal
from shared.sandbox.registry import Sandbox

NONE_SET = "{}"  # the column `modes` of a sandbox without modes


class ConnectorDecides(Refusal):
    """The province is in mode external: its connector acts, through a door, and nobody through the officers' API."""


class Mode(Struct, frozen=True):
    """Who acts: simulated officers at a tempo, a person or program through the officers' API (manual), or a connector.

    script  simulated: decisions on every dossier that has no script of its own
    mark    hash of these decisions; a dossier stores it with the number of their steps that it has taken
    via     external: the door through which the connector is told
    url     external via webhook: the address of the receiver
    is_binary  external via webhook: events are sent in binary mode, not structured
    gate    external: strict or lenient
    profile  external via legacy: how the adapter API answers
    """

    mode: str = SIMULATED
    tempo: str = WORKING_CLOCK
    script: Script | None = None
    mark: str = ""
    via: str = ""
    url: str = ""
    is_binary: bool = False
    gate: Leniency = "strict"
    profile: Profile = PROFILES[PLAIN]

    @property
    def has_officers(self) -> bool:
        """Whether simulated officers act."""
        return self.mode == SIMULATED

    @property
    def is_external(self) -> bool:
        return self.mode == EXTERNAL

    @property
    def hears_calls(self) -> bool:
        """Whether the connector is told reverse calls: it listens over the adapter API."""
        return self.via == LEGACY and bool(self.url)

    @property
    def at_once(self) -> bool:
        return self.tempo == AT_ONCE and self.has_officers


BY_DEFAULT = Mode()


def mode_of(sandbox: Sandbox, province: str) -> Mode:
    return BY_DEFAULT if sandbox.modes == NONE_SET else _read(sandbox.modes, province)


def is_external(modes: str, province: str) -> bool:
    """Whether a connector decides; `modes`: the column of the sandbox."""
    return modes != NONE_SET and _read(modes, province).is_external


def joined(before: str, after: str) -> list[str]:
    """The provinces that became external; `before` and `after` are values of the column `modes`."""
    old, new = msgspec.json.decode(before), msgspec.json.decode(after)
    return [
        province
        for province in changed(before, after)
        if in_force(new, province)[0]["mode"] == EXTERNAL != in_force(old, province)[0]["mode"]
    ]


def must_decide_here(sandbox: Sandbox, province: str) -> None:
    """Raises ConnectorDecides if a connector decides for the province, so that no caller may act as its officials."""
    if mode_of(sandbox, province).is_external:
        raise ConnectorDecides(
            "Speak as the connector: `lienthong trigger TYPE --dossier CODE`, or POST an event to /api/v1/provinces/"
            f"{province}/events; or take the province back: `lienthong disconnect --province {province}`.",
            province=province,
        )


def changed(before: str, after: str) -> list[str]:
    """The provinces whose mode differs; `before` and `after` are values of the column `modes`."""
    if before == after:
        return []
    old, new = msgspec.json.decode(before), msgspec.json.decode(after)
    return [province for province in PROVINCES if in_force(old, province)[0] != in_force(new, province)[0]]


@lru_cache(maxsize=1024)
def _read(modes: str, province: str) -> Mode:
    document: dict[str, Any] = dict(in_force(msgspec.json.decode(modes), province)[0])
    if document["mode"] != SIMULATED:
        return Mode(
            document["mode"],
            via=document.get("via", ""),
            url=document.get("url", ""),
            is_binary=document.get("content_mode") == BINARY,
            gate=document.get("gate", "strict"),
            profile=_profile(**document.get("adapter", {})),
        )
    decisions = document.get("decisions")
    if decisions is None:
        return Mode(tempo=document["tempo"])
    mark = hashlib.blake2b(msgspec.json.encode(decisions), digest_size=6).hexdigest()
    return Mode(tempo=document["tempo"], script=msgspec.convert(decisions, Script), mark=mark)


def _profile(profile: str = PLAIN, **otherwise: Any) -> Profile:
    return msgspec.structs.replace(PROFILES[profile], **otherwise)
