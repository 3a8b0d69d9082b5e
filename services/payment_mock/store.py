"""The tables of payment_mock: orders and refunds. An order is created; attempts to pay it can fail until one succeeds."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, UniqueConstraint

from contracts.payment_platform import PARTNER
from shared.messaging.http_outbox import calls_table
from shared.sandbox.clock import wire
from shared.sandbox.faults import firings_table
from shared.sandbox.journal import journal_table
from shared.sandbox.recording import recorded_table
from shared.sandbox.registry import Sandbox, sandboxes_table
from shared.storage.database import Connection, Database

METADATA = MetaData()
State = Literal["created", "failed", "paid"]
Protocol = Literal["platform", "keypay"]

sandboxes_table(METADATA)
journal_table(METADATA)
calls_table(METADATA)
firings_table(METADATA)
recorded_table(METADATA)
Table(
    "orders",
    METADATA,
    Column("sandbox", Text, primary_key=True),
    Column("partner", Text, primary_key=True),  # MaDoiTac
    Column("reference", Text, primary_key=True),  # MaThamChieu
    Column("transaction", Text, nullable=False),  # MaGiaoDich
    Column("amount_dong", BigInteger, nullable=False),
    Column("description", Text, nullable=False),  # ThongTinGiaoDich
    Column("bank", Text, nullable=False),  # MaNganHang
    Column("subject", Text, nullable=False),  # the dossier code, or the reference if INIT has none
    Column("asked_time", Text, nullable=False),  # ThoiGianGD of INIT, as sent
    Column("state", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),  # sandbox time
    Column("paid_at", DateTime(timezone=True)),  # sandbox time
    Column("confirm_answer", Text, nullable=False),  # MaLoi of the partner's reply to CONFIRM; empty before
    Column("traceparent", Text, nullable=False, server_default=""),  # of INIT: the trace of the journey
    Column("protocol", Text, nullable=False, server_default="platform"),  # which messages opened it and report it
    Column("return_url", Text, nullable=False, server_default=""),  # of this order; empty: that of its partner
    UniqueConstraint("sandbox", "transaction"),
)
Table(
    "partners",
    METADATA,
    Column("sandbox", Text, primary_key=True),
    Column("code", Text, primary_key=True),  # MaDoiTac
    Column("key", Text, nullable=False, unique=True),  # in its address
    Column("secret", Text, nullable=False),
    Column("confirm_url", Text, nullable=False),  # empty: it is not told
    Column("return_url", Text, nullable=False),  # empty: the payer's browser stays
)
Table(
    "refunds",
    METADATA,
    Column("sandbox", Text, primary_key=True),
    Column("partner", Text, primary_key=True),
    Column("refund", Text, primary_key=True),  # MaHoanTien
    Column("reference", Text, nullable=False),
    Column("amount_dong", BigInteger, nullable=False),
    Column("refunded_at", DateTime(timezone=True), nullable=False),  # sandbox time
)


@dataclass(frozen=True)
class Order:
    sandbox: str
    partner: str
    reference: str
    transaction: str
    amount_dong: int
    description: str
    bank: str
    subject: str
    asked_time: str
    state: State
    expires_at: datetime
    paid_at: datetime | None = None
    confirm_answer: str = ""
    traceparent: str = ""
    protocol: Protocol = "platform"
    return_url: str = ""

    def has_expired(self, now: datetime) -> bool:
        return self.state != "paid" and self.expires_at <= now


_COLUMNS = ", ".join(field.name for field in fields(Order))
_PARAMETERS = ", ".join(f"${number}" for number in range(1, len(fields(Order)) + 1))


def transaction_of(sandbox: Sandbox, kind: str, *key: str) -> str:
    """MaGiaoDich or MaGiaoDichHoan, computed from the seed and the partner's key: equal runs get equal codes."""
    text = "\x1f".join((sandbox.seed, kind, *key))
    return kind + hashlib.blake2b(text.encode(), digest_size=9).hexdigest().upper()


async def add_order(connection: Connection, order: Order) -> bool:
    """Insert an order; False if the reference exists. A concurrent insert of the same reference waits and returns False."""
    sql = f"INSERT INTO orders ({_COLUMNS}) VALUES ({_PARAMETERS}) ON CONFLICT (sandbox, partner, reference) DO NOTHING"
    return str(await connection.execute(sql, *asdict(order).values())).endswith(" 1")


