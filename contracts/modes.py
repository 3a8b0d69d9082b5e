"""How a province acts in a sandbox: its officers simulated at some tempo, or nobody but whoever speaks at their door.

A sandbox keeps one document per province, and one for all that are not named.
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
REST = "*"  # every province that is not named
BY_DEFAULT = {"mode": SIMULATED, "tempo": WORKING_CLOCK}
LARGEST = 16_384  # bytes of decisions; all 35 documents travel in one body, of at most 1 MiB (shared.web.app)

Document = Mapping[str, Any]


class Mode(Body):
    """simulated, at a tempo (working_clock if left out); or manual. `decisions` go with the tempo scripted."""

    mode: Annotated[Text, Field(json_schema_extra={"enum": list(MODES)})]
    tempo: Annotated[Text | None, Field(json_schema_extra={"enum": [*TEMPOS, None]})] = None
    decisions: Annotated[Decisions | None, Field(validate_default=True)] = None

    @field_validator("mode")
    @classmethod
    def is_a_mode(cls, mode: str) -> str:
        if mode == EXTERNAL:
            raise ValueError(f"'{EXTERNAL}' comes later, with the doors for connectors; choose {' or '.join(MODES)}")
        if mode not in MODES:
            raise ValueError(no_such("mode", mode, MODES))
        return mode

    @field_validator("tempo")
    @classmethod
    def goes_with_simulated(cls, tempo: str | None, info: ValidationInfo) -> str | None:
        if tempo is not None and tempo not in TEMPOS:
            raise ValueError(no_such("tempo", tempo, TEMPOS))
        if tempo is not None and info.data.get("mode") == MANUAL:
            raise ValueError("leave it out: in manual mode nobody acts by themselves")
        return tempo

    @field_validator("decisions")
    @classmethod
    def go_with_scripted(cls, decisions: Decisions | None, info: ValidationInfo) -> Decisions | None:
        if "tempo" not in info.data or "mode" not in info.data:
            return decisions  # what is wrong there is said there
        scripted = info.data["tempo"] == SCRIPTED
        if scripted and decisions is None:
            raise ValueError(f"say what the officers decide, or choose another tempo than {SCRIPTED}")
        if decisions is not None and not scripted:
            raise ValueError(f"leave it out, or choose the tempo {SCRIPTED}")
        if decisions is not None and len(decisions.model_dump_json(exclude_unset=True).encode()) > LARGEST:
            raise ValueError(f"has more than {LARGEST} bytes; script single dossiers instead")
        return decisions

    def document(self) -> dict[str, Any]:
        """As it is kept: every choice written down, nothing that was not decided."""
        if self.mode == MANUAL:
            return {"mode": MANUAL}
        told = {"mode": SIMULATED, "tempo": self.tempo or WORKING_CLOCK}
        decided = self.decisions.model_dump(exclude_unset=True) if self.decisions else None
        return told if decided is None else {**told, "decisions": decided}


MOST = len(PROVINCES) + 1  # documents of a sandbox: each province, and `*`
Modes = Annotated[dict[Text, Mode], Field(max_length=MOST, description="Province, or `*` for all others → how it acts")]


def province_fault(province: str) -> str | None:
    """Why this is no province whose mode can be set, with the code of the one whose name it nearly is; None if it is one."""
    if province == REST or province in PROVINCES:
        return None
    names = {folded(each.name_vi): each for each in PROVINCES.values()}
    if name := nearest(folded(province), names):
        return f"'{province}' is no code of a province: {names[name].name_vi} has {names[name].code}"
    return no_such("province", province, (*PROVINCES, REST))


def province_faults(modes: Mapping[str, Mode], under: str = "") -> list[tuple[str, str]]:
    """Pointer and sentence for every name of `modes`, which stand at `under`/modes, that is no province."""
    found = ((pointer_of(("modes", name)), province_fault(name)) for name in modes)
    return [(under + pointer, said) for pointer, said in found if said]


def in_force(modes: Mapping[str, Document], province: str) -> tuple[Document, str | None]:
    """The document by which a province acts, and under which name it stands; None: it acts by default."""
    for name in (province, REST):
        if name in modes:
            return modes[name], name
    return BY_DEFAULT, None
