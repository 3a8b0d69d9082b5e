"""The JSON model of a fault rule: which fault fires, for what, how often, and in which period."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.sandbox.clock import TimeText
from shared.text import Text

MOST_RULES = 100  # of one sandbox
Pattern = Annotated[Text, Field(min_length=1, max_length=200)]
Instant = TimeText
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class RuleBody(BaseModel):
    """A fault rule. Without nth, times and probability it fires every time. `from` and `until` are sandbox time."""

    model_config = ConfigDict(extra="forbid")
    fault: Annotated[Text, Field(max_length=60, examples=["confirmation-late"])]
    id: Id | None = Field(
        None, description="Id of the rule; default: the name of the fault. It replaces a rule with the same id"
    )
    match: Annotated[dict[Text, Pattern], Field(max_length=10)] = Field(default_factory=dict)
    settings: Annotated[dict[Text, Any], Field(max_length=10)] = Field(default_factory=dict, alias="with")
    nth: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    times: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    probability: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] | None = None
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = None
