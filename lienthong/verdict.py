"""The verdict of `settle` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lienthong.client import Verdict


def verdict_text(verdict: Verdict) -> str:
    """The verdict, then what the sandbox waits for, line by line."""
    lines = [verdict["verdict"]]
    if verdict["verdict"] == "still" and verdict["proof_of_absence"]:
        lines[0] += ": nothing can happen before the clock advances"
    if verdict["next_due"]:
        lines.append(f"next due {verdict['next_due']}")
    return "\n".join(
        [*lines, *(f"{each['name']}: {each['service']}: {each['detail']}" for each in verdict["waiting_for"])]
    )
