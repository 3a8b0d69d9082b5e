"""Faults of the adapter API, as its clients meet them: in the login, in the session, in how an answer looks."""

from __future__ import annotations

from typing import Any

from contracts.faults.kinds import Kind, NamedFault, Setting
from contracts.legacy import services

ANSWER = "adapter.answer"  # when a call of the adapter API is about to be answered
MATCH = ("province", "asked")
ASKED = (*services(), "login")

EXPIRED = "adapter-session-expired"
LOGIN = "adapter-login-refused"
SLOW = "adapter-slow"
UNAUTHORIZED = "adapter-401"
BROKEN = "adapter-500"
BOM = "adapter-byte-order-mark"
PRETTY = "adapter-pretty-printed"
CODE = "adapter-other-error-code"
EXISTS = "adapter-exists-already"
WORDLESS = "adapter-without-the-words"
RESULT = "adapter-other-result"
CUT = "adapter-cut-off"
TWICE = "adapter-pushed-twice"

UNSERVED = (EXPIRED, LOGIN, UNAUTHORIZED, BROKEN, EXISTS)  # they answer in place of the service, which does nothing
CODES: dict[str, Any] = {
    "number": 0,
    "text": "0",
    "two zeros": "00",
    "fraction": 0.0,
    "null": None,
    "empty": "",
    "word": "OK",
    "missing": ...,
}
RESULTS: dict[str, Any] = {"null": None, "object": {}, "empty": [], "missing": ...}
USUAL = "The next calls are answered as usual."
FACTS = "integration.md"


def _fault(
    name: str, title_en: str, title_vi: str, shows: str, teaches: str, asked: str, *settings: Setting
) -> NamedFault:
    return NamedFault(
        name=name,
        edge=ANSWER,
        title_en=title_en,
        title_vi=title_vi,
        shows=shows,
        released=USUAL,
        teaches=teaches,
        match=MATCH,
        settings=settings,
        example={"match": {"province": "37", "asked": asked}, "times": 1},
    )


FAULTS = (
    _fault(
        EXPIRED,
        "A session ends early",
        "Phiên hết hạn sớm",
        "The call is refused as if its session had ended; nothing is taken.",
        f"{FACTS} 1.2: a cached session can end before its time: log in again, and send the same call.",
        "DongBoHoSoMC",
    ),
    _fault(
        LOGIN,
        "A login is refused",
        "Đăng nhập bị từ chối",
        "The right name and password are refused.",
        f"{FACTS} 1.2: keep what waits in the queue, and try to log in again later.",
        "login",
    ),
    _fault(
        SLOW,
        "An answer takes long",
        "Trả lời chậm",
        "The call is carried out, and answered `by` later in real time.",
        f"{FACTS} 1.1: clients give up after 6 or 60 seconds. What was given up may have been taken: look it up first.",
        "DongBoHoSoMC",
        Setting("by", Kind.DURATION, "7s", "real time until the answer", least=1, most=120),
    ),
    _fault(
        UNAUTHORIZED,
        "HTTP 401 in place of an answer",
        "HTTP 401 thay cho trả lời",
        "The status is 401 without an answer; nothing is taken.",
        f"{FACTS} 12.2: a client that expects 200 loses the message on its own side: count every other status as not sent.",
        "CapNhatTienDoHoSoMC",
    ),
    _fault(
        BROKEN,
        "HTTP 500 in place of an answer",
        "HTTP 500 thay cho trả lời",
        "The status is 500 with a page of HTML; nothing is taken.",
        f"{FACTS} 12.2: a client that expects 200 loses the message on its own side: count every other status as not sent.",
        "CapNhatTienDoHoSoMC",
    ),
    _fault(
        BOM,
        "An answer begins with a byte-order mark",
        "Trả lời bắt đầu bằng BOM",
        "The answer is right, behind the three bytes of a byte-order mark.",
        "RFC 8259 section 8.1: a parser may ignore a byte-order mark; one that does not must fail loudly.",
        "DongBoHoSoMC",
    ),
    _fault(
        PRETTY,
        "An answer is pretty-printed",
        "Trả lời xuống dòng, thụt lề",
        "The answer has spaces and new lines, and the type text/html.",
        f"{FACTS} 12.2: read JSON by a parser, never by searching its text.",
        "DongBoHoSoMC",
    ),
    _fault(
        CODE,
        "error_code has another type",
        "error_code khác kiểu",
        "The code of success is written `as` something else; the call is carried out.",
        f'{FACTS} 1.3, 12.2: 0, "0" and "00" were all seen; one client takes whatever is no number for success.',
        "CapNhatTienDoHoSoMC",
        Setting("as", Kind.WORD, "two zeros", "what stands in its place", tuple(CODES)),
    ),
    _fault(
        EXISTS,
        "A new dossier exists already",
        "Hồ sơ mới bị báo đã tồn tại",
        "The push of a dossier is answered with `đã tồn tại`; nothing is taken.",
        f"{FACTS} 12.2: one client then sends an update, another gives up: look the dossier up before you do either.",
        "DongBoHoSoMC",
    ),
    _fault(
        WORDLESS,
        "Success without the usual words",
        "Thành công nhưng không có chữ",
        "The call succeeds, and its text does not say `thành công`.",
        f"{FACTS} 1.7: one client counts as success only what says so in words: look at error_code instead.",
        "CapNhatTienDoHoSoMC",
    ),
    _fault(
        RESULT,
        "The result is another than a list",
        "Kết quả không phải danh sách",
        "The member `result` is `as` something else; the call is carried out.",
        f"{FACTS} 12.2: a client that reads the first element unchecked crashes: check before you read.",
        "LayThuTuc",
        Setting("as", Kind.WORD, "null", "what stands in its place", tuple(RESULTS)),
    ),
    _fault(
        CUT,
        "An answer is cut off",
        "Trả lời bị cắt giữa chừng",
        "The call is carried out, and the connection ends in the middle of the answer.",
        f"{FACTS} 12.2: what was cut off may have been taken: look it up, then send it as an update.",
        "DongBoHoSoMC",
    ),
    _fault(
        TWICE,
        "A push arrives twice",
        "Một lần gửi đến hai lần",
        "The push is taken twice within a second, as a queue resends it; the answer is that to the second time.",
        f"{FACTS} 12.2: `đã tồn tại` may mean your own push: look the dossier up, and never give it another code.",
        "DongBoHoSoMC",
    ),
)
