"""The rows of the Kafka doors: what each is to be at the broker, and how far its three topics are written and read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, SmallInteger, Table, Text

from services.province_gateway.doors.legacy_tables import EVENT_SQL
from shared.messaging.save_statement import Clause


def kafka_doors_table(metadata: MetaData) -> Table:
    """A row stays when its door is closed, because the topics stay too. It ends when a deleted sandbox has left the broker."""
    return Table(
        "kafka_doors",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("province", Text, primary_key=True),
        Column("lane", SmallInteger, nullable=False),  # of the province: the worker that has it works the door
        Column("password", Text, nullable=False),  # "": the door is to be closed
        Column("wanted", Integer, nullable=False, server_default="1"),  # one more with each change of the password
        Column("opened", Integer, nullable=False, server_default="0"),  # the `wanted` that the broker has
        Column("protocol", Text, nullable=False, server_default=""),  # SASL_PLAINTEXT or SASL_SSL, once it was opened
        Column("barred", Boolean, nullable=False, server_default="false"),  # a fault rule refuses the password
        Column("trouble", Text, nullable=False, server_default=""),  # why the broker cannot do it
        Column("told", BigInteger, nullable=False, server_default="0"),  # number of the last delivery on the inbox
        Column("heard", BigInteger, nullable=False, server_default="0"),  # offset of the next record of the outbox
        Column("judged", BigInteger, nullable=False, server_default="0"),  # number of the last verdict on its topic
    )


# In the statement of effects and verdicts, so that a record has both or none.
HEARD = Clause(
    "heard",
    "UPDATE kafka_doors k SET heard = new.heard FROM {rows} "
    "WHERE (k.sandbox, k.province) = (new.sandbox, new.province) AND k.heard < new.heard",
    "sandbox text, province text, heard bigint",
)
# The password is replaced, or taken away: "". `opened` follows when the broker has it.
WANT_SQL = """
INSERT INTO kafka_doors (sandbox, province, lane, password) VALUES ($1, $2, $3, $4)
ON CONFLICT (sandbox, province) DO UPDATE SET password = EXCLUDED.password, wanted = kafka_doors.wanted + 1, trouble = ''"""
CLOSE_SQL = """
UPDATE kafka_doors SET password = '', wanted = wanted + 1, trouble = ''
WHERE sandbox = $1 AND province = ANY($2) AND password <> ''"""
STATE_SQL = "SELECT * FROM kafka_doors WHERE sandbox = $1 AND province = $2"
UNFINISHED_SQL = """
SELECT k.*, s.deleted FROM kafka_doors k JOIN sandboxes s ON s.id = k.sandbox
WHERE k.lane = ANY($1) AND (s.deleted OR (k.opened <> k.wanted AND k.trouble = '')) ORDER BY k.sandbox, k.province"""
BAR_SQL = """
UPDATE kafka_doors SET barred = $3, wanted = wanted + 1, trouble = ''
WHERE sandbox = $1 AND province = $2 AND barred <> $3 RETURNING true"""
OPENED_SQL = """
UPDATE kafka_doors SET opened = $3, protocol = CASE WHEN $4 = '' THEN protocol ELSE $4 END
WHERE sandbox = $1 AND province = $2 AND wanted = $3"""
TROUBLE_SQL = "UPDATE kafka_doors SET trouble = $4 WHERE sandbox = $1 AND province = $2 AND wanted = $3"
GONE_SQL = "DELETE FROM kafka_doors WHERE sandbox = $1"
# The topics were not there: a broker that was emptied. Everything that is kept here is said again.
FORGOTTEN_SQL = """
UPDATE kafka_doors SET opened = 0, told = 0, heard = 0, judged = 0
WHERE sandbox = $1 AND province = $2 AND opened > 0"""
SWEEP_WHEN = "NOT EXISTS (SELECT FROM kafka_doors k WHERE k.sandbox = s.id)"  # first it leaves the broker
# Open doors that are read: also after the province went to another door, because the broker took those records.
READABLE_SQL = """
SELECT k.sandbox, k.province, k.opened, k.heard, s.modes FROM kafka_doors k JOIN sandboxes s ON s.id = k.sandbox
WHERE k.lane = ANY($1) AND k.opened > 0 AND NOT s.deleted"""
UNTOLD_SQL = f"""
SELECT k.told AS before, k.opened, x.* FROM kafka_doors k JOIN sandboxes s ON s.id = k.sandbox CROSS JOIN LATERAL (
  SELECT * FROM deliveries d WHERE d.sandbox = k.sandbox AND d.province = k.province AND d.number > k.told AND {EVENT_SQL}
  ORDER BY d.number LIMIT $2) x
WHERE k.lane = ANY($1) AND k.opened > 0 AND k.password <> '' AND NOT s.deleted
ORDER BY x.sandbox, x.province, x.number LIMIT $3"""
UNSAID_SQL = """
SELECT k.judged AS before, k.opened, x.* FROM kafka_doors k JOIN sandboxes s ON s.id = k.sandbox CROSS JOIN LATERAL (
  SELECT * FROM verdicts v WHERE v.sandbox = k.sandbox AND v.province = k.province AND v.number > k.judged
  AND v.outbox_offset IS NOT NULL AND NOT EXISTS (SELECT FROM verdicts h WHERE h.sandbox = v.sandbox
    AND h.province = v.province AND h.number <= v.number AND h.hidden_until IS NOT NULL)
  ORDER BY v.number LIMIT $2) x
WHERE k.lane = ANY($1) AND k.opened > 0 AND NOT s.deleted
ORDER BY x.sandbox, x.province, x.number LIMIT $3"""
# What the broker has acknowledged. Another worker may be further: then this one wrote the same records once more.
TOLD_SQL = f"""
WITH t AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) t (sandbox, province, number, before)),
moved AS (UPDATE kafka_doors k SET told = t.number FROM t
  WHERE (k.sandbox, k.province) = (t.sandbox, t.province) AND k.told < t.number),
heard AS (UPDATE connectors c SET heard_at = clock_timestamp() FROM t
  WHERE (c.sandbox, c.province) = (t.sandbox, t.province))
UPDATE deliveries d SET acknowledged_at = clock_timestamp() FROM t
WHERE (d.sandbox, d.province) = (t.sandbox, t.province) AND d.number > t.before AND d.number <= t.number
  AND d.acknowledged_at IS NULL AND {EVENT_SQL}"""
# Takes the same values; verdicts have no mark of their own, so `before` is not used.
SAID_SQL = """
UPDATE kafka_doors k SET judged = t.number
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) t (sandbox, province, number, before)
WHERE (k.sandbox, k.province) = (t.sandbox, t.province) AND k.judged < t.number"""
