"""The gateway's runtime: a full house with 34 procedure systems in it, and the rules by which they count."""

from __future__ import annotations

from contracts import story
from contracts.catalogue import dossier_in
from services.province_gateway import consumers
from services.province_gateway.acts import Rules
from services.province_gateway.domain import Dossier
from services.province_gateway.migrations import STEPS
from services.province_gateway.settings import Settings
from services.province_gateway.store import DOSSIERS
from shared.house import House
from shared.timers import Timers

SERVICE = "gateway"
HEARS, SPEAKS = "dossier.to-province.v1", "dossier.to-portal.v1"


class Gateway(House[Dossier]):
    def __init__(self, settings: Settings) -> None:
        super().__init__(
            *(SERVICE, settings, settings.database_url, DOSSIERS, consumers.handlers),
            hears="portal",
            neighbour_url=settings.portal_url,
        )
        self.rules = Rules(settings.count, settings.pause)
        self.timers = Timers(SERVICE, self.database, DOSSIERS, consumers.timers(self.rules), consumers.receipts_of)
        self.steps = STEPS
        self.words = story.words

    def subject_of(self, path: str) -> str:
        return dossier_in(path) or super().subject_of(path)
