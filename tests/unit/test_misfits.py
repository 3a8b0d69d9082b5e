"""What pydantic finds wrong is said in our words, in both languages, with the nearest word."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import core_schema

from shared.misfits import misfits
from shared.sentences import Sentence

CONTEXT = {"gt": 1, "ge": 1, "lt": 1, "le": 1, "multiple_of": 2, "min_length": 2, "max_length": 2, "pattern": "x"}
LIBRARY = "Input should be what the library says"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: Literal["red", "green"] = "red"
    amount: Annotated[int, Field(gt=0, strict=True)] = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=3)] | None = None
    code: Annotated[str, Field(pattern="^[0-9]+$", examples=["123"])] = "1"
    parts: list[Inner] = []
    by_name: dict[str, Inner] = {}
    needed: bool


def said(document: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refusal:
        Outer.model_validate(document)
    return dict(misfits(refusal.value.errors(), Outer.model_json_schema))


@pytest.mark.parametrize("kind", [each for each in get_args(core_schema.ErrorType) if each != "value_error"])
def test_no_error_of_the_library_is_quoted(kind: str) -> None:
    item = {"type": kind, "loc": ("body", "x"), "msg": LIBRARY, "input": "y", "ctx": CONTEXT}
    ((pointer, sentence),) = misfits([item], dict)
    assert pointer in ("/x", "") and isinstance(sentence, Sentence) and sentence.vi != sentence
    assert LIBRARY not in sentence and "None" not in sentence and "Input should" not in sentence


@pytest.mark.parametrize(
    ("document", "pointer", "english", "vietnamese"),
    [
        ({"nam": "x"}, "/nam", "did you mean name?", "có phải ý bạn là name?"),
        ({"parts": [{"color": "red"}]}, "/parts/0/color", "did you mean colour?", "có phải ý bạn là colour?"),
        ({"by_name": {"a": {"color": "red"}}}, "/by_name/a/color", "did you mean colour?", "thành phần"),
        ({"parts": [{"colour": "gren"}]}, "/parts/0/colour", "did you mean green?", "có phải ý bạn là green?"),
        ({"parts": [{"amount": 0}]}, "/parts/0/amount", "must be greater than 0", "phải lớn hơn 0"),
        ({"parts": [{"amount": "1"}]}, "/parts/0/amount", "must be a whole number", "phải là số nguyên"),
        ({"parts": {}}, "/parts", "must be a list", "phải là danh sách"),
        ({"parts": [3]}, "/parts/0", "must be an object", "phải là đối tượng"),
        ({"name": "abcd"}, "/name", "has 4 characters; at most 3", "có 4 ký tự; nhiều nhất được 3"),
        ({"name": ""}, "/name", "is empty", "đang trống"),
        ({"code": "x"}, "/code", "such as 123", "ví dụ 123"),
        ({"code": None}, "/code", "leave it out, or give it a value", "hãy bỏ đi"),
        ({"needed": None}, "/needed", "has no value: give it a value", "hãy điền giá trị"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_both_languages(document: Any, pointer: str, english: str, vietnamese: str) -> None:
    sentence = said({"needed": True, **document})[pointer]
    assert english in sentence and isinstance(sentence, Sentence) and vietnamese in sentence.vi


def test_what_is_missing_is_named() -> None:
    assert said({}) == {"/needed": "is missing; add it"}


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(strict=True)] = 9
    name: str | None = None


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ({"kind": "dog"}, {"/name": "is missing; add it"}),
        ({"kind": "dog", "name": None}, {"/name": "has no value: give it a value"}),
        ({"kind": "cat", "lives": "9"}, {"/lives": "must be a whole number, without quotes"}),
        ({"kind": "cow"}, {"/kind": "'cow' is no value: there are cat, dog"}),
        ({}, {"/kind": "is missing; add one of cat, dog"}),
        ({"kind": 3}, {"/kind": "must be one of cat, dog"}),
        ([], {"": 'must be an object with members, such as {"name": "value"}'}),
    ],
    ids=str,
)
def test_a_body_of_several_kinds_is_judged_as_the_one_that_it_names(document: Any, wrong: dict[str, str]) -> None:
    pets: TypeAdapter[Any] = TypeAdapter(Annotated[Cat | Dog, Field(discriminator="kind")])
    with pytest.raises(ValidationError) as refusal:
        pets.validate_python(document)
    found = misfits(refusal.value.errors(), pets.json_schema)
    assert [(pointer, str(sentence)) for pointer, sentence in found] == [*wrong.items()]
