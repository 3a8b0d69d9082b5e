"""What payment_mock can be told from outside: variables `PAYMENT_…`, and the names that all roles share."""

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
    order_lifetime: timedelta = timedelta(minutes=15)  # sandbox time to pay in; the real platform's is not public

    @property
    def confirm_url(self) -> str:
        """Where the partner wants to be told; with the real platform this is agreed on paper, not sent in INIT."""
        return f"{self.portal_url}/api/v1/payment-platform/confirm"

    @property
    def return_url(self) -> str:
        """Where the partner wants the payer's browser back; agreed on paper too (facts: integration.md 4.1)."""
        return f"{self.portal_url}/api/v1/payments/return"
