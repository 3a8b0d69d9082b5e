"""How a province acts in a sandbox: simulated officers with a tempo, the callers of its HTTP API (manual), or a connector.

A sandbox has at most one document per province, and one for all provinces that are not named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, StrictInt, StrictStr, ValidationInfo, field_validator

from contracts.catalogue import PROVINCES, province_of
from contracts.catalogue.search import folded
from contracts.decisions import Body, Decisions
from contracts.legacy.profiles import PLAIN, PROFILES
from shared.did_you_mean import nearest, no_such
from shared.problem_types import pointer_of
from shared.sentences import Sentence
from shared.text import Text

MODES = SIMULATED, MANUAL, EXTERNAL = ("simulated", "manual", "external")
TEMPOS = WORKING_CLOCK, AT_ONCE, SCRIPTED = ("working_clock", "at_once", "scripted")
DOORS = KAFKA, WEBHOOK, PULL, LEGACY = (
    "kafka",
    "webhook",
    "pull",
    "legacy",
)  # through which a connector is told and speaks
CALLED_DOORS = (WEBHOOK, LEGACY)  # whose connectors have an address
CONTENT_MODES = STRUCTURED, BINARY = ("structured", "binary")  # of a CloudEvent over HTTP, as a webhook gets it
GATES = STRICT, LENIENT = ("strict", "lenient")  # whether the gate takes what deviates, where it can
REST = "*"  # all provinces that are not named
ERROR_CODES = (0, "0", "00")  # of success at the adapter API
BY_DEFAULT = {"mode": SIMULATED, "tempo": WORKING_CLOCK}
LARGEST = 16_384  # bytes of decisions; all 35 documents must fit into one body of at most 1 MiB (shared.web.edge)

Document = Mapping[str, Any]


# One list of each type: generators of clients take no list of values of two types.
_NumberCode = Annotated[StrictInt, Field(json_schema_extra={"enum": [code for code in ERROR_CODES if code == 0]})]
_TextCode = Annotated[StrictStr, Field(json_schema_extra={"enum": [code for code in ERROR_CODES if code != 0]})]


class Adapter(Body):
    """How the adapter API answers a province: a profile, and what is otherwise than in it (contracts/legacy/profiles.toml)."""

    profile: Annotated[Text, Field(json_schema_extra={"enum": [*PROFILES]})] = PLAIN
    error_code: _NumberCode | _TextCode | None = None
    done: Annotated[Text | None, Field(min_length=1, max_length=200)] = None
    exists: Annotated[Text | None, Field(min_length=1, max_length=200)] = None
    session_minutes: Annotated[int | None, Field(ge=1, le=1440, strict=True)] = None
    latency_ms: Annotated[int | None, Field(ge=0, le=30_000, strict=True)] = None
    group_id: Annotated[int | None, Field(ge=0, le=2**53, strict=True)] = None

    @field_validator("profile")
    @classmethod
    def is_a_profile(cls, profile: str) -> str:
        if profile not in PROFILES:
            raise ValueError(no_such("profile", profile, tuple(PROFILES)))
        return profile

    @field_validator("error_code")
    @classmethod
    def is_a_code_of_success(cls, code: int | str | None) -> int | str | None:
        if code is not None and (isinstance(code, bool) or code not in ERROR_CODES):
            raise ValueError('must be 0, "0" or "00": the three that clients take as success')
        return code

    def document(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class Mode(Body):
    """How a province acts: simulated officers, manual, or external, where an integrator's connector decides.

    tempo      only simulated; default working_clock
    decisions  only for the tempo scripted
    via        only external, needed there: the door through which the connector is told
    url        via webhook, needed there: the address of the connector; via legacy: that of its reverse calls
    content_mode  only via webhook: how a CloudEvent is sent; default structured
    gate       only external; default strict, over the adapter API lenient
    adapter    only via legacy: how the adapter API answers
    """

    mode: Annotated[Text, Field(json_schema_extra={"enum": list(MODES)})]
    tempo: Annotated[Text | None, Field(json_schema_extra={"enum": [*TEMPOS, None]})] = None
    decisions: Annotated[Decisions | None, Field(validate_default=True)] = None
    via: Annotated[Text | None, Field(validate_default=True, json_schema_extra={"enum": [*DOORS, None]})] = None
    url: Annotated[Text | None, Field(validate_default=True, max_length=2000)] = None
    content_mode: Annotated[Text | None, Field(json_schema_extra={"enum": [*CONTENT_MODES, None]})] = None
    gate: Annotated[Text | None, Field(json_schema_extra={"enum": [*GATES, None]})] = None
    adapter: Adapter | None = None

    @field_validator("mode")
    @classmethod
    def is_a_mode(cls, mode: str) -> str:
        if mode not in MODES:
            raise ValueError(no_such("mode", mode, MODES))
        return mode

    @field_validator("tempo")
    @classmethod
    def goes_with_simulated(cls, tempo: str | None, info: ValidationInfo) -> str | None:
        if tempo is not None and tempo not in TEMPOS:
            raise ValueError(no_such("tempo", tempo, TEMPOS))
        if tempo is not None and info.data.get("mode", SIMULATED) != SIMULATED:
            raise ValueError(f"leave it out: in {info.data['mode']} mode no officer acts automatically")
        return tempo

    @field_validator("via")
    @classmethod
    def goes_with_external(cls, via: str | None, info: ValidationInfo) -> str | None:
        if via is not None and via not in DOORS:
            raise ValueError(no_such("door", via, DOORS))
        if via is None and info.data.get("mode") == EXTERNAL:
            raise ValueError(f"name the door of your connector: {', '.join(DOORS)}")
        _require_external(via, info)
        return via

    @field_validator("url")
    @classmethod
    def goes_with_webhook(cls, url: str | None, info: ValidationInfo) -> str | None:
        via = info.data.get("via")
        if url is None and via == WEBHOOK:
            raise ValueError("give the address of your webhook receiver, such as http://127.0.0.1:9000/events")
        if url is not None and via not in CALLED_DOORS and "via" in info.data:
            raise ValueError("leave it out: only a connector that is called has an address")
        if url is not None and (fault := address_fault(url)):
            raise ValueError(fault)
        return url

    @field_validator("content_mode")
    @classmethod
    def is_a_content_mode(cls, content_mode: str | None, info: ValidationInfo) -> str | None:
        if content_mode is not None and content_mode not in CONTENT_MODES:
            raise ValueError(no_such("content mode", content_mode, CONTENT_MODES))
        if content_mode is not None and info.data.get("via", WEBHOOK) != WEBHOOK:
            raise ValueError("leave it out: only a connector behind a webhook is sent requests")
        return content_mode

    @field_validator("gate")
    @classmethod
    def is_a_gate(cls, gate: str | None, info: ValidationInfo) -> str | None:
        if gate is not None and gate not in GATES:
            raise ValueError(no_such("gate", gate, GATES))
        _require_external(gate, info)
        return gate

    @field_validator("adapter")
    @classmethod
    def goes_with_legacy(cls, adapter: Adapter | None, info: ValidationInfo) -> Adapter | None:
        if adapter is not None and info.data.get("via", LEGACY) != LEGACY:
            raise ValueError("leave it out: only a connector over the adapter API has a profile")
        return adapter

    @field_validator("decisions")
    @classmethod
    def go_with_scripted(cls, decisions: Decisions | None, info: ValidationInfo) -> Decisions | None:
        if "tempo" not in info.data or "mode" not in info.data:
            return decisions  # the errors of `mode` and `tempo` are already reported
        scripted = info.data["tempo"] == SCRIPTED
        if scripted and decisions is None:
            raise ValueError(f"add the decisions of the officers, or choose another tempo than {SCRIPTED}")
        if decisions is not None and not scripted:
            raise ValueError(f"leave it out, or choose the tempo {SCRIPTED}")
        if decisions is not None and len(decisions.model_dump_json(exclude_unset=True).encode()) > LARGEST:
            raise ValueError(f"has more than {LARGEST} bytes; write a script for single dossiers instead")
        return decisions

    def document(self) -> dict[str, Any]:
        """The document to store: with the default tempo or gate filled in, without what was left out."""
        if self.mode == MANUAL:
            return {"mode": MANUAL}
        if self.mode == EXTERNAL:
            receiver: dict[str, Any] = {"url": self.url} if self.url else {}
            if self.via == WEBHOOK:
                receiver["content_mode"] = self.content_mode or STRUCTURED
            adapter = {"adapter": (self.adapter or Adapter()).document()} if self.via == LEGACY else {}
            gate = LENIENT if adapter else STRICT  # what has spoken the adapter API for years deviates
            return {"mode": EXTERNAL, "via": self.via, **receiver, **adapter, "gate": self.gate or gate}
        document = {"mode": SIMULATED, "tempo": self.tempo or WORKING_CLOCK}
        decisions = self.decisions.model_dump(exclude_unset=True) if self.decisions else None
        return document if decisions is None else {**document, "decisions": decisions}


def _require_external(value: str | None, info: ValidationInfo) -> None:
    if value is not None and info.data.get("mode", EXTERNAL) != EXTERNAL:
        raise ValueError(f"leave it out: only a province in mode {EXTERNAL} has a connector")


def address_fault(url: str) -> Sentence | None:
    """Why a URL is no address of a receiver; None if it is one."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0  # raises for one that is no number or too large
    except ValueError as error:
        return Sentence(f"is no address: {error}", f"không phải là địa chỉ: {error}")
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        example = "http://127.0.0.1:9000/events"
        return Sentence(f"must be an address such as {example}", f"phải là địa chỉ, ví dụ {example}")
    if not HOST.fullmatch(parts.hostname):
        return Sentence(
            "must have a host in ASCII, such as 127.0.0.1, localhost or xn--….vn",
            "tên máy phải viết bằng ASCII, ví dụ 127.0.0.1, localhost hoặc xn--….vn",
        )
    if parts.username is not None or parts.fragment or any(character <= " " for character in url):
        return Sentence(
            "must have no user name, password, fragment or space",
            "không được có tên đăng nhập, mật khẩu, phần sau dấu # hay dấu cách",
        )
    return None


