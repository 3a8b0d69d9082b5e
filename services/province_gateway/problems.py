"""Refusal → problem type, status, titles."""

from __future__ import annotations

from contracts.problems import CONTRACT_PROBLEMS
from services.province_gateway import domain
from services.province_gateway.commands import DossierAlreadyHere
from shared.errors import BrokerNotPrepared
from shared.problem_types import Problems, ProblemType

PROBLEMS: Problems = {
    **CONTRACT_PROBLEMS,
    domain.DossierNotFound: ProblemType("dossier-not-found", 404, "There is no such dossier.", "Không có hồ sơ này."),
    BrokerNotPrepared: ProblemType(
        "broker-not-prepared",
        409,
        "The broker cannot give a connector its access.",
        "Kafka chưa cấp được quyền truy cập cho hệ thống kết nối.",
    ),
    DossierAlreadyHere: ProblemType(
        "dossier-already-here", 409, "The code belongs to another dossier.", "Mã hồ sơ đã được dùng."
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
    domain.NothingDue: ProblemType("nothing-due", 409, "No fee is due.", "Không có khoản phải nộp."),
    domain.FeeMismatch: ProblemType(
        "fee-mismatch", 409, "The amount is not the fee.", "Số tiền không khớp với phí, lệ phí."
    ),
    domain.RefundTooLarge: ProblemType(
        "refund-too-large", 409, "The refund is larger than the amount paid.", "Không thể hoàn nhiều hơn số đã nộp."
    ),
}
