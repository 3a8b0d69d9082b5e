"""A complete valid message for any event type of a province, made from contract, dossier and time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts import lifecycle as law
from contracts import receipts
from contracts.calendar.calendar import CalendarTooShort
from contracts.calendar.worktime import Count, Limit, Unit
from contracts.catalogue import CALENDAR, Place, agency_code, communes_of, forward_by, in_working_days, procedure_at
from contracts.dossier import FeeItem
from contracts.gate import deadlines, money
from contracts.gate.attributes import HAPPENED
from contracts.gate.known import Known
from shared.sandbox.clock import BUSINESS_ZONE, wire

PAY_BY = Limit(30, Unit.DAY)
ANSWER_BY = Limit(10, Unit.WORKING_DAY)
A_DAY = Limit(1, Unit.WORKING_DAY)
REGISTERED_PROCEDURE = "2.000635"
A_TAX = FeeItem("tax", "Lệ phí trước bạ", 100_000)
REASONS = {
    law.DOSSIER_REFUSED: "Hồ sơ không thuộc thẩm quyền giải quyết của cơ quan.",
    law.SUPPLEMENT_REQUESTED: "Tờ khai còn thiếu chữ ký của người nộp.",
    law.FEE_WAIVED: "Người nộp thuộc đối tượng được miễn theo quy định.",
    law.DOSSIER_RESCHEDULED: "Cần thêm thời gian để cơ quan phối hợp xác minh.",
    law.DOSSIER_REJECTED: "Không có dữ liệu trong sổ hộ tịch.",
    law.DOSSIER_STOPPED: "Đã quá thời hạn bổ sung hồ sơ.",
    law.DOSSIER_WITHDRAWN: "Theo đề nghị của người nộp hồ sơ.",
    law.WITHDRAWAL_DECLINED: "Hồ sơ đã có kết quả giải quyết được ký.",
}
Facts = dict[str, Any]


def example(
    known: Known | None, event_type: str, now: datetime, *, province: str | None = None, id: str | None = None
) -> dict[str, Any] | None:
    """The structured form of a message that says `event_type` now. It is accepted exactly if the law allows it now.

    known     the dossier; None only for dossier.registered.v1, of which `province` is the one that says it
    id        its id; None: derived from dossier, type and time
    returns   None if the list of days off does not reach `now`, or nothing is known of the dossier
    """
    try:
        if event_type == law.DOSSIER_REGISTERED:
            data = _registered(known.province if known else province or "37", now)
        elif known is None:
            return None
        else:
            data = _body(known, event_type, now)
    except (CalendarTooShort, OverflowError):
        return None
    code = data["dossier_code"]
    digest = hashlib.blake2b(f"{code}\x1f{event_type}\x1f{wire(now)}".encode(), digest_size=10).hexdigest()
    return {
        "specversion": "1.0",
        "id": id or f"example-{digest}",
        "source": f"/provinces/{data['province']}",
        "type": event_type,
        "subject": code,
        "time": wire(now),
        "datacontenttype": "application/json",
        "partitionkey": code,
        "data": data,
    }


def _body(known: Known, event_type: str, now: datetime) -> Facts:
    body = {"dossier_code": known.code, "province": known.province, "procedure": known.procedure}
    body |= _FACTS[event_type](known, now) if event_type in _FACTS else {}
    if event_type in REASONS:
        body["reason"] = REASONS[event_type]
    body[HAPPENED[event_type]] = wire(now)
    if event_type in _WITH_OFFICER:
        body["officer"] = officer(known, event_type)
    return body


def officer(known: Known, event_type: str) -> str:
    """Who says it by the lifecycle table: the desk that received the dossier, or the unit that handles it."""
    move = law.LIFECYCLE.move_for_event(known.state, event_type)
    if move is not None and move.who == law.HANDLER:
        return f"Bộ phận thụ lý {agency_code(known.province, known.commune)}"
    desk = known.reception or Place(known.province, known.commune)
    return f"Bộ phận Một cửa {agency_code(desk.province, desk.commune)}"


_WITH_OFFICER = frozenset(HAPPENED) - {law.FEE_DEMANDED, law.DOSSIER_RESULT_RETURNED}


def _received(known: Known, now: datetime) -> Facts:
    procedure = deadlines.procedure_in_force(known, now)
    case = procedure.case(known.case)
    limit = case.limit_for(known.channel)
    return {
        "due_at": wire(CALENDAR.due(now, limit, Count.LAW)),
        "working_days": in_working_days(limit),
        "limit": {"value": limit.value, "unit": str(limit.unit)},
        "count": "law",
        "pause": str(known.pause),
        "forward_by": wire(forward_by(now)),
        "case": case.code,
        "version": procedure.version,
    }


def _handed_over(known: Known, now: datetime) -> Facts:
    own = Place(known.province, known.commune)
    desk = known.reception or own
    return {
        "from_unit": {"province": desk.province, "commune": desk.commune},
        "to_unit": {"province": own.province, "commune": own.commune},
        "forward_by": wire(forward_by(known.received_at or now)),
    }


def _supplement(known: Known, now: datetime) -> Facts:
    number = min(len(known.supplements) + 1, 9)
    return {
        "request": number,
        "items": [{"text": "Tờ khai có chữ ký của người nộp"}],
        "answer_by": wire(CALENDAR.due(now, ANSWER_BY)),
        "counts_as_overdue": number > 1,
    }


def _demanded(known: Known, now: datetime) -> Facts:
    listed = () if money.is_paid(known) else money.catalogue_fee(known, now)
    items = listed or (A_TAX,)
    facts = {
        "fee_dong": sum(item.amount_dong for item in items),
        "demand": len(known.demands) + 1,
        "moment": money.moment_of(known),
        "items": [money.item_of(item) for item in items],
        "pay_by": wire(CALENDAR.due(now, PAY_BY)),
    }
    if not listed:
        facts["notice_number"] = f"TB-{now.astimezone(BUSINESS_ZONE):%Y%m%d}-0001"
    if known.owing is not None:
        facts["replaces"] = known.owing.number
    return facts


def _paid(known: Known, now: datetime) -> Facts:
    agency = agency_code(known.province, known.commune)
    by_kind: dict[str, int] = {}
    for item in known.owing.items if known.owing else (A_TAX,):
        by_kind[item.kind] = by_kind.get(item.kind, 0) + item.amount_dong
    names = receipts.series(agency, now)
    return _settled(known, now) | {
        "method": "counter",
        "receipts": [
            {"kind": kind, "series": names[kind], "number": 1, "amount_dong": amount}
            for kind, amount in by_kind.items()
            if amount
        ],
    }


def _settled(known: Known, now: datetime) -> Facts:
    owing = known.owing
    return {"demand": owing.number if owing else 1, "amount_dong": owing.amount_dong if owing else A_TAX.amount_dong}


def _started(known: Known, now: datetime) -> Facts:
    due = deadlines.due_after_start(known, now)
    return {"due_at": wire(due)} if due and due != known.due_at else {}


def _resumed(known: Known, now: datetime) -> Facts:
    pause = deadlines.pause_of(known)
    due = known.running_again(now, pause).due_at or CALENDAR.due(now, A_DAY)
    return {"due_at": wire(due), "pause": str(pause)}


def _rescheduled(known: Known, now: datetime) -> Facts:
    due = known.due_at or CALENDAR.due(now, A_DAY)
    return {"previous_due_at": wire(due), "due_at": wire(CALENDAR.due(due, Limit(2, Unit.WORKING_DAY)))}


def _ready(known: Known, now: datetime) -> Facts:
    timeliness = known.timeliness(now)
    agency = agency_code(known.province, known.commune)
    return {
        "on_time": timeliness != "overdue",
        "result_number": f"{known.code.rpartition('-')[2]}/KQ-{agency}",
        "timeliness": timeliness,
        "supplement_requests": len(known.supplements),
    }


_FACTS: dict[str, Callable[[Known, datetime], Facts]] = {
    law.DOSSIER_RECEIVED: _received,
    law.DOSSIER_HANDED_OVER: _handed_over,
    law.SUPPLEMENT_REQUESTED: _supplement,
    law.FEE_DEMANDED: _demanded,
    law.FEE_PAID: _paid,
    law.FEE_WAIVED: _settled,
    law.PROCESSING_STARTED: _started,
    law.PROCESSING_RESUMED: _resumed,
    law.DOSSIER_RESCHEDULED: _rescheduled,
    law.DOSSIER_RESULT_READY: _ready,
    law.DOSSIER_RESULT_RETURNED: lambda known, now: {"channel": known.return_by or "online"},
}


def _registered(province: str, now: datetime) -> Facts:
    local = now.astimezone(BUSINESS_ZONE)
    place = {"province": province, "commune": communes_of(province)[0].code}
    agency = agency_code(province, place["commune"])
    procedure = procedure_at(REGISTERED_PROCEDURE, local.date())
    return {
        "dossier_code": f"{agency}-{local:%y%m%d}-{local:%H%M%S}",
        "province": province,
        "procedure": procedure.code,
        "authority": place,
        "applicant": {"id": f"0{province}190900123", "name": "Trần Ngọc Lan"},
        "channel": "direct",
        "reception": place,
        "registered_at": wire(now),
        "officer": f"Bộ phận Một cửa {agency}",
        "case": procedure.cases[0].code,
        "version": procedure.version,
        "return_by": "direct",
    }
