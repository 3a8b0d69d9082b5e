"""Provinces and communes in time: what they are today, what they were before the merger, and what became of each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Literal

from contracts.catalogue.rows import many, rows
from shared.errors import Refusal
from shared.storage.value import Kept

MERGER = date(2025, 7, 1)  # Resolution 202/2025/QH15: 63 provinces became 34, the district level ended

_CODE_IN_PATH = re.compile(r"/([HG][0-9]{2}(?:\.[0-9]{1,5})*-(?:[0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7}))(?=/|$)")
Share = Literal["whole", "split", "split_default"]


class UnitUnknown(Refusal):
    """No unit, of today or before the merger, has this code."""


class ProvinceNotFound(UnitUnknown):
    """No province has this code, nor had one before the merger."""


class CommuneNotFound(UnitUnknown):
    """No commune has this code, nor had one before the merger."""


class UnitSplit(Refusal):
    """A commune of before the merger went to several of today's: which one is meant cannot be told from its code."""


@dataclass(frozen=True, slots=True)
class Province:
    """One of the 34; `lane` is its index in code order and its Kafka partition, for ever.

    unit_type     as of October 2026: province or centrally_run_city; `unit_type_on` knows other days
    id_prefixes   first three digits of identity numbers issued here before the merger
    merged_from   codes before the merger, its own among them
    unit_types    (first day, type), oldest first; the days of October 2026 are ours, unverified
    """

    code: str
    name_vi: str
    name_en: str
    agency_code: str
    unit_type: str
    lane: int
    id_prefixes: tuple[str, ...]
    merged_from: tuple[str, ...]
    unit_types: tuple[tuple[date, str], ...]

    def unit_type_on(self, day: date) -> str:
        """Province or centrally_run_city on `day`; for a day before the merger what it became then."""
        past = [kind for first, kind in self.unit_types if first <= day]
        return past[-1] if past else self.unit_types[0][1]


@dataclass(frozen=True, slots=True)
class Commune:
    """Commune, ward or special zone: the only level under the province."""

    code: str
    name_vi: str
    unit_type: str
    province: str


@dataclass(frozen=True, slots=True)
class OldProvince:
    """One of the 63 of before the merger; `became` is the code of its one successor."""

    code: str
    name_vi: str
    agency_code: str
    became: str


@dataclass(frozen=True, slots=True)
class OldCommune:
    """A commune of before the merger; `became` holds (code, share) of every commune of today that got a part.

    share   whole: all of it went there; split, split_default: a part (which part is the default is one package's
            choice and decides nothing here)
    """

    code: str
    name_vi: str
    district_vi: str
    province: str
    became: tuple[tuple[str, Share], ...]


class Place(Kept, frozen=True):
    """A desk or an agency: of a commune, or of the province itself (commune None)."""

    province: str
    commune: str | None


@dataclass(frozen=True, slots=True)
class Understood:
    """A place in codes of today; `was` keeps the codes that were given, None if they are the same."""

    province: str
    commune: str | None
    was: Place | None


def agency_code(province: str, commune: str | None = None) -> str:
    """Identifier that opens a dossier code: "H42", or "H42.14464" for a commune.

    province, commune   catalogue codes; KeyError if there is none such
    source              province part: published index service. The commune part is our proposal, unverified:
                        the real third-level codes of communes were not found.
    """
    agency = PROVINCES[province].agency_code
    return agency if commune is None else f"{agency}.{COMMUNES[commune].code}"


def province_of(code: str) -> str | None:
    """The province whose agency opens this dossier code, or agency code; None for any other text."""
    return _BY_AGENCY.get(code.split("-")[0].split(".")[0])


def dossier_in(path: str) -> str | None:
    """The dossier code that is a segment of an address; None if there is none."""
    found = _CODE_IN_PATH.search(path)
    return found[1] if found else None


def communes_of(province: str) -> tuple[Commune, ...]:
    """The communes of one province in code order; empty for an unknown province."""
    return _COMMUNES_OF.get(province, ())


def understand_unit(province: str, commune: str | None, on: date) -> Understood:
    """The place that these codes mean, in codes of today.

    A code of today means today's unit; any other the unit of before the merger, if that has one successor. Where the
    province is named by an old code, or `on` lies before the merger, the commune's code is read as an old one first.

    raises   ProvinceNotFound, CommuneNotFound (both UnitUnknown); UnitSplit with the successors to choose from
    source   commune_mapping.csv: 6,719 old codes are no code of today, 320 of them have several successors
    """
    here = _province_today(province)
    there = None if commune is None else _commune_today(commune, old_first=here != province or on < MERGER)
    same = (here, there) == (province, commune)
    return Understood(here, there, None if same else Place(province, commune))


