"""What the catalogue shows. `verified` false: a default from memory or of ours, never to be shown as fact."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from contracts.calendar.worktime import Limit
from contracts.catalogue import (
    COMMUNES,
    MERGER,
    OLD_PROVINCES,
    PROVINCES,
    Case,
    Commune,
    Fee,
    LifeEvent,
    OldCommune,
    OldProvince,
    PayerGroup,
    Procedure,
    Province,
    predecessors,
    versions_of,
)


class UnitName(BaseModel):
    """Another unit, and how much of the one it stands beside lies in it or came from it: whole or split."""

    code: str
    name_vi: str
    province: str | None = None
    share: str = "whole"


class ProvinceView(BaseModel):
    code: str
    name_vi: str
    name_en: str
    agency_code: str
    unit_type: str
    merged_from: list[UnitName]

    @classmethod
    def of(cls, found: Province, on: date) -> ProvinceView:
        return cls(
            code=found.code,
            name_vi=found.name_vi,
            name_en=found.name_en,
            agency_code=found.agency_code,
            unit_type=found.unit_type_on(on),
            merged_from=[_old_province(code) for code in found.merged_from],
        )


class CommuneView(BaseModel):
    code: str
    name_vi: str
    unit_type: str
    province: str

    @classmethod
    def of(cls, found: Commune) -> CommuneView:
        return cls(code=found.code, name_vi=found.name_vi, unit_type=found.unit_type, province=found.province)


class UnitView(BaseModel):
    """A unit's code on a day: its name then, whether it was in force, what it was made of, what became of it.

    `was` are units before the merger, `became` those after it. A unit in force has not become anything yet, unless it
    is one of before.
    """

    code: str
    kind: str = Field(description="province or commune; whether it is a ward or a city: unit_type")
    name_vi: str
    unit_type: str | None = Field(description="null for a commune of before the merger: not in our data")
    province: str | None
    in_force: bool
    valid_from: date | None = Field(description="null: before our data begin")
    valid_to: date | None = Field(description="first day no more in force; null: in force")
    was: list[UnitName]
    became: list[UnitName]

    @classmethod
    def of_province(cls, found: Province | None, old: OldProvince, on: date) -> UnitView:
        """As of `on`: of a code that has lived through the merger, the unit of that side."""
        if found is not None and on >= MERGER:
            was = [_old_province(code) for code in found.merged_from]
            return cls(**_now("province", found.code, found.name_vi, found.unit_type_on(on), None, on), was=was)
        successor = PROVINCES[old.became]
        became = [UnitName(code=successor.code, name_vi=successor.name_vi)]
        return cls(**_before("province", old.code, old.name_vi, None, on), became=became)

    @classmethod
    def of_commune(cls, found: Commune | None, old: OldCommune | None, on: date) -> UnitView:
        """As `of_province`; one of the two is there."""
        if found is not None and (on >= MERGER or old is None):
            was = [
                UnitName(code=each.code, name_vi=each.name_vi, province=each.province, share=_share(share))
                for each, share in predecessors().get(found.code, ())
            ]
            return cls(**_now("commune", found.code, found.name_vi, found.unit_type, found.province, on), was=was)
        assert old is not None
        became = [
            UnitName(code=code, name_vi=COMMUNES[code].name_vi, province=COMMUNES[code].province, share=_share(share))
            for code, share in old.became
        ]
        return cls(**_before("commune", old.code, old.name_vi, old.province, on), became=became)


def _now(kind: str, code: str, name_vi: str, unit_type: str, province: str | None, on: date) -> dict[str, Any]:
    facts = {"kind": kind, "code": code, "name_vi": name_vi, "unit_type": unit_type, "province": province}
    return {**facts, "in_force": on >= MERGER, "valid_from": MERGER, "valid_to": None, "became": []}


def _before(kind: str, code: str, name_vi: str, province: str | None, on: date) -> dict[str, Any]:
    facts = {"kind": kind, "code": code, "name_vi": name_vi, "unit_type": None, "province": province}
    return {**facts, "in_force": on < MERGER, "valid_from": None, "valid_to": MERGER, "was": []}


def _share(share: str) -> str:
    """Which part is the default is one package's choice; we show only whether a unit was divided."""
    return "whole" if share == "whole" else "split"


def _old_province(code: str) -> UnitName:
    return UnitName(code=code, name_vi=OLD_PROVINCES[code].name_vi)


class CatalogueLimitView(BaseModel):
    value: float
    unit: str = Field(description="working_day, day, hour, same_day or immediate")

    @classmethod
    def of(cls, limit: Limit) -> CatalogueLimitView:
        return cls(value=limit.value, unit=limit.unit.value)


class ComponentView(BaseModel):
    code: str
    name_vi: str
    name_en: str
    forms: list[str] = Field(description="original, copy, electronic")
    required: bool
    eform: bool
    verified: bool


