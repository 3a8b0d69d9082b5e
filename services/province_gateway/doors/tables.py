"""The tables of the doors. Each row belongs to one connector: sandbox and province.

An index that finds one row begins with what identifies it (an id, a dossier), not with sandbox and province. Before the first
ANALYZE of a table, PostgreSQL takes any index that shares two columns with the primary key for as good as that key, and then
reads all rows of a connector to find one (measured: 1.0 instead of 0.1 ms per webhook, with 1500 deliveries).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, MetaData, SmallInteger, Table, Text, text

from services.province_gateway.doors.kafka_store import kafka_doors_table

MOMENT = DateTime(timezone=True)
NOW = text("clock_timestamp()")


def doors_tables(metadata: MetaData) -> list[Table]:
    tables = (_connectors, _subscriptions, _deliveries, _kept, _attempts, _verdicts, kafka_doors_table)
    return [table(metadata) for table in tables]


def _connectors(metadata: MetaData) -> Table:
    return Table(
        "connectors",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("key", Text, nullable=False),
        Column("previous_key", Text, nullable=False, server_default=""),  # "": none
        Column("previous_until", MOMENT),  # real time; the previous key is valid until then
        Column("made_at", MOMENT, nullable=False, server_default=NOW),  # real time, as the next
        Column("heard_at", MOMENT),  # it was told something, or asked in vain
        Column("secret", Text, nullable=False, server_default=""),  # signs webhooks; "": it is not told by webhook
        Column("previous_secret", Text, nullable=False, server_default=""),  # signs beside it until `previous_until`
    )


def _subscriptions(metadata: MetaData) -> Table:
    return Table(
        "subscriptions",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("cursor", BigInteger, nullable=False),  # number of the last delivery that it acknowledged
    )


def _deliveries(metadata: MetaData) -> Table:
    table = Table(
        "deliveries",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("number", BigInteger, primary_key=True),  # from 1 without gaps, in the order of commits: the pull cursor
        Column("dossier", Text, nullable=False),
        Column("id", Text, nullable=False),  # of the event
        Column("source", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("at", MOMENT, nullable=False),  # of the event, sandbox time
        Column("version", Integer, nullable=False),  # `dossierversion` of the event
        Column("traceparent", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("real_at", MOMENT, nullable=False, server_default=NOW),  # when it was ready for the connector
        Column("acknowledged_at", MOMENT),  # real time
        Column("copy", Integer, nullable=False, server_default="0"),  # 1: a fault rule doubled it
        Column("twist", Text, nullable=False, server_default=""),  # a fault that the door applies while it sends
        # Of webhooks, until it is acknowledged:
        Column("attempts", Integer, nullable=False, server_default="0"),  # made so far; the number of the last one
        Column(
            "failures", SmallInteger, nullable=False, server_default="0"
        ),  # since the last resend: place in the schedule
        Column("next_try", MOMENT),  # sandbox time; NULL: now
        Column("claimed_until", MOMENT),  # real time until which one worker alone sends it
        Column("given_up_at", MOMENT),  # real time
        Index("deliveries_event", "id", "sandbox", "province", "copy", unique=True),
        Index("deliveries_dossier", "dossier", "sandbox", "number"),
    )
    waiting = text("acknowledged_at IS NULL")
    Index("deliveries_waiting", table.c.sandbox, table.c.province, table.c.number, postgresql_where=waiting)
    return table


def _attempts(metadata: MetaData) -> Table:
    """The requests that were made to the receivers of webhooks: the last ones of each delivery."""
    return Table(
        "attempts",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("number", BigInteger, primary_key=True),  # of the delivery
        Column("attempt", Integer, primary_key=True),  # from 1
        Column("dossier", Text, nullable=False),
        Column("at", MOMENT, nullable=False),  # sandbox time
        Column("real_at", MOMENT, nullable=False, server_default=NOW),
        Column("status", SmallInteger),  # of the answer; NULL: there was none
        Column("error", Text, nullable=False),  # "": it was delivered
        Column("milliseconds", Integer, nullable=False),
        Column("head", Text, nullable=False),  # first characters of the answer
        Index("attempts_last", "sandbox", "province", "real_at"),
    )


def _kept(metadata: MetaData) -> Table:
    """Deliveries that have no number yet, because the sandbox has fault rules for them (`conductor`)."""
    return Table(
        "kept_deliveries",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("id", Text, primary_key=True),  # of the event, as the columns up to `body`
        Column("dossier", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("version", Integer, nullable=False),
        Column("traceparent", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("place", BigInteger, Identity(), nullable=False),  # their order
        Column("fault", Text),  # that fired for it; "": none, or it is over; NULL: not evaluated yet
        Column("rule", Text, nullable=False, server_default=""),  # Rule.key of that fault
        Column("due", MOMENT),  # sandbox time until which it waits; NULL: unknown
    )


def _verdicts(metadata: MetaData) -> Table:
    table = Table(
        "verdicts",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("number", BigInteger, primary_key=True),
        Column("at", MOMENT, nullable=False),  # sandbox time
        Column("real_at", MOMENT, nullable=False, server_default=NOW),
        Column("door", Text, nullable=False),
        Column("message_id", Text, nullable=False),  # "": it has none
        Column(
            "hash", Text, nullable=False
        ),  # `digest` of the gate: equal for the same id exactly if the message is the same
        Column("dossier", Text, nullable=False),  # "": the message names none
        Column("outcome", Text, nullable=False),
        Column("document", Text, nullable=False),  # JSON
        Column(
            "head", Text, nullable=False, server_default=""
        ),  # first bytes of what is no message, as hexadecimal digits
        Column("hidden_until", MOMENT),  # sandbox time; a fault rule delays it, and what follows; NULL: it can be read
        Column("rule", Text, nullable=False, server_default=""),  # Rule.key of that rule
        Column("outbox_offset", BigInteger),  # of the record on the outbox; null: it came over HTTP
        Index("verdicts_dossier", "dossier", "sandbox", "number"),
    )
    hidden, of_records = text("hidden_until IS NOT NULL"), text("outbox_offset IS NOT NULL")
    accepted = text("outcome IN ('accepted', 'accepted_with_deviations')")
    of_message = (table.c.message_id, table.c.sandbox, table.c.province, table.c.number)
    Index("verdicts_accepted", *of_message, postgresql_where=accepted)
    Index("verdicts_hidden", table.c.sandbox, table.c.province, table.c.number, postgresql_where=hidden)
    Index("verdicts_records", table.c.sandbox, table.c.province, table.c.number, postgresql_where=of_records)
    return table
