"""The profiles of provinces at the adapter API (`profiles.toml`): how one answers, and how one pushes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from contracts.legacy.values import TimeForm
from shared.sandbox.clock import BUSINESS_ZONE

OPENS = 7  # o'clock, when a slow morning begins
SLOW_SECONDS = 4.0  # of a slow morning; the fastest client gives up after 6 (integration.md 1.1)


class Profile(Struct, frozen=True):
    """The file says what each member is. `error_code` is that of success; others have the same type."""

    name: tuple[str, str]
    mark: str
    source: str
    error_code: int | str = 0
    done: str = "Thực hiện thành công"  # in lower case: one client compares so (integration.md 1.7, 1.10)
    exists: str = "đã tồn tại"
    session_minutes: int = 30
    latency_ms: int = 0
    slow_until: int | None = None
    group_id: int = 0
    times: TimeForm = "compact"
    omits: tuple[str, ...] = ()
    upper_names: bool = False
    history_again: bool = False
    closing_first: bool = False
    as_nine: tuple[int, ...] = ()
    chunk: int | None = None
    bare: bool = False
    in_query: bool = False

    def code(self, code: int) -> int | str:
        """An error code as this province knows it: 0 is success."""
        if isinstance(self.error_code, int):
            return code
        return self.error_code if code == 0 else str(code)

    def seconds(self, now: datetime) -> float:
        """How long an answer takes at this sandbox time."""
        hour = now.astimezone(BUSINESS_ZONE).hour
        is_slow = self.slow_until is not None and OPENS <= hour < self.slow_until
        return SLOW_SECONDS if is_slow else self.latency_ms / 1000


def _read() -> dict[str, Profile]:
    text = Path(__file__).with_name("profiles.toml").read_text(encoding="utf-8")
    return {name: msgspec.convert(table, Profile, strict=True) for name, table in tomllib.loads(text).items()}


PROFILES: Mapping[str, Profile] = _read()
PLAIN = "plain"
# Members of a profile: how the API answers, and how a province pushes.
OF_ANSWERS = ("error_code", "done", "exists", "session_minutes", "latency_ms", "slow_until", "group_id")
OF_PUSHES = ("times", "omits", "upper_names", "history_again", "closing_first", "as_nine", "chunk", "bare", "in_query")
