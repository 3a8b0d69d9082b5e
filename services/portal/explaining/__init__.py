"""Why did nothing happen to a dossier? Facts are gathered from every service; the causes follow from them alone."""

from __future__ import annotations

from services.portal.explaining import clocks, machines, money, people
from services.portal.explaining.causes import Cause, Kind
from services.portal.explaining.facts import Facts

# Most telling first: what is broken, what holds, who is waited for, and only then the clock.
KINDS: tuple[Kind, ...] = (*machines.KINDS, *money.KINDS, *people.KINDS, *clocks.KINDS)


def explain(facts: Facts) -> list[Cause]:
    """Every cause that fits, most telling first; never empty."""
    found = [cause for kind in KINDS for cause in kind.causes(facts)]
    return found or list(clocks.nothing_due.causes(facts))
