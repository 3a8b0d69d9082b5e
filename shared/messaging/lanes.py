"""The protocol of a lane as pure steps: what a reader makes of a number, and what a source makes of what others have seen.

A place is (epoch, number): the life of the source's event log, and the gapless number in the lane. Places compare as tuples.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Place = tuple[int, int]
ADOPT = -1
LANES = 34  # partitions per topic; fixed: a lane is never re-hashed


class Verdict(Enum):
    """What a reader does with a record."""

    APPLY = "apply"
    DUPLICATE = "duplicate"  # a number already done: skipped
    ASK = "ask"  # numbers are missing, or another life of the source: ask the source where to go on


@dataclass(slots=True)
class Position:
    """Where a reader stands in a lane: the place it expects, and the offset it reads next. Moves with the effects."""

    epoch: int = 0  # 0: nothing read yet; ADOPT: our database was made anew, the next record says where we stand
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
        if self.epoch == ADOPT or (self.epoch == 0 and (epoch, number) == (1, 1)):
            return Verdict.APPLY
        return Verdict.ASK

    def applied(self, epoch: int, number: int) -> None:
        self.epoch, self.expected = epoch, number + 1

    def missed(self, sent: Place) -> bool:
        """Asked when the broker's whole log is read: was there more, which the broker lost before we read it?"""
        return self.epoch != ADOPT and sent[1] > 0 and self.place <= sent

    def adopt(self, sent: Place) -> bool:
        """Nothing unread is left in the broker: a reader made anew stands after what its source has sent. True if that moves us."""
        if self.epoch != ADOPT or sent[0] < 1:
            return False
        self.epoch, self.expected = sent[0], sent[1] + 1
        return True

    def resume_at(self, answer: Place) -> bool:
        """The source says where to go on; True if that moves us. Never backwards."""
        if answer <= self.place:
            return False
        self.epoch, self.expected = answer
        return True


@dataclass(slots=True)
class Log:
    """A lane as its source knows it.

    head         last number given in `epoch`
    sent         the last place the broker acknowledged; everything after it is published again, in order
    last_offset  the highest offset the broker acknowledged in its present memory; -1 if none
    """

    epoch: int = 1
    head: int = 0
    sent: Place = (0, 0)
    last_offset: int = -1

    def begin_anew_if_behind(self, seen: Place) -> bool:
        """`seen` is the highest place anybody knows of. If we never gave it, our database was made anew or restored: a new life."""
        if seen <= (self.epoch, self.head):
            return False
        self.epoch, self.head = max(seen[0], self.epoch) + 1, 0
        return True

    def acknowledged(self, place: Place, first_offset: int, last_offset: int) -> bool:
        """The broker took a batch up to `place`. False if its offsets show that it forgot what it had acknowledged."""
        if first_offset <= self.last_offset:
            self.last_offset = -1
            return False
        self.sent, self.last_offset = place, last_offset
        return True

    def forgotten(self, end_offset: int) -> bool:
        """Is the broker's log shorter than what it acknowledged?"""
        if end_offset > self.last_offset:
            return False
        self.last_offset = -1
        return True

    def go_back(self, expected: Place) -> None:
        """Publish again from `expected` on."""
        self.sent = min(self.sent, (expected[0], expected[1] - 1))


def answer_to(asked: Place, log: Log, heads: dict[int, int]) -> tuple[Place, bool]:
    """Where a reader standing at `asked` shall go on, and whether a new life begins for that.

    heads   last number of each life of which the source still has the events
    """
    seen = (asked[0], asked[1] - 1)
    if seen[1] >= 1 and log.begin_anew_if_behind(seen):
        return (log.epoch, 1), True
    if asked[1] <= heads.get(asked[0], 0) or asked[0] == log.epoch:
        return asked, False
    later = [epoch for epoch in [*heads, log.epoch] if epoch > asked[0]]
    return (min(later), 1) if later else asked, False
