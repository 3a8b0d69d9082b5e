"""Settings: one frozen class per service, read once from the environment, handed down."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

# Names that all roles share; the rest must carry the service's own prefix.
_DOORS = ("PORTAL", "PROVINCE_GATEWAY", "IDENTITY", "PAYMENT")
_ENDS = ("_URL", "_INTERNAL_URL", "_DATABASE_URL", "_WORKER_URL")
SHARED_NAMES = {f"{door}{end}" for door in _DOORS for end in _ENDS}


class UnknownSetting(Exception):
    """An environment variable with this service's prefix that no setting answers to: probably misspelt."""


class Settings(BaseSettings):
    """What every service needs. A subclass sets `env_prefix` and adds its own.

    The addresses are what everybody sees, browsers and tokens too. Where they are not where a role listens (`LISTEN`), or not
    where others reach it from here (`…_INTERNAL_URL`), as between containers, those are told as well; empty: the same.
    A folder named by `SECRETS_DIR` may hold what should not stand in an environment: a file per variable, of its name.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")
    env_names_allowed: ClassVar[set[str]] = SHARED_NAMES

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    portal_url: str = Field("http://127.0.0.1:8000", validation_alias="PORTAL_URL")
    province_gateway_url: str = Field("http://127.0.0.1:8001", validation_alias="PROVINCE_GATEWAY_URL")
    identity_url: str = Field("http://127.0.0.1:8002", validation_alias="IDENTITY_URL")
    payment_url: str = Field("http://127.0.0.1:8003", validation_alias="PAYMENT_URL")
    portal_worker_url: str = Field("http://127.0.0.1:8004", validation_alias="PORTAL_WORKER_URL")
    province_gateway_worker_url: str = Field("http://127.0.0.1:8005", validation_alias="PROVINCE_GATEWAY_WORKER_URL")
    listen: str = Field("", validation_alias="LISTEN")  # host:port, of this one process
    portal_internal_url: str = Field("", validation_alias="PORTAL_INTERNAL_URL")
    province_gateway_internal_url: str = Field("", validation_alias="PROVINCE_GATEWAY_INTERNAL_URL")
    identity_internal_url: str = Field("", validation_alias="IDENTITY_INTERNAL_URL")
    payment_internal_url: str = Field("", validation_alias="PAYMENT_INTERNAL_URL")
    database_pool: int = 20  # connections; 16 clients at once plus probes, far below PostgreSQL's 200 for all roles
    lease: timedelta = timedelta(seconds=3)  # a frozen worker is replaced after this; renewed three times within it
    batch: int = 500  # events per transaction: the knee is 200-500 (measured)
    wake: timedelta = timedelta(milliseconds=25)  # slowest poll of relay and timers when no wake-up came
    # The standard variables of OpenTelemetry that we look at; its SDK, once an endpoint switches it on, reads the others too.
    otlp_endpoint: str = Field("", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    otlp_traces_endpoint: str = Field("", validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    otel_service_name: str = Field(
        "", validation_alias="OTEL_SERVICE_NAME"
    )  # empty: the role's own, such as portal-api
    otel_sdk_disabled: bool = Field(False, validation_alias="OTEL_SDK_DISABLED")

    def __init__(self, **values: Any) -> None:
        super().__init__(_secrets_dir=os.environ.get("SECRETS_DIR"), **values)
        prefix = str(type(self).model_config.get("env_prefix", ""))
        known = {f"{prefix}{name}".upper() for name in type(self).model_fields} | self.env_names_allowed
        for name in os.environ:
            if prefix and name.startswith(prefix) and name not in known:
                raise UnknownSetting(f"{name} is not a setting of this service. It knows: {', '.join(sorted(known))}.")

    @property
    def detours(self) -> dict[str, str]:
        """Addresses that are reached at another one from here."""
        doors = (
            (self.portal_url, self.portal_internal_url),
            (self.province_gateway_url, self.province_gateway_internal_url),
            (self.identity_url, self.identity_internal_url),
            (self.payment_url, self.payment_internal_url),
        )
        return {seen: inside for seen, inside in doors if inside}


def host_and_port(url: str) -> tuple[str, int]:
    """Where a role listens: the host and port of an address, `http://127.0.0.1:8000` or `0.0.0.0:8000`."""
    host, _, port = url.rsplit("//", 1)[-1].rstrip("/").partition(":")
    return host, int(port or 80)
