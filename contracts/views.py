"""What portal and province show alike of a dossier."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict

from shared.sandbox.clock import wire


def _written(at: object) -> object:
    return wire(at) if isinstance(at, datetime) else at


Moment = Annotated[str, BeforeValidator(_written)]  # a time of the domain, written as everywhere on the wire


class View(BaseModel):
    """Made of a value of the domain that has members of the same names."""

    model_config = ConfigDict(from_attributes=True)


class StatusView(View):
    code: int
    slug: str
    name_vi: str
    name_en: str


class PlaceView(View):
    """Of a commune, or of the province itself (commune null)."""

    province: str
    commune: str | None


class FeeItemView(View):
    """`kind`: service_fee (phí), registration_fee (lệ phí), tax."""

    kind: str
    name: str
    amount_dong: int


class CopyView(View):
    """What both copies of a dossier show. `can`: the moves that the caller may make now."""

    code: str
    procedure: str
    case: str | None
    version: str | None
    channel: str
    applicant: str
    reception: PlaceView | None
    help_at: PlaceView | None
    status: StatusView
    submitted_at: Moment
    received_at: Moment | None
    handed_over_at: Moment | None
    due_at: Moment | None
    paid_dong: int
    refunded_dong: int
    return_by: str | None
    reason: str | None
    can: list[str]

    @classmethod
    def read(cls, dossier: object, **computed: Any) -> Self:
        """The view of a dossier: values from `computed`, and all others from its members of the same name."""
        same = {name: getattr(dossier, name) for name in cls.model_fields if name not in computed}
        return cls(**same, **computed)
