"""Why nothing happens to a dossier. Facts are collected from every service; the causes are computed from them alone."""

from __future__ import annotations

from services.portal.explain import actors, infrastructure, payments, timing
from services.portal.explain.causes import Cause, Kind
from services.portal.explain.facts import Facts

# In order of importance: what is broken, what is held, who must act, the clock, and last what has no effect.
KINDS: tuple[Kind, ...] = (
    *infrastructure.KINDS,
    *payments.KINDS,
    *actors.KINDS,
    *timing.KINDS,
    infrastructure.foreign_record,
)


def explain(facts: Facts) -> list[Cause]:
    """Every cause that applies, the main cause first; never empty."""
    causes = [cause for kind in KINDS for cause in kind.causes(facts)]
    return causes or list(timing.nothing_due.causes(facts))
