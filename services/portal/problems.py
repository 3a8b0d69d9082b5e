"""One table: refusal → problem type, status, titles."""

from __future__ import annotations

from contracts.problems import CONTRACT_PROBLEMS
from services.portal import auth, clients, domain, queries, refusals, submission
from services.portal.papers import results, store
from services.portal.sandboxes import fault_rules, owner
from shared.messaging.projection import ProjectionNotFound
from shared.problem_types import Problems, ProblemType
from shared.sandbox import files

CHALLENGE = 'Bearer realm="portal"'
INVALID_TOKEN = f'{CHALLENGE}, error="invalid_token"'  # RFC 6750 section 3.1
PROBLEMS: Problems = {
    **CONTRACT_PROBLEMS,
    auth.TokenMissing: ProblemType("token-missing", 401, "A token is needed.", "Cần đăng nhập.", CHALLENGE),
    auth.TokenNotValid: ProblemType(
        "token-not-valid", 401, "The token is not valid here.", "Phiên đăng nhập không hợp lệ.", INVALID_TOKEN
    ),
    auth.TokenExpired: ProblemType(
        "token-expired", 401, "The token is not valid at this time.", "Phiên đăng nhập đã hết hạn.", INVALID_TOKEN
    ),
    queries.LevelTooLow: ProblemType(
        "identity-level-too-low", 403, "A higher identity level is needed.", "Mức độ định danh chưa đủ cho thủ tục này."
    ),
    ProjectionNotFound: ProblemType(
        "projection-not-found", 404, "There is no such projection.", "Không có bảng tổng hợp này."
    ),
    domain.DossierNotFound: ProblemType("dossier-not-found", 404, "There is no such dossier.", "Không có hồ sơ này."),
    domain.FeeMismatch: ProblemType(
        "fee-mismatch", 409, "The amount is not the fee.", "Số tiền không khớp với phí, lệ phí."
    ),
    domain.NothingToPay: ProblemType("nothing-to-pay", 409, "No fee is due now.", "Hiện không có khoản phải nộp."),
    domain.AlreadyPaid: ProblemType("already-paid", 409, "The fee is paid.", "Phí, lệ phí đã được thanh toán."),
    domain.WithdrawalAlreadyAsked: ProblemType(
        "withdrawal-already-asked", 409, "A withdrawal is requested.", "Đã có yêu cầu rút hồ sơ đang chờ trả lời."
    ),
    domain.WithdrawalTooLate: ProblemType(
        "withdrawal-too-late", 409, "The result is returned.", "Đã trả kết quả, không thể rút hồ sơ."
    ),
    domain.NothingToSupplement: ProblemType(
        "nothing-to-supplement", 409, "No supplement is requested.", "Hồ sơ không có yêu cầu bổ sung."
    ),
    domain.SupplementAlreadyAnswered: ProblemType(
        "supplement-already-answered", 409, "The request is answered.", "Yêu cầu bổ sung đã được trả lời."
    ),
    domain.SupplementTooLate: ProblemType(
        "supplement-too-late", 409, "The time to answer has passed.", "Đã quá thời hạn bổ sung hồ sơ."
    ),
    domain.NotEndedYet: ProblemType(
        "not-ended-yet", 409, "The dossier has not ended.", "Hồ sơ chưa kết thúc, chưa thể đánh giá."
    ),
    domain.AlreadyRated: ProblemType("already-rated", 409, "The dossier is rated.", "Hồ sơ đã được đánh giá."),
    refusals.DraftNotFound: ProblemType("draft-not-found", 404, "There is no such draft.", "Không có bản nháp này."),
    refusals.SignInFailed: ProblemType(
        "sign-in-failed", 403, "The sign-in did not succeed.", "Đăng nhập không thành công."
    ),
    refusals.FormOfAnother: ProblemType(
        "form-of-another", 409, "The form was opened in another session.", "Biểu mẫu được mở trong phiên khác."
    ),
    submission.NoRightToRepresent: ProblemType(
        "no-right-to-represent", 403, "You may not act for this owner.", "Không có quyền nộp thay chủ hồ sơ này."
    ),
    store.HashMismatch: ProblemType(
        "paper-hash-mismatch", 400, "The received file does not match its hash.", "Mã băm không khớp với tệp nhận được."
    ),
    store.PaperNotFound: ProblemType("paper-not-found", 404, "There is no such paper.", "Không có giấy tờ này."),
    results.ResultNotThere: ProblemType(
        "result-not-there", 404, "There is no result yet.", "Chưa có kết quả giải quyết."
    ),
    results.ResultNotReadable: ProblemType(
        "result-not-readable", 502, "The result is not a readable file.", "Tệp kết quả không đọc được."
    ),
    files.AddressNotValid: ProblemType(
        "address-not-valid", 403, "The address is not valid.", "Địa chỉ tải không hợp lệ."
    ),
    files.AddressExpired: ProblemType("address-expired", 410, "The address has expired.", "Địa chỉ tải đã hết hạn."),
    files.FileNotFound: ProblemType("file-not-found", 404, "There is no such file.", "Không có tệp này."),
    clients.PlatformRefused: ProblemType(
        "payment-platform-refused", 502, "The payment platform refused.", "Nền tảng thanh toán từ chối."
    ),
    clients.PlatformSilent: ProblemType(
        "payment-platform-silent", 503, "The payment platform does not reply.", "Nền tảng thanh toán không phản hồi."
    ),
    owner.ClockBackwards: ProblemType("clock-backwards", 409, "A clock cannot go back.", "Đồng hồ không thể lùi."),
    owner.ClockBusy: ProblemType("clock-busy", 409, "The clock is being changed.", "Đồng hồ đang được chỉnh."),
    owner.ServiceDown: ProblemType("service-down", 503, "A service does not reply.", "Một dịch vụ không phản hồi."),
    fault_rules.RulesContradict: ProblemType(
        "rules-contradict", 409, "Two fault rules contradict each other.", "Hai quy tắc gây lỗi mâu thuẫn nhau."
    ),
    fault_rules.FaultRuleNotFound: ProblemType(
        "fault-rule-not-found", 404, "There is no such fault rule.", "Không có quy tắc gây lỗi này."
    ),
    owner.DefaultStays: ProblemType(
        "default-stays", 409, "The default sandbox cannot be deleted.", "Không thể xóa sandbox mặc định."
    ),
}
