"""Causes with people: the dossier has ended, or the citizen or the officials must act."""

from __future__ import annotations

from collections.abc import Iterator

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE
from services.portal.explain.causes import SWITCH_OFF, SWITCH_OFF_VI, Kind, Values, Words, kind, text_of
from services.portal.explain.facts import EXTERNAL, SIMULATED, Facts
from shared.messaging.pending import Outsider


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
    """the province is in manual mode: a person or a test must act"""
    if facts.mode not in (SIMULATED, EXTERNAL) and facts.province_copy is not None and not facts.ended:
        can = list(facts.province_copy["can"])
        allowed = can or ["nothing, until the citizen acts"]
        allowed_vi = can or ["chưa có, chờ công dân"]
        first = can[0] if can else "…"
        values = {"province": facts.province, "mode": facts.mode, "can": can}
        yield {**values, "can_en": allowed, "can_vi": allowed_vi, "first_en": first, "first_vi": first}


@kind(
    "connector-silent",
    Words(
        "The connector of province {province} decides; it {state}. Lawful now: {can}.",
        "Hệ thống kết nối của tỉnh {province} quyết định; hệ thống này {state}. Lúc này được gửi: {can}.",
        "Let it answer, or speak for it: `lienthong trigger {first} --dossier {code}{flag}`; `lienthong verdicts{flag}` "
        "shows what was wrong; or give the province back: `lienthong disconnect --province {province}{flag}`.",
        "Để hệ thống đó trả lời, hoặc gửi thay: `lienthong trigger {first} --dossier {code}{flag}`; "
        "`lienthong verdicts{flag}` cho biết lỗi; hoặc ngắt kết nối: `lienthong disconnect --province {province}{flag}`.",
    ),
)
def connector_silent(facts: Facts) -> Iterator[Values]:
    """a connector decides for the province, and it has not answered"""
    if facts.mode != EXTERNAL or facts.province_copy is None or facts.ended:
        return
    state, state_vi = _silence(facts.outsider)
    if facts.outsider.apart:
        state += f"; reverse calls that wait until it listens over the adapter API: {facts.outsider.apart}"
        state_vi += f"; số lời gọi ngược chờ đến khi hệ thống lắng nghe qua giao diện đồng bộ: {facts.outsider.apart}"
    moves = LIFECYCLE.moves_of(LIFECYCLE.state(facts.province_copy["status"]["code"]), *law.OFFICIALS)
    can = [moves[does].event for does in facts.province_copy["can"] if does in moves]
    yield {
        "province": facts.province,
        "can": can,
        "waiting": facts.outsider.waiting,
        "rejected": facts.outsider.rejected,
        "state_en": state,
        "state_vi": state_vi,
        "can_en": can or ["nothing, until the citizen acts"],
        "can_vi": can or ["chưa có, chờ công dân"],
        "first": can[0] if can else "TYPE",
    }


def _silence(outsider: Outsider) -> tuple[str, str]:
    """What the connector has not done, in English and Vietnamese."""
    told_at = outsider.told_at.isoformat(timespec="seconds") if outsider.told_at else ""
    if outsider.held:
        held = ", ".join(outsider.held)
        return (
            f"is not told, because fault rules hold it back: {held}",
            f"chưa được gửi, vì sự cố bật sẵn giữ lại: {held}",
        )
    if outsider.waiting and outsider.since is not None:
        since = outsider.since.isoformat(timespec="seconds")
        deliveries = "delivery" if outsider.waiting == 1 else "deliveries"
        return (
            f"has not acknowledged {outsider.waiting} {deliveries} about the dossier, the oldest since {since}",
            f"chưa xác nhận {outsider.waiting} tin về hồ sơ, tin cũ nhất từ {since}",
        )
    if outsider.rejected:
        return f"said something that was rejected: {outsider.rejected}", f"gửi tin bị từ chối: {outsider.rejected}"
    if outsider.told and not outsider.answered:
        return (
            f"was told {outsider.told} at {told_at} and has not answered",
            f"đã nhận {outsider.told} lúc {told_at} và chưa trả lời",
        )
    return "has the next word", "là bên gửi tiếp theo"


KINDS: tuple[Kind, ...] = (
    ended,
    withdrawal_asked,
    supplement_awaited,
    officers_held_by_fault,
    province_manual,
    connector_silent,
)
