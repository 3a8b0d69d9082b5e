"""How the adapter API answers: HTTP 200 whatever happened, `error_code`, a text that clients search, `result`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.gate import Finding
from contracts.legacy.profiles import PLAIN, PROFILES, Profile
from services.province_gateway.legacy.pushes import Outcome

OK, KNOWN_ALREADY, WRONG = 0, 3, -1  # 3: one client then sends an update (integration.md 1.10, 12.2)
USUAL = PROFILES[PLAIN]
NO_LOGIN = "Sai tài khoản hoặc mật khẩu"
NO_SESSION = "Phiên làm việc không hợp lệ hoặc đã hết hạn"
MOST = 3  # findings in a text; the verdicts have all


def answer(result: Any = None) -> dict[str, Any]:
    return {"error_code": OK, "message": USUAL.done} | ({} if result is None else {"result": result})


def refusal(message: str, code: int = WRONG) -> dict[str, Any]:
    return {"error_code": code, "message": str(message)}  # of a Sentence the text: the encoder knows no subclass


def as_told(answer: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """The answer with the error code and the texts of a province."""
    message = answer["message"]
    if answer["error_code"] == OK:
        message = profile.done
    elif answer["error_code"] == KNOWN_ALREADY:
        message = message.removesuffix(USUAL.exists) + profile.exists
    return {**answer, "error_code": profile.code(answer["error_code"]), "message": message}


def of_push(codes: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One answer for a whole push: it is taken if every element is."""
    known = [code for code, outcome in zip(codes, outcomes, strict=True) if outcome.is_known]
    refused = [
        f"{code or f'data[{n}]'}: {_words(outcome.findings)}"
        for n, (code, outcome) in enumerate(zip(codes, outcomes, strict=True))
        if not outcome.is_taken and not outcome.is_known
    ]
    taken = len(codes) - len(refused) - len(known)
    others = f" Đã nhận {taken}/{len(codes)}." if taken else ""
    if refused:
        return refusal(f"{_first(refused, '; ')}.{others}" if others or len(refused) > MOST else "; ".join(refused))
    if known:
        return refusal(f"Hồ sơ {_first(known, ', ')} {USUAL.exists}", KNOWN_ALREADY)
    return answer(result=[])


def _first(words: Sequence[str], separator: str) -> str:
    """The first few of them, and how many more there are."""
    more = len(words) - MOST
    return separator.join(words[:MOST]) + (f" (và {more} trường hợp khác)" if more > 0 else "")


def _words(findings: Sequence[Finding]) -> str:
    wrong = [each for each in findings if not each.tolerable] or findings
    return "; ".join(f"{each.title_vi} ({each.pointer}): {each.expected_vi or each.expected}" for each in wrong[:MOST])
