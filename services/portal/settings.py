"""Every variable of the portal, with its unit, default and reason."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import Settings as Base


class Settings(Base):
    model_config = SettingsConfigDict(env_prefix="PORTAL_", frozen=True, extra="ignore")

    database_url: str = Field("postgresql://lienthong@127.0.0.1:5432/portal", validation_alias="PORTAL_DATABASE_URL")
    payment_partner_secret: SecretStr = Field(validation_alias="PAYMENT_PARTNER_SECRET")
    audience: str = "portal"  # `aud` that a citizen's access token must carry
    paper_limit_bytes: int = 10 << 20  # of one paper; ten pages scanned in colour at 300 dpi are about 5 MB
    address_lifetime: timedelta = timedelta(
        minutes=15
    )  # docs/papers.md: by which clock; long enough to click, short to pass on
