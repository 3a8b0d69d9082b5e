"""The edges at which payment faults bite: the bank's button, the way back, the confirmation, the refund."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from contracts import payment_platform as platform
from contracts.catalogue import province_of
from contracts.faults import payment as named
from services.payment_mock.store import Order
from shared import faults
from shared.clock import parse_duration
from shared.db import Connection
from shared.faults import Bite, Rule
from shared.sandboxes import Sandbox

Message = dict[str, Any]


def about(order: Order) -> dict[str, str]:
    """What rules may match of an order."""
    return {"dossier": order.subject, "province": province_of(order.subject) or ""}


async def at_the_button(connection: Connection, here: Sandbox, order: Order) -> Rule | None:
    """What goes wrong with an attempt to pay, at the bank or on the way back."""
    for edge in (named.CHECKOUT, named.RETURN):
        bite = await faults.bite(connection, here, edge, order.subject, **about(order))
        if bite is not None:
            return bite.rule
    return None


async def at_refund(connection: Connection, here: Sandbox, order: Order) -> bool:
    """Whether this request for a refund is refused."""
    return await faults.bite(connection, here, named.REFUND, order.subject, **about(order)) is not None


async def at_confirmation(connection: Connection, here: Sandbox, order: Order) -> Bite | None:
    """What goes wrong when the portal is told; asked again about the same order, the answer is the same."""
    return await faults.bite(connection, here, named.CONFIRM, order.subject, occasion=order.transaction, **about(order))


async def overtaken(connection: Connection, here: Sandbox, rule: Rule, transaction: str) -> list[str]:
    """The confirmations that a rule holds until another is told, set free by this one: their transactions."""
    rows = await connection.fetch(
        "UPDATE firings SET bit = false WHERE sandbox = $1 AND rule = $2 AND occasion <> $3 AND occasion <> '' AND bit "
        "RETURNING occasion",
        *(here.id, rule.key, transaction),
    )
    return [row["occasion"] for row in rows]


def before_the_truth(bite: Bite, message: Mapping[str, Any], secret: str) -> list[Message]:
    """What is told instead of the true confirmation, the first time it is tried."""
    if not bite.fresh:
        return []
    if bite.rule.fault == named.AMOUNT:
        return [_signed({**message, "SoTien": message["SoTien"] + bite.rule.settings["more_dong"]}, secret)]
    if bite.rule.fault == named.SIGNATURE:
        return [{**message, "MaXacThuc": "0" * len(str(message["MaXacThuc"]))}]
    return []


def after_the_truth(bite: Bite, message: Mapping[str, Any], secret: str) -> list[Message]:
    """What is told besides the true confirmation, after it."""
    if bite.rule.fault == named.DOUBLED:
        return [dict(message)]
    if bite.rule.fault == named.CONTRADICTING:
        return [_signed({**message, "MaLoi": platform.OTHER_ERROR}, secret)]
    return []


def hold_back(bite: Bite, here: Sandbox, order: Order) -> None:
    """Raises HeldByFault where the truth is not told now."""
    rule, paid_at = bite.rule, order.paid_at
    if rule.fault == named.LATE and paid_at is not None:
        due = paid_at + duration(rule, "by")
        if here.now < due:
            raise rule.hold(due)
    if rule.fault in (named.MISSING, named.AMOUNT, named.SIGNATURE):
        raise rule.hold()


def duration(rule: Rule, setting: str) -> timedelta:
    return parse_duration(rule.settings[setting], "")


def _signed(message: Message, secret: str) -> Message:
    return {**message, "MaXacThuc": platform.checksum(message, platform.CONFIRM, secret)}
