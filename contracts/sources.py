"""The laws that our rules rest on. A rule is cited by an instrument that is in force; one that was replaced only beside it.

Source: facts, domain.md 0, 2.1 and 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from contracts.texts import sentence


@dataclass(frozen=True)
class Instrument:
    """A law, decree, circular or decision. `replaced_on`: the first day on which another one holds in its place."""

    name: str
    in_force: date | None = None  # None: not known to us
    replaced_on: date | None = None


INSTRUMENTS = {
    instrument.name: instrument
    for instrument in (
        Instrument("ND 61/2018", replaced_on=date(2025, 7, 1)),  # by ND 118/2025
        Instrument("TT 01/2018", replaced_on=date(2025, 7, 1)),  # guides ND 61/2018; its end is unverified
        Instrument("ND 45/2020", in_force=date(2020, 4, 8)),  # its content is from memory
        Instrument("QĐ 766/2022", in_force=date(2022, 6, 23)),
        Instrument("Law 26/2023", in_force=date(2024, 7, 1)),
        Instrument("ND 69/2024", in_force=date(2024, 7, 1)),  # amended by ND 320/2026
        Instrument("ND 118/2025", in_force=date(2025, 7, 1)),  # amended by ND 367/2025
        Instrument("TT 03/2025"),
    )
}
CITED = re.compile(r"(as )?\b((?:ND|TT|QĐ|Law) [0-9]+/[0-9]{4})")

PERSONAL_NUMBER = "Law 26/2023 art. 12"
LEVELS = sentence("law.levels")
WITHIN_THE_PROVINCE = sentence("law.within_the_province")


def one_stop(articles: str) -> str:
    """The one-stop decree. We read its predecessor; that it keeps these articles in substance is from memory."""
    return f"ND 118/2025, as ND 61/2018 {articles} (unverified)"


def not_in_force(citation: str, on: date) -> list[str]:
    """Instruments that a citation rests on although they are not in force on that day, or unknown here."""
    cited = [(INSTRUMENTS.get(match[2]), match) for match in CITED.finditer(citation)]
    return [
        match[2]
        for instrument, match in cited
        if instrument is None
        or (instrument.in_force is not None and on < instrument.in_force)
        or (instrument.replaced_on is not None and on >= instrument.replaced_on and not match[1])
    ]
