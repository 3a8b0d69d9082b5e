"""The settings of the gateway, with units, defaults and reasons."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from contracts.calendar.worktime import Count, Pause
from shared.settings import Settings as Base


class Settings(Base):
    model_config = SettingsConfigDict(env_prefix="PROVINCE_GATEWAY_", frozen=True, extra="ignore")

    database_url: str = Field(
        "postgresql://lienthong@127.0.0.1:5432/province_gateway", validation_alias="PROVINCE_GATEWAY_DATABASE_URL"
    )
    count: Count = Count.LAW  # how due dates are counted: in whole days by law, or in hours as one real system does
    pause: Pause = Pause.ANEW  # how waiting for a supplement counts (ND 61/2018 art. 19.4); stored on each dossier
