"""What an accepted message asks an office to do: the verb of the lifecycle table, with the connector's own facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from contracts import lifecycle as law
from contracts.dossier import FeeItem
from contracts.gate import money
from contracts.gate.attributes import HAPPENED, instant
from contracts.gate.known import Known
from contracts.gate.verdict import Verdict
from contracts.lifecycle import LIFECYCLE

REGISTER = "register"  # what dossier.registered.v1 does; no move of the table: it begins a dossier
# Members of a body that are members of the gateway's Instruction, under the same name.
SAME = ("reason", "notice_number", "refund_dong", "amount_dong", "method", "channel", "at_desk")


class InstructionFacts(Struct, frozen=True):
    """The move that an accepted message makes.

    does         verb of the lifecycle table, or "register"
    at           when it happened, as the connector says
    instruction  the facts that an official's instruction has, by its names: reason, items (texts), fee, notice_number,
                 refund_dong, amount_dong, method, channel, at_desk
    said         every member of the body, times as aware datetimes: what the connector's event is published with
    """

    does: str
    at: datetime
    instruction: dict[str, Any]
    said: dict[str, Any]


def instruction_facts(verdict: Verdict, known: Known | None) -> InstructionFacts:
    """The move of an accepted verdict, with the body as it was accepted (`verdict.data`).

    raises  ValueError for a verdict that accepted nothing
    """
    if not verdict.is_accepted or verdict.data is None or verdict.type is None:
        raise ValueError(f"the verdict is {verdict.outcome}: nothing is to be done")
    type, data = verdict.type, verdict.data
    move = LIFECYCLE.move_for_event(known.state, type) if known is not None else None
    instruction = {name: data[name] for name in SAME if name in data}
    if type == law.SUPPLEMENT_REQUESTED:
        instruction["items"] = tuple(item["text"] for item in data["items"])
    elif type == law.FEE_DEMANDED and known is not None:
        instruction["fee"] = _fee(data, known, verdict.at)
    said = {name: _value(value) for name, value in data.items()}
    return InstructionFacts(move.does if move else REGISTER, said[HAPPENED[type]], instruction, said)


def _fee(data: dict[str, Any], known: Known, at: datetime) -> tuple[FeeItem, ...]:
    """The items of a demand; if the connector names none, those of the catalogue, else one of the whole amount."""
    if data.get("items"):
        return tuple(FeeItem(item["kind"], item["name"], int(item["amount_dong"])) for item in data["items"])
    listed = money.catalogue_fee(known, at)
    amount = int(data["fee_dong"])
    if sum(item.amount_dong for item in listed) == amount:
        return listed
    return (FeeItem("service_fee", "Phí, lệ phí", amount),)


def _value(value: Any) -> Any:
    return instant(value) or value if isinstance(value, str) else value
