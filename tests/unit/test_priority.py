"""Who goes first in a worker."""

import pytest

from shared.messaging import priority
from shared.messaging.priority import BACKLOG, STILL_SECONDS, Load


def test_a_backlog_is_a_large_batch_of_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(priority.time, "monotonic", lambda: now)
    load = Load()
    assert not load.has_backlog
    load.note(BACKLOG - 1)
    assert not load.has_backlog, "a trickle leaves time for a projection"
    load.note(BACKLOG)
    assert load.has_backlog
    load.note(1)
    assert load.has_backlog, "the small batch may be the gap between two large ones"
    now += STILL_SECONDS
    assert not load.has_backlog
