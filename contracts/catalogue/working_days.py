"""The days on which offices work."""

from datetime import date

from contracts.catalogue.rows import rows
from shared.calendar import Calendar

PROVISIONAL_YEARS = {2027}  # its swaps and the span of its Tết were not announced when the list was made


def _calendar() -> Calendar:
    listed = [(date.fromisoformat(row["date"]), row) for row in rows("holidays_2025_2027.csv")]
    years = {day.year for day, _ in listed}
    return Calendar(
        days_off={day for day, row in listed if row["kind"] == "day_off"},
        make_up={day for day, row in listed if row["kind"] == "make_up_workday"},
        first=date(min(years), 1, 1),
        last=date(max(years), 12, 31),
        unverified={day for day, row in listed if "VERIFY" in row["source"] or day.year in PROVISIONAL_YEARS},
    )


CALENDAR = _calendar()