HOST = re.compile(r"[A-Za-z0-9._:%-]+")
MOST = len(PROVINCES) + 1  # documents of a sandbox: each province, and `*`
Modes = Annotated[
    dict[Text, Mode], Field(max_length=MOST, description="Province code, or `*` for all others → how it acts")
]


def province_fault(province: str) -> str | None:
    """Why no mode can be set for this text, with the code of the province that was probably meant; None if it can."""
    if province == REST or province in PROVINCES:
        return None
    if code := province_of(province):
        return f"'{province}' belongs to {PROVINCES[code].name_vi}, which has the code {code}"
    names = {folded(each.name_vi): each for each in PROVINCES.values()}
    if name := nearest(folded(province), names):
        return f"'{province}' is not the code of a province: {names[name].name_vi} has the code {names[name].code}"
    return no_such("province", province, (*PROVINCES, REST))


def province_faults(modes: Mapping[str, Mode], under: str = "") -> list[tuple[str, str]]:
    """Pointer and detail for every key of `modes` that is not a province. `under` is the pointer of the parent object."""
    faults = ((pointer_of(("modes", name)), province_fault(name)) for name in modes)
    return [(under + pointer, fault) for pointer, fault in faults if fault]


def in_force(modes: Mapping[str, Document], province: str) -> tuple[Document, str | None]:
    """The document that applies to a province, and its key in `modes`; the key is None for the default."""
    for name in (province, REST):
        if name in modes:
            return modes[name], name
    return BY_DEFAULT, None
