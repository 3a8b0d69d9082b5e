"""Causes with people: it has ended, or waits for its citizen, or for officials who act late, otherwise, or not by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from contracts import lifecycle as law
from services.portal.explain.causes import SWITCH_OFF, SWITCH_OFF_VI, Found, Kind, Words, kind, said
from services.portal.explain.facts import SIMULATED, Facts


@kind(
    "ended",
    Words(
        "It has ended: {state}{reason}.",
        "Hồ sơ đã kết thúc: {state}{reason}.",
        "Nothing more comes by itself{rest}; whoever wants more submits a new dossier.",
        "Không còn gì tự xảy ra{rest}; muốn tiếp tục thì nộp hồ sơ mới.",
    ),
)
def ended(facts: Facts) -> Iterator[Found]:
    """it stands in a final state"""
    if facts.ended and (state := facts.state) is not None:
        reason = (facts.here.reason if facts.here else None) or (facts.there or {}).get("reason") or ""
        ratable = state in law.RATABLE and facts.here is not None and facts.here.rating is None
        why = f" ({reason})" if reason and state in law.ENDED_WITHOUT_RESULT else ""
        yield {
            "state": state.slug,
            "state_en": state.name_en.lower(),
            "state_vi": state.name_vi.lower(),
            "reason": reason,
            "reason_en": why,
            "reason_vi": why,
            "rest_en": " (its citizen can still rate it)" if ratable else "",
            "rest_vi": " (công dân còn có thể đánh giá)" if ratable else "",
        }


@kind(
    "withdrawal-asked",
    Words(
        "Its citizen asked to withdraw it, and the province has not answered yet{due}.",
        "Công dân đã xin rút hồ sơ, địa phương chưa trả lời{due}.",
        "Let that time come, or answer at the desk: move `grant_withdrawal` or `decline_withdrawal`.",
        "Chờ đến lúc đó, hoặc trả lời tại cơ quan: bước `grant_withdrawal` hoặc `decline_withdrawal`.",
    ),
)
def withdrawal_asked(facts: Facts) -> Iterator[Found]:
    """a withdrawal is asked for and not answered"""
    if facts.here is not None and facts.here.withdrawal == "asked" and not facts.ended:
        due = next((timer.due for timer in facts.timers if timer.kind == "answer_withdrawal"), None)
        until, until_vi = (f"; it answers at {said(due)}", f"; sẽ trả lời lúc {said(due)}") if due else ("", "")
        yield {"due": due, "due_en": until, "due_vi": until_vi}


@kind(
    "supplement-awaited",
    Words(
        "It waits until {answer_by} for its citizen to hand in what is missing: {items}.",
        "Hồ sơ chờ công dân bổ sung đến {answer_by}: {items}.",
        "Answer as its citizen: POST /api/v1/dossiers/{code}/supplement at the portal; or let the desk go on (`at_desk`).",
        "Bổ sung với tư cách công dân: POST /api/v1/dossiers/{code}/supplement ở cổng; hoặc để cơ quan tiếp tục (`at_desk`).",
    ),
)
def supplement_awaited(facts: Facts) -> Iterator[Found]:
    """a supplement is asked for and not answered"""
    if facts.unanswered and facts.here is not None and (asked := facts.here.supplement) is not None:
        yield {"answer_by": asked.answer_by, "items": asked.items, "request": asked.number}


@kind(
    "officers-held-by-fault",
    Words(
        "Fault rule {rule} is on for the officers who have it: {says}.",
        "Sự cố bật sẵn {rule} đang áp dụng cho cán bộ xử lý hồ sơ: {says}.",
        f"{SWITCH_OFF} What lies there is planned anew.",
        f"{SWITCH_OFF_VI} Việc đang nằm đó sẽ được lên lịch lại.",
    ),
)
def officers_held_by_fault(facts: Facts) -> Iterator[Found]:
    """a fault rule makes its officers silent, slow or odd"""
    if facts.state is not None and not facts.ended:
        for rule in facts.officers:
            yield {"rule": rule.id, "edge": rule.edge, "says_en": rule.text_en or rule.edge, "says_vi": rule.text_vi}


@kind(
    "province-manual",
    Words(
        "Province {province} is {mode} in this sandbox: nobody acts there by themselves. Lawful now: {can}.",
        "Tỉnh {province} ở chế độ {mode} trong sandbox này: không ai tự xử lý. Các bước hợp lệ lúc này: {can}.",
        'Make a move: POST /api/v1/provinces/{province}/dossiers/{code}/moves at the gateway, {{"does": "{first}"}}; '
        "or let officers go on: `lienthong mode set {province} simulated{flag}`.",
        'Thực hiện một bước: POST /api/v1/provinces/{province}/dossiers/{code}/moves ở gateway, {{"does": "{first}"}}; '
        "hoặc để cán bộ tự xử lý: `lienthong mode set {province} simulated{flag}`.",
    ),
)
def province_manual(facts: Facts) -> Iterator[Found]:
    """its province is not simulated: a person, or a test, has to act"""
    if facts.mode != SIMULATED and facts.there is not None and not facts.ended:
        can = list(facts.there["can"])
        lawful = can or ["nothing, before its citizen acts"]
        lawful_vi = can or ["chưa có, chờ công dân"]
        where = {"province": facts.province, "mode": facts.mode, "can": can}
        yield {**where, "can_en": lawful, "can_vi": lawful_vi, "first_en": (*can, "…")[0], "first_vi": (*can, "…")[0]}


KINDS: tuple[Kind, ...] = (ended, withdrawal_asked, supplement_awaited, officers_held_by_fault, province_manual)
