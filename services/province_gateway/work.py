"""The unit of work of the gateway, and how its commands read the time and publish events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.province_gateway.domain import Dossier
from shared.messaging.save_statement import Clause
from shared.messaging.unit_of_work import Work as AnyWork
from shared.sandbox.clock import BUSINESS_ZONE
from shared.sentences import Sentence

Work = AnyWork[Dossier]
JOURNAL = Clause(
    "journal_lines",
    "INSERT INTO journal (sandbox, subject, at, kind, text_vi, text_en, data) "
    "SELECT sandbox, subject, at, kind, text_vi, text_en, data::jsonb FROM {rows}",
    "sandbox text, subject text, at timestamptz, kind text, text_vi text, text_en text, data text",
)


def local_time(work: Work, code: str) -> datetime:
    return work.at(code).astimezone(BUSINESS_ZONE)


def save_and_publish(work: Work, dossier: Dossier, event: str, /, **facts: Any) -> None:
    """Save the dossier and publish an event about it, without the facts that are None."""
    work.save(dossier.code, dossier)
    body = {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts}
    work.publish(event, dossier.code, {name: fact for name, fact in body.items() if fact is not None})


def write_down(work: Work, code: str, kind: str, text: Sentence, /, **data: object) -> None:
    """Write a line into the journal of a dossier, with everything else that is saved."""
    line = (kind, text.vi, str(text), msgspec.json.encode(data).decode())
    work.insert(JOURNAL, (work.sandbox.id, code, work.at(code), *line))
