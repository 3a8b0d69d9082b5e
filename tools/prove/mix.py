"""What the load is made of: the paths and channels of mix.toml, dealt in packs of a hundred."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from contracts.catalogue import Channel
from lienthong.journeys.catalogue import ALL_MOVES
from lienthong.journeys.travel import RETURNED, Journey

FILE = Path(__file__).parent / "mix.toml"
JOURNEYS = {journey.name: journey for journey in ALL_MOVES}
STRAIGHT = JOURNEYS["straight"] = replace(JOURNEYS["straight"], decisions={})
# A citizen who asks at once asks in time, however fast the clock is turned.
JOURNEYS["declined-at-once"] = replace(
    JOURNEYS["withdrawn-at-once"], name="declined-at-once", ends=RETURNED, decisions={"withdrawal": "decline"}
)


@dataclass(frozen=True)
class Mix:
    """`journeys`: one pack."""

    journeys: tuple[Journey, ...]

    @classmethod
    def read(cls, file: Path = FILE) -> Mix:
        """Raises KeyError for a path that the catalogue of journeys does not have."""
        pack: list[Journey] = []
        for channel, paths in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for name, share in paths.items():
                pack += [_at(JOURNEYS[name], cast(Channel, channel))] * share
        return cls(tuple(pack))

    def deal(self, rng: random.Random) -> Iterator[Journey]:
        """Journeys without end, every hundred of them one pack."""
        while True:
            yield from rng.sample(self.journeys, len(self.journeys))


def _at(journey: Journey, channel: Channel) -> Journey:
    """The journey at this channel. Who comes or writes brings papers and money to the office."""
    if channel == "online":
        return journey
    return replace(journey, channel=channel, pays="never", answers=False)


def has_fee(journey: Journey) -> bool:
    """Whether the path needs a procedure with a fee."""
    return any(name.startswith("fee") for name in journey.expects)
