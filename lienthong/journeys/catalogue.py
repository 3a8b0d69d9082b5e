"""All paths of a dossier, by name: how it is submitted, what citizen and officers do, and its expected final state.

The names are those of `docs/lifecycle.md`; `lienthong demo --all-moves` runs them all.
"""

from __future__ import annotations

from typing import Any

from lienthong.journeys.travel import (
    OWING,
    PROCESSING_STOPPED,
    READY,
    RECEIVED,
    REFUSED,
    RETURNED,
    SUBMITTED,
    SUPPLEMENT,
    WITHDRAWN,
    Journey,
)

COPY, RESIDENCE, ALLOWANCE, LAND = "2.000635", "1.004222", "1.001776", "1.013978"
RECEIVE: dict[str, Any] = {"reception": "receive"}
TAX = [
    {"kind": "tax", "name": "Tiền sử dụng đất", "amount_dong": 12_000_000},
    {"kind": "registration_fee", "name": "Lệ phí trước bạ nhà, đất", "amount_dong": 600_000},
]


def _step(does: str, **facts: Any) -> dict[str, Any]:
    return {"does": does, **facts}


def _steps(*steps: dict[str, Any], **decisions: Any) -> dict[str, Any]:
    return {**RECEIVE, **decisions, "steps": list(steps)}


def _path(name: str, ends: str, procedure: str = COPY, persona: str = "lan", **more: Any) -> Journey:
    return Journey(name, persona, procedure, "37", "14464", ends, **{"decisions": _steps(), "expects": {}, **more})


MISSING = {"reason": "Tờ khai thiếu chữ ký", "items": ["Tờ khai có chữ ký"]}

