"""One message beside what is known of its dossier: what every check of the law looks at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from contracts.gate.known import Known
from contracts.gate.message import Message
from contracts.lifecycle import Move


class Case(Struct, frozen=True, gc=False):
    """A message whose body fits its schema, and the dossier that it is about.

    at    when it happened, as the body says
    move  of the lifecycle table that the event reports; None: the law has none in this state
    """

    message: Message
    type: str
    attributes: dict[str, Any]
    data: dict[str, Any]
    known: Known
    now: datetime
    at: datetime
    move: Move | None
