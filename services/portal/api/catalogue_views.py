"""Views of the catalogue. `verified` false: a default without a source; do not present it as a fact."""

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
    """A predecessor or successor. `share`: whole or split, the part of the unit that moved between the two."""

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
    def of(cls, province: Province, on: date) -> ProvinceView:
        return cls(
            code=province.code,
            name_vi=province.name_vi,
            name_en=province.name_en,
            agency_code=province.agency_code,
            unit_type=province.unit_type_on(on),
            merged_from=[_old_province(code) for code in province.merged_from],
        )


class CommuneView(BaseModel):
    code: str
    name_vi: str
    unit_type: str
    province: str

    @classmethod
    def of(cls, commune: Commune) -> CommuneView:
        return cls(code=commune.code, name_vi=commune.name_vi, unit_type=commune.unit_type, province=commune.province)


class UnitView(BaseModel):
    """The unit with a code on a day: its name, whether it was in force, its predecessors and successors.

    `was`: units before the merger; `became`: units after it, empty for a unit of after the merger.
    """

    code: str
    kind: str = Field(description="province or commune; unit_type tells wards and cities apart")
    name_vi: str
    unit_type: str | None = Field(description="null for a commune before the merger: not in our data")
    province: str | None
    in_force: bool
    valid_from: date | None = Field(description="null: before the first day of our data")
    valid_to: date | None = Field(description="first day on which it is no longer in force; null: in force")
    was: list[UnitName]
    became: list[UnitName]

    @classmethod
    def of_province(cls, province: Province | None, old: OldProvince, on: date) -> UnitView:
        """The unit on the day `on`: a code that exists before and after the merger means two units."""
        if province is not None and on >= MERGER:
            was = [_old_province(code) for code in province.merged_from]
            facts = _current("province", province.code, province.name_vi, province.unit_type_on(on), None, on)
            return cls(**facts, was=was)
        successor = PROVINCES[old.became]
        became = [UnitName(code=successor.code, name_vi=successor.name_vi)]
        return cls(**_old("province", old.code, old.name_vi, None, on), became=became)

    @classmethod
    def of_commune(cls, commune: Commune | None, old: OldCommune | None, on: date) -> UnitView:
        """As `of_province`; at least one of the two is not None."""
        if commune is not None and (on >= MERGER or old is None):
            was = [
                UnitName(code=unit.code, name_vi=unit.name_vi, province=unit.province, share=_share(share))
                for unit, share in predecessors().get(commune.code, ())
            ]
            facts = _current("commune", commune.code, commune.name_vi, commune.unit_type, commune.province, on)
            return cls(**facts, was=was)
        assert old is not None
        became = [
            UnitName(code=code, name_vi=COMMUNES[code].name_vi, province=COMMUNES[code].province, share=_share(share))
            for code, share in old.became
        ]
        return cls(**_old("commune", old.code, old.name_vi, old.province, on), became=became)


def _current(kind: str, code: str, name_vi: str, unit_type: str, province: str | None, on: date) -> dict[str, Any]:
    facts = {"kind": kind, "code": code, "name_vi": name_vi, "unit_type": unit_type, "province": province}
    return {**facts, "in_force": on >= MERGER, "valid_from": MERGER, "valid_to": None, "became": []}


def _old(kind: str, code: str, name_vi: str, province: str | None, on: date) -> dict[str, Any]:
    facts = {"kind": kind, "code": code, "name_vi": name_vi, "unit_type": None, "province": province}
    return {**facts, "in_force": on < MERGER, "valid_from": None, "valid_to": MERGER, "was": []}


def _share(share: str) -> str:
    """The catalogue also marks a default part; we show only whether a unit was divided."""
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
    valid_to: date | None = Field(description="first day on which it is no longer in force; null: no end is known")
    replaced_by: str | None
    verified: bool = Field(description="whether a source confirms these days")


class ProcedureView(BaseModel):
    """`verified` false: time, fee or code are defaults, from memory or from a source for a whole group.

    working_days     approximate limit of the first case; the exact limits are in the cases
    fee_online_dong  from our list of facts; `/fee` computes the fee by place, day and payer
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
    offered: bool = Field(description="whether it is in force on the requested day")
    verified: bool

    @classmethod
    def of(cls, procedure: Procedure, on: date) -> ProcedureView:
        return cls(**_procedure_fields(procedure, on))


class ProcedureDetail(ProcedureView):
    """All data of one procedure. `source`: text."""

    time_note: str
    source: str
    cases: list[CaseView]
    versions: list[VersionView]

    @classmethod
    def of(cls, procedure: Procedure, on: date) -> ProcedureDetail:
        versions = [
            VersionView(
                version=version.version,
                valid_from=version.valid_from,
                valid_to=version.valid_to,
                replaced_by=version.replaced_by,
                verified=version.version_verified,
            )
            for version in versions_of(procedure.code)
        ]
        return cls(
            **_procedure_fields(procedure, on),
            time_note=procedure.time_note,
            source=procedure.source,
            cases=[CaseView.of(case, procedure.channels) for case in procedure.cases],
            versions=versions,
        )


_COMPUTED = {"code_is_provisional", "limit_verified", "offered"}
_COPIED = [name for name in ProcedureView.model_fields if name not in _COMPUTED]


def _procedure_fields(procedure: Procedure, on: date) -> dict[str, Any]:
    return {
        **{name: getattr(procedure, name) for name in _COPIED},
        "code_is_provisional": procedure.provisional_code,
        "limit_verified": procedure.cases[0].limit_verified,
        "offered": procedure.in_force(on),
    }


class CatalogueFeeItemView(BaseModel):
    kind: str = Field(description="service_fee (phí) or registration_fee (lệ phí)")
    name_vi: str
    amount_dong: int
    rule: str
    verified: bool
    kind_verified: bool


class FeeOfCaseView(BaseModel):
    """`known` false: the amount is unknown, so no fee is demanded here. `verified` false: only a default."""

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
