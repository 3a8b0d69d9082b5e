"""A scenario as JSON: who lives in a sandbox, how its provinces act, what goes wrong, which dossiers stand in which state.

Its JSON Schema (`lienthong/scenarios/scenario.schema.json`) is for editors; `checked` says what is wrong, where, and how to
mend it.
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
from shared.did_you_mean import no_such
from shared.errors import BodyDoesNotFit
from shared.problem_types import pointer_of
from shared.text import Shown, Text

STATES = tuple(state.slug for state in LIFECYCLE.states)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Title = Annotated[Shown, Field(max_length=120)]
Prose = Annotated[Text, Field(max_length=4000)]
Moment = Annotated[
    Text, Field(max_length=40, description="An instant, or a length of time from the start on", examples=["3d"])
]
State = Annotated[Literal[STATES], Field()]  # type: ignore[valid-type]
Location = tuple[int | str, ...]
MEMBERS_OF_ITS_OWN = "must have members of its own, such as {name: value}"
SHAPES = {"dict_type": MEMBERS_OF_ITS_OWN, "model_type": MEMBERS_OF_ITS_OWN, "list_type": "must be a list"}
WORDS = {"does": "move", "when": "state", "reception": "choice"}  # what stands in a member whose name does not say it


class ClockPart(Body):
    """When it begins, and where the clock stands when it is handed over; otherwise as soon as every dossier has its state."""

    start: Annotated[Instant | None, Field(description="Drawn from the seed if left out")] = None
    until: Moment | None = None


class PlacePart(Body):
    """A desk: of a commune, or of the province itself."""

    province: Annotated[Text, Field(max_length=2)]
    commune: Annotated[Text, Field(max_length=5)] | None = None


class WithdrawalPart(Body):
    """The citizen asks for the dossier back as soon as it stands in the state `when`."""

    reason: Annotated[Shown, Field(max_length=500)]
    when: State = "in_processing"


class DossierPart(Body):
    """A dossier: how it is handed in, what its citizen and its officers do, and the state in which it is to stand."""

    name: Annotated[Name, Field(description="By which tests find its code")]
    persona: Name
    at: Annotated[Moment, Field(description="When it is handed in")] = "0s"
    channel: Literal["online", "direct", "public_postal"] = "online"
    procedure: Annotated[Text, Field(max_length=20, examples=["1.001193"])]
    case: Annotated[Text, Field(max_length=20, examples=["2.000635.01"])] | None = None
    province: Annotated[Text, Field(json_schema_extra={"enum": list(PROVINCES)}, examples=["37"])]
    commune: Annotated[Text, Field(max_length=5, examples=["14464"])] | None = None
    capacity: Annotated[
        Literal["self", "representative", "authorised_person", "organisation"],
        Field(description="For whom: a child or organisation that the persona represents, or somebody else"),
    ] = "self"
    payer_group: Annotated[Text, Field(max_length=40)] | None = None
    return_by: Literal["direct", "online", "public_postal"] | None = None
    reception: Annotated[PlacePart | None, Field(description="Desk that receives, when not the authority's")] = None
    help_at: PlacePart | None = None
    note: Annotated[Text, Field(max_length=2000)] | None = None
    papers: Annotated[
        dict[Text, Annotated[Shown, Field(max_length=120)]],
        Field(max_length=50, description="Online: component → name of a file, which is made up"),
    ] = Field(default_factory=dict)
    decisions: Annotated[Decisions, Field(description="What its officers decide; drawn from the seed if left out")] = (
        Field(default_factory=Decisions)
    )
    pays: Annotated[
        Literal["at-once", "second-try", "after-expiry", "after-correction", "twice", "never"],
        Field(description="What the citizen does about money, until the dossier is in its state"),
    ] = "at-once"
    answers: Annotated[YesNo, Field(description="Whether the citizen answers a request for a supplement")] = True
    rates: Annotated[YesNo, Field(description="Whether the citizen rates the service in the end")] = False
    withdraws: WithdrawalPart | None = None
    state: Annotated[State, Field(description="In which it stands when the scenario is handed over")]
    expects: Annotated[
        dict[Text, Any], Field(max_length=20, description="Dotted member of the citizen's view → its value then")
    ] = Field(default_factory=dict)

    @field_validator("province")
    @classmethod
    def is_one(cls, province: str) -> str:
        if province not in PROVINCES:
            raise ValueError(province_fault(province) or "name one province")
        return province


class FaultPart(RuleBody):
    """A fault that is on from then on, unless `from` says later."""

    fault: Literal[tuple(FAULTS)]  # type: ignore[valid-type]


Faults = Annotated[list[FaultPart], Field(max_length=MOST_RULES)]


class ThenPart(Body):
    """What is set in the end, for whoever takes the sandbox over."""

    modes: Modes = Field(default_factory=dict)
    faults: Faults = Field(default_factory=list)


class Scenario(Population):
    """A sandbox with a story. Everything but the titles may be left out."""

    scenario: Annotated[Literal[1], Field(description="Version of this format")]
    title_en: Title
    title_vi: Title
    about: Annotated[Prose, Field(description="What happens and what it teaches, with the article of law")] = ""
    seed: Annotated[Text, Field(min_length=1, max_length=100, description="Drawn if left out")] | None = None
    clock: ClockPart = Field(default_factory=ClockPart)
    modes: Modes = Field(default_factory=dict)
    faults: Faults = Field(default_factory=list)
    dossiers: Annotated[list[DossierPart], Field(max_length=200)] = Field(default_factory=list)
    then: ThenPart = Field(default_factory=ThenPart)

    @field_validator("dossiers")
    @classmethod
    def names_differ(cls, dossiers: list[DossierPart]) -> list[DossierPart]:
        names = [each.name for each in dossiers]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f"two are named '{name}': give the one at place {place} another name")
        return dossiers


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema (2020-12). Whoever writes YAML leaves out what there is not: null is no value in it."""
    made: dict[str, Any] = _without_null(Scenario.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def checked(document: Any) -> Scenario:
    """The scenario that a document is, as far as its form goes. Raises BodyDoesNotFit with all that is wrong."""
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        found = ((tuple(item["loc"]), item) for item in error.errors())
        raise BodyDoesNotFit(*((pointer_of(at), _sentence(at, item)) for at, item in found)) from None


def _sentence(at: Location, item: Mapping[str, Any]) -> str:
    """What pydantic found, said to somebody who writes YAML; with the nearest word where there are words to choose from."""
    kind, given = item["type"], item["input"]
    if kind == "missing":
        return "is missing; add it"
    if kind == "extra_forbidden":
        return no_such("member here", str(at[-1]), _part(at[:-1]).get("properties", ()))
    words = _part(at).get("enum", ())
    if kind == "literal_error" and isinstance(given, str) and words:
        return no_such(WORDS.get(str(at[-1]), str(at[-1])), given, words)
    if (kind == "string_type" or words) and isinstance(given, int | float):
        read_as = "true or false" if isinstance(given, bool) else f"the number {given}"
        return f"is read as {read_as}: write it in quotes"
    if given is None:
        return "holds nothing: leave it out, or give it a value"
    if kind in SHAPES:
        return SHAPES[kind]
    if kind == "too_long" and isinstance(given, str):
        return f"has {len(given)} characters; at most {item['ctx']['max_length']} are allowed"
    return str(item["msg"]).removeprefix("Value error, ")


def _part(at: Location) -> Mapping[str, Any]:
    """What the schema says of a place in a document."""
    part: Any = schema()
    for step in at:
        part = _followed(part)
        inside = part.get("properties", {}).get(step) or part.get("additionalProperties")
        part = part.get("items") if isinstance(step, int) else inside
    return _followed(part)


def _followed(part: Any) -> Mapping[str, Any]:
    if not isinstance(part, dict):
        return {}
    name = part.get("$ref", "").removeprefix("#/$defs/")
    return _followed(schema()["$defs"][name]) if name else part


def _without_null(part: Any) -> Any:
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
