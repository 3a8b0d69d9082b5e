"""The plan of a quarter: every dossier with its place in time, its path and its agency, drawn from the seed alone."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from contracts.catalogue import CALENDAR, PROVINCES, communes_of
from lienthong.journeys.travel import LEVEL_2, Journey
from shared.sandbox.clock import BUSINESS_ZONE
from tools.prove.catalogue import Catalogue, Choice
from tools.prove.mix import Mix

FILE, MIX = Path(__file__).parent / "shape.toml", Path(__file__).parent / "mix.toml"
MONDAY = 0
MERELY_RECEIVED = {"reception": "receive", "steps": []}
WEEKS = 13  # of a whole quarter, the last of them a day longer


@dataclass(frozen=True)
class Planned:
    """One dossier. `number`: from 0, in the order in which they are handed in."""

    number: int
    journey: Journey
    choice: Choice
    persona: str
    has_paper: bool

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return f"quarter-{self.number:06d}"

    @property
    def decisions(self) -> Mapping[str, Any]:
        """What its officers are told to decide; nothing if they need only receive it, as they mostly do by themselves."""
        decisions = self.journey.decisions
        return decisions if decisions.get("steps") or {**decisions, "steps": []} != MERELY_RECEIVED else {}

    @property
    def is_online(self) -> bool:
        return self.journey.channel == "online"


@dataclass(frozen=True)
class Slot:
    """What is handed in at one moment of sandbox time."""

    at: datetime
    dossiers: Sequence[Planned]


@dataclass(frozen=True)
class Shape:
    """The table of shape.toml."""

    table: Mapping[str, Any]

    @classmethod
    def read(cls) -> Shape:
        return cls(tomllib.loads(FILE.read_text(encoding="utf-8")))

    @property
    def volume(self) -> int:
        """Dossiers of the whole quarter."""
        return int(self.table["dossiers"])

    @property
    def begins(self) -> datetime:
        """Before the first slot."""
        return datetime.combine(self.table["begins"], time(7), BUSINESS_ZONE)

    def slots(self, seed: str, volume: int, catalogue: Catalogue, weeks: int = WEEKS) -> list[Slot]:
        """The plan of the first weeks of a quarter with so many dossiers; equal arguments give equal plans."""
        rng = random.Random(f"{seed}/quarter")
        mix = Mix.read(MIX)
        journeys = mix.deal(rng)
        paths = [next(journeys) for _ in range(volume)]
        online = [each for each in paths if each.channel == "online"]
        counter = [each for each in paths if each.channel != "online"]
        times: list[tuple[datetime, Journey]] = []
        for kind, dealt in (("online", online), ("counter", counter)):
            times += zip(self._moments(kind, len(dealt)), dealt, strict=True)
        slots: dict[datetime, list[Planned]] = {}
        draw_province = self._provinces(rng)
        for number, (at, journey) in enumerate(sorted(times, key=lambda each: each[0])):
            province = next(draw_province) if at.weekday() == MONDAY else self.table["province"]
            choice = catalogue.draw(rng, journey, province)
            has_paper = rng.random() < self.table["with_papers"]
            slots.setdefault(at, []).append(Planned(number, journey, choice, rng.choice(LEVEL_2), has_paper))
        end = self.begins + timedelta(weeks=weeks)
        return [Slot(at, dossiers) for at, dossiers in sorted(slots.items()) if at < end or weeks == WEEKS]

    def _moments(self, kind: str, count: int) -> list[datetime]:
        """`count` moments in the proportions of the table, ascending."""
        weights = {
            datetime.combine(day, time.fromisoformat(hour), BUSINESS_ZONE): weight * share
            for day, weight in self._days(kind)
            for hour, share in self.table["hours"][kind].items()
        }
        moments = sorted(moment for moment, weight in weights.items() if weight)
        ends = [*accumulate(weights[moment] for moment in moments)]
        found, index = [], 0
        for number in range(count):
            while ends[index] * count <= (number + 0.5) * ends[-1] and index < len(ends) - 1:
                index += 1
            found.append(moments[index])
        return found

    def _days(self, kind: str) -> Iterator[tuple[date, float]]:
        day: date = self.table["begins"]
        while day <= self.table["ends"]:
            weight = float(self.table["weekdays"][kind][day.weekday()])
            if not CALENDAR.is_working_day(day):
                weight = min(weight, float(self.table["weekdays"]["day_off"])) if kind == "online" else 0.0
            yield day, weight
            day += timedelta(days=1)

    def _provinces(self, rng: random.Random) -> Iterator[str]:
        known = {code: count for code, count in self.table["provinces"].items() if code != "others"}
        communes = {code: len(communes_of(code)) for code in PROVINCES if code not in known}
        others = self.table["provinces"]["others"] / sum(communes.values())
        weights = {**known, **{code: count * others for code, count in communes.items()}}
        while True:
            yield from rng.choices([*weights], [*weights.values()], k=100)