async def order_by_reference(connection: Connection, sandbox_id: str, partner: str, reference: str) -> Order | None:
    """The order, locked until the transaction ends."""
    where = "sandbox = $1 AND partner = $2 AND reference = $3"
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM orders WHERE {where} FOR UPDATE", sandbox_id, partner, reference
    )
    return Order(**row) if row else None


async def order_by_transaction(connection: Connection, sandbox_id: str, transaction: str) -> Order | None:
    """The order, locked until the transaction ends."""
    where = "sandbox = $1 AND transaction = $2"
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM orders WHERE {where} FOR UPDATE", sandbox_id, transaction)
    return Order(**row) if row else None


async def save_order(connection: Connection, order: Order) -> None:
    """Store the columns that can change: state, time of payment, the partner's reply, the bank that the payer chose."""
    await connection.execute(
        """UPDATE orders SET state = $4, paid_at = $5, confirm_answer = $6, bank = $7
        WHERE sandbox = $1 AND partner = $2 AND reference = $3""",
        order.sandbox,
        order.partner,
        order.reference,
        order.state,
        order.paid_at,
        order.confirm_answer,
        order.bank,
    )


async def expire_order(connection: Connection, order: Order) -> None:
    """Store an earlier end of the time to pay."""
    await connection.execute(
        "UPDATE orders SET expires_at = $3 WHERE sandbox = $1 AND transaction = $2",
        order.sandbox,
        order.transaction,
        order.expires_at,
    )


@dataclass(frozen=True)
class Refunded:
    reference: str
    amount_dong: int
    refunded_at: datetime


async def refund_by_key(connection: Connection, sandbox_id: str, partner: str, refund: str) -> Refunded | None:
    row = await connection.fetchrow(
        "SELECT reference, amount_dong, refunded_at FROM refunds WHERE sandbox = $1 AND partner = $2 AND refund = $3",
        sandbox_id,
        partner,
        refund,
    )
    return Refunded(**row) if row else None


async def refunds_of(connection: Connection, order: Order) -> tuple[int, int]:
    """How much of an order was given back, in đồng, and in how many parts."""
    (row,) = await connection.fetch(
        "SELECT coalesce(sum(amount_dong), 0) AS total, count(*) AS parts FROM refunds "
        "WHERE sandbox = $1 AND partner = $2 AND reference = $3",
        order.sandbox,
        order.partner,
        order.reference,
    )
    return int(row["total"]), row["parts"]


async def add_refund(connection: Connection, order: Order, refund: str, amount_dong: int, at: datetime) -> bool:
    """Insert a refund; False if a concurrent request has just used the key for another order."""
    status = await connection.execute(
        """INSERT INTO refunds (sandbox, partner, refund, reference, amount_dong, refunded_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING""",
        order.sandbox,
        order.partner,
        refund,
        order.reference,
        amount_dong,
        at,
    )
    return str(status).endswith(" 1")


# The orders of a dossier. Only the journal connects a dossier with its orders, so they are found through it.
ORDERS_SQL = """
SELECT o.reference, o.amount_dong, o.state, o.expires_at, o.paid_at, o.confirm_answer,
  c.key, c.attempts, c.last_error, c.refused,
  coalesce((SELECT data->>'MoTaLoi' FROM journal j WHERE j.sandbox = $1 AND j.subject = $2 AND j.kind = 'confirm_refused'
    AND j.data->>'reference' = o.reference ORDER BY j.id DESC LIMIT 1), '') AS why
FROM orders o LEFT JOIN calls c ON c.sandbox = o.sandbox AND c.kind = $3 AND c.key = o.transaction
WHERE o.sandbox = $1 AND o.partner = $4 AND o.reference = ANY(ARRAY(
  SELECT data->>'reference' FROM journal WHERE sandbox = $1 AND subject = $2 AND kind = 'checkout_opened'))
ORDER BY o.expires_at, o.reference"""


async def orders_of(database: Database, sandbox_id: str, subject: str, confirm: str) -> list[dict[str, Any]]:
    """The orders of one dossier in the order of expiry, each with its call of kind `confirm` that is not finished yet."""
    rows = await database.fetch(ORDERS_SQL, sandbox_id, subject, confirm, PARTNER)
    call = ("key", "attempts", "last_error", "refused")
    return [
        {
            **{name: row[name] for name in ("reference", "amount_dong", "state", "confirm_answer")},
            "expires_at": wire(row["expires_at"]),
            "paid_at": wire(row["paid_at"]) if row["paid_at"] else None,
            "refused": row["why"],
            "confirm": {name: row[name] for name in call} if row["key"] is not None else None,
        }
        for row in rows
    ]
