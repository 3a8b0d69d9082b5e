"""The mark of a seed: a seed draws the same run only while everything that it draws from is the same."""

from __future__ import annotations

import hashlib

from contracts.catalogue import PROCEDURES, PROVINCES, communes_of
from lienthong.journeys.travel import LEVEL_2
from tools.prove.faults import BESIDE_CONNECTORS, FAULTS
from tools.prove.mix import Mix


def mark(mix: Mix) -> str:
    """Six digits, of the mix and its journeys, the faults, the citizens, and the procedures and communes to choose from."""
    faults = [(name, kind.once, kind.last, kind.combines) for name, kind in FAULTS.items()]
    procedures = [(code, each.level, each.working_days) for code, each in PROCEDURES.items()]
    communes = [(province, [each.code for each in communes_of(province)]) for province in PROVINCES]
    drawn_from = (mix.journeys, faults, BESIDE_CONNECTORS, LEVEL_2, procedures, communes)
    return hashlib.sha256(repr(drawn_from).encode()).hexdigest()[:6]
