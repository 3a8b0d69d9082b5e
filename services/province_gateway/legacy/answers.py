"""How the adapter API answers: HTTP 200 whatever happened, `error_code`, a text that clients search, `result`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.gate import Finding
from services.province_gateway.legacy.pushing import Outcome

OK, KNOWN_ALREADY, WRONG = 0, 3, -1  # 3: one client then sends an update (integration.md 1.10, 12.2)
DONE, EXISTS = "Thành công", "đã tồn tại"
MOST = 3  # findings in a text; the verdicts have all


def answer(result: Any = None, message: str = DONE) -> dict[str, Any]:
    """One client looks for "thành công" anywhere in the text, without regard to case."""
    return {"error_code": OK, "message": message} | ({} if result is None else {"result": result})


def refusal(message: str, code: int = WRONG) -> dict[str, Any]:
    return {"error_code": code, "message": message}


def of_push(codes: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One answer for a whole push: it is taken if every element is."""
    known = [code for code, outcome in zip(codes, outcomes, strict=True) if outcome.is_known]
    refused = [
        f"{code}: {_words(outcome.findings)}"
        for code, outcome in zip(codes, outcomes, strict=True)
        if not outcome.is_taken and not outcome.is_known
    ]
    if refused:
        return refusal("; ".join(refused[:MOST]))
    if known:
        return refusal(f"Hồ sơ {', '.join(known[:MOST])} {EXISTS}", KNOWN_ALREADY)
    return answer(result=[])


def _words(findings: Sequence[Finding]) -> str:
    wrong = [each for each in findings if not each.tolerable] or findings
    return "; ".join(f"{each.title_vi} ({each.pointer}): {each.expected_vi or each.expected}" for each in wrong[:MOST])