ALL_MOVES = (
    _path("straight", RETURNED, expects={"result.on_time": True}),
    _path("early", RETURNED, ALLOWANCE, decisions=_steps(processing_days=1), expects={"result.timeliness": "early"}),
    _path("refused", REFUSED, decisions={"reception": "refuse", "reason": "Không thuộc thẩm quyền"}),
    _path(
        "supplement-at-reception",
        RETURNED,
        decisions=_steps(_step("request_supplement", at="submitted", **MISSING)),
        expects={"supplements": 1},
    ),
    _path(
        "supplement-after-verification",
        RETURNED,
        ALLOWANCE,
        decisions=_steps(_step("request_supplement", at="in_processing", after_days=1, **MISSING)),
        expects={"supplements": 1},
    ),
    _path(
        "second-supplement",
        RETURNED,
        ALLOWANCE,
        decisions=_steps(
            _step("request_supplement", at="submitted", **MISSING),
            _step("request_supplement", at="in_processing", after_days=1, **MISSING),
        ),
        expects={"supplements": 2, "result.timeliness": "overdue"},
    ),
    _path(
        "supplement-never-answered",
        PROCESSING_STOPPED,
        decisions=_steps(_step("request_supplement", at="submitted", **MISSING)),
        answers=False,
        expects={"reason": "Quá thời hạn bổ sung hồ sơ"},
    ),
    _path(
        "supplement-at-the-desk",
        RETURNED,
        decisions=_steps(
            _step("request_supplement", at="submitted", **MISSING), _step("receive", at="supplement_requested", at_desk=True)
        ),
        answers=False,
    ),
    _path("rejected", PROCESSING_STOPPED, decisions=_steps(_step("reject", at="in_processing", refund_dong=3000)),
          expects={"fee.status": "partly_refunded", "fee.refunded_dong": 3000}),
    _path("stopped", PROCESSING_STOPPED, ALLOWANCE, decisions=_steps(_step("stop", at="in_processing", after_days=1))),
    _path(
        "rescheduled",
        RETURNED,
        ALLOWANCE,
        decisions=_steps(
            _step("reschedule", at="in_processing", after_days=7, days=5, reason="Chờ cơ quan phối hợp"), processing_days=6
        ),
        expects={"result.on_time": True},
    ),
    _path("overdue", RETURNED, ALLOWANCE, decisions=_steps(processing_days=13), expects={"result.timeliness": "overdue"}),
    _path(
        "put-off-and-overdue",
        RETURNED,
        ALLOWANCE,
        decisions=_steps(
            _step("request_supplement", at="submitted", **MISSING),
            _step("reschedule", at="in_processing", after_days=6, days=2, reason="Chờ cơ quan phối hợp"),
            processing_days=8,
        ),
        expects={"supplements": 1, "result.timeliness": "overdue"},
    ),
    _path("rated", RETURNED, rates=True, expects={"rating.attitude": 2}),
    _path("fee-before-reception", RETURNED, decisions=_steps(_step("demand_fee", at="submitted")),
          expects={"fee.status": "paid"}),
    _path(
        "fee-with-a-supplement",
        RETURNED,
        ALLOWANCE,
        decisions=_steps(
            _step("request_supplement", at="in_processing", **MISSING,
                  fee=[{"kind": "service_fee", "name": "Phí thẩm định", "amount_dong": 50_000}])
        ),
        expects={"fee.moment": "at_supplement", "fee.status": "paid"},
    ),
    _path("fee-at-the-result", RETURNED, decisions=_steps(fee_moment="at_result"), expects={"fee.moment": "at_result"}),
    _path("fee-corrected", RETURNED, decisions=_steps(
        _step("demand_fee", at="financial_obligation",
              fee=[{"kind": "service_fee", "name": "Phí khai thác thông tin hộ tịch, 2 bản", "amount_dong": 16_000}])),
        pays="after-correction", expects={"fee.amount_dong": 16_000, "fee.demand": 2}),
    _path("paid-at-the-second-try", RETURNED, pays="second-try", expects={"fee.paid_by": "online"}),
    _path("paid-after-an-expired-order", RETURNED, pays="after-expiry", expects={"fee.paid_by": "online"}),
    _path("paid-at-the-counter", RETURNED, pays="never", decisions=_steps(_step("take_payment", at="financial_obligation")),
          expects={"fee.paid_by": "counter"}),
    _path("paid-by-transfer", RETURNED, pays="never",
          decisions=_steps(_step("take_payment", at="financial_obligation", method="transfer")),
          expects={"fee.paid_by": "transfer"}),
    _path("fee-waived", RETURNED, pays="never", decisions=_steps(_step("waive_fee", at="financial_obligation")),
          expects={"fee.status": "waived"}),
    _path("taken-and-given-back", PROCESSING_STOPPED, pays="never",
          decisions=_steps(_step("take_payment", at="financial_obligation"), _step("stop", at="in_processing", refund_dong=5000)),
          expects={"fee.paid_by": "counter", "fee.status": "partly_refunded", "fee.refunded_dong": 5000}),
    _path("paid-twice", RETURNED, pays="twice", expects={"fee.status": "paid", "fee.paid_by": "counter",
                                                         "fee.refunded_dong": 8000}),
    _path("never-paid", PROCESSING_STOPPED, pays="never", expects={"fee.status": "lapsed"}),
    _path("land-with-a-tax-notice", RETURNED, LAND, "minh",
          decisions=_steps(_step("demand_fee", at="in_processing", after_days=2, fee=TAX, notice_number="TB-2026-0042")),
          expects={"fee.moment": "obligation", "fee.amount_dong": 12_600_000, "fee.status": "paid"}),
    _path("withdrawn-at-once", WITHDRAWN, withdraws="Tôi đổi ý", withdraws_in=SUBMITTED),
    _path("withdrawn-when-received", WITHDRAWN, ALLOWANCE, withdraws="Tôi đổi ý", withdraws_in=RECEIVED),
    _path("withdrawn-in-processing", WITHDRAWN, RESIDENCE, withdraws="Tôi chuyển đi nơi khác",
          decisions=_steps(processing_days=5), expects={"fee.status": "refunded"}),
    _path("withdrawn-during-a-supplement", WITHDRAWN, withdraws="Tôi đổi ý", withdraws_in=SUPPLEMENT, answers=False,
          decisions=_steps(_step("request_supplement", at="submitted", **MISSING))),
    _path("withdrawn-while-owing", WITHDRAWN, withdraws="Tôi đổi ý", withdraws_in=OWING, pays="never",
          expects={"fee.status": "lapsed"}),
    _path("withdrawal-declined", RETURNED, ALLOWANCE, withdraws="Tôi đổi ý",
          decisions=_steps(processing_days=2, withdrawal="decline"), expects={"withdrawal": "declined"}),
    _path("withdrawal-after-the-result", RETURNED, withdraws="Tôi đổi ý", withdraws_in=READY,
          expects={"withdrawal": "declined"}),
    _path("for-a-child", RETURNED, "1.001193", submission={"capacity": "representative"}, expects={"capacity": "representative"}),
    _path("for-a-company", RETURNED, persona="minh", submission={"capacity": "organisation"},
          expects={"owner.kind": "organisation"}),
    _path("by-authorisation", RETURNED, persona="huong", submission={"capacity": "authorised_person"},
          expects={"capacity": "authorised_person"}),
    _path("at-the-counter", RETURNED, channel="direct", pays="never", rates=True,
          expects={"fee.paid_by": "counter", "result.returned_by": "direct"}),
    _path("by-public-post", RETURNED, channel="public_postal", pays="never",
          expects={"fee.paid_by": "transfer", "result.returned_by": "public_postal"}),
    _path("received-elsewhere", RETURNED, submission={"reception": {"province": "37", "commune": "13285"},
                                                      "help_at": {"province": "37", "commune": "13291"}},
          expects={"reception.commune": "13285", "help_at.commune": "13291"}),
    _path("old-commune-code", RETURNED, old_codes=True, expects={"authority.commune": "14464"}),
)  # fmt: skip
