"""Places in a message, and dossiers that a province registers itself: codes, levels, agencies, people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contracts import identity
from contracts.catalogue import (
    COMMUNES,
    OLD_PROVINCES,
    PAYER_GROUPS,
    PROVINCES,
    CaseNotFound,
    Place,
    Procedure,
    ProcedureNotFound,
    agency_code,
    old_communes,
    procedure_at,
    procedure_to_show,
)
from contracts.gate import law_rules as rules
from contracts.gate.case import Case
from contracts.gate.rules import Finding, replaced
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE

PLACES = ("authority", "reception", "help_at", "from_unit", "to_unit")  # not filed_under: it is meant to be old


def check(data: dict[str, Any]) -> Iterator[Finding]:
    """Every place of the body has current codes that belong together."""
    for name in PLACES:
        place = data.get(name)
        if place is not None:
            yield from _place(f"/data/{name}", place)


def _place(pointer: str, place: dict[str, Any]) -> Iterator[Finding]:
    province, commune = place["province"], place["commune"]
    if province not in PROVINCES:
        successor = OLD_PROVINCES[province].became if province in OLD_PROVINCES else None
        if successor is None:
            yield rules.NO_PROVINCE.at(f"{pointer}/province", province)
            return
        patch = replaced(f"{pointer}/province", successor)
        yield rules.OLD_PROVINCE.at(f"{pointer}/province", province, expected=successor, patch=patch)
        province = successor
    if commune is None:
        return
    if commune in COMMUNES:
        if COMMUNES[commune].province != province:
            yield rules.COMMUNE_ELSEWHERE.at(f"{pointer}/commune", commune)
        return
    old = old_communes().get(commune)
    if old is None:
        yield rules.NO_COMMUNE.at(f"{pointer}/commune", commune)
    elif len(old.became) == 1:
        successor = old.became[0][0]
        wanted = f"{successor} ({COMMUNES[successor].name_vi})"
        patch = replaced(f"{pointer}/commune", successor)
        yield rules.OLD_COMMUNE.at(f"{pointer}/commune", commune, expected=wanted, patch=patch)
    else:
        named = ", ".join(f"{code} ({COMMUNES[code].name_vi})" for code, _ in old.became)
        yield rules.SPLIT_COMMUNE.at(f"{pointer}/commune", commune, expected=named)


def handed_over(case: Case) -> Iterator[Finding]:
    """From the desk that received the dossier to the unit that decides."""
    known = case.known
    competent = Place(known.province, known.commune)
    for name, place, rule in (
        ("from_unit", known.reception or competent, rules.FROM_UNIT),
        ("to_unit", competent, rules.TO_UNIT),
    ):
        wanted = {"province": place.province, "commune": place.commune}
        if {key: case.data[name][key] for key in wanted} != wanted:
            text = agency_code(place.province, place.commune)
            yield rule.at(f"/data/{name}", case.data[name], expected=text, patch=replaced(f"/data/{name}", wanted))


def registered(data: dict[str, Any], province: str, at: datetime) -> Iterator[Finding]:
    """A dossier that was handed in at a counter or by post.

    province  whose door it is
    at        when it was registered
    """
    if data["province"] != province:
        patch = replaced("/data/province", province)
        yield rules.BODY_PROVINCE.at("/data/province", data["province"], expected=province, patch=patch)
    if data["authority"]["province"] not in (province, *PROVINCES[province].merged_from):
        yield rules.OTHER_PROVINCE.at("/data/authority/province", data["authority"]["province"])
    yield from _people(data)
    yield from _code(data, at)
    try:
        procedure = procedure_to_show(data["procedure"], at.astimezone(BUSINESS_ZONE).date())
    except ProcedureNotFound:
        yield rules.PROCEDURE.at("/data/procedure", data["procedure"])
        return
    yield from _procedure(data, procedure, at)


def _procedure(data: dict[str, Any], procedure: Procedure, at: datetime) -> Iterator[Finding]:
    try:
        procedure_at(procedure.code, at.astimezone(BUSINESS_ZONE).date())
    except Refusal as refusal:
        yield rules.NOT_IN_FORCE.at("/data/procedure", procedure.code, expected=refusal.detail)
    commune = data["authority"]["commune"]
    if (commune is None and procedure.level == "commune") or (
        commune is not None and procedure.level in ("province", "ministry")
    ):
        yield rules.LEVEL.at("/data/authority/commune", commune)
    if data["reception"] != data["authority"] and not (
        procedure.any_reception and data["reception"]["province"] == data["authority"]["province"]
    ):
        patch = replaced("/data/reception", data["authority"])
        yield rules.RECEPTION.at("/data/reception", data["reception"], patch=patch)
    if data.get("version", procedure.version) != procedure.version:
        patch = replaced("/data/version", procedure.version)
        yield rules.VERSION.at("/data/version", data["version"], expected=procedure.version, patch=patch)
    try:
        procedure.case(data.get("case"))
    except CaseNotFound:
        first = procedure.cases[0].code
        yield rules.CASE.at("/data/case", data["case"], expected=first, patch=replaced("/data/case", first))
    if data.get("payer_group", "ordinary") not in PAYER_GROUPS:
        patch = replaced("/data/payer_group", "ordinary")
        yield rules.PAYER_GROUP.at(
            "/data/payer_group", data["payer_group"], expected=", ".join(PAYER_GROUPS), patch=patch
        )


def _code(data: dict[str, Any], at: datetime) -> Iterator[Finding]:
    agency, day, number = data["dossier_code"].split("-")
    place = data["authority"]
    if place["province"] in PROVINCES and (place["commune"] is None or place["commune"] in COMMUNES):
        wanted = agency_code(place["province"], place["commune"])
        if agency != wanted:
            yield rules.CODE_AGENCY.at("/data/dossier_code", agency, expected=wanted)
    local = at.astimezone(BUSINESS_ZONE)
    if len(day) == 8:
        yield rules.CODE_FORM.at(
            "/data/dossier_code", data["dossier_code"], expected=f"{agency}-{day[2:]}-{number[-4:]}"
        )
    elif day != f"{local:%y%m%d}":
        yield rules.CODE_DATE.at("/data/dossier_code", day, expected=f"{local:%y%m%d}")


def _people(data: dict[str, Any]) -> Iterator[Finding]:
    if identity.person_fault(data["applicant"]["id"]):
        yield rules.REAL_PERSON.at("/data/applicant/id", data["applicant"]["id"][:3] + "…")
    owner, capacity = data.get("owner"), data.get("capacity", "self")
    if owner is not None and identity.fault_of(owner["kind"], owner["id"]):
        yield rules.REAL_PERSON.at("/data/owner/id", owner["id"][:3] + "…")
    kind = identity.OWNER_KINDS.get(capacity)
    if (owner is None) != (capacity == "self") or (owner is not None and kind not in (None, owner["kind"])):
        yield rules.CAPACITY.at("/data/capacity", capacity)
