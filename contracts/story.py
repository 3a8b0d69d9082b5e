"""What each event means in plain words, for timelines: the status it leads to, and a sentence in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts import lifecycle as law

_SAID = {
    law.DOSSIER_SUBMITTED: ("Công dân nộp hồ sơ trực tuyến", "The citizen submits the dossier online"),
    law.WITHDRAWAL_REQUESTED: ("Công dân yêu cầu rút hồ sơ", "The citizen asks to withdraw the dossier"),
    law.PAYMENT_CONFIRMED: ("Thanh toán được xác nhận", "The payment is confirmed"),
    law.PAYMENT_REFUNDED: ("Khoản đã nộp được hoàn trả", "The payment is refunded"),
    law.DOSSIER_REGISTERED: (
        "Hồ sơ được nộp trực tiếp hoặc qua bưu chính",
        "The dossier is handed in at a counter or by post",
    ),
    law.SUPPLEMENT_ANSWERED: ("Công dân bổ sung hồ sơ", "The citizen answers with what was missing"),
    law.DOSSIER_RATED: ("Công dân đánh giá mức độ hài lòng", "The citizen rates the handling"),
    law.DOSSIER_RECEIVED: (
        "Bộ phận Một cửa tiếp nhận hồ sơ, hẹn ngày trả",
        "The one-stop unit receives the dossier and names the due date",
    ),
    law.DOSSIER_REFUSED: ("Bộ phận Một cửa từ chối tiếp nhận", "The one-stop unit refuses the dossier"),
    law.DOSSIER_HANDED_OVER: ("Chuyển hồ sơ đến cơ quan có thẩm quyền", "The dossier is handed to the competent unit"),
    law.SUPPLEMENT_REQUESTED: ("Yêu cầu bổ sung hồ sơ", "A supplement is requested"),
    law.FEE_PAID: ("Đã thu phí, lệ phí tại cơ quan", "The office takes the fee itself"),
    law.FEE_WAIVED: ("Miễn, bỏ khoản phải nộp", "The office waives the fee"),
    law.PROCESSING_RESUMED: ("Tiếp tục xử lý hồ sơ", "Processing goes on"),
    law.DOSSIER_RESCHEDULED: ("Xin lỗi và hẹn lại ngày trả", "The office apologises and names a new due date"),
    law.DOSSIER_REJECTED: ("Từ chối giải quyết hồ sơ", "The dossier is refused on the merits"),
    law.DOSSIER_STOPPED: ("Dừng xử lý hồ sơ", "Processing is stopped"),
    law.FEE_DEMANDED: ("Yêu cầu nộp phí, lệ phí", "The fee is demanded"),
    law.PROCESSING_STARTED: ("Bắt đầu thụ lý hồ sơ", "Processing starts"),
    law.DOSSIER_RESULT_READY: ("Đã có kết quả giải quyết", "The result is ready"),
    law.DOSSIER_RESULT_RETURNED: ("Đã trả kết quả cho công dân", "The result is returned to the citizen"),
    law.DOSSIER_WITHDRAWN: ("Đồng ý cho rút hồ sơ", "The withdrawal is granted"),
    law.WITHDRAWAL_DECLINED: ("Không đồng ý cho rút hồ sơ", "The withdrawal is declined"),
}
_LEADS_TO = {
    **{move.event: move.then.code for move in law.LIFECYCLE.moves if move.when != move.then},
    **dict.fromkeys(law.LIFECYCLE.begun_by, law.LIFECYCLE.begins.code),
}


def words(event: str, body: Mapping[str, Any]) -> dict[str, object]:
    """`status` (None where the event moves nothing), `text_vi`, `text_en` of an event."""
    text_vi, text_en = _SAID.get(event, (event, event))
    stays = event == law.FEE_DEMANDED and body.get("moment") in ("at_supplement", "at_result")
    return {"status": None if stays else _LEADS_TO.get(event), "text_vi": text_vi, "text_en": text_en}
