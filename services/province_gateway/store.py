"""The drawer of the gateway: its dossiers, found by province, newest first."""

from __future__ import annotations

from services.province_gateway.domain import Dossier
from shared.drawer import Drawer

DOSSIERS: Drawer[Dossier] = Drawer(
    "dossiers", Dossier, born="submitted_at", indexes={"province": "(body->>'province')"}
)
