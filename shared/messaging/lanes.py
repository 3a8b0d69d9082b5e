"""The protocol of a lane as pure functions, for readers and for sources.

A place is (epoch, number): the epoch of the source's event log, and the number in the lane, without gaps. Places are
compared as tuples.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Place = tuple[int, int]
Committed = tuple[int, str]  # offset, and metadata
# A reader may be ahead of its source by a few epochs, if a database was restored or created again. More is an error.
EPOCHS_AHEAD = 1000
LANES = 34  # partitions per topic; fixed, because a lane never moves to another partition


class Verdict(Enum):
    """What a reader does with a record."""

    APPLY = "apply"
    DUPLICATE = "duplicate"  # already applied: skipped
    ASK = "ask"  # numbers are missing, or the epoch is another: ask the source where to continue


@dataclass(slots=True)
class Position:
    """Position of a reader in a lane: the place that it expects, and its next offset. Saved with the effects."""

    epoch: int = 0  # 0: nothing read yet
    expected: int = 1
    next_offset: int = 0

    @property
    def place(self) -> Place:
        return (self.epoch, self.expected)

    def judge(self, epoch: int, number: int) -> Verdict:
        if epoch == self.epoch:
            if number == self.expected:
                return Verdict.APPLY
            return Verdict.DUPLICATE if number < self.expected else Verdict.ASK
        if self.epoch == 0 and (epoch, number) == (1, 1):
            return Verdict.APPLY
        return Verdict.ASK

    def applied(self, epoch: int, number: int) -> None:
        self.epoch, self.expected = epoch, number + 1

    @property
    def committed(self) -> Committed:
        """What the group commits: a new database goes on as the one before it would have.

        An offset would not do: before it can lie what came too early, and was still waited for.
        """
        return self.next_offset, f"{self.epoch} {self.expected}"

    @classmethod
    def begin(cls, committed: Committed | None) -> Position:
        """The position of a new database; `committed`: in the time of an older one, if there was one."""
        offset, note = committed or (0, "")
        epoch, _, expected = note.partition(" ")
        return cls(int(epoch), int(expected), offset) if epoch.isdecimal() and expected.isdecimal() else cls()

    def missed(self, sent: Place) -> bool:
        """At the end of the broker's log: whether the broker lost sent events before we read them."""
        return sent[1] > 0 and self.place <= sent

    def resume_at(self, place: Place) -> bool:
        """Continue at the place that the source replied, never backwards. True if that moves the reader."""
        if place <= self.place:
            return False
        self.epoch, self.expected = place
        return True


@dataclass(slots=True)
class Log:
    """A lane as its source knows it.

    head         last number assigned in `epoch`
    sent         the last place that the broker acknowledged; everything after it is published again, in order
    last_offset  the highest offset that the broker acknowledged since it last lost records; -1: none
    """

    epoch: int = 1
    head: int = 0
    sent: Place = (0, 0)
    last_offset: int = -1

    def begin_epoch_if_behind(self, seen: Place) -> bool:
        """Begin a new epoch if we never assigned `seen`, the highest place that others know."""
        if seen <= (self.epoch, self.head):
            return False
        self.epoch, self.head = max(seen[0], self.epoch) + 1, 0
        return True

    def acknowledged(self, place: Place, first_offset: int, last_offset: int) -> bool:
        """The broker acknowledged a batch up to `place`. False if its offsets show that it lost earlier records."""
        if first_offset <= self.last_offset:
            self.last_offset = -1
            return False
        self.sent, self.last_offset = place, last_offset
        return True

    def forgotten(self, end_offset: int) -> bool:
        """Whether the broker's log is shorter than what it acknowledged."""
        if end_offset > self.last_offset:
            return False
        self.last_offset = -1
        return True

    def go_back(self, expected: Place) -> None:
        """Publish again from `expected`."""
        self.sent = min(self.sent, (expected[0], expected[1] - 1))


def replay_place(expected: Place, log: Log, heads: dict[int, int]) -> tuple[Place, bool]:
    """The place where a reader that waits for `expected` continues, and whether a new epoch begins for it.

    heads   last number of each epoch whose events the source still has
    """
    epoch, number = expected
    if number > 1 and log.begin_epoch_if_behind((epoch, number - 1)):
        return (log.epoch, 1), True
    if number <= heads.get(epoch, 0) or epoch == log.epoch:
        return expected, False
    later = [other for other in [*heads, log.epoch] if other > epoch]
    return (min(later), 1) if later else expected, False
