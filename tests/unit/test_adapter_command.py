"""How the command sets and prints what the adapter API answers a province."""

from __future__ import annotations

from typing import Any

import pytest

from lienthong.cli import mode
from lienthong.cli.connector import _instructions

LEGACY = {
    "base": "http://127.0.0.1:8001/legacy",
    "login": "/login",
    "share": "/share",
    "integration": "/integration",
    "wrapper": "http://127.0.0.1:8001/legacy/secret",
    "username": "s1.37",
    "password": "secret",
    "agency": "H42",
}
FACTS = {
    "sandbox": "s1",
    "province": "37",
    "key": "k",
    "previous_key_until": None,
    "events": "http://127.0.0.1:8001/api/v1/provinces/37/events",
    "legacy": LEGACY,
    "via": "legacy",
    "gate": "lenient",
    "url": None,
    "adapter": {"latency_ms": 200, "error_code": "00", "profile": "array"},
}


def test_a_value_is_json_and_else_a_text() -> None:
    words = ["profile=array", "latency_ms=200", "error_code=00", "done=Thành công", 'exists="0"', "session_minutes=NaN"]
    assert mode._settings(words) == {
        "profile": "array",
        "latency_ms": 200,
        "error_code": "00",
        "done": "Thành công",
        "exists": "0",
        "session_minutes": "NaN",
    }


@pytest.mark.parametrize(
    ("facts", "parts"),
    [
        ({}, ['profile=array error_code="00" latency_ms=200', "--url URL names one", "its gate is lenient"]),
        (
            {"url": "http://127.0.0.1:1/x", "trouble": "nobody listens there"},
            ["http://127.0.0.1:1/x", "Note: nobody listens"],
        ),
    ],
)
def test_what_is_set_is_printed_with_the_credentials(facts: dict[str, Any], parts: list[str]) -> None:
    printed = _instructions({**FACTS, **facts})
    assert [part for part in parts if part not in printed] == []
