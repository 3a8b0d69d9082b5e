"""How a province acts in a sandbox: simulated officers with a tempo, or only the callers of its HTTP API (manual).

A sandbox has at most one document per province, and one for all provinces that are not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from contracts.catalogue import PROVINCES
from contracts.catalogue.search import folded
from contracts.decisions import Body, Decisions
from shared.did_you_mean import nearest, no_such
from shared.problem_types import pointer_of
from shared.text import Text

MODES = SIMULATED, MANUAL = ("simulated", "manual")
TEMPOS = WORKING_CLOCK, AT_ONCE, SCRIPTED = ("working_clock", "at_once", "scripted")
EXTERNAL = "external"
REST = "*"  # all provinces that are not named
BY_DEFAULT = {"mode": SIMULATED, "tempo": WORKING_CLOCK}
LARGEST = 16_384  # bytes of decisions; all 35 documents must fit into one body of at most 1 MiB (shared.web.edge)

Document = Mapping[str, Any]


class Mode(Body):
    """Either simulated, with a tempo (default: working_clock), or manual. `decisions` are only for the tempo scripted."""

    mode: Annotated[Text, Field(json_schema_extra={"enum": list(MODES)})]
    tempo: Annotated[Text | None, Field(json_schema_extra={"enum": [*TEMPOS, None]})] = None
    decisions: Annotated[Decisions | None, Field(validate_default=True)] = None

    @field_validator("mode")
    @classmethod
    def is_a_mode(cls, mode: str) -> str:
        if mode == EXTERNAL:
            raise ValueError(f"'{EXTERNAL}' is not available yet; choose {' or '.join(MODES)}")
        if mode not in MODES:
            raise ValueError(no_such("mode", mode, MODES))
        return mode

    @field_validator("tempo")
    @classmethod
    def goes_with_simulated(cls, tempo: str | None, info: ValidationInfo) -> str | None:
        if tempo is not None and tempo not in TEMPOS:
            raise ValueError(no_such("tempo", tempo, TEMPOS))
        if tempo is not None and info.data.get("mode") == MANUAL:
            raise ValueError("leave it out: in manual mode no officer acts automatically")
        return tempo

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
        """The document to store: with the default tempo filled in, without decisions that were left out."""
        if self.mode == MANUAL:
            return {"mode": MANUAL}
        document = {"mode": SIMULATED, "tempo": self.tempo or WORKING_CLOCK}
        decisions = self.decisions.model_dump(exclude_unset=True) if self.decisions else None
        return document if decisions is None else {**document, "decisions": decisions}


MOST = len(PROVINCES) + 1  # documents of a sandbox: each province, and `*`
Modes = Annotated[
    dict[Text, Mode], Field(max_length=MOST, description="Province code, or `*` for all others → how it acts")
]


def province_fault(province: str) -> str | None:
    """Why no mode can be set for this text, with the code of the province that was probably meant; None if it can."""
    if province == REST or province in PROVINCES:
        return None
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
