"""All versions of all procedures, read from contracts/data, and which version is in force on a day."""

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, cast

from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue.procedures import CHANNELS, Case, Component, Form, Level, Procedure, ServiceLevel
from contracts.catalogue.rows import day, many, rows, verified
from shared.errors import Refusal

Row = dict[str, str]

FIRST_DAY = date(2025, 7, 1)  # of a version without a source: the day of the merger; our choice, unverified
DEFAULT_LIMIT = Limit(10, Unit.WORKING_DAY)  # for procedures without a limit in the facts; our choice, unverified
UNKNOWN_PAPERS, ON_BEHALF = "(unknown)", "(on behalf)"  # our own rows in papers.csv
BOUNDARIES = {"listed_hai_phong": "listed", "no_memory": "no", "unknown": "unknown"}


class ProcedureNotFound(Refusal):
    """The catalogue has no procedure with this code."""


class ProcedureWithdrawn(Refusal):
    """The procedure is no longer in force. Facts: `valid_to` (first day no longer in force) and `replaced_by`."""


class ProcedureNotYetInForce(Refusal):
    """The procedure's first version begins later. Fact: `valid_from`."""


def versions_of(code: str) -> tuple[Procedure, ...]:
    """Every version of a procedure, oldest first. Raises ProcedureNotFound."""
    versions = VERSIONS.get(code)
    if versions is None:
        raise ProcedureNotFound("GET /api/v1/procedures lists the catalogue.", procedure=code)
    return versions


def procedure_at(code: str, on: date) -> Procedure:
    """The version in force on that day. Raises ProcedureNotFound, ProcedureWithdrawn, ProcedureNotYetInForce."""
    versions = versions_of(code)
    for version in versions:
        if version.in_force(on):
            return version
    first, last = versions[0], versions[-1]
    if on < first.valid_from:
        begins = first.valid_from.isoformat()
        raise ProcedureNotYetInForce(
            f"It can be submitted from {begins} on.", procedure=code, valid_from=begins, on=on.isoformat()
        )
    assert last.valid_to is not None  # there is no gap between versions; a unit test checks it
    raise ProcedureWithdrawn(
        f"Submit {last.replaced_by} instead." if last.replaced_by else "No procedure replaces it.",
        procedure=code,
        valid_to=last.valid_to.isoformat(),
        replaced_by=last.replaced_by,
        on=on.isoformat(),
    )


def procedure_to_show(code: str, on: date) -> Procedure:
    """The version in force on that day; if there is none, the nearest one. Raises ProcedureNotFound."""
    begun = [version for version in versions_of(code) if version.valid_from <= on]
    return begun[-1] if begun else VERSIONS[code][0]


def procedure_of(code: str, version: str | None) -> Procedure:
    """The version that a dossier has stored, even if it is no longer in force; the latest version for None.

    raises   ProcedureNotFound; KeyError for a version that never existed
    """
    versions = versions_of(code)
    return versions[-1] if version is None else {each.version: each for each in versions}[version]


def _procedures() -> Iterator[Procedure]:
    papers = {row["phrase"]: row for row in rows("papers.csv")}
    version_rows = _grouped("procedure_versions.csv")
    case_rows = _grouped("procedure_cases.csv")
    events: dict[str, list[str]] = {}
    for event in rows("life_events.csv"):
        for code in many(event["procedures"]):
            events.setdefault(code, []).append(event["code"])
    for number, row in enumerate(rows("procedures.csv"), start=1):
        code = row["code"] or f"0.{number:06d}"
        for version in version_rows.get(code) or [{}]:
            yield Procedure(
                code=code,
                name_vi=row["name_vi"],
                name_en=row["name_en"],
                field_vi=row["field_vi"],
                field_en=row["field_en"],
                level=cast(Level, row["level"]),
                authority=row["authority"],
                time_note=row["time_note"],
                fee_online_dong=int(row["fee_online_vnd"]) if row["fee_online_vnd"] else None,
                fee_note=row["fee_note"],
                service_level=cast(ServiceLevel, row["service_level"]),
                confidence=cast(Any, row["confidence"]),
                source=row["source"],
                provisional_code=not row["code"],
                version=version.get("version", "1"),
                version_verified=verified(version.get("mark", "P")),
                valid_from=day(version.get("valid_from", "")) or FIRST_DAY,
                valid_to=day(version.get("valid_to", "")),
                replaced_by=version.get("replaced_by") or None,
                cases=tuple(_cases(code, row, version, case_rows.get(code, []), papers)),
                channels=CHANNELS if row["service_level"] != "direct" else ("direct", "public_postal"),
                boundary_independent=cast(Any, BOUNDARIES[row["boundary_independent"]]),
                life_events=tuple(events.get(code, ())),
            )