def _province_today(code: str) -> str:
    if code in PROVINCES:
        return code
    if code in OLD_PROVINCES:
        return OLD_PROVINCES[code].became
    raise ProvinceNotFound("GET /api/v1/provinces lists the 34.", province=code)


def _commune_today(code: str, *, old_first: bool) -> str:
    if code in COMMUNES and not old_first:
        return code
    old = old_communes().get(code)
    if old is None:
        if code in COMMUNES:
            return code
        raise CommuneNotFound("GET /api/v1/provinces/{code}/communes lists them.", commune=code)
    if len(old.became) > 1:
        raise UnitSplit(
            f"{old.name_vi} was divided: name one of its successors.",
            commune=code,
            name_vi=old.name_vi,
            successors=[
                {"code": found.code, "name_vi": found.name_vi, "province": found.province}
                for found in (COMMUNES[successor] for successor, _ in old.became)
            ],
        )
    return old.became[0][0]


@cache
def old_communes() -> Mapping[str, OldCommune]:
    """The communes of before the merger by code; read at the first question, in some 50 ms.

    Five island districts had no commune and no commune code: nothing can be filed under one.
    """
    became: dict[str, list[tuple[str, Share]]] = {}
    named: dict[str, tuple[str, str, str]] = {}
    for row in rows("commune_mapping.csv"):
        code = row["old_commune_code"]
        if code:
            became.setdefault(code, []).append((row["new_commune_code"], row["share"]))  # type: ignore[arg-type]
            named[code] = (row["old_name_vi"], row["old_district_vi"], row["old_province_code"])
    return MappingProxyType({code: OldCommune(code, *named[code], tuple(parts)) for code, parts in became.items()})


@cache
def predecessors() -> Mapping[str, tuple[tuple[OldCommune, Share], ...]]:
    """For every commune of today, the old ones it was made of, each whole or in part."""
    found: dict[str, list[tuple[OldCommune, Share]]] = {}
    for old in old_communes().values():
        for code, share in old.became:
            found.setdefault(code, []).append((old, share))
    return MappingProxyType({code: tuple(parts) for code, parts in found.items()})


def _provinces() -> Iterator[Province]:
    later: dict[str, list[tuple[date, str]]] = {}
    for row in rows("unit_types.csv"):
        later.setdefault(row["code"], []).append((date.fromisoformat(row["valid_from"]), row["unit_type"]))
    for lane, row in enumerate(sorted(rows("provinces.csv"), key=lambda row: row["province_code"])):
        code = row["province_code"]
        yield Province(
            code=code,
            name_vi=row["name_vi"],
            name_en=row["name_en"],
            agency_code=row["agency_code"],
            unit_type=row["unit_type_2026_10"],
            lane=lane,
            id_prefixes=many(row["cccd_prefixes"]),
            merged_from=many(row["merged_from_codes"]),
            unit_types=((MERGER, row["unit_type_2025_07"]), *later.get(code, ())),
        )


def _old_provinces() -> Iterator[OldProvince]:
    for row in rows("provinces.csv"):
        columns = (many(row[f"merged_from_{part}"]) for part in ("codes", "names", "agency_codes"))
        for code, name, agency in zip(*columns, strict=True):
            yield OldProvince(code, name, agency, row["province_code"])


def _communes() -> Iterator[Commune]:
    for row in sorted(rows("communes.csv"), key=lambda row: row["commune_code"]):
        yield Commune(row["commune_code"], row["name_vi"], row["unit_type"], row["province_code"])


def _grouped(communes: Mapping[str, Commune]) -> dict[str, tuple[Commune, ...]]:
    groups: dict[str, list[Commune]] = {}
    for commune in communes.values():
        groups.setdefault(commune.province, []).append(commune)
    return {province: tuple(group) for province, group in groups.items()}


PROVINCES: Mapping[str, Province] = MappingProxyType({province.code: province for province in _provinces()})
OLD_PROVINCES: Mapping[str, OldProvince] = MappingProxyType({old.code: old for old in _old_provinces()})
COMMUNES: Mapping[str, Commune] = MappingProxyType({commune.code: commune for commune in _communes()})
_BY_AGENCY = {province.agency_code: province.code for province in PROVINCES.values()}
_COMMUNES_OF = _grouped(COMMUNES)
