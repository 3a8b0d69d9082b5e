"""The databases that version 2 left behind, and services to open them with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from lienthong.embedded import postgres
from services.identity_mock.app import create_app as identity
from services.identity_mock.settings import Settings as IdentitySettings
from services.payment_mock.app import create_app as payment
from services.payment_mock.settings import Settings as PaymentSettings
from services.portal.app import create_app as portal
from services.portal.settings import Settings as PortalSettings
from services.province_gateway.app import create_app as gateway
from services.province_gateway.settings import Settings as GatewaySettings
from shared.runtime import Runtime
from shared.storage.migrations import OLDEST, migrate
from tests.support.country import ADDRESSES

OLD = Path(__file__).parents[2] / "data" / "schema-2"


def load(service: str) -> Callable[[str], None]:
    def run(url: str) -> None:
        words = [postgres.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(OLD / f"{service}.sql"), url]
        subprocess.run(words, check=True, capture_output=True)

    run.__qualname__ = f"old_{service}"  # by which a fresh database is copied from the first
    return run


def a_runtime(service: str, url: str) -> Runtime:
    apps: dict[str, Callable[[], Any]] = {
        "portal": lambda: portal(PortalSettings(PORTAL_DATABASE_URL=url, **ADDRESSES)),
        "province_gateway": lambda: gateway(GatewaySettings(PROVINCE_GATEWAY_DATABASE_URL=url, **ADDRESSES)),
        "identity": lambda: identity(IdentitySettings(database_url=url, **ADDRESSES)),
        "payment": lambda: payment(PaymentSettings(database_url=url, **ADDRESSES)),
    }
    runtime: Runtime = apps[service]().state.runtime
    return runtime


async def bring_to(version: int, runtime: Runtime, url: str) -> None:
    """As the software of `version` left it: by the steps that lead there, which are not changed any more."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await migrate(connection, runtime.steps, OLDEST, version, lambda doing: None)
            await connection.execute("UPDATE schema_version SET version = $1", version)
    finally:
        await connection.close()


async def opened(runtime: Runtime) -> None:
    """Make or migrate what lies there, and close it again."""
    own = runtime.database
    await own.open(runtime.metadata, runtime.first_rows, steps=runtime.steps, owner=runtime.service)
    await own.close()