def _grouped(name: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows(name):
        groups.setdefault(row["procedure"], []).append(row)
    return groups


def _cases(code: str, row: Row, version: Row, cases: list[Row], papers: Mapping[str, Row]) -> Iterator[Case]:
    """The cases of a version: those of procedure_cases.csv, or one case from the row of procedures.csv."""
    ordinary, ordinary_verified = _ordinary_limit(row, version)
    for case in cases or [{"case": "01"}]:
        own_limit = _limit(case, "limit")
        on_behalf = case.get("on_behalf", "yes") == "yes"
        full_code = f"{code}.{case['case']}"
        yield Case(
            code=full_code,
            name_vi=case.get("name_vi", row["name_vi"]),
            name_en=case.get("name_en", row["name_en"]),
            limit=own_limit or ordinary,
            limit_online=_limit(case, "limit_online"),
            components=tuple(_components(full_code, row["documents"], papers, on_behalf=on_behalf)),
            on_behalf=on_behalf,
            limit_verified=verified(case["mark"]) if own_limit else ordinary_verified,
        )


def _ordinary_limit(row: Row, version: Row) -> tuple[Limit, bool]:
    """The limit of the first case of a version, and whether it is verified. "same day" in the note overrides "1 day"."""
    limit = _limit(version, "limit")
    if limit:
        return limit, verified(version["mark"])
    if not row["time_value"]:
        return DEFAULT_LIMIT, False
    value, unit = float(row["time_value"]), Unit(row["time_unit"])
    if "same day" in row["time_note"]:
        unit = Unit.SAME_DAY
    return Limit(value, unit), row["confidence"] == "found" and "memory" not in row["time_note"]


def _limit(row: Row, prefix: str) -> Limit | None:
    value = row.get(f"{prefix}_value")
    return Limit(float(value), Unit(row[f"{prefix}_unit"])) if value else None


def _components(case: str, documents: str, papers: Mapping[str, Row], *, on_behalf: bool) -> Iterator[Component]:
    """The papers of a case. If another person may submit it, an authorisation is added, unless the facts already name it."""
    phrases = list(many(documents)) or [UNKNOWN_PAPERS]
    if on_behalf and not any("ủy quyền" in papers[phrase]["name_vi"] for phrase in phrases):
        phrases.append(ON_BEHALF)
    for number, phrase in enumerate(phrases, start=1):
        paper = papers[phrase]
        yield Component(
            code=f"{case}-TP{number:02d}",
            name_vi=paper["name_vi"],
            name_en=paper["name_en"],
            forms=cast(tuple[Form, ...], many(paper["forms"])),
            required=paper["required"] == "yes",
            eform=paper["eform"] == "yes",
            verified=verified(paper["mark"]),
        )


def _read() -> dict[str, tuple[Procedure, ...]]:
    versions: dict[str, tuple[Procedure, ...]] = {}
    for procedure in _procedures():
        versions[procedure.code] = (*versions.get(procedure.code, ()), procedure)
    return versions


VERSIONS: Mapping[str, tuple[Procedure, ...]] = MappingProxyType(_read())
PROCEDURES: Mapping[str, Procedure] = MappingProxyType({code: each[-1] for code, each in VERSIONS.items()})
# Code of a field of administration, which is one department's → its name in Vietnamese.
FIELDS: Mapping[str, str] = MappingProxyType({each.field_en: each.field_vi for each in PROCEDURES.values()})
