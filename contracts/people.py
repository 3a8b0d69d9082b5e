"""The people of a sandbox: six personas in every sandbox, and own people and organisations, defined at its creation.

The sandbox row has the own ones in one document. The portal reads only their names, the identity provider reads everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from contracts.decisions import Body
from shared.did_you_mean import no_such
from shared.text import ShownLine, Text

STANDING = ("lan", "minh", "huong", "duc", "hoa", "tuan")  # the personas of every sandbox
WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")  # an own persona, or the key of an organisation
SEXES = ("female", "male")
OLDEST, YOUNGEST = (
    date(1900, 1, 1),
    date(2008, 1, 1),
)  # born in the 20th or 21st century; 18 years old on 2026-01-01, when sandboxes begin
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOST_PEOPLE, MOST_ORGANISATIONS = 50, 20
MOST_REPRESENTED, MOST_CHILDREN = 10, 5  # per person; the token lists all of them, and every request carries the token
NONE = "{}"  # the document of a sandbox without own people
WORDS: dict[str, Any] = {"pattern": f"^{WORD.pattern}$"}

Location = tuple[str | int, ...]


def _full(name: str) -> str:
    if len(name.split()) < 2:
        raise ValueError("is not a full name: write two words or more, such as Trần Thị Nga")
    return name


FullName = Annotated[ShownLine, AfterValidator(_full), Field(max_length=100, examples=["Trần Thị Nga"])]
NAME: TypeAdapter[str] = TypeAdapter(FullName)


def _or_its_name(schema: dict[str, Any]) -> None:
    object_schema = dict(schema)
    schema.clear()
    schema["anyOf"] = [object_schema, {"type": "string", "minLength": 1, "maxLength": 100}]


class Child(Body):
    """An invented child under 14, for whom a parent acts. A text instead of an object is its name."""

    model_config = ConfigDict(json_schema_extra=_or_its_name)
    name: FullName

    @model_validator(mode="before")
    @classmethod
    def may_be_a_name(cls, value: Any) -> Any:
        return {"name": NAME.validate_python(value)} if isinstance(value, str) else value


class Organisation(Body):
    """An invented organisation. Its tax code is drawn from the seed and its key."""

    name: Annotated[ShownLine, Field(max_length=100, examples=["Công ty TNHH Hư Cấu"])]


class OwnPerson(Body):
    """An invented adult who can sign in. The number is drawn from the seed; so is the birthday if none is given."""

    name: FullName
    sex: Annotated[Text, Field(json_schema_extra={"enum": list(SEXES)})]
    born_on: Annotated[
        Text | None,
        Field(
            examples=["1990-04-30"],
            description=f"YYYY-MM-DD, from {OLDEST} to {YOUNGEST}: an adult on 2026-01-01",
        ),
    ] = None
    level: Annotated[int, Field(ge=1, le=2, strict=True, description="of the electronic identity, Decree 69/2024")] = 2
    represents: Annotated[
        list[Annotated[Text, Field(json_schema_extra=WORDS)]],
        Field(max_length=MOST_REPRESENTED, description="keys of `organisations`"),
    ] = Field(default_factory=list)
    children: Annotated[list[Child], Field(max_length=MOST_CHILDREN)] = Field(default_factory=list)

    @field_validator("sex")
    @classmethod
    def is_a_sex(cls, sex: str) -> str:
        if sex not in SEXES:
            raise ValueError(no_such("sex", sex, SEXES))
        return sex

    @field_validator("born_on")
    @classmethod
    def is_an_adults_birthday(cls, born_on: str | None) -> str | None:
        if born_on is None:
            return None
        try:
            day = date.fromisoformat(born_on) if DAY.fullmatch(born_on) else None
        except ValueError:
            day = None
        if day is None:
            raise ValueError(f"'{born_on}' is not a day such as 1990-04-30")
        if not OLDEST <= day <= YOUNGEST:
            raise ValueError(f"must be between {OLDEST} and {YOUNGEST}: only adults can sign in")
        return born_on


def _keyed(most: int, **more: Any) -> Any:
    """A field for a map whose keys match WORD. The validators below check the keys, so that errors point at the member."""
    return Field(default_factory=dict, max_length=most, json_schema_extra={"propertyNames": {**WORDS, **more}})


class Population(Body):
    """The own people and organisations of a sandbox, besides the six personas. A persona is a value for `login_hint`."""

    organisations: dict[str, Organisation] = _keyed(MOST_ORGANISATIONS)
    people: dict[str, OwnPerson] = _keyed(MOST_PEOPLE, **{"not": {"enum": list(STANDING)}})

    @field_validator("organisations")
    @classmethod
    def have_valid_keys(cls, organisations: dict[str, Organisation]) -> dict[str, Organisation]:
        _require_no_faults((((key,), why) for key in organisations if (why := _word_fault("key", key))), organisations)
        return organisations

    @field_validator("people")
    @classmethod
    def fit_together(cls, people: dict[str, OwnPerson], info: ValidationInfo) -> dict[str, OwnPerson]:
        """Every persona is a valid, unused word, and represents only organisations that exist.

        If `organisations` itself has errors, only those are reported.
        """
        _require_no_faults(_faults(people, info.data.get("organisations")), people)
        return people

    def document(self) -> dict[str, Any]:
        """The document to store, without values that are drawn from the seed; empty if there are no own people."""
        parts = {
            "people": {persona: one.model_dump(exclude_none=True) for persona, one in self.people.items()},
            "organisations": {key: one.model_dump() for key, one in self.organisations.items()},
        }
        return {name: part for name, part in parts.items() if part}


@lru_cache(maxsize=512)
def population(text: str) -> Population:
    """The column `people` of a sandbox row, parsed."""
    return Population.model_validate_json(text)


def personas(text: str) -> tuple[str, ...]:
    """Everybody who can sign in to a sandbox: the six personas, then its own people in alphabetical order."""
    return (*STANDING, *sorted(population(text).people))


def _faults(
    people: dict[str, OwnPerson], organisations: dict[str, Organisation] | None
) -> Iterator[tuple[Location, str]]:
    for persona, person in people.items():
        if persona in STANDING:
            yield (persona,), f"'{persona}' exists in every sandbox: choose another word"
        elif why := _word_fault("persona", persona):
            yield (persona,), why
        for index, key in enumerate(person.represents):
            if organisations is not None and key not in organisations:
                why = no_such("organisation", key, organisations) if organisations else "define it in `organisations`"
                yield (persona, "represents", index), why
            elif key in person.represents[:index]:
                yield (persona, "represents", index), f"'{key}' appears twice: name it once"


def _word_fault(kind: str, word: str) -> str | None:
    if WORD.fullmatch(word):
        return None
    return f"is not a valid {kind}: write a small letter, then at most 39 characters from a-z, 0-9 and -"


def _require_no_faults(faults: Iterator[tuple[Location, str]], value: object) -> None:
    """Raises one ValidationError with all faults, each at its location."""
    errors = [
        InitErrorDetails(type="value_error", loc=location, input=value, ctx={"error": ValueError(why)})
        for location, why in faults
    ]
    if errors:
        raise ValidationError.from_exception_data(Population.__name__, errors)