class CaseView(BaseModel):
    code: str
    name_vi: str
    name_en: str
    limits: dict[str, CatalogueLimitView] = Field(description="by channel")
    limit_verified: bool
    on_behalf: bool
    components: list[ComponentView]

    @classmethod
    def of(cls, case: Case, channels: tuple[str, ...]) -> CaseView:
        return cls(
            code=case.code,
            name_vi=case.name_vi,
            name_en=case.name_en,
            limits={channel: CatalogueLimitView.of(case.limit_for(channel)) for channel in channels},
            limit_verified=case.limit_verified,
            on_behalf=case.on_behalf,
            components=[ComponentView(**asdict(component)) for component in case.components],
        )


class VersionView(BaseModel):
    version: str
    valid_from: date
    valid_to: date | None = Field(description="first day no more in force; null: no end is known")
    replaced_by: str | None
    verified: bool = Field(description="whether a source gives these days")


class ProcedureView(BaseModel):
    """`verified` false: time, fee or code come from memory or a group source and are defaults.

    working_days     the first case's limit, about; the limits themselves stand with the cases
    fee_online_dong  as our facts list it; `/fee` knows place, day and payer
    """

    code: str
    code_is_provisional: bool
    name_vi: str
    name_en: str
    field_vi: str
    field_en: str
    level: str
    authority: str
    working_days: float
    limit_verified: bool
    fee_online_dong: int | None
    fee_note: str
    service_level: str
    identity_level: int
    channels: list[str]
    boundary_independent: str = Field(description="listed (by Hải Phòng, as a group), no, unknown")
    life_events: list[str]
    version: str
    valid_from: date
    valid_to: date | None
    replaced_by: str | None
    offered: bool = Field(description="whether it is in force on the day asked about")
    verified: bool

    @classmethod
    def of(cls, found: Procedure, on: date) -> ProcedureView:
        return cls(**_shown(found, on))


class ProcedureDetail(ProcedureView):
    """All of one procedure; its source in words."""

    time_note: str
    source: str
    cases: list[CaseView]
    versions: list[VersionView]

    @classmethod
    def of(cls, found: Procedure, on: date) -> ProcedureDetail:
        versions = [
            VersionView(
                version=each.version,
                valid_from=each.valid_from,
                valid_to=each.valid_to,
                replaced_by=each.replaced_by,
                verified=each.version_verified,
            )
            for each in versions_of(found.code)
        ]
        return cls(
            **_shown(found, on),
            time_note=found.time_note,
            source=found.source,
            cases=[CaseView.of(case, found.channels) for case in found.cases],
            versions=versions,
        )


_OWN_WORDS = {"code_is_provisional", "limit_verified", "offered"}
_SAME_WORDS = [name for name in ProcedureView.model_fields if name not in _OWN_WORDS]


def _shown(found: Procedure, on: date) -> dict[str, Any]:
    return {
        **{name: getattr(found, name) for name in _SAME_WORDS},
        "code_is_provisional": found.provisional_code,
        "limit_verified": found.cases[0].limit_verified,
        "offered": found.in_force(on),
    }


class CatalogueFeeItemView(BaseModel):
    kind: str = Field(description="service_fee (phí) or registration_fee (lệ phí)")
    name_vi: str
    amount_dong: int
    rule: str
    verified: bool
    kind_verified: bool


class FeeOfCaseView(BaseModel):
    """`known` false: nobody knows the amount, so none is demanded here. `verified` false: shown as a default only."""

    procedure: str
    version: str
    case: str
    province: str
    channel: str
    payer_group: str
    on: date
    items: list[CatalogueFeeItemView]
    total_dong: int
    exempt: bool
    known: bool
    verified: bool
    why_vi: str
    why_en: str

    @classmethod
    def of(
        cls, fee: Fee, procedure: Procedure, case: Case, province: str, channel: str, payer_group: str, on: date
    ) -> FeeOfCaseView:
        return cls(
            procedure=procedure.code,
            version=procedure.version,
            case=case.code,
            province=province,
            channel=channel,
            payer_group=payer_group,
            on=on,
            items=[CatalogueFeeItemView(**asdict(item)) for item in fee.items],
            total_dong=fee.total_dong,
            exempt=fee.exempt,
            known=fee.known,
            verified=fee.verified,
            why_vi=fee.why_vi,
            why_en=fee.why_en,
        )


class FieldView(BaseModel):
    code: str
    name_vi: str
    procedures: int


class LifeEventView(BaseModel):
    code: str
    name_vi: str
    name_en: str
    procedures: list[str]
    verified: bool

    @classmethod
    def of(cls, event: LifeEvent) -> LifeEventView:
        return cls(**asdict(event))


class PayerGroupView(BaseModel):
    code: str
    name_vi: str
    name_en: str
    verified: bool

    @classmethod
    def of(cls, group: PayerGroup) -> PayerGroupView:
        return cls(**asdict(group))
