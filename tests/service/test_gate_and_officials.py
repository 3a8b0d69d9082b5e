"""What our own officials publish passes the gate that judges outsiders: one law for both."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from contracts import gate
from contracts import lifecycle as law
from contracts.gate import Known, message_of
from services.province_gateway import arrival
from services.province_gateway.moves.context import OfficialMove
from shared.sandbox.clock import wire
from tests.service.test_law_at_random import told
from tests.support.country import Country

# By hand ours may request a second supplement (QĐ 766 counts it), demand a tax without its notice or a fee that was paid, and
# return a result through another channel.
OWN_WAYS = {"LT-LAW-063", "LT-LAW-076", "LT-LAW-078", "LT-LAW-105"}
STORIES = 10


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "PATIENCE", 0.0)


async def test_the_gate_takes_what_officials_say(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    said: Counter[str] = Counter()
    refused: list[Any] = []
    publish = OfficialMove.publish

    def judged(move: OfficialMove, dossier: Any, **facts: Any) -> None:
        body = {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts}
        body = {name: fact for name, fact in body.items() if fact is not None}
        if move.instruction.at_desk:
            body["at_desk"] = True
        known = Known.of(move.before)
        event = {
            "specversion": "1.0",
            "id": f"{dossier.code}-{sum(said.values())}",
            "source": "/provinces/37",
            "type": move.event,
            "subject": dossier.code,
            "time": wire(move.at),
            "partitionkey": dossier.code,
            "data": body,
        }
        verdict = gate.check(message_of(event, "kafka", dossier.province), known, move.at)
        errors = [error for error in verdict.errors if error.rule not in OWN_WAYS]
        if errors:
            refused.append(
                (move.event, known.state.slug, [(e.rule, e.pointer, e.expected, e.got) for e in errors], body)
            )
        said[move.event] += 1
        publish(move, dossier, **facts)

    monkeypatch.setattr(OfficialMove, "publish", judged)
    await told(country, STORIES, modes_change=False)
    kinds = Counter((type, error[0]) for type, _, errors, _ in refused for error in errors)
    assert not refused, (kinds, refused[:3])
    assert said[law.DOSSIER_RECEIVED] and len(said) >= 10, said
