"""The verdict on a connector's message as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def judgement_lines(verdict: dict[str, Any], language: str) -> Iterator[str]:
    """A verdict with its errors; what stands in it is not made safe for a terminal yet (`shown`)."""
    yield f"{verdict['province']}/{verdict['number']}  {verdict['at']}  {verdict['door']}  {verdict['dossier'] or '–'}"
    yield from (f"  {line}" for line in outcome_lines(verdict, language))


def outcome_lines(verdict: dict[str, Any], language: str) -> Iterator[str]:
    """What became of a message, or what is wrong with it and how to mend it."""
    vi = "_vi" if language == "vi" else ""
    became = f" → {verdict['became']['state']}" if verdict.get("became") else ""
    yield f"{verdict['outcome'].replace('_', ' ')}: {verdict['type'] or '?'}{became}"
    if verdict["outcome"] == "late":  # a fault rule delays it
        yield f"  {'kết quả số' if vi else 'verdict number'} {verdict['number']}: lienthong verdicts --follow"
    for error in verdict.get("errors", ()):
        yield f"  {error['rule']}  {error['pointer'] or '/'}: {error['title' + vi]}"
        yield f"    {'cần' if vi else 'expected'}: {error['expected' + vi]}"
        if error.get("got") is not None:
            yield f"    {'nhận được' if vi else 'got'}: {error['got']}"
        if error.get("patch"):
            yield f"    {'sửa' if vi else 'mend'}: {json.dumps(error['patch'], ensure_ascii=False)}"
    if verdict.get("lawful_now"):
        yield f"  {'lúc này được gửi' if vi else 'lawful now'}: {', '.join(verdict['lawful_now'])}"
    if verdict.get("head"):
        yield f"  {'byte đầu' if vi else 'first bytes'}: {bytes.fromhex(verdict['head'])!r}"
