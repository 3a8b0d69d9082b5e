"""A scenario as JSON: the people of a sandbox, how its provinces act, its fault rules, and its dossiers with their states.

Its JSON Schema (`lienthong/scenarios/scenario.schema.json`) is for editors. `checked` reports what is wrong, where it is, and
how to fix it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from contracts.catalogue import PROVINCES
from contracts.decisions import Body, Decisions, YesNo
from contracts.faults import FAULTS
from contracts.faults.rules import MOST_RULES, Instant, RuleBody
from contracts.lifecycle import LIFECYCLE
from contracts.modes import Modes, province_fault
from contracts.people import Population
from shared.errors import BodyDoesNotFit
from shared.misfits import misfits
from shared.text import Line, Note, Shown, ShownLine, Text

STATES = tuple(state.slug for state in LIFECYCLE.states)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Title = Annotated[ShownLine, Field(max_length=120)]
Prose = Annotated[Note, Field(max_length=4000)]
Moment = Annotated[Text, Field(max_length=40, description="An instant, or a duration after the start", examples=["3d"])]
State = Annotated[Literal[STATES], Field()]  # type: ignore[valid-type]


class ClockPart(Body):
    """When the scenario begins, and the time of the clock when the sandbox is ready.

    Without `until` the sandbox is ready as soon as every dossier has its state.
    """

    start: Annotated[Instant | None, Field(description="Drawn from the seed if left out")] = None
    until: Moment | None = None


class PlacePart(Body):
    """The desk of a commune, or of the province itself."""

    province: Annotated[Text, Field(max_length=2)]
    commune: Annotated[Text, Field(max_length=5)] | None = None


class WithdrawalPart(Body):
    """The citizen asks to withdraw the dossier as soon as it is in the state `when`."""

    reason: Annotated[Shown, Field(max_length=500)]
    when: State = "in_processing"


class DossierPart(Body):
    """A dossier: how it is submitted, what its citizen and its officers do, and the state that it shall have."""

    name: Annotated[Name, Field(description="Name with which tests find the code of the dossier")]
    persona: Name
    at: Annotated[Moment, Field(description="When it is submitted")] = "0s"
    channel: Literal["online", "direct", "public_postal"] = "online"
    procedure: Annotated[Text, Field(max_length=20, examples=["1.001193"])]
    case: Annotated[Text, Field(max_length=20, examples=["2.000635.01"])] | None = None
    province: Annotated[Text, Field(json_schema_extra={"enum": list(PROVINCES)}, examples=["37"])]
    commune: Annotated[Text, Field(max_length=5, examples=["14464"])] | None = None
    capacity: Annotated[
        Literal["self", "representative", "authorised_person", "organisation"],
        Field(description="Whom the persona acts for: a child or organisation that they represent, or another person"),
    ] = "self"
    payer_group: Annotated[Text, Field(max_length=40)] | None = None
    return_by: Literal["direct", "online", "public_postal"] | None = None
    reception: Annotated[PlacePart | None, Field(description="Desk that receives it, if not that of the authority")] = (
        None
    )
    help_at: PlacePart | None = None
    note: Annotated[Note, Field(max_length=2000)] | None = None
    papers: Annotated[
        dict[Line, Annotated[ShownLine, Field(max_length=120)]],
        Field(max_length=50, description="Online only: component → name of an invented file"),
    ] = Field(default_factory=dict)
    decisions: Annotated[
        Decisions, Field(description="The decisions of its officers; drawn from the seed if left out")
    ] = Field(default_factory=Decisions)
    pays: Annotated[
        Literal["at-once", "second-try", "after-expiry", "after-correction", "twice", "never"],
        Field(description="How the citizen pays, until the dossier is in its state"),
    ] = "at-once"
    answers: Annotated[YesNo, Field(description="Whether the citizen answers a request for a supplement")] = True
    rates: Annotated[YesNo, Field(description="Whether the citizen rates the service at the end")] = False
    withdraws: WithdrawalPart | None = None
    state: Annotated[State, Field(description="State of the dossier when the sandbox is ready")]
    expects: Annotated[
        dict[Text, Any],
        Field(max_length=20, description="Dotted path in the citizen's view → its value when the sandbox is ready"),
    ] = Field(default_factory=dict)

    @field_validator("province")
    @classmethod
    def is_a_province(cls, province: str) -> str:
        if province not in PROVINCES:
            raise ValueError(province_fault(province) or "name one province")
        return province


class FaultPart(RuleBody):
    """A fault rule that is switched on at once, unless `from` gives a later time."""

    fault: Literal[tuple(FAULTS)]  # type: ignore[valid-type]


Faults = Annotated[list[FaultPart], Field(max_length=MOST_RULES)]


class ThenPart(Body):
    """Modes and fault rules that are set when the sandbox is ready, for the people who use it then."""

    modes: Modes = Field(default_factory=dict)
    faults: Faults = Field(default_factory=list)


class Scenario(Population):
    """A sandbox with a story. Everything except the version and the titles may be left out."""

    scenario: Annotated[Literal[1], Field(description="Version of this format")]
    title_en: Title
    title_vi: Title
    about: Annotated[
        Prose, Field(description="What happens and what one can learn from it, with the article of law")
    ] = ""
    seed: Annotated[Line, Field(min_length=1, max_length=100, description="Drawn if left out")] | None = None
    clock: ClockPart = Field(default_factory=ClockPart)
    modes: Modes = Field(default_factory=dict)
    faults: Faults = Field(default_factory=list)
    dossiers: Annotated[list[DossierPart], Field(max_length=200)] = Field(default_factory=list)
    then: ThenPart = Field(default_factory=ThenPart)

    @field_validator("dossiers")
    @classmethod
    def names_differ(cls, dossiers: list[DossierPart]) -> list[DossierPart]:
        names = [each.name for each in dossiers]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"two are named '{name}': give the one at index {index} another name")
        return dossiers


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema (2020-12). It does not allow null: a YAML author leaves the member out instead."""
    generated: dict[str, Any] = _without_null(Scenario.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **generated}


def checked(document: Any) -> Scenario:
    """Parse a document as a scenario and check its form. Raises BodyDoesNotFit with all errors."""
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise BodyDoesNotFit(*misfits(error.errors(), schema)) from None


def _without_null(part: Any) -> Any:
    """A schema without null as a type, a choice or a default."""
    if isinstance(part, Mapping):
        kept = {name: _without_null(inner) for name, inner in part.items() if (name, inner) != ("default", None)}
        choices = [each for each in kept.get("anyOf", []) if each != {"type": "null"}]
        if len(choices) == 1:
            del kept["anyOf"]
            return {**choices[0], **kept}
        if isinstance(kept.get("enum"), list):
            kept["enum"] = [each for each in kept["enum"] if each is not None]
        return kept
    return [_without_null(each) for each in part] if isinstance(part, Sequence) and not isinstance(part, str) else part
