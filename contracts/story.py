"""What each event means in plain words, for timelines: the status it leads to, and a sentence in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts import lifecycle as law

_LEADS_TO = {
    **{move.event: move.then.code for move in law.LIFECYCLE.moves if move.when != move.then},
    **dict.fromkeys(law.LIFECYCLE.begun_by, law.LIFECYCLE.begins.code),
}


def words(event: str, body: Mapping[str, Any]) -> dict[str, object]:
    """`status` (None where the event moves nothing), `text_vi`, `text_en` of an event."""
    row = law.EVENTS.get(event, law.Event("", event, event))
    stays = event == law.FEE_DEMANDED and body.get("moment") in ("at_supplement", "at_result")
    return {"status": None if stays else _LEADS_TO.get(event), "text_vi": row.text_vi, "text_en": row.text_en}
