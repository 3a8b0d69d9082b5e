"""The drawer of the gateway: its dossiers, found by province."""

from __future__ import annotations

from services.province_gateway.domain import Dossier
from shared.drawer import Drawer

DOSSIERS: Drawer[Dossier] = Drawer("dossiers", Dossier, {"province": "(body->>'province')"})
