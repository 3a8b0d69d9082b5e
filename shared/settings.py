"""Settings: one frozen class per service, read once from the environment and passed to the code that needs it."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import BrokerNotPrepared
from shared.receivers import AllowedHosts

# Variables that all services share; all others must start with the prefix of their service.
_SERVICES = ("PORTAL", "PROVINCE_GATEWAY", "IDENTITY", "PAYMENT")
_SUFFIXES = ("_URL", "_INTERNAL_URL", "_DATABASE_URL", "_WORKER_URL")
SHARED_NAMES = {f"{service}{suffix}" for service in _SERVICES for suffix in _SUFFIXES}


class UnknownSetting(Exception):
    """An environment variable has the prefix of this service but belongs to no setting: it is probably misspelt."""


class Settings(BaseSettings):
    """The settings that every service needs. A subclass sets `env_prefix` and adds its own.

    The `…_URL` addresses are public: browsers use them, and tokens contain them. If a process listens elsewhere, set
    `LISTEN`. If peers reach it elsewhere, as between containers, set `…_INTERNAL_URL`. Empty means: the same address.
    Secrets can be files instead of variables: the folder `SECRETS_DIR` has one file per variable, with its name.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")
    env_names_allowed: ClassVar[set[str]] = SHARED_NAMES

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    # Where connectors of provinces reach the same broker with SASL/SCRAM; empty: provinces cannot be connected over Kafka
    kafka_outside_bootstrap: str = Field("", validation_alias="KAFKA_OUTSIDE_BOOTSTRAP")
    portal_url: str = Field("http://127.0.0.1:8000", validation_alias="PORTAL_URL")
    province_gateway_url: str = Field("http://127.0.0.1:8001", validation_alias="PROVINCE_GATEWAY_URL")
    identity_url: str = Field("http://127.0.0.1:8002", validation_alias="IDENTITY_URL")
    payment_url: str = Field("http://127.0.0.1:8003", validation_alias="PAYMENT_URL")
    portal_worker_url: str = Field("http://127.0.0.1:8004", validation_alias="PORTAL_WORKER_URL")
    province_gateway_worker_url: str = Field("http://127.0.0.1:8005", validation_alias="PROVINCE_GATEWAY_WORKER_URL")
    listen: str = Field("", validation_alias="LISTEN")  # host:port of this process
    # Names under which this process may be called, besides loopback and the addresses here; separated by commas
    allowed_hosts: str = Field("", validation_alias="ALLOWED_HOSTS")
    # Addresses of users that may be called besides loopback addresses, such as receivers of webhooks: hosts, host:port,
    # networks; separated by commas
    webhook_allowed_hosts: str = Field("", validation_alias="WEBHOOK_ALLOWED_HOSTS")
    portal_internal_url: str = Field("", validation_alias="PORTAL_INTERNAL_URL")
    province_gateway_internal_url: str = Field("", validation_alias="PROVINCE_GATEWAY_INTERNAL_URL")
    identity_internal_url: str = Field("", validation_alias="IDENTITY_INTERNAL_URL")
    payment_internal_url: str = Field("", validation_alias="PAYMENT_INTERNAL_URL")
    # Proves that a call to an internal endpoint comes from a service; the same for all of them, and known to nobody else
    service_secret: SecretStr = Field(validation_alias="SERVICE_SECRET", min_length=16)
    database_pool: int = 20  # connections; for 16 clients at once plus probes, far below PostgreSQL's limit of 200
    # After this time another worker replaces one that hangs; renewed three times within it.
    lease: timedelta = timedelta(seconds=3)
    batch: int = 500  # events per transaction; more than 200-500 bring no further gain (measured)
    # Longest wait of a relay between two polls when no wake-up arrives: the process that commits sends one.
    wake: timedelta = timedelta(milliseconds=250)
    # The standard OpenTelemetry variables that our code reads. If an endpoint is set, the SDK reads the others itself.
    otlp_endpoint: str = Field("", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    otlp_traces_endpoint: str = Field("", validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    # Empty: the name of the process, such as portal-api.
    otel_service_name: str = Field("", validation_alias="OTEL_SERVICE_NAME")
    otel_sdk_disabled: bool = Field(False, validation_alias="OTEL_SDK_DISABLED")

    @field_validator(
        *("portal_url", "province_gateway_url", "identity_url", "payment_url"),
        *("portal_worker_url", "province_gateway_worker_url"),
    )
    @classmethod
    def has_a_scheme(cls, url: str) -> str:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError(f"'{url}' has no scheme: write http://{url}")
        return url

    @field_validator("webhook_allowed_hosts")
    @classmethod
    def names_hosts(cls, text: str) -> str:
        AllowedHosts(text).require_valid()
        return text

    def __init__(self, **values: Any) -> None:
        super().__init__(_secrets_dir=os.environ.get("SECRETS_DIR"), **values)
        prefix = str(type(self).model_config.get("env_prefix", ""))
        known = {f"{prefix}{name}".upper() for name in type(self).model_fields} | self.env_names_allowed
        for name in os.environ:
            if prefix and name.startswith(prefix) and name not in known:
                raise UnknownSetting(
                    f"{name} is not a setting of this service. Its settings are: {', '.join(sorted(known))}."
                )

    @property
    def own_ports(self) -> frozenset[int]:
        """The ports of all services and of the broker: nothing that a user names is fetched there."""
        urls = [self.portal_url, self.province_gateway_url, self.identity_url, self.payment_url]
        urls += [self.portal_worker_url, self.province_gateway_worker_url]
        brokers = {host_and_port(each)[1] for each in self.kafka_bootstrap_servers.split(",")}
        return frozenset(port for url in urls if (port := urlsplit(url).port)) | brokers

    def require_kafka_outside(self) -> None:
        """Raises BrokerNotPrepared if nobody has said at which address outsiders reach the broker."""
        if not self.kafka_outside_bootstrap:
            raise BrokerNotPrepared(
                f"The broker at {self.kafka_bootstrap_servers} has no address for connectors: set KAFKA_OUTSIDE_BOOTSTRAP "
                "to that of a listener with SASL/SCRAM, or connect the province by webhook or pull."
            )

    @property
    def origins(self) -> frozenset[str]:
        """The public addresses of all processes, as browsers write them in `Origin`."""
        names = ("portal", "province_gateway", "identity", "payment", "portal_worker", "province_gateway_worker")
        urls = (urlsplit(getattr(self, f"{name}_url")) for name in names)
        return frozenset(f"{url.scheme}://{url.netloc}".lower() for url in urls)

    @property
    def hosts(self) -> frozenset[str]:
        """The host names of all addresses here, and the allowed ones, as a Host header has them but without port."""
        internal = (host_and_port(url)[0] for url in self.detours.values())
        public = (urlsplit(origin).hostname or "" for origin in self.origins)
        allowed = (name.strip() for name in self.allowed_hosts.split(","))
        return frozenset(name.lower() for name in (*internal, *public, *allowed) if name)

    @property
    def detours(self) -> dict[str, str]:
        """Public address → internal address, for the services that this process reaches at another address."""
        addresses = (
            (self.portal_url, self.portal_internal_url),
            (self.province_gateway_url, self.province_gateway_internal_url),
            (self.identity_url, self.identity_internal_url),
            (self.payment_url, self.payment_internal_url),
        )
        return {public: internal for public, internal in addresses if internal}


def host_and_port(url: str) -> tuple[str, int]:
    """Host and port of an address such as `http://127.0.0.1:8000` or `0.0.0.0:8000`."""
    host, _, port = url.rsplit("//", 1)[-1].rstrip("/").partition(":")
    return host, int(port or 80)
