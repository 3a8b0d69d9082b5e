"""Who lives in a sandbox: six in every one, and people and organisations of its own, chosen when it is made.

A sandbox keeps its own in one document, of which the portal reads the names and the identity provider all.
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
from shared.text import Shown, Text

STANDING = ("lan", "minh", "huong", "duc", "hoa", "tuan")  # the personas of every sandbox
WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")  # a persona of one's own, the key of an organisation
SEXES = ("female", "male")
OLDEST, YOUNGEST = (
    date(1900, 1, 1),
    date(2008, 1, 1),
)  # of this century or the last; 18 on 2026-01-01, as sandboxes begin
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOST_PEOPLE, MOST_ORGANISATIONS = 50, 20
MOST_REPRESENTED, MOST_CHILDREN = 10, 5  # by one person: the token names them all, and is sent with every request
NONE = "{}"  # the document of a sandbox that has none of its own
WORDS: dict[str, Any] = {"pattern": f"^{WORD.pattern}$"}

Place = tuple[str | int, ...]


def _full(name: str) -> str:
    if len(name.split()) < 2:
        raise ValueError("is no full name: write two words or more, such as Trần Thị Nga")
    return name


FullName = Annotated[Shown, AfterValidator(_full), Field(max_length=100, examples=["Trần Thị Nga"])]
NAME: TypeAdapter[str] = TypeAdapter(FullName)


def _or_its_name(schema: dict[str, Any]) -> None:
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [whole, {"type": "string", "minLength": 1, "maxLength": 100}]


class Child(Body):
    """An invented child under 14, for whom a parent acts; may be given as its name alone."""

    model_config = ConfigDict(json_schema_extra=_or_its_name)
    name: FullName

    @model_validator(mode="before")
    @classmethod
    def may_be_a_name(cls, said: Any) -> Any:
        return {"name": NAME.validate_python(said)} if isinstance(said, str) else said


class Organisation(Body):
    """An invented organisation; its tax code is drawn from the seed and its key."""

    name: Annotated[Shown, Field(max_length=100, examples=["Công ty TNHH Hư Cấu"])]


class OwnPerson(Body):
    """An invented adult who can sign in; the number, and the birthday where none is given, are drawn from the seed."""

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
            raise ValueError(f"'{born_on}' is no day such as 1990-04-30")
        if not OLDEST <= day <= YOUNGEST:
            raise ValueError(f"must lie between {OLDEST} and {YOUNGEST}: whoever signs in is an adult")
        return born_on


def _keyed(most: int, **more: Any) -> Any:
    """A field of a map whose names are words of ours; checked below, to point at the member and not at its key."""
    return Field(default_factory=dict, max_length=most, json_schema_extra={"propertyNames": {**WORDS, **more}})


class Population(Body):
    """People and organisations of a sandbox's own. A persona is what `login_hint` takes, beside the six of every sandbox."""

    organisations: dict[str, Organisation] = _keyed(MOST_ORGANISATIONS)
    people: dict[str, OwnPerson] = _keyed(MOST_PEOPLE, **{"not": {"enum": list(STANDING)}})

    @field_validator("organisations")
    @classmethod
    def have_keys(cls, organisations: dict[str, Organisation]) -> dict[str, Organisation]:
        _must_be_right((((key,), why) for key in organisations if (why := _word_fault("key", key))), organisations)
        return organisations

    @field_validator("people")
    @classmethod
    def fit_together(cls, people: dict[str, OwnPerson], info: ValidationInfo) -> dict[str, OwnPerson]:
        """Each has a word of their own; whom they represent is there, unless what is wrong there is said there."""
        _must_be_right(_faults(people, info.data.get("organisations")), people)
        return people

    def document(self) -> dict[str, Any]:
        """As it is kept: every choice written down, and what was left to the seed left out; empty where nobody is."""
        whole = {
            "people": {persona: one.model_dump(exclude_none=True) for persona, one in self.people.items()},
            "organisations": {key: one.model_dump() for key, one in self.organisations.items()},
        }
        return {name: part for name, part in whole.items() if part}


@lru_cache(maxsize=512)
def population(text: str) -> Population:
    """What a sandbox row holds."""
    return Population.model_validate_json(text)


def personas(text: str) -> tuple[str, ...]:
    """Everybody who can sign in to a sandbox: the six, then its own in the order of the alphabet, however they are kept."""
    return (*STANDING, *sorted(population(text).people))


def _faults(people: dict[str, OwnPerson], organisations: dict[str, Organisation] | None) -> Iterator[tuple[Place, str]]:
    for persona, person in people.items():
        if persona in STANDING:
            yield (persona,), f"'{persona}' lives in every sandbox: choose another word"
        elif why := _word_fault("persona", persona):
            yield (persona,), why
        for place, key in enumerate(person.represents):
            if organisations is not None and key not in organisations:
                known = no_such("organisation", key, organisations) if organisations else "name it in `organisations`"
                yield (persona, "represents", place), known
            elif key in person.represents[:place]:
                yield (persona, "represents", place), f"'{key}' stands there before: name it once"


def _word_fault(kind: str, word: str) -> str | None:
    if WORD.fullmatch(word):
        return None
    return f"is no {kind}: write a small letter, then at most 39 of a-z, 0-9 and -"


def _must_be_right(faults: Iterator[tuple[Place, str]], said: object) -> None:
    """Raises ValidationError with all of them, each at its place."""
    errors = [
        InitErrorDetails(type="value_error", loc=place, input=said, ctx={"error": ValueError(why)})
        for place, why in faults
    ]
    if errors:
        raise ValidationError.from_exception_data(Population.__name__, errors)
