"""Planted bug: a payment is refunded twice."""

from importlib import import_module
from typing import Any

store = import_module("services.payment_mock.store")
original = store.add_refund


async def add_refund(connection: Any, order: Any, refund: str, *more: Any) -> Any:
    await original(connection, order, f"{refund}-2", *more)
    return await original(connection, order, refund, *more)


setattr(store, "add_refund", add_refund)  # noqa: B010
