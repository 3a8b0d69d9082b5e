"""Refusal → problem type, status, titles."""

from __future__ import annotations

from contracts.problems import CONTRACT_PROBLEMS
from services.province_gateway import domain
from services.province_gateway.commands import DossierAlreadyHere, ResultIsFinal
from services.province_gateway.doors import attempts, connectors
from services.province_gateway.officers.modes import ConnectorDecides
from shared.problem_types import Problems, ProblemType
from shared.sandbox import files

BEARER = 'Bearer realm="lienthong"'
PROBLEMS: Problems = {
    **CONTRACT_PROBLEMS,
    files.FileNotFound: ProblemType("file-not-found", 404, "There is no such file.", "Không có tệp này."),
    domain.DossierNotFound: ProblemType("dossier-not-found", 404, "There is no such dossier.", "Không có hồ sơ này."),
    DossierAlreadyHere: ProblemType(
        "dossier-already-here", 409, "The code belongs to another dossier.", "Mã hồ sơ đã được dùng."
    ),
    connectors.ConnectorKeyMissing: ProblemType(
        "connector-key-missing", 401, "The key of a connector is needed.", "Cần khoá của hệ thống kết nối.", BEARER
    ),
    connectors.ConnectorKeyUnknown: ProblemType(
        "connector-key-unknown",
        401,
        "No connector has this key.",
        "Không hệ thống kết nối nào có khoá này.",
        f'{BEARER}, error="invalid_token"',
    ),
    connectors.OtherProvince: ProblemType(
        "other-province", 403, "The key opens another province.", "Khoá này của tỉnh khác."
    ),
    connectors.NotConnected: ProblemType(
        "not-connected",
        409,
        "No connector decides for this province.",
        "Tỉnh này không có hệ thống kết nối nào quyết định.",
    ),
    attempts.DeliveryNotFound: ProblemType(
        "delivery-not-found", 404, "There is no such delivery.", "Không có tin nào như vậy đã gửi."
    ),
    attempts.NotSentByUs: ProblemType(
        "not-told-by-webhook",
        409,
        "The connector is not told by webhook.",
        "Hệ thống kết nối không nhận tin qua webhook.",
    ),
    connectors.SandboxKeyNeeded: ProblemType(
        "sandbox-key-needed",
        401,
        "The sandbox's own key is needed.",
        "Cần API key của sandbox.",
        'ApiKey realm="lienthong"',
    ),
    ConnectorDecides: ProblemType(
        "connector-decides",
        409,
        "A connector decides for this province.",
        "Hệ thống kết nối của tỉnh này quyết định.",
    ),
    ResultIsFinal: ProblemType(
        "result-is-final", 409, "It is too late to hand in a result.", "Đã quá lúc gửi tệp kết quả."
    ),
    domain.NotYet: ProblemType("not-yet", 409, "Something must come first.", "Phải chờ một việc khác trước."),
    domain.AlreadyRescheduled: ProblemType(
        "already-rescheduled", 409, "A due date can be moved only once.", "Chỉ được hẹn lại ngày trả một lần."
    ),
    domain.ReschedulingTooLate: ProblemType(
        "rescheduling-too-late", 409, "It is too late for an apology.", "Đã quá thời điểm gửi phiếu xin lỗi, hẹn lại."
    ),
    domain.VerificationTooLate: ProblemType(
        "supplement-request-too-late",
        409,
        "The time to request a supplement has expired.",
        "Đã quá ba ngày làm việc để yêu cầu bổ sung.",
    ),
    domain.AskedTooOften: ProblemType(
        "supplement-requested-too-often",
        409,
        "No further supplement can be requested.",
        "Không thể yêu cầu bổ sung thêm lần nữa.",
    ),
    domain.NoResultYet: ProblemType("no-result-yet", 404, "There is no result yet.", "Chưa có kết quả giải quyết."),
    domain.ResultNotHandedIn: ProblemType(
        "result-not-handed-in", 409, "The file was not handed in.", "Tệp kết quả chưa được gửi."
    ),
    domain.NothingDue: ProblemType("nothing-due", 409, "No fee is due.", "Không có khoản phải nộp."),
    domain.FeeMismatch: ProblemType(
        "fee-mismatch", 409, "The amount is not the fee.", "Số tiền không khớp với phí, lệ phí."
    ),
    domain.RefundTooLarge: ProblemType(
        "refund-too-large", 409, "The refund is larger than the amount paid.", "Không thể hoàn nhiều hơn số đã nộp."
    ),
}
