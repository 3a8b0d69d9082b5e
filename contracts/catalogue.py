"""The country as data: provinces, communes, procedures, working days. Loaded once, read-only."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from shared.calendar import Calendar

DATA = Path(__file__).parent / "data"
PROVISIONAL_YEARS = {2027}  # its swaps and the span of its Tết were not announced when the list was made

Level = Literal["commune", "province", "any_level", "ministry"]


@dataclass(frozen=True, slots=True)
class Province:
    """One of the 34; `lane` is its index in code order and its Kafka partition, for ever."""

    code: str
    name_vi: str
    name_en: str
    agency_code: str
    unit_type: str  # as of October 2026: province or centrally_run_city
    lane: int
    id_prefixes: tuple[str, ...]  # first three digits of identity numbers issued here before the merger


@dataclass(frozen=True, slots=True)
class Commune:
    """Commune, ward or special zone: the only level under the province."""

    code: str
    name_vi: str
    unit_type: str
    province: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """An administrative procedure; `verified` says whether time and fee were read in a source.

    code               digit.six digits; `0.` plus the row number where none is known (`provisional_code`)
    working_days       None where the limit is unknown or not in working days; may be 0.5
    fee_online_dong    None where a provincial council sets it or nobody knows
    """

    code: str
    name_vi: str
    name_en: str
    field_vi: str
    field_en: str
    level: Level
    authority: str
    working_days: float | None
    time_note: str
    fee_online_dong: int | None
    fee_note: str
    service_level: Literal["full", "partial", "direct"]
    confidence: Literal["found", "code_found", "memory"]
    source: str
    provisional_code: bool

    @property
    def verified(self) -> bool:
        """Whether code, time or fee were read in a source; otherwise they are defaults to be checked."""
        return self.confidence == "found"

    @property
    def offered(self) -> bool:
        """Whether it can be submitted here: a commune or province handles it, its limit and fee are known."""
        return (
            self.level in ("commune", "province") and self.working_days is not None and self.fee_online_dong is not None
        )

    @property
    def identity_level(self) -> int:
        """Assurance level asked of the citizen: 2 for full-process procedures, else 1. Our proposal, unverified."""
        return 2 if self.service_level == "full" else 1


def agency_code(province: str, commune: str | None = None) -> str:
    """Identifier that opens a dossier code: "H42", or "H42.14464" for a commune.

    province, commune   catalogue codes; KeyError if there is none such
    source              province part: published index service. The commune part is our proposal, unverified:
                        the real third-level codes of communes were not found.
    """
    agency = PROVINCES[province].agency_code
    return agency if commune is None else f"{agency}.{COMMUNES[commune].code}"


def communes_of(province: str) -> tuple[Commune, ...]:
    """The communes of one province in code order; empty for an unknown province."""
    return _COMMUNES_OF.get(province, ())


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _provinces() -> Iterator[Province]:
    rows = sorted(_rows("provinces.csv"), key=lambda row: row["province_code"])
    for lane, row in enumerate(rows):
        yield Province(
            code=row["province_code"],
            name_vi=row["name_vi"],
            name_en=row["name_en"],
            agency_code=row["agency_code"],
            unit_type=row["unit_type_2026_10"],
            lane=lane,
            id_prefixes=tuple(row["cccd_prefixes"].replace("|", " ").split()),
        )


def _communes() -> Iterator[Commune]:
    for row in sorted(_rows("communes.csv"), key=lambda row: row["commune_code"]):
        yield Commune(row["commune_code"], row["name_vi"], row["unit_type"], row["province_code"])


def _procedures() -> Iterator[Procedure]:
    for number, row in enumerate(_rows("procedures.csv"), start=1):
        in_working_days = row["time_unit"] == "working_day"
        yield Procedure(
            code=row["code"] or f"0.{number:06d}",
            name_vi=row["name_vi"],
            name_en=row["name_en"],
            field_vi=row["field_vi"],
            field_en=row["field_en"],
            level=cast(Level, row["level"]),
            authority=row["authority"],
            working_days=float(row["time_value"]) if in_working_days else None,
            time_note=row["time_note"],
            fee_online_dong=int(row["fee_online_vnd"]) if row["fee_online_vnd"] else None,
            fee_note=row["fee_note"],
            service_level=cast(Literal["full", "partial", "direct"], row["service_level"]),
            confidence=cast(Literal["found", "code_found", "memory"], row["confidence"]),
            source=row["source"],
            provisional_code=not row["code"],
        )


def _calendar() -> Calendar:
    rows = [(date.fromisoformat(row["date"]), row) for row in _rows("holidays_2025_2027.csv")]
    years = {day.year for day, _ in rows}
    return Calendar(
        days_off={day for day, row in rows if row["kind"] == "day_off"},
        make_up={day for day, row in rows if row["kind"] == "make_up_workday"},
        first=date(min(years), 1, 1),
        last=date(max(years), 12, 31),
        unverified={day for day, row in rows if "VERIFY" in row["source"] or day.year in PROVISIONAL_YEARS},
    )


def _grouped(communes: Mapping[str, Commune]) -> dict[str, tuple[Commune, ...]]:
    groups: dict[str, list[Commune]] = {}
    for commune in communes.values():
        groups.setdefault(commune.province, []).append(commune)
    return {province: tuple(group) for province, group in groups.items()}


PROVINCES: Mapping[str, Province] = MappingProxyType({province.code: province for province in _provinces()})
COMMUNES: Mapping[str, Commune] = MappingProxyType({commune.code: commune for commune in _communes()})
PROCEDURES: Mapping[str, Procedure] = MappingProxyType({procedure.code: procedure for procedure in _procedures()})
CALENDAR = _calendar()
_COMMUNES_OF = _grouped(COMMUNES)
