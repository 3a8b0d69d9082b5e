"""The verdicts that are kept: read in their order, and as lines of a timeline."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.sandbox.clock import wire
from shared.storage.database import Database

# Not behind one that a fault rule delays: so a reader that has read up to a number has missed none.
READABLE_SQL = """NOT EXISTS (SELECT FROM verdicts h WHERE h.sandbox = v.sandbox AND h.province = v.province
  AND h.number <= v.number AND h.hidden_until IS NOT NULL)"""
AFTER_SQL = f"""
SELECT * FROM verdicts v WHERE sandbox = $1 AND province = $2 AND number > $3 AND {READABLE_SQL}
ORDER BY number LIMIT $4"""
OUTCOMES_VI = {
    "accepted": "được chấp nhận",
    "accepted_with_deviations": "được chấp nhận, có sai lệch",
    "rejected": "bị từ chối",
    "duplicate": "trùng, không có hiệu lực",
}


async def after(database: Database, sandbox_id: str, province: str, number: int, limit: int) -> list[dict[str, Any]]:
    """The verdicts after a number, at most `limit`: `number`, `real_at`, `door`, the verdict, `offset` and `head`.

    `offset`: of the record on the outbox; `head`: the first bytes of what is no message, as hexadecimal digits
    """
    rows = await database.fetch(AFTER_SQL, sandbox_id, province, number, limit)
    return [
        {
            "number": row["number"],
            "real_at": row["real_at"].isoformat(timespec="milliseconds"),
            "door": row["door"],
            **msgspec.json.decode(row["document"]),
            **({} if row["outbox_offset"] is None else {"offset": row["outbox_offset"]}),
            **({"head": row["head"]} if row["head"] else {}),
        }
        for row in rows
    ]


async def lines(database: Database, service: str, sandbox_id: str, dossier: str) -> list[dict[str, Any]]:
    """The verdicts on messages about a dossier, as timeline entries."""
    sql = f"SELECT * FROM verdicts v WHERE sandbox = $1 AND dossier = $2 AND {READABLE_SQL} ORDER BY number"
    rows = await database.fetch(sql, sandbox_id, dossier)
    return [
        {
            "at": wire(row["at"]),
            "real_at": wire(row["real_at"]),
            "service": service,
            "kind": "verdict",
            **_texts(document := msgspec.json.decode(row["document"])),
            "data": {"number": row["number"], "door": row["door"], **document},
        }
        for row in rows
    ]


def _texts(document: dict[str, Any]) -> dict[str, str]:
    errors = document["errors"]
    rules = f": {', '.join(error['rule'] for error in errors)}" if errors else ""
    said = document["type"] or "?"
    outcome = document["outcome"].replace("_", " ")
    return {
        "text_vi": f"Hệ thống kết nối gửi {said}: {OUTCOMES_VI[document['outcome']]}{rules}",
        "text_en": f"The connector said {said}: {outcome}{rules}",
    }
