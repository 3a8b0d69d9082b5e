"""What a refusal looks like outside: its problem type (RFC 9457), status and titles in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared import errors


@dataclass(frozen=True)
class ProblemType:
    """What a refusal looks like outside: `/problems/<slug>`, a fixed status and a fixed title in two languages."""

    slug: str
    status: int
    title: str
    title_vi: str


Problems = Mapping[type[errors.Refusal], ProblemType]
COMMON: Problems = {
    errors.BodyDoesNotFit: ProblemType(
        "body-does-not-fit", 422, "The body does not fit.", "Nội dung gửi lên không đúng cấu trúc."
    ),
    errors.SandboxNotFound: ProblemType("sandbox-not-found", 404, "There is no such sandbox.", "Không có sandbox này."),
    errors.SandboxMismatch: ProblemType(
        "sandbox-mismatch", 403, "The credential belongs to another sandbox.", "Thông tin xác thực thuộc sandbox khác."
    ),
    errors.ApiKeyUnknown: ProblemType("api-key-unknown", 401, "This API key opens nothing.", "API key không hợp lệ."),
    errors.KeyReused: ProblemType(
        "idempotency-key-reused",
        409,
        "This Idempotency-Key was used with another body.",
        "Idempotency-Key đã dùng cho nội dung khác.",
    ),
    errors.NotReady: ProblemType(
        "not-ready", 503, "A needed part is not ready yet.", "Một thành phần cần thiết chưa sẵn sàng."
    ),
    errors.HeldByFault: ProblemType(
        "held-by-fault", 503, "A fault rule holds this back.", "Một quy tắc gây lỗi đang giữ việc này lại."
    ),
    errors.DeadLetterNotFound: ProblemType(
        "dead-letter-not-found", 404, "There is no such dead letter.", "Không có thư chết này."
    ),
}


def pointer_of(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) from where FastAPI found the error; headers and paths keep their kind in front.

    What is wrong with a member's name points at the member: pydantic writes `[key]` behind it.
    """
    parts = location[1:] if location[:1] == ("body",) else location
    parts = parts[:-1] if parts[-1:] == ("[key]",) else parts
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
