"""Problem types (RFC 9457): how a refusal is reported to the caller, with status and titles in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared import errors


@dataclass(frozen=True)
class ProblemType:
    """The type `/problems/<slug>`, with a fixed status and a fixed title in two languages.

    challenge  value of WWW-Authenticate; a 401 must have one (RFC 9110 section 11.6.1)
    """

    slug: str
    status: int
    title: str
    title_vi: str
    challenge: str = ""

    def __post_init__(self) -> None:
        if (self.status == 401) != bool(self.challenge):
            raise ValueError(f"{self.slug}: a 401 needs a challenge, and nothing else has one")


Problems = Mapping[type[errors.Refusal], ProblemType]
COMMON: Problems = {
    errors.BodyDoesNotFit: ProblemType(
        "body-does-not-fit", 422, "The body does not fit.", "Nội dung gửi lên không đúng cấu trúc."
    ),
    errors.SandboxNotFound: ProblemType("sandbox-not-found", 404, "There is no such sandbox.", "Không có sandbox này."),
    errors.SandboxMismatch: ProblemType(
        "sandbox-mismatch", 403, "The credential belongs to another sandbox.", "Thông tin xác thực thuộc sandbox khác."
    ),
    errors.ApiKeyUnknown: ProblemType(
        "api-key-unknown", 401, "No sandbox has this API key.", "API key không hợp lệ.", 'ApiKey realm="lienthong"'
    ),
    errors.KeyReused: ProblemType(
        "idempotency-key-reused",
        409,
        "This Idempotency-Key was already used with another body.",
        "Idempotency-Key đã dùng cho nội dung khác.",
    ),
    errors.NotReady: ProblemType(
        "not-ready", 503, "A needed part is not ready yet.", "Một thành phần cần thiết chưa sẵn sàng."
    ),
    errors.Overloaded: ProblemType(
        "overloaded",
        503,
        "The service cannot do this right now; the same request can succeed later.",
        "Dịch vụ chưa làm được việc này lúc này; hãy gửi lại chính yêu cầu đó sau.",
    ),
    errors.HeldByFault: ProblemType(
        "held-by-fault", 503, "A fault rule delays this action.", "Một quy tắc gây lỗi đang giữ việc này lại."
    ),
    errors.ServicesOnly: ProblemType(
        "services-only", 403, "This endpoint is for the services alone.", "Chỉ các dịch vụ được gọi địa chỉ này."
    ),
    errors.DeadLetterNotFound: ProblemType(
        "dead-letter-not-found", 404, "There is no such dead letter.", "Không có thư chết này."
    ),
    errors.EventNotFound: ProblemType("event-not-found", 404, "There is no such event.", "Không có sự kiện này."),
    errors.DeadLetterHasNoBody: ProblemType(
        "dead-letter-has-no-body", 409, "This dead letter has no body.", "Thư chết này không có nội dung."
    ),
}


def pointer_of(location: tuple[int | str, ...]) -> str:
    """The JSON pointer (RFC 6901) of a FastAPI error location. Headers and path parameters keep their kind as prefix.

    An error in the name of a member points at the member: pydantic marks it with `[key]` at the end.
    """
    parts = location[1:] if location[:1] == ("body",) else location
    parts = parts[:-1] if parts[-1:] == ("[key]",) else parts
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
