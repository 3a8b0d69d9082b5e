"""Who goes first in a worker: projections give way while a relay or a reader of the service works on a backlog."""

import math
import time

BACKLOG = 100  # records in one batch: more are waiting behind it
STILL_SECONDS = 0.5  # the next batch of a backlog comes sooner, also while the database or the broker is slow


class Load:
    """What a relay or a reader had to do lately."""

    def __init__(self) -> None:
        self._busy_at = -math.inf  # monotonic seconds

    def note(self, records: int) -> None:
        """Note a batch that was just finished."""
        if records >= BACKLOG:
            self._busy_at = time.monotonic()

    @property
    def has_backlog(self) -> bool:
        return time.monotonic() - self._busy_at < STILL_SECONDS
