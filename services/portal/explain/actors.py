"""Causes with people: the dossier has ended, or the citizen or the officials must act."""

from __future__ import annotations

from collections.abc import Iterator

from contracts import lifecycle as law
from services.portal.explain.causes import SWITCH_OFF, SWITCH_OFF_VI, Kind, Values, Words, kind, text_of
from services.portal.explain.facts import SIMULATED, Facts


@kind(
    "ended",
    Words(
        "The dossier has ended: {state}{reason}.",
        "Hồ sơ đã kết thúc: {state}{reason}.",
        "Nothing more happens by itself{rest}. To continue, submit a new dossier.",
        "Không còn gì tự xảy ra{rest}; muốn tiếp tục thì nộp hồ sơ mới.",
    ),
)
def ended(facts: Facts) -> Iterator[Values]:
    """the dossier is in a final state"""
    if facts.ended and (state := facts.state) is not None:
        copy = facts.portal_copy
        reason = (copy.reason if copy else None) or (facts.province_copy or {}).get("reason") or ""
        ratable = state in law.RATABLE and copy is not None and copy.rating is None
        why = f" ({reason})" if reason and state in law.ENDED_WITHOUT_RESULT else ""
        yield {
            "state": state.slug,
            "state_en": state.name_en.lower(),
            "state_vi": state.name_vi.lower(),
            "reason": reason,
            "reason_en": why,
            "reason_vi": why,
            "rest_en": " (the citizen can still rate it)" if ratable else "",
            "rest_vi": " (công dân còn có thể đánh giá)" if ratable else "",
        }


@kind(
    "withdrawal-asked",
    Words(
        "The citizen asked to withdraw the dossier, and the province has not answered yet{due}.",
        "Công dân đã xin rút hồ sơ, địa phương chưa trả lời{due}.",
        "Wait until then, or answer as the office: move `grant_withdrawal` or `decline_withdrawal`.",
        "Chờ đến lúc đó, hoặc trả lời tại cơ quan: bước `grant_withdrawal` hoặc `decline_withdrawal`.",
    ),
)
def withdrawal_asked(facts: Facts) -> Iterator[Values]:
    """the citizen asked for a withdrawal, and the province has not answered"""
    if facts.portal_copy is not None and facts.portal_copy.withdrawal == "asked" and not facts.ended:
        due = next((timer.due for timer in facts.timers if timer.kind == "answer_withdrawal"), None)
        until, until_vi = (f"; it answers at {text_of(due)}", f"; sẽ trả lời lúc {text_of(due)}") if due else ("", "")
        yield {"due": due, "due_en": until, "due_vi": until_vi}


@kind(
    "supplement-awaited",
    Words(
        "The dossier waits until {answer_by} for the citizen to hand in what is missing: {items}.",
        "Hồ sơ chờ công dân bổ sung đến {answer_by}: {items}.",
        "Answer as the citizen: POST /api/v1/dossiers/{code}/supplement at the portal; "
        "or let the office continue (`at_desk`).",
        "Bổ sung với tư cách công dân: POST /api/v1/dossiers/{code}/supplement ở cổng; "
        "hoặc để cơ quan tiếp tục (`at_desk`).",
    ),
)
def supplement_awaited(facts: Facts) -> Iterator[Values]:
    """the province requested a supplement, and the citizen has not answered"""
    if facts.unanswered and facts.portal_copy is not None and (supplement := facts.portal_copy.supplement) is not None:
        yield {"answer_by": supplement.answer_by, "items": supplement.items, "request": supplement.number}


@kind(
    "officers-held-by-fault",
    Words(
        "Fault rule {rule} applies to the officers who handle the dossier: {says}.",
        "Sự cố bật sẵn {rule} đang áp dụng cho cán bộ xử lý hồ sơ: {says}.",
        f"{SWITCH_OFF} Their waiting work is then planned again.",
        f"{SWITCH_OFF_VI} Việc đang nằm đó sẽ được lên lịch lại.",
    ),
)
def officers_held_by_fault(facts: Facts) -> Iterator[Values]:
    """a fault rule makes the officers silent, slow or wrong"""
    if facts.state is not None and not facts.ended:
        for rule in facts.officers:
            yield {"rule": rule.id, "edge": rule.edge, "says_en": rule.text_en or rule.edge, "says_vi": rule.text_vi}


@kind(
    "province-manual",
    Words(
        "Province {province} is in {mode} mode here: no officer acts automatically. Allowed now: {can}.",
        "Tỉnh {province} ở chế độ {mode} trong sandbox này: không ai tự xử lý. Các bước hợp lệ lúc này: {can}.",
        'Make a move: POST /api/v1/provinces/{province}/dossiers/{code}/moves at the gateway, {{"does": "{first}"}}; '
        "or let simulated officers act: `lienthong mode set {province} simulated{flag}`.",
        'Thực hiện một bước: POST /api/v1/provinces/{province}/dossiers/{code}/moves ở gateway, {{"does": "{first}"}}; '
        "hoặc để cán bộ tự xử lý: `lienthong mode set {province} simulated{flag}`.",
    ),
)
def province_manual(facts: Facts) -> Iterator[Values]:
    """the province is not simulated: a person or a test must act"""
    if facts.mode != SIMULATED and facts.province_copy is not None and not facts.ended:
        can = list(facts.province_copy["can"])
        allowed = can or ["nothing, until the citizen acts"]
        allowed_vi = can or ["chưa có, chờ công dân"]
        first = can[0] if can else "…"
        values = {"province": facts.province, "mode": facts.mode, "can": can}
        yield {**values, "can_en": allowed, "can_vi": allowed_vi, "first_en": first, "first_vi": first}


KINDS: tuple[Kind, ...] = (ended, withdrawal_asked, supplement_awaited, officers_held_by_fault, province_manual)
