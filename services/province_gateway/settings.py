"""The settings of the gateway, with units, defaults and reasons."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from contracts.calendar.worktime import Count, Pause
from services.province_gateway.doors.webhook_hosts import AllowedHosts
from shared.settings import Settings as Base


class Settings(Base):
    model_config = SettingsConfigDict(env_prefix="PROVINCE_GATEWAY_", frozen=True, extra="ignore")

    database_url: str = Field(
        "postgresql://lienthong@127.0.0.1:5432/province_gateway", validation_alias="PROVINCE_GATEWAY_DATABASE_URL"
    )
    # Receivers of webhooks that may be called besides loopback addresses: hosts, host:port, networks; separated by commas
    webhook_allowed_hosts: str = Field("", validation_alias="WEBHOOK_ALLOWED_HOSTS")
    count: Count = Count.LAW  # how due dates are counted: in whole days by law, or in hours as one real system does
    pause: Pause = Pause.ANEW  # how waiting for a supplement counts (ND 61/2018 art. 19.4); stored on each dossier

    @field_validator("webhook_allowed_hosts")
    @classmethod
    def names_hosts(cls, text: str) -> str:
        AllowedHosts(text).require_valid()
        return text
