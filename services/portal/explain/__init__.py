"""Why did nothing happen to a dossier? Facts are gathered from every service; the causes follow from them alone."""

from __future__ import annotations

from services.portal.explain import actors, infrastructure, payments, timing
from services.portal.explain.causes import Cause, Kind
from services.portal.explain.facts import Facts

# Most telling first: what is broken, what holds, who is waited for, and only then the clock.
KINDS: tuple[Kind, ...] = (*infrastructure.KINDS, *payments.KINDS, *actors.KINDS, *timing.KINDS)


def explain(facts: Facts) -> list[Cause]:
    """Every cause that fits, most telling first; never empty."""
    found = [cause for kind in KINDS for cause in kind.causes(facts)]
    return found or list(timing.nothing_due.causes(facts))
