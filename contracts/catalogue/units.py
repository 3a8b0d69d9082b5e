"""Provinces and communes: the current ones, those before the merger, and which old one became which current one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Literal

from contracts.catalogue.rows import many, rows
from shared.errors import Refusal
from shared.storage.value import Value

MERGER = date(2025, 7, 1)  # Resolution 202/2025/QH15: 63 provinces became 34, and the districts were abolished

_CODE_IN_PATH = re.compile(r"/([HG][0-9]{2}(?:\.[0-9]{1,5})*-(?:[0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7}))(?=/|$)")
NO_OLDER = (
    "On 30 June 2025 none had it either. Codes that ended earlier are not known here: give the code of the successor."
)
Share = Literal["whole", "split", "split_default"]


class UnitUnknown(Refusal):
    """No current unit has this code, and where old codes are understood, none had it on the last day before the merger."""


class ProvinceNotFound(UnitUnknown):
    """As UnitUnknown, for a province."""


class CommuneNotFound(UnitUnknown):
    """As UnitUnknown, for a commune."""


class UnitSplit(Refusal):
    """A commune before the merger was divided between several current communes, so its code is ambiguous."""


@dataclass(frozen=True, slots=True)
class Province:
    """One of the 34 provinces. `lane` is its index in code order and its Kafka partition; it never changes.

    unit_type     in October 2026: province or centrally_run_city; for other days see `unit_type_on`
    id_prefixes   first three digits of identity numbers that were issued here before the merger
    merged_from   codes before the merger, including its own
    unit_types    (first day, type), oldest first; the days in October 2026 are our choice, unverified
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
        """The type on `day`: province or centrally_run_city. For a day before the merger, the type at the merger."""
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
    """One of the 63 provinces before the merger. `became` is the code of its only successor."""

    code: str
    name_vi: str
    agency_code: str
    became: str


@dataclass(frozen=True, slots=True)
class OldCommune:
    """A commune before the merger. `became` has (code, share) of every current commune that got a part of it.

    share   whole: all of it; split, split_default: a part (where most people went: law for 58 units, otherwise the choice
            of the package that the data comes from; it has no effect here)
    """

    code: str
    name_vi: str
    district_vi: str
    province: str
    became: tuple[tuple[str, Share], ...]


class Place(Value, frozen=True):
    """The place of a desk or an agency: a commune, or the province itself (commune None)."""

    province: str
    commune: str | None


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """A place in current codes. `was` has the given codes; None if they are the same."""

    province: str
    commune: str | None
    was: Place | None


def agency_code(province: str, commune: str | None = None) -> str:
    """The identifier at the beginning of a dossier code: "H42", or "H42.14464" for a commune.

    province, commune   catalogue codes; KeyError for an unknown code
    source              province part: published index service. The commune part is our proposal, unverified: the real
                        third-level codes of communes were not found.
    """
    agency = PROVINCES[province].agency_code
    return agency if commune is None else f"{agency}.{COMMUNES[commune].code}"


@cache
def agencies_of(province: str) -> frozenset[str]:
    """The agency code of a province, and those of the provinces that became parts of it."""
    was = {old.agency_code for old in OLD_PROVINCES.values() if old.became == province}
    return frozenset({PROVINCES[province].agency_code, *was})


def province_of(code: str) -> str | None:
    """The province of a dossier code or an agency code; None for any other text."""
    return _BY_AGENCY.get(code.split("-")[0].split(".")[0])


def dossier_in(path: str) -> str | None:
    """The dossier code that is a segment of a URL path; None if there is none."""
    match = _CODE_IN_PATH.search(path)
    return match[1] if match else None


def current_province(code: str) -> str:
    """`code`, if it is that of a current province; raises ProvinceNotFound, which names the successor of an old one."""
    if code in PROVINCES:
        return code
    if code in OLD_PROVINCES:
        became = OLD_PROVINCES[code].became
        detail = (
            f"{OLD_PROVINCES[code].name_vi} became a part of {PROVINCES[became].name_vi} on 1 July 2025: use {became}."
        )
        raise ProvinceNotFound(detail, province=code, became=became)
    if its := province_of(code):
        raise ProvinceNotFound(f"It belongs to {PROVINCES[its].name_vi}: use {its}.", province=code)
    raise ProvinceNotFound(f"The 34 codes are: {', '.join(PROVINCES)}. {NO_OLDER}", province=code)


def communes_of(province: str) -> tuple[Commune, ...]:
    """The communes of one province in code order; empty for an unknown province."""
    return _COMMUNES_OF.get(province, ())


def resolve_unit(province: str, commune: str | None, on: date) -> ResolvedPlace:
    """The place that these codes mean, in current codes.

    A current code means the current unit. Another code means the unit before the merger, if it has only one successor.
    If the code of the province is old, or `on` is before the merger, the code of the commune is first read as an old one.

    raises   ProvinceNotFound, CommuneNotFound (both UnitUnknown); UnitSplit with the successors to choose from
    source   commune_mapping.csv: 6,719 old codes are not current codes; 302 of them have several successors
    """
    current_province = _current_province(province)
    old_first = current_province != province or on < MERGER
    current_commune = None if commune is None else _current_commune(commune, old_first=old_first)
    is_current = (current_province, current_commune) == (province, commune)
    return ResolvedPlace(current_province, current_commune, None if is_current else Place(province, commune))


def _current_province(code: str) -> str:
    if code not in PROVINCES and code in OLD_PROVINCES:
        return OLD_PROVINCES[code].became
    return current_province(code)


def _current_commune(code: str, *, old_first: bool) -> str:
    if code in COMMUNES and not old_first:
        return code
    old = old_communes().get(code)
    if old is None:
        if code in COMMUNES:
            return code
        raise CommuneNotFound(f"GET /api/v1/provinces/{{code}}/communes lists them. {NO_OLDER}", commune=code)
    if len(old.became) > 1:
        raise UnitSplit(
            f"{old.name_vi} was divided: name one of its successors.",
            commune=code,
            name_vi=old.name_vi,
            successors=[
                {"code": successor.code, "name_vi": successor.name_vi, "province": successor.province}
                for successor in (COMMUNES[code] for code, _ in old.became)
            ],
        )
    return old.became[0][0]


@cache
def old_communes() -> Mapping[str, OldCommune]:
    """Code → commune before the merger. Loaded at the first call, in about 50 ms.

    Five island districts had no communes and no commune codes, so nothing can be submitted under such a code.
    """
    became: dict[str, list[tuple[str, Share]]] = {}
    names: dict[str, tuple[str, str, str]] = {}
    for row in rows("commune_mapping.csv"):
        code = row["old_commune_code"]
        if code:
            became.setdefault(code, []).append((row["new_commune_code"], row["share"]))  # type: ignore[arg-type]
            names[code] = (row["old_name_vi"], row["old_district_vi"], row["old_province_code"])
    return MappingProxyType({code: OldCommune(code, *names[code], tuple(parts)) for code, parts in became.items()})


@cache
def predecessors() -> Mapping[str, tuple[tuple[OldCommune, Share], ...]]:
    """Code of a current commune → the old communes that it was made of, each whole or in part."""
    groups: dict[str, list[tuple[OldCommune, Share]]] = {}
    for old in old_communes().values():
        for code, share in old.became:
            groups.setdefault(code, []).append((old, share))
    return MappingProxyType({code: tuple(parts) for code, parts in groups.items()})


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
