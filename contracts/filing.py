"""What a filing says besides procedure, agency and applicant: in a request, in both copies of the dossier, in events.

A new particular is one member of `Particulars` here, of `ParticularsBody` if users send it, and of the two event schemas;
`contracts/views.py` shows it. Nothing else names it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, Field

from contracts.catalogue import Channel, Choice, Place, in_current_codes
from contracts.decisions import Body
from shared.storage.value import Value
from shared.text import Note, Text

Capacity = Literal["self", "representative", "authorised_person", "organisation"]


class Particulars(Value, frozen=True, kw_only=True):
    """What a submission says besides the minimum; portal and province store it unchanged.

    capacity     in which the applicant acts
    reception    where it is received, if not at the competent agency
    filed_under  codes from before the merger, if they were used in the submission
    """

    case: str | None = None
    version: str | None = None
    payer_group: str = "ordinary"
    capacity: Capacity = "self"
    reception: Place | None = None
    help_at: Place | None = None
    filed_under: Place | None = None
    return_by: Channel | None = None
    note: str | None = None


class Paper(Value, frozen=True):
    """A paper as it was handed in; its file, if there is one, is stored under its hash."""

    component: str
    form: str
    digitisation: int
    name: str | None = None
    media_type: str | None = None
    size: int | None = None
    sha256: str | None = None


class Owner(Value, frozen=True):
    """The owner of the dossier, if not the applicant."""

    kind: Literal["person", "organisation"]
    id: str
    name: str


class Filing(Particulars, frozen=True, kw_only=True):
    """Particulars, owner and papers. The portal stores owner and papers whole, the province only a name and a number."""

    owner: Owner | None = None
    papers: tuple[Paper, ...] = ()

    @classmethod
    def of(cls, event: BaseModel) -> Filing:
        """The filing in the event that begins a dossier."""
        members = vars(event)
        facts = {name: fact for name in DEFAULTS if (fact := members.get(name)) is not None}
        return msgspec.convert(facts, cls, from_attributes=True)

    def facts(self) -> dict[str, Any]:
        """The filing as members of an event, without those that have their default."""
        defaults = {name for name, default in DEFAULTS.items() if getattr(self, name) == default}
        facts: dict[str, Any] = msgspec.to_builtins(self)  # leaves out defaults by identity, not by value
        return {name: fact for name, fact in facts.items() if name not in defaults}


DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Filing)}


class PlaceBody(Body):
    """A desk: of a commune, or of the province itself (commune null). Codes from before the merger are understood."""

    province: Annotated[str, Field(pattern=r"^[0-9]{2}$", examples=["37"])]
    commune: Annotated[str | None, Field(pattern=r"^[0-9]{5}$", examples=["14464"])] = None

    def place(self) -> Place:
        return Place(self.province, self.commune)


class ParticularsBody(Body):
    """The particulars that users send, at the portal and at a desk."""

    reception: Annotated[PlaceBody | None, Field(description="Desk that receives, when not the agency's")] = None
    help_at: Annotated[PlaceBody | None, Field(description="Where the citizen was helped; decides nothing")] = None
    capacity: Capacity = "self"
    payer_group: Annotated[Text, Field(min_length=1, max_length=40)] = "ordinary"
    return_by: Channel | None = None
    note: Annotated[Note, Field(max_length=2000)] | None = None

    def filing(self, choice: Choice, now: datetime, **checked: Any) -> Filing:
        """The filing with the chosen case and version, and with places in current codes.

        checked  members that the service has checked itself, such as owner and papers
        raises   the refusals of `in_current_codes`
        """
        particulars = self.model_dump(include=set(Particulars.__struct_fields__))
        filing = msgspec.convert({name: each for name, each in particulars.items() if each is not None}, Filing)
        return replace(
            filing,
            case=choice.case.code,
            version=choice.procedure.version,
            filed_under=choice.was,
            help_at=in_current_codes(filing.help_at, now),
            **checked,
        )
