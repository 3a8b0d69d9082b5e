"""JSON models for the work of officials: a move with its facts, a step of a script, the decisions on a dossier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE
from shared.did_you_mean import no_such
from shared.text import Shown, ShownLine, Text

# VERBS_IN: state → the verbs of officials in it. VERBS: all verbs of officials.
VERBS_IN = {s.slug: [m.does for m in LIFECYCLE.moves_from(s) if m.who in law.OFFICIALS] for s in LIFECYCLE.states}
VERBS = tuple(dict.fromkeys(move.does for move in LIFECYCLE.moves if move.who in law.OFFICIALS))
TOO_MUCH = 10**12  # đồng; also the portal's limit of one payment

Dong = Annotated[int, Field(ge=0, lt=TOO_MUCH, strict=True)]
Days = Annotated[int, Field(ge=1, le=60, strict=True)]
WorkingDays = Annotated[float, Field(ge=0, le=60, strict=True)]
YesNo = Annotated[bool, Field(strict=True)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FeeItemBody(Body):
    kind: Literal["service_fee", "registration_fee", "tax"]
    name: Annotated[ShownLine, Field(max_length=250)]
    amount_dong: Dong


class MoveFacts(Body):
    """A move of the lifecycle table, with its facts. A fact that is left out gets the default of the office."""

    does: Literal[VERBS]  # type: ignore[valid-type]
    reason: Annotated[
        Annotated[Shown, Field(max_length=500)] | None,
        Field(
            description="the reason that the citizen reads; in manual mode needed for refuse, reject, stop, reschedule, "
            "waive_fee and decline_withdrawal, and for request_supplement without items"
        ),
    ] = None
    items: Annotated[
        list[Annotated[Shown, Field(max_length=500)]],
        Field(max_length=50, description="request_supplement: the complete list of what is missing"),
    ] = Field(default_factory=list)
    fee: Annotated[
        list[FeeItemBody], Field(max_length=20, description="the fee to demand; default: that of the catalogue")
    ] = Field(default_factory=list)
    notice_number: Annotated[ShownLine, Field(max_length=60)] | None = None
    days: Annotated[Days, Field(description="reschedule: working days later")] | None = None
    answer_days: Annotated[Days, Field(description="request_supplement: working days to answer")] | None = None
    refund_dong: Annotated[
        Dong | None,
        Field(
            description="an end without a result: the total refund; default: everything for refuse and grant_withdrawal, else 0"
        ),
    ] = None
    amount_dong: Annotated[Dong, Field(description="take_payment: must be the amount that is due")] | None = None
    method: Literal["counter", "transfer"] = "counter"
    channel: Literal["direct", "online", "public_postal"] | None = None
    at_desk: Annotated[YesNo, Field(description="receive, resume: the papers were brought to the desk")] = False

    @field_validator("fee")
    @classmethod
    def can_be_paid(cls, fee: list[FeeItemBody]) -> list[FeeItemBody]:
        if fee and not 0 < sum(item.amount_dong for item in fee) < TOO_MUCH:
            raise ValueError(f"must have a total of 1 to {TOO_MUCH - 1} đồng")
        return fee


class Step(MoveFacts):
    """One move outside the normal path: made as soon as the lifecycle allows it, or in the state `at`.

    after_days  working days to wait before it
    """

    at: Annotated[Text, Field(max_length=40, json_schema_extra={"enum": list(VERBS_IN)})] | None = None
    after_days: WorkingDays = 0

    @field_validator("at")
    @classmethod
    def is_in_the_table(cls, at: str | None, info: ValidationInfo) -> str | None:
        """Checks what can be checked now. The lifecycle can still refuse the step when it is due."""
        if at is not None and at not in VERBS_IN:
            raise ValueError(no_such("state", at, VERBS_IN))
        if at is not None and (does := info.data.get("does")) not in (None, *VERBS_IN[at]):
            raise ValueError(
                f"'{does}' is not possible in {at}; officials can do: {', '.join(VERBS_IN[at]) or 'nothing'}"
            )
        return at


class Decisions(Body):
    """The decisions of the officers, instead of decisions drawn from the seed."""

    reception: Literal["receive", "refuse"] | None = None
    reason: Annotated[Shown, Field(max_length=500)] | None = None
    processing_days: Annotated[WorkingDays, Field(description="working days from start to result")] | None = None
    withdrawal: Literal["grant", "decline"] = "grant"
    fee_moment: Literal["at_reception", "at_result"] = "at_reception"
    steps: Annotated[list[Step], Field(max_length=20)] = Field(default_factory=list)
