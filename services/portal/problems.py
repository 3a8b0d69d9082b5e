"""One table: refusal → problem type, status, titles."""

from __future__ import annotations

from contracts.lifecycle import MoveNotAllowed
from services.portal import citizens, clients, domain, ownership, queries
from shared.problems import Problems, ProblemType

PROBLEMS: Problems = {
    citizens.TokenMissing: ProblemType("token-missing", 401, "A token is needed.", "Cần đăng nhập."),
    citizens.TokenNotValid: ProblemType(
        "token-not-valid", 401, "The token is not valid here.", "Phiên đăng nhập không hợp lệ."
    ),
    citizens.TokenExpired: ProblemType(
        "token-expired", 401, "The token is not valid at this time.", "Phiên đăng nhập đã hết hạn."
    ),
    queries.LevelTooLow: ProblemType(
        "identity-level-too-low", 403, "A higher identity level is needed.", "Mức độ định danh chưa đủ cho thủ tục này."
    ),
    queries.ProcedureNotFound: ProblemType(
        "procedure-not-found", 404, "There is no such procedure.", "Không có thủ tục này."
    ),
    queries.ProvinceNotFound: ProblemType(
        "province-not-found", 404, "There is no such province.", "Không có tỉnh, thành phố này."
    ),
    queries.CommuneNotFound: ProblemType(
        "commune-not-found", 404, "There is no such commune.", "Không có xã, phường, đặc khu này."
    ),
    queries.ProcedureNotOffered: ProblemType(
        "procedure-not-offered", 409, "This procedure cannot be submitted here.", "Thủ tục này chưa nộp được tại đây."
    ),
    queries.CommuneOutsideAuthority: ProblemType(
        "commune-outside-authority",
        409,
        "The procedure is not handled there.",
        "Cơ quan đã chọn không có thẩm quyền giải quyết.",
    ),
    domain.DossierNotFound: ProblemType("dossier-not-found", 404, "There is no such dossier.", "Không có hồ sơ này."),
    domain.FeeMismatch: ProblemType(
        "fee-mismatch", 409, "The amount is not the fee.", "Số tiền không khớp với phí, lệ phí."
    ),
    domain.NothingToPay: ProblemType("nothing-to-pay", 409, "No fee is due now.", "Hiện không có khoản phải nộp."),
    domain.AlreadyPaid: ProblemType("already-paid", 409, "The fee is paid.", "Phí, lệ phí đã được thanh toán."),
    domain.WithdrawalAlreadyAsked: ProblemType(
        "withdrawal-already-asked", 409, "A withdrawal is asked already.", "Đã có yêu cầu rút hồ sơ đang chờ trả lời."
    ),
    MoveNotAllowed: ProblemType(
        "move-not-allowed",
        409,
        "This cannot be done in the dossier's present state.",
        "Hồ sơ đang ở trạng thái không cho phép thao tác này.",
    ),
    clients.PlatformRefused: ProblemType(
        "payment-platform-refused", 502, "The payment platform refused.", "Nền tảng thanh toán từ chối."
    ),
    clients.PlatformSilent: ProblemType(
        "payment-platform-silent", 503, "The payment platform does not answer.", "Nền tảng thanh toán không phản hồi."
    ),
    ownership.ClockBackwards: ProblemType("clock-backwards", 409, "A clock never goes back.", "Đồng hồ không thể lùi."),
    ownership.ClockBusy: ProblemType("clock-busy", 409, "The clock is being turned.", "Đồng hồ đang được chỉnh."),
    ownership.ServiceDown: ProblemType(
        "service-down", 503, "A service does not answer.", "Một dịch vụ không phản hồi."
    ),
    ownership.DefaultStays: ProblemType(
        "default-stays", 409, "The default sandbox stays.", "Không thể xóa sandbox mặc định."
    ),
}
