"""Money: what is demanded, taken, waived and refunded, compared with catalogue and dossier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts import lifecycle as law
from contracts.dossier import MOMENTS, WAIVED, FeeItem
from contracts.gate import law_rules as rules
from contracts.gate.case import Case
from contracts.gate.known import Known
from contracts.gate.rules import Finding, replaced
from shared.errors import Refusal

TAX = "tax"


def demanded(case: Case) -> Iterator[Finding]:
    """A fee is demanded: number, moment, items, sum, and the amount by the catalogue."""
    data, known = case.data, case.known
    if data.get("demand", number := len(known.demands) + 1) != number:
        patch = replaced("/data/demand", number)
        yield rules.DEMAND_NUMBER.at("/data/demand", data["demand"], expected=number, patch=patch)
    moment = moment_of(known)
    if data.get("moment", moment) != moment:
        patch = replaced("/data/moment", moment)
        yield rules.MOMENT.at("/data/moment", data["moment"], expected=moment, patch=patch)
    if "replaces" in data and (known.owing is None or data["replaces"] != known.owing.number):
        owing = known.owing
        patch = replaced("/data/replaces", owing.number) if owing else ({"op": "remove", "path": "/data/replaces"},)
        yield rules.REPLACES.at("/data/replaces", data["replaces"], expected=owing and owing.number, patch=patch)
    if data["fee_dong"] == 0:
        yield rules.FEE_ZERO.at("/data/fee_dong", 0)
    items = data.get("items")
    total = sum(item["amount_dong"] for item in items) if items else data["fee_dong"]
    if total != data["fee_dong"]:
        patch = replaced("/data/fee_dong", total)
        yield rules.FEE_SUM.at("/data/fee_dong", data["fee_dong"], expected=total, patch=patch)
    yield from _by_the_catalogue(case, items or ())


def moment_of(known: Known) -> str:
    """The moment of the next demand: that of the demand that it corrects or adds to, else by the state."""
    if known.demands and (known.owing or known.state == law.FINANCIAL_OBLIGATION):
        return known.demands[-1].moment
    return MOMENTS.get(known.state.slug, "at_reception")


def catalogue_fee(known: Known, case_at: Any) -> tuple[FeeItem, ...]:
    """The catalogue's fee that is not paid yet; empty if there is none."""
    try:
        return known.catalogue_fee(case_at)
    except (Refusal, KeyError):  # a procedure, version or group of payers that the catalogue has not
        return ()


def is_paid(known: Known) -> bool:
    """Whether a fee of the catalogue was paid before."""
    paid = (demand for demand in known.demands if demand.paid_by not in (None, WAIVED))
    return any(item.kind != TAX for demand in paid for item in demand.items)


def _by_the_catalogue(case: Case, items: Any) -> Iterator[Finding]:
    data, known = case.data, case.known
    taxes = [item for item in items if item["kind"] == TAX]
    if taxes and "notice_number" not in data:
        yield rules.TAX_NOTICE.at("/data/notice_number")
    fees = [item for item in items if item["kind"] != TAX]
    if items and not fees:
        return
    listed = catalogue_fee(known, case.at)
    if not listed:
        pointer = f"/data/items/{items.index(fees[0])}" if fees else "/data/fee_dong"
        yield rules.FEE_UNKNOWN.at(pointer, fees[0]["name"] if fees else data["fee_dong"])
        return
    if is_paid(known):
        yield rules.FEE_TWICE.at("/data/fee_dong", data["fee_dong"])
    wanted, sent = sum(item.amount_dong for item in listed), sum(item["amount_dong"] for item in fees)
    if (sent if fees else data["fee_dong"]) == wanted:
        return
    total = wanted + sum(item["amount_dong"] for item in taxes)
    patch = replaced("/data/fee_dong", total)
    if fees:
        patch = (*replaced("/data/items", [*map(item_of, listed), *taxes]), *patch)
    pointer = f"/data/items/{items.index(fees[0])}/amount_dong" if len(fees) == 1 else "/data/fee_dong"
    yield rules.FEE_AMOUNT.at(pointer, sent if fees else data["fee_dong"], expected=wanted, patch=patch)


def item_of(item: FeeItem) -> dict[str, Any]:
    return {"kind": item.kind, "name": item.name, "amount_dong": item.amount_dong}


def settled(case: Case) -> Iterator[Finding]:
    """The open demand is paid at the office, or waived: its number, its amount, and the receipts."""
    data, owing = case.data, case.known.owing
    if owing is None:
        return
    if data["demand"] != owing.number:
        patch = replaced("/data/demand", owing.number)
        yield rules.OTHER_DEMAND.at("/data/demand", data["demand"], expected=owing.number, patch=patch)
    if data["amount_dong"] != owing.amount_dong:
        patch = replaced("/data/amount_dong", owing.amount_dong)
        yield rules.OTHER_AMOUNT.at("/data/amount_dong", data["amount_dong"], expected=owing.amount_dong, patch=patch)
    if "receipts" in data:
        by_kind: dict[str, int] = {}
        for item in owing.items:
            by_kind[item.kind] = by_kind.get(item.kind, 0) + item.amount_dong
        receipts = {receipt["kind"]: receipt["amount_dong"] for receipt in data["receipts"]}
        wanted = {kind: amount for kind, amount in by_kind.items() if amount}
        if receipts != wanted or len(data["receipts"]) != len(receipts):
            text = ", ".join(f"{kind} {amount}" for kind, amount in wanted.items())
            yield rules.RECEIPTS.at("/data/receipts", data["receipts"], expected=text)


def refunded(case: Case) -> Iterator[Finding]:
    """The dossier ends without a result: what is given back."""
    data, known = case.data, case.known
    refund, returned = data.get("refund_dong", 0), data.get("returned_dong", 0)
    if refund + returned > known.held_dong:
        name = "refund_dong" if refund else "returned_dong"
        most = max(0, known.held_dong - (returned if refund else 0))
        patch = replaced(f"/data/{name}", most) if not (refund and returned > known.held_dong) else None
        yield rules.REFUND.at(f"/data/{name}", refund or returned, expected=most, patch=patch)
    if data.get("paid_dong", known.paid_dong) != known.paid_dong:
        patch = replaced("/data/paid_dong", known.paid_dong)
        yield rules.PAID_SO_FAR.at("/data/paid_dong", data["paid_dong"], expected=known.paid_dong, patch=patch)
