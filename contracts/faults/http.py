"""What goes wrong between a client and any of our public doors. Test doors, health and metrics are never hit."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting
from shared.sandbox.http_fault_names import EDGE, ERROR, LATENCY, RESET, SLOW_BODY, STALE, TIMEOUT, TOO_MANY, TRUNCATED

MATCH = ("service", "method", "path")
SERVICES = ("portal", "gateway", "identity", "payment")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOTHING_HELD = "Nothing is held: the next request is answered."
AT_MOST = 60  # s; a client gives up before

FAULTS = (
    NamedFault(
        LATENCY,
        EDGE,
        "The answer comes late",
        "Phản hồi chậm",
        "The door waits before it even reads the request.",
        NOTHING_HELD,
        "Timeouts are chosen, not inherited: a client decides how long it waits and what it tells the citizen meanwhile.",
        MATCH,
        (Setting("by", Kind.DURATION, "2s", "how long it waits, real time", most=AT_MOST),),
        {"match": {"service": "portal", "path": "/api/v1/dossiers*"}, "with": {"by": "1s"}},
    ),
    NamedFault(
        ERROR,
        EDGE,
        "The server fails",
        "Máy chủ báo lỗi",
        "A 5xx with a problem body and, with 503, Retry-After; the request was not read, so nothing has happened.",
        NOTHING_HELD,
        "RFC 9110 section 15.6: a 5xx says nothing about the request. Repeat it with the same Idempotency-Key.",
        MATCH,
        (Setting("status", Kind.INTEGER, 503, "which 5xx", least=500, most=504),),
        {"match": {"service": "payment", "path": "/init"}, "with": {"status": 502}, "times": 2},
    ),
    NamedFault(
        TIMEOUT,
        EDGE,
        "No answer comes, though the work is done",
        "Không phản hồi, dù việc đã làm",
        "The request is carried out; its answer is kept back, and the connection is reset after a while.",
        NOTHING_HELD,
        "The worst of all answers is none: whether it was done is known only to who asks again with the same Idempotency-Key.",
        MATCH,
        (Setting("after", Kind.DURATION, "30s", "how long the connection stays open, real time", most=AT_MOST),),
        {"match": {"method": "POST", "path": "/api/v1/dossiers"}, "with": {"after": "2s"}, "times": 1},
    ),
    NamedFault(
        RESET,
        EDGE,
        "The connection breaks",
        "Kết nối bị ngắt",
        "The connection is reset before a byte of the answer; the request was not read.",
        NOTHING_HELD,
        "RFC 9110 section 9.2.2: only idempotent requests are repeated by themselves; with an Idempotency-Key ours are.",
        MATCH,
        (),
        {"match": {"service": "gateway"}, "nth": 3},
    ),
    NamedFault(
        SLOW_BODY,
        EDGE,
        "The answer drips",
        "Nội dung trả về nhỏ giọt",
        "Headers come at once, the body in small pieces with pauses between.",
        NOTHING_HELD,
        "A timeout between two bytes is not a timeout of the whole: clients need both.",
        MATCH,
        (Setting("over", Kind.DURATION, "5s", "how long the whole body takes, real time", most=AT_MOST),),
        {"match": {"path": "/api/v1/procedures"}, "with": {"over": "2s"}},
    ),
    NamedFault(
        TRUNCATED,
        EDGE,
        "The answer stops in the middle",
        "Nội dung trả về bị cắt cụt",
        "Content-Length promises more than comes; the work was done.",
        NOTHING_HELD,
        "RFC 9112 section 8: a message shorter than its Content-Length is incomplete and must not be taken for whole.",
        MATCH,
        (),
        {"match": {"method": "GET", "path": "/api/v1/dossiers/*"}, "times": 1},
    ),
    NamedFault(
        TOO_MANY,
        EDGE,
        "Too many requests",
        "Quá nhiều yêu cầu",
        "429 with Retry-After; the request was not read.",
        NOTHING_HELD,
        "RFC 6585 section 4, RFC 9110 section 10.2.3: wait as long as Retry-After says, then send the same again.",
        MATCH,
        (Setting("retry_after", Kind.INTEGER, 1, "seconds, as the header says", least=0, most=3600),),
        {"match": {"service": "portal"}, "nth": 5, "with": {"retry_after": 2}},
    ),
    NamedFault(
        STALE,
        EDGE,
        "A cache answers with what was",
        "Bộ đệm trả dữ liệu cũ",
        "A GET gets the answer that it first got under this rule, with `Age`, whatever happened since.",
        NOTHING_HELD,
        "RFC 9111 section 4.2.4: what a cache says may be old. Look at Age before believing that nothing has changed.",
        MATCH,
        (),
        {"match": {"path": "/api/v1/dossiers*"}},
    ),
)
