"""The edges at which payment faults bite: the bank's button, the way back, the confirmation, the refund."""

from __future__ import annotations

from typing import Any

from contracts import payment_platform as platform
from contracts.catalogue import province_of
from contracts.faults import payment as named
from services.payment_mock.store import Order
from shared.errors import HeldByFault
from shared.sandbox import faults
from shared.sandbox.faults import Firing, Rule
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection

Message = dict[str, Any]


def about(order: Order) -> dict[str, str]:
    """What rules may match of an order."""
    return {"dossier": order.subject, "province": province_of(order.subject) or ""}


async def at_the_button(connection: Connection, here: Sandbox, order: Order, outcome: str) -> Rule | None:
    """What goes wrong with an attempt to pay, at the bank or, for one that would succeed, on the way back."""
    for edge in (named.CHECKOUT, *([named.RETURN] if outcome == "success" else [])):
        bite = await faults.fire(connection, here, edge, order.subject, **about(order))
        if bite is not None:
            return bite.rule
    return None


async def at_refund(connection: Connection, here: Sandbox, order: Order) -> bool:
    """Whether this request for a refund is refused."""
    return await faults.fire(connection, here, named.REFUND, order.subject, **about(order)) is not None


async def at_confirmation(connection: Connection, here: Sandbox, order: Order) -> Firing | None:
    """What goes wrong when the portal is told; asked again about the same order, the answer is the same."""
    return await faults.fire(connection, here, named.CONFIRM, order.subject, occasion=order.transaction, **about(order))


async def held(connection: Connection, here: Sandbox, order: Order, bite: Firing) -> HeldByFault | None:
    """Why the truth about a payment is not told now; None if it is."""
    rule = bite.rule
    if rule.fault in (named.MISSING, named.AMOUNT, named.SIGNATURE):
        return rule.hold()
    if rule.fault == named.LATE and order.paid_at is not None:
        due = order.paid_at + rule.duration("by")
        return rule.hold(due) if here.now < due else None
    if rule.fault == named.REORDERED and not await _overtakes(connection, here, rule, order.transaction):
        return rule.hold()
    return None


async def _overtakes(connection: Connection, here: Sandbox, rule: Rule, transaction: str) -> bool:
    """Whether another confirmation waits to be overtaken; then this one does not wait, however often it is tried."""
    waits = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM firings WHERE sandbox = $1 AND rule = $2 AND occasion NOT IN ('', $3) AND bit)",
        *(here.id, rule.key, transaction),
    )
    if waits:
        await connection.execute(
            "UPDATE firings SET bit = false WHERE sandbox = $1 AND rule = $2 AND occasion = $3",
            *(here.id, rule.key, transaction),
        )
    return bool(waits)


async def set_free(connection: Connection, here: Sandbox, told: str) -> list[str]:
    """The transactions whose confirmation waited until another, now `told`, has overtaken it."""
    rules = [rule.key for rule in faults.rules_of(here.faults) if rule.fault == named.REORDERED]
    if not rules:
        return []
    rows = await connection.fetch(
        "UPDATE firings SET bit = false WHERE sandbox = $1 AND rule = ANY($2) AND occasion NOT IN ('', $3) AND bit "
        "RETURNING occasion",
        *(here.id, rules, told),
    )
    return [row["occasion"] for row in rows]


def instead(bite: Firing, truth: Message, secret: str) -> list[Message]:
    """What is told while the truth is held back: once."""
    if bite.first_time and bite.rule.fault == named.AMOUNT:
        return [_signed({**truth, "SoTien": truth["SoTien"] + bite.rule.settings["more_dong"]}, secret)]
    if bite.first_time and bite.rule.fault == named.SIGNATURE:
        return [{**truth, "MaXacThuc": "0" * len(str(truth["MaXacThuc"]))}]
    return []


def besides(bite: Firing, truth: Message, secret: str) -> list[Message]:
    """What is told after the truth."""
    if bite.rule.fault == named.DOUBLED:
        return [dict(truth)]
    if bite.rule.fault == named.CONTRADICTING:
        return [_signed({**truth, "MaLoi": platform.OTHER_ERROR}, secret)]
    return []


def _signed(message: Message, secret: str) -> Message:
    return {**message, "MaXacThuc": platform.checksum(message, platform.CONFIRM, secret)}
