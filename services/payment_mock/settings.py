"""Settings of payment_mock: the variables `PAYMENT_…`, and those that all services share."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import SHARED_NAMES
from shared.settings import Settings as Shared


class Settings(Shared):
    env_names_allowed: ClassVar[set[str]] = SHARED_NAMES | {"PAYMENT_PARTNER_SECRET"}
    model_config = SettingsConfigDict(env_prefix="PAYMENT_")

    database_url: str = "postgresql://lienthong@127.0.0.1:5432/payment"
    payment_partner_secret: SecretStr = Field(validation_alias="PAYMENT_PARTNER_SECRET")
    order_lifetime: timedelta = timedelta(minutes=15)  # sandbox time to pay; the real platform's value is not public

    @property
    def confirm_url(self) -> str:
        """The URL to which CONFIRM is sent. On the real platform it is part of the agreement with the partner, not of INIT."""
        return f"{self.portal_url}/api/v1/payment-platform/confirm"

    @property
    def return_url(self) -> str:
        """The URL to which the payer's browser returns; also part of the agreement (facts: integration.md 4.1)."""
        return f"{self.portal_url}/api/v1/payments/return"
