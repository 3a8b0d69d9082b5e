"""How the country does: by province, or by commune of one, how many dossiers there are, on time, overdue, filed online."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE
from shared.storage.database import Database

# One pass over the rows of the sandbox. A dossier without a result counts as if it ended now (source: facts,
# index766_formulas, ON_TIME); nothing is late while the citizen is asked for a supplement.
FIGURES_SQL = """
WITH judged AS (
  SELECT province, commune, is_online,
    CASE WHEN is_overdue IS NOT NULL THEN is_overdue WHEN state = $3 THEN false
         WHEN state = ANY($4) THEN due_at < $2 END AS is_late
  FROM reported_dossiers WHERE sandbox = $1 AND ($5::text IS NULL OR province = $5))
SELECT CASE WHEN $5::text IS NULL THEN province ELSE coalesce(commune, '') END AS place, count(*) AS dossiers,
  count(*) FILTER (WHERE NOT is_late) AS on_time, count(*) FILTER (WHERE is_late) AS overdue,
  count(*) FILTER (WHERE is_online) AS online
FROM judged GROUP BY 1"""
OPEN = [state.code for state in LIFECYCLE.states if state not in (*law.FINAL, law.RESULT_READY, law.SUPPLEMENT)]


@dataclass(frozen=True)
class Figures:
    """Counts of dossiers. Those that ended without a result, or wait for their reception, are neither on time nor overdue."""

    dossiers: int
    on_time: int
    overdue: int
    online: int

    @property
    def on_time_share(self) -> int | None:
        """Of those that are on time or overdue, in per cent; None if there are none."""
        judged = self.on_time + self.overdue
        return self.on_time * 100 // judged if judged else None

    @property
    def online_share(self) -> int:
        """In per cent."""
        return self.online * 100 // self.dossiers if self.dossiers else 0


async def figures(
    database: Database, sandbox_id: str, now: datetime, province: str | None = None
) -> dict[str, Figures]:
    """Province → its figures; with `province`, commune → figures, and those of its departments under an empty text."""
    rows = await database.fetch(FIGURES_SQL, sandbox_id, now, law.SUPPLEMENT.code, OPEN, province)
    return {row["place"]: Figures(row["dossiers"], row["on_time"], row["overdue"], row["online"]) for row in rows}


def total(places: dict[str, Figures]) -> Figures:
    each = places.values()
    return Figures(
        sum(of.dossiers for of in each),
        sum(of.on_time for of in each),
        sum(of.overdue for of in each),
        sum(of.online for of in each),
    )
