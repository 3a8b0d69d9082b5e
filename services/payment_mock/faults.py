"""Applies the payment fault rules: to the checkout, the return of the browser, the confirmation and the refund."""

from __future__ import annotations

from typing import Any

from contracts import keypay
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
    """The attributes of an order that rules can match."""
    return {"dossier": order.subject, "province": province_of(order.subject) or ""}


async def checkout_rule(connection: Connection, sandbox: Sandbox, order: Order, outcome: str) -> Rule | None:
    """The rule that fires for a payment attempt: at the bank or, if the attempt would succeed, at the browser's return."""
    for edge in (named.CHECKOUT, *([named.RETURN] if outcome == "success" else [])):
        firing = await faults.fire(connection, sandbox, edge, order.subject, **about(order))
        if firing is not None:
            return firing.rule
    return None


async def refuses_refund(connection: Connection, sandbox: Sandbox, order: Order) -> bool:
    """Whether a rule refuses this refund request."""
    return await faults.fire(connection, sandbox, named.REFUND, order.subject, **about(order)) is not None


async def confirmation_firing(connection: Connection, sandbox: Sandbox, order: Order) -> Firing | None:
    """The rule that fires for the CONFIRM of an order; the same result for every attempt of the same CONFIRM."""
    occasion = order.transaction
    return await faults.fire(connection, sandbox, named.CONFIRM, order.subject, occasion=occasion, **about(order))


async def hold_of(connection: Connection, sandbox: Sandbox, order: Order, firing: Firing) -> HeldByFault | None:
    """Why the true CONFIRM is not sent now; None if it is sent."""
    rule = firing.rule
    if rule.fault in (named.MISSING, named.AMOUNT, named.SIGNATURE):
        return rule.hold()
    if rule.fault == named.LATE and order.paid_at is not None:
        due = order.paid_at + rule.duration("by")
        return rule.hold(due) if sandbox.now < due else None
    if rule.fault == named.REORDERED and not await _overtakes(connection, sandbox, rule, order.transaction):
        return rule.hold()
    return None


async def _overtakes(connection: Connection, sandbox: Sandbox, rule: Rule, transaction: str) -> bool:
    """Whether another CONFIRM waits to be overtaken. Then this one does not wait, in this attempt and in all later ones."""
    another_waits = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM firings WHERE sandbox = $1 AND rule = $2 AND occasion NOT IN ('', $3) AND bit)",
        sandbox.id,
        rule.key,
        transaction,
    )
    if another_waits:
        await connection.execute(
            "UPDATE firings SET bit = false WHERE sandbox = $1 AND rule = $2 AND occasion = $3",
            sandbox.id,
            rule.key,
            transaction,
        )
    return bool(another_waits)


async def release_overtaken(connection: Connection, sandbox: Sandbox, sent: str) -> list[str]:
    """Release the CONFIRMs that waited until another one, `sent`, was sent before them; returns their transactions."""
    rules = [rule.key for rule in faults.rules_of(sandbox.faults) if rule.fault == named.REORDERED]
    if not rules:
        return []
    rows = await connection.fetch(
        "UPDATE firings SET bit = false WHERE sandbox = $1 AND rule = ANY($2) AND occasion NOT IN ('', $3) AND bit "
        "RETURNING occasion",
        sandbox.id,
        rules,
        sent,
    )
    return [row["occasion"] for row in rows]


def false_messages(firing: Firing, confirm: Message, secret: str) -> list[Message]:
    """The false messages that are sent, once, while the true `confirm` waits."""
    amount, signature, _ = _members(confirm)
    if firing.first_time and firing.rule.fault == named.AMOUNT:
        return [_signed({**confirm, amount: confirm[amount] + firing.rule.settings["more_dong"]}, secret)]
    if firing.first_time and firing.rule.fault == named.SIGNATURE:
        return [{**confirm, signature: "0" * len(str(confirm[signature]))}]
    return []


def extra_messages(firing: Firing, confirm: Message, secret: str) -> list[Message]:
    """The messages that are sent after the true `confirm`."""
    if firing.rule.fault == named.DOUBLED:
        return [dict(confirm)]
    if firing.rule.fault == named.CONTRADICTING:
        _, _, failed = _members(confirm)
        return [_signed({**confirm, **failed}, secret)]
    return []


def _members(confirm: Message) -> tuple[str, str, Message]:
    """The members with amount and signature, and what says that the payment failed: those of the platform, or of KeyPay."""
    if "check_sum" in confirm:
        return "trans_amount", "check_sum", {"status": "1"}
    return "SoTien", "MaXacThuc", {"MaLoi": platform.OTHER_ERROR}


def _signed(message: Message, secret: str) -> Message:
    if "check_sum" in message:
        return {**message, "check_sum": keypay.callback_signature(message, secret)}
    return {**message, "MaXacThuc": platform.checksum(message, platform.CONFIRM, secret)}
