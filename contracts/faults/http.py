"""Faults between a client and our public endpoints. The `/_lab` endpoints, health and metrics are never affected."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting
from shared.sandbox.http_fault_names import EDGE, ERROR, LATENCY, RESET, SLOW_BODY, STALE, TIMEOUT, TOO_MANY, TRUNCATED

MATCH = ("service", "method", "path")
SERVICES = ("portal", "gateway", "identity", "payment")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOTHING_HELD = "No request was delayed; the next request gets a normal response."
AT_MOST = 60  # s; a client gives up earlier

FAULTS = (
    NamedFault(
        LATENCY,
        EDGE,
        "The response is late",
        "Phản hồi chậm",
        "The server waits before it reads the request.",
        NOTHING_HELD,
        "Set timeouts, do not rely on defaults: decide how long to wait, and what the citizen sees meanwhile.",
        MATCH,
        (Setting("by", Kind.DURATION, "2s", "how long the server waits, real time", most=AT_MOST),),
        {"match": {"service": "portal", "path": "/api/v1/dossiers*"}, "with": {"by": "1s"}},
    ),
    NamedFault(
        ERROR,
        EDGE,
        "The server fails",
        "Máy chủ báo lỗi",
        "A 5xx with a problem body and, for 503, Retry-After. The request was not read, so nothing has happened.",
        NOTHING_HELD,
        "RFC 9110 section 15.6: a 5xx does not mean a wrong request. Repeat it with the same Idempotency-Key.",
        MATCH,
        (Setting("status", Kind.INTEGER, 503, "which 5xx", least=500, most=504),),
        {"match": {"service": "payment", "path": "/init"}, "with": {"status": 502}, "times": 2},
    ),
    NamedFault(
        TIMEOUT,
        EDGE,
        "No response, although the work is done",
        "Không phản hồi, dù việc đã làm",
        "The request is processed, but no response is sent; after a while the connection is reset.",
        NOTHING_HELD,
        "Without a response nobody knows whether the work was done: repeat with the same Idempotency-Key.",
        MATCH,
        (Setting("after", Kind.DURATION, "30s", "how long the connection stays open, real time", most=AT_MOST),),
        {"match": {"method": "POST", "path": "/api/v1/dossiers"}, "with": {"after": "2s"}, "times": 1},
    ),
    NamedFault(
        RESET,
        EDGE,
        "The connection breaks",
        "Kết nối bị ngắt",
        "The connection is reset before the first byte of the response; the request was not read.",
        NOTHING_HELD,
        "RFC 9110 section 9.2.2: repeat only idempotent requests; ours are, with an Idempotency-Key.",
        MATCH,
        (),
        {"match": {"service": "gateway"}, "nth": 3},
    ),
    NamedFault(
        SLOW_BODY,
        EDGE,
        "The response body is slow",
        "Nội dung trả về nhỏ giọt",
        "The headers arrive at once, the body in small pieces with pauses between them.",
        NOTHING_HELD,
        "A timeout between two bytes is not a timeout of the whole response: clients need both.",
        MATCH,
        (Setting("over", Kind.DURATION, "5s", "how long the whole body takes, real time", most=AT_MOST),),
        {"match": {"path": "/api/v1/procedures"}, "with": {"over": "2s"}},
    ),
    NamedFault(
        TRUNCATED,
        EDGE,
        "The response body is cut off",
        "Nội dung trả về bị cắt cụt",
        "The body is shorter than Content-Length says; the work was done.",
        NOTHING_HELD,
        "RFC 9112 section 8: a message shorter than its Content-Length is incomplete; do not use it as complete.",
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
        "RFC 6585 section 4, RFC 9110 section 10.2.3: wait for Retry-After, then send the same request again.",
        MATCH,
        (Setting("retry_after", Kind.INTEGER, 1, "seconds in the header Retry-After", least=0, most=3600),),
        {"match": {"service": "portal"}, "nth": 5, "with": {"retry_after": 2}},
    ),
    NamedFault(
        STALE,
        EDGE,
        "A cache returns an old response",
        "Bộ đệm trả dữ liệu cũ",
        "A GET gets the first response that it got under this rule, with `Age`, even if the data has changed since.",
        NOTHING_HELD,
        "RFC 9111 section 4.2.4: a cached response can be old. Check Age before you conclude that nothing has changed.",
        MATCH,
        (),
        {"match": {"path": "/api/v1/dossiers*"}},
    ),
)
