"""The problem types of the refusals that the contracts raise; every service includes them in its table."""

from __future__ import annotations

from contracts import catalogue, file_types
from contracts.calendar.calendar import CalendarTooShort
from contracts.lifecycle import MoveNotAllowed
from contracts.schemas import UnknownEventType
from shared.errors import BrokerNotPrepared, ReceiverNotAllowed
from shared.problem_types import Problems, ProblemType

CONTRACT_PROBLEMS: Problems = {
    BrokerNotPrepared: ProblemType(
        "broker-not-prepared",
        409,
        "The broker cannot give a connector its access.",
        "Kafka chưa cấp được quyền truy cập cho hệ thống kết nối.",
    ),
    CalendarTooShort: ProblemType(
        "calendar-too-short", 409, "The calendar ends too early for this.", "Lịch làm việc không đủ dài."
    ),
    UnknownEventType: ProblemType(
        "event-type-unknown", 404, "There is no such event type.", "Không có loại sự kiện này."
    ),
    ReceiverNotAllowed: ProblemType(
        "receiver-not-allowed", 409, "This receiver may not be called.", "Không được phép gọi tới địa chỉ nhận này."
    ),
    MoveNotAllowed: ProblemType(
        "move-not-allowed",
        409,
        "This is not possible in the current state of the dossier.",
        "Hồ sơ đang ở trạng thái không cho phép thao tác này.",
    ),
    catalogue.ProcedureNotFound: ProblemType(
        "procedure-not-found", 404, "There is no such procedure.", "Không có thủ tục này."
    ),
    catalogue.ProcedureWithdrawn: ProblemType(
        "procedure-withdrawn", 409, "The procedure is no longer in force.", "Thủ tục đã hết hiệu lực."
    ),
    catalogue.ProcedureNotYetInForce: ProblemType(
        "procedure-not-yet-in-force", 409, "The procedure is not in force yet.", "Thủ tục chưa có hiệu lực."
    ),
    catalogue.CaseNotFound: ProblemType(
        "case-not-found", 404, "The procedure has no such case.", "Thủ tục không có trường hợp này."
    ),
    catalogue.PayerGroupNotFound: ProblemType(
        "payer-group-not-found", 404, "There is no such group of payers.", "Không có nhóm người nộp này."
    ),
    catalogue.UnitUnknown: ProblemType(
        "unit-not-found",
        404,
        "No current unit has this code.",
        "Hiện nay không đơn vị hành chính nào có mã này.",
    ),
    catalogue.ProvinceNotFound: ProblemType(
        "province-not-found",
        404,
        "No current province has this code.",
        "Hiện nay không tỉnh, thành phố nào có mã này.",
    ),
    catalogue.CommuneNotFound: ProblemType(
        "commune-not-found",
        404,
        "No current commune has this code.",
        "Hiện nay không xã, phường, đặc khu nào có mã này.",
    ),
    catalogue.UnitSplit: ProblemType(
        "unit-split",
        409,
        "The old unit has several successors.",
        "Đơn vị hành chính cũ đã chia cho nhiều đơn vị mới.",
    ),
    catalogue.ProcedureNotOffered: ProblemType(
        "procedure-not-offered", 409, "This procedure cannot be submitted here.", "Thủ tục này chưa nộp được tại đây."
    ),
    catalogue.CommuneOutsideAuthority: ProblemType(
        "commune-outside-authority",
        409,
        "The chosen authority does not handle this procedure.",
        "Cơ quan đã chọn không có thẩm quyền giải quyết.",
    ),
    catalogue.ReceptionElsewhere: ProblemType(
        "reception-elsewhere",
        409,
        "The chosen desk cannot receive this dossier.",
        "Không thể tiếp nhận tại nơi đã chọn.",
    ),
    file_types.TypeNotAccepted: ProblemType(
        "paper-type-not-accepted", 415, "This file type is not accepted.", "Loại tệp này không được chấp nhận."
    ),
    file_types.TypeMismatch: ProblemType(
        "paper-type-mismatch", 415, "The file is not of the declared type.", "Tệp không đúng loại đã khai báo."
    ),
    file_types.ContentDamaged: ProblemType("paper-damaged", 400, "The file is damaged.", "Tệp bị hỏng."),
    file_types.ContentNotSafe: ProblemType(
        "paper-not-safe", 415, "The file is locked or not safe.", "Tệp bị khóa hoặc không an toàn."
    ),
    file_types.UnpacksTooLarge: ProblemType(
        "paper-unpacks-too-large", 413, "The file becomes too large when opened.", "Tệp quá lớn sau khi giải nén."
    ),
}
